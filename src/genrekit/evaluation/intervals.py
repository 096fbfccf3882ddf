"""How far a number measured on a few hundred tracks can be trusted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import DatasetError
from genrekit.evaluation.metrics import confusion_matrix
from genrekit.schema import Estimate

N_RESAMPLES = 1000


def wilson(successes: int, total: int, level: float = 0.95) -> Estimate:
    """Score interval of a proportion.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    JASA 22, 1927.

    Raises
    ------
    DatasetError
        If ``total`` is not positive or ``successes`` not within it.
    """
    if not 0 <= successes <= total or total == 0:
        raise DatasetError(f"{successes} of {total} is no proportion")
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = successes / total
    centre = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2)) * z / (1 + z**2 / total)
    return Estimate(
        value=share,
        low=0.0 if successes == 0 else centre - half,
        high=1.0 if successes == total else centre + half,
        level=level,
        method="wilson",
    )


def bootstrap_by_group(
    statistic: Callable[[NDArray[np.float64]], float],
    targets: NDArray[np.int64],
    predicted: NDArray[np.int64],
    groups: Sequence[str],
    *,
    n_labels: int,
    level: float = 0.95,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Percentile interval of a statistic of the confusion matrix, resampling whole recordings.

    Segments of one recording come and go together, so they do not pass for independent evidence.

    Parameters
    ----------
    statistic : callable
        Confusion matrix to number: `macro_f1`, `accuracy`.
    targets, predicted : ndarray of int, shape (n_items,)
    groups : sequence of str
        The recording of each item.
    seed : int
        The same seed gives the same interval.
    """
    names, group_of = np.unique(np.array(groups, dtype=object), return_inverse=True)
    rng = np.random.default_rng(seed)
    equal = np.full(len(names), 1 / len(names))
    values = np.empty(n_resamples)
    for resample in range(n_resamples):
        weights = rng.multinomial(len(names), equal)[group_of].astype(np.float64)
        values[resample] = statistic(confusion_matrix(targets, predicted, n_labels, weights))
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    value = statistic(confusion_matrix(targets, predicted, n_labels))
    return Estimate(
        value=value, low=float(low), high=float(high), level=level, method="bootstrap-by-track"
    )


def bootstrap_mean(
    values: NDArray[np.float64],
    groups: Sequence[str],
    *,
    level: float = 0.95,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Percentile interval of a mean, resampling whole recordings: for differences of two models.

    Parameters
    ----------
    values : ndarray, shape (n_items,)
        Hits of one model, or of one minus those of another on the same items.
    groups : sequence of str
        The recording of each item.

    Raises
    ------
    DatasetError
        If there are no items.
    """
    if len(values) == 0:
        raise DatasetError("there are no items to take the mean of")
    means = resampled_means(values[np.newaxis], groups, n_resamples=n_resamples, seed=seed)[0]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(
        value=float(values.mean()),
        low=float(low),
        high=float(high),
        level=level,
        method="bootstrap-by-track",
    )


def resampled_means(
    values: NDArray[np.float64], groups: Sequence[str], *, n_resamples: int, seed: int
) -> NDArray[np.float64]:
    """Means of several values of the same items over the same resamples of recordings.

    Parameters
    ----------
    values : ndarray, shape (n_values, n_items)

    Returns
    -------
    ndarray, shape (n_values, n_resamples)
    """
    names, group_of = np.unique(np.array(groups, dtype=object), return_inverse=True)
    sums = np.zeros((len(names), len(values)))
    np.add.at(sums, group_of, values.T)
    generator = np.random.default_rng(seed)
    counts = generator.multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=n_resamples
    )
    means: NDArray[np.float64] = (counts @ sums).T / (counts @ np.bincount(group_of))
    return means
