"""Labelled rows to a fitted network, and the rows that choose its best epoch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.models import NetworkConfig
from genrekit.training.batches import Examples
from genrekit.training.deep import NetworkFit, fit_network
from genrekit.training.loop import EpochRecord
from genrekit.training.rows import Rows
from genrekit.training.settings import TrainingConfig


def examples(rows: Rows, name: str, n_labels: int) -> Examples:
    """Rows as a network takes them; ``name`` is that of the first front-end."""
    shares = _of_each_genre(rows, n_labels).astype(np.float32)
    return Examples({name: rows.x, **rows.more}, shares)


def fit_on_rows(
    config: NetworkConfig,
    training: TrainingConfig,
    rows: Rows,
    valid: Rows | None,
    *,
    name: str,
    n_labels: int,
    seed: int,
    work_dir: Path | None,
    each_epoch: Callable[[EpochRecord], None],
) -> tuple[NetworkFit, Rows | None]:
    """Train; without ``valid``, some recordings of ``rows`` are set aside to choose the epoch.

    Returns
    -------
    NetworkFit, Rows or None
        The rows are those that chose the epoch.
    """
    if valid is None and training.hold_out:
        inside = ~held_out(rows, training.hold_out, seed)
        if not inside.all():
            rows, valid = rows.where(inside), rows.where(~inside)
    validation = None if valid is None else examples(valid, name, n_labels)
    fit = fit_network(
        config,
        training,
        examples(rows.with_copies(), name, n_labels),
        validation,
        seed=seed,
        work_dir=work_dir,
        each_epoch=each_epoch,
    )
    return fit, valid


def held_out(rows: Rows, share: float, seed: int) -> NDArray[np.bool_]:
    """Return a share of the recordings of each genre, at least one but never the last one.

    Returns
    -------
    (n,) bool
        True for all rows of the chosen recordings.
    """
    generator = np.random.default_rng(seed)
    chosen: list[str] = []
    if rows.y.ndim == 2:
        return _held_out_of_several(rows, share, generator)
    for genre in np.unique(rows.y):
        groups = sorted({str(group) for group in rows.groups[rows.y == genre]})
        count = min(max(1, round(share * len(groups))), len(groups) - 1)
        chosen += generator.permutation(groups)[: max(0, count)].tolist()
    return np.isin(rows.groups.astype(str), chosen)


def _held_out_of_several(
    rows: Rows, share: float, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """As `held_out`; a recording is drawn for the rarest of its genres alone."""
    names = rows.groups.astype(str)
    of_genre = [
        sorted(set(names[rows.y[:, genre] == 1]))
        for genre in np.argsort(rows.y.sum(axis=0), kind="stable")
    ]
    chosen: set[str] = set()
    drawn: set[str] = set()
    for groups in of_genre:
        fresh = [group for group in groups if group not in drawn]
        drawn.update(fresh)
        count = min(max(1, round(share * len(fresh))), len(fresh) - 1)
        chosen.update(generator.permutation(fresh)[: max(0, count)].tolist())
    for groups in of_genre:  # others may have been drawn for rarer genres
        if groups and chosen.issuperset(groups):
            chosen.remove(groups[0])
    return np.isin(names, list(chosen))


def _of_each_genre(rows: Rows, n_labels: int) -> NDArray[np.int64]:
    """One for each genre of a row, shape (n_rows, n_labels)."""
    return rows.y if rows.y.ndim == 2 else np.eye(n_labels, dtype=np.int64)[rows.y]
