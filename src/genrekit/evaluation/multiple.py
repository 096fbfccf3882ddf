"""More than two models: corrections, ranks, and groups that cannot be told apart.

Ours, as the libraries that have these (scikit-posthocs, statsmodels) bring pandas and seaborn to
everybody who reads a result.

Sources
-------
S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
Statistics 6, 1979; J. Demšar, "Statistical comparisons of classifiers over multiple data sets",
JMLR 7, 2006, for Friedman's test (with Iman's and Davenport's correction), Nemenyi's critical
difference and its diagram; H.-P. Piepho, "An algorithm for a letter-based representation of
all-pairwise comparisons", Journal of Computational and Graphical Statistics 13, 2004.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from string import ascii_lowercase

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import DatasetError
from genrekit.evaluation.significance import ALPHA
from genrekit.schema import Contract


class Friedman(Contract):
    """Whether models rank alike in all blocks.

    Parameters
    ----------
    mean_ranks : tuple of float
        In the order of the models; 1 is best.
    blocks : int
        Folds or datasets that they were ranked in.
    chi2, chi2_p, f, f_p : float
        Friedman's statistic and Iman's and Davenport's, which is less timid.
    critical_difference : float
        Mean ranks that are closer cannot be told apart (Nemenyi, 5 %).
    """

    mean_ranks: tuple[float, ...]
    blocks: int
    chi2: float
    chi2_p: float
    f: float
    f_p: float
    critical_difference: float


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """P-values adjusted for how many there are, in the same order."""
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    adjusted = np.maximum.accumulate(np.asarray(p_values, np.float64)[order] * factors)
    result = np.empty(len(p_values))
    result[order] = np.minimum(adjusted, 1.0)
    return tuple(result.tolist())


def friedman(scores: NDArray[np.float64]) -> Friedman:
    """Rank models in every block.

    Parameters
    ----------
    scores : ndarray, shape (n_blocks, n_models)
        Larger is better; ties share their mean rank.

    Raises
    ------
    DatasetError
        If there are fewer than three models or two blocks, or a score is not finite.
    """
    from scipy.stats import rankdata

    blocks, models = scores.shape
    if models < 3 or blocks < 2:
        raise DatasetError(
            f"Friedman's test compares three models or more in two blocks or more; there are "
            f"{models} in {blocks}"
        )
    if not np.isfinite(scores).all():
        raise DatasetError("a score is not finite; models cannot be ranked by it")
    ranks = rankdata(-scores, axis=1)
    spread = float((ranks**2).sum() - blocks * models * (models + 1) ** 2 / 4)
    return friedman_of_ranks(ranks.mean(axis=0), blocks, spread)


def friedman_of_ranks(
    mean_ranks: NDArray[np.float64], blocks: int, spread: float | None = None
) -> Friedman:
    """Friedman's test of mean ranks, as papers print them.

    Parameters
    ----------
    mean_ranks : ndarray, shape (n_models,)
    spread : float, optional
        Sum of squares of all ranks about their mean; None takes that of ranks without ties.
    """
    from scipy.stats import chi2, f

    models = len(mean_ranks)
    if spread is None:
        spread = blocks * models * (models + 1) * (models - 1) / 12
    between = blocks * float(((mean_ranks - (models + 1) / 2) ** 2).sum())
    statistic = blocks * (models - 1) * between / spread if spread else 0.0
    left = blocks * (models - 1) - statistic
    ratio = (blocks - 1) * statistic / left if left > 1e-9 else 1e9
    return Friedman(
        mean_ranks=tuple(mean_ranks.tolist()),
        blocks=blocks,
        chi2=statistic,
        chi2_p=float(chi2.sf(statistic, models - 1)),
        f=ratio,
        f_p=float(f.sf(ratio, models - 1, (models - 1) * (blocks - 1))),
        critical_difference=critical_difference(models, blocks),
    )


def critical_difference(models: int, blocks: int, alpha: float = ALPHA) -> float:
    """Nemenyi's least difference of mean ranks that is evidence."""
    return _quantile(models, alpha) * math.sqrt(models * (models + 1) / (6 * blocks))


@lru_cache(maxsize=64)
def _quantile(models: int, alpha: float) -> float:
    """Of the studentised range over the square root of two; slow to compute."""
    from scipy.stats import studentized_range

    return float(studentized_range.ppf(1 - alpha, models, np.inf)) / math.sqrt(2)


def cliques(mean_ranks: Sequence[float], difference: float) -> tuple[tuple[int, ...], ...]:
    """Largest runs of models, by rank, that are closer than the critical difference."""
    order = sorted(range(len(mean_ranks)), key=lambda model: mean_ranks[model])
    runs: list[tuple[int, ...]] = []
    end = 0
    for start, first in enumerate(order):
        last = max(
            place
            for place, model in enumerate(order)
            if mean_ranks[model] - mean_ranks[first] <= difference
        )
        if last > end or not runs:
            runs.append(tuple(order[start : last + 1]))
            end = last
    return tuple(run for run in runs if len(run) > 1)


def letters(different: NDArray[np.bool_]) -> tuple[str, ...]:
    """Compact letter display: models that share a letter cannot be told apart.

    Parameters
    ----------
    different : ndarray of bool, shape (n_models, n_models)
        Which pairs differ; models best first, so that ``a`` is the group of the best.

    Returns
    -------
    tuple of str
        For each model its letters, in alphabetical order.
    """
    models = len(different)
    groups = [set(range(models))]
    for first, second in np.argwhere(np.triu(different, 1)).tolist():
        split: list[set[int]] = []
        for group in groups:
            both = {first, second} <= group
            split += [group - {first}, group - {second}] if both else [group]
        groups = _absorbed(split)
    groups.sort(key=lambda group: sorted(group))
    return tuple(
        "".join(_letter(place) for place, group in enumerate(groups) if model in group)
        for model in range(models)
    )


def _absorbed(groups: Sequence[set[int]]) -> list[set[int]]:
    """Without groups that lie in another one."""
    kept: list[set[int]] = []
    for group in sorted(groups, key=len, reverse=True):
        if group and not any(group <= other for other in kept):
            kept.append(group)
    return kept


def _letter(place: int) -> str:
    return ascii_lowercase[place % 26] * (1 + place // 26)
