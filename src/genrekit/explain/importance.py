"""Permutation importance: how much accuracy a column, or a family of columns, is worth.

Columns that say the same stand in for each other, so each alone seems worth little: families are
permuted together. Source: L. Breiman, "Random forests", Machine Learning 45, 2001.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import DatasetError
from genrekit.evaluation import bootstrap_mean
from genrekit.schema import Contract, Estimate

REPEATS = 5

_STATISTIC = re.compile(
    r"[_.-]?(mean|var|variance|std|sd|min|max|median|skew\w*|kurt\w*|p?\d+)$", re.IGNORECASE
)


class Importance(Contract):
    """What is lost without knowing some columns; ``drop`` is of accuracy, larger is worth more."""

    name: str
    columns: tuple[str, ...]
    drop: Estimate


def permutation_importance(
    predict: Callable[[NDArray[np.float32]], NDArray[np.floating]],
    x: NDArray[np.float32],
    targets: NDArray[np.int64],
    groups: Sequence[str],
    blocks: Mapping[str, Sequence[int]],
    *,
    columns: Sequence[str],
    repeats: int = REPEATS,
    seed: int = 0,
) -> tuple[Importance, ...]:
    """Shuffle each block of columns between test rows, and see what becomes of the hits.

    Parameters
    ----------
    predict : callable
        Rows (n, n_columns) to scores (n, n_labels).
    x, targets
        Test rows, which were not fitted on.
    groups : sequence of str
        The recording of each row; for the intervals, which are bootstrapped over them.
    blocks : mapping of str to sequence of int
        Positions of columns that are shuffled together, by name.
    columns : sequence of str
        Names of all columns.

    Returns
    -------
    tuple of Importance
        The most important block first.

    Raises
    ------
    DatasetError
        If there are fewer than two rows.
    """
    if len(x) < 2:
        raise DatasetError("importance needs at least two test rows to shuffle")
    clean = predict(x).argmax(axis=1) == targets
    found = []
    for name, places in blocks.items():
        # Each block has its own generator, so that it does not matter which others there are.
        generator = np.random.default_rng([seed, *name.encode()])
        shuffled = np.repeat(x[np.newaxis], repeats, axis=0)
        for one in shuffled:
            one[:, places] = x[generator.permutation(len(x))][:, places]
        answers = predict(shuffled.reshape(-1, x.shape[1])).argmax(axis=1)
        kept = (answers.reshape(repeats, -1) == targets).mean(axis=0)
        drop = bootstrap_mean(clean - kept, groups, seed=seed)
        found.append(
            Importance(name=name, columns=tuple(columns[place] for place in places), drop=drop)
        )
    return tuple(sorted(found, key=lambda one: (-one.drop.value, one.name)))


def families(columns: Sequence[str]) -> dict[str, list[int]]:
    """Positions of columns by what they are a statistic of: ``mfcc`` for ``mfcc3_var``."""
    found: dict[str, list[int]] = {}
    for place, name in enumerate(columns):
        short = name
        while (shorter := _STATISTIC.sub("", short)) not in ("", short):
            short = shorter
        found.setdefault(short, []).append(place)
    return found
