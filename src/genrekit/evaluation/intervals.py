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


def difference_of_shares(first: Estimate, second: Estimate) -> Estimate:
    """First minus second of two independent proportions with Wilson intervals of one level.

    Source: R. G. Newcombe, "Interval estimation for the difference between independent proportions:
    comparison of eleven methods", Statistics in Medicine 17, 1998, method 10.
    """
    value = first.value - second.value
    below = math.hypot(first.value - first.low, second.high - second.value)
    above = math.hypot(first.high - first.value, second.value - second.low)
    return Estimate(
        value=value, low=value - below, high=value + above, level=first.level, method="newcombe"
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
    Of a single recording, as which rows of unknown ones count, nothing is known but the value: its
    interval is 0 to 1.

    Parameters
    ----------
    statistic : callable
        Confusion matrix to a number from 0 to 1: `macro_f1`, `accuracy`.
    targets, predicted : ndarray of int, shape (n_items,)
    groups : sequence of str
        The recording of each item.
    seed : int
        The same seed gives the same interval.
    """
    names, group_of = np.unique(np.array(groups, dtype=object), return_inverse=True)
    value = statistic(confusion_matrix(targets, predicted, n_labels))
    if len(names) == 1:
        return Estimate(value=value, low=0.0, high=1.0, level=level, method="one-recording")
    counts = resample_counts(len(names), n_resamples=n_resamples, seed=seed)
    values = np.empty(n_resamples)
    for resample, times in enumerate(counts):
        weights = times[group_of].astype(np.float64)
        values[resample] = statistic(confusion_matrix(targets, predicted, n_labels, weights))
    return percentile_interval(value, values, level)


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
    return percentile_interval(float(values.mean()), means, level)


def resample_counts(n_groups: int, *, n_resamples: int, seed: int) -> NDArray[np.int64]:
    """How often each recording is in each resample, shape (n_resamples, n_groups)."""
    equal = np.full(n_groups, 1 / n_groups)
    return np.random.default_rng(seed).multinomial(n_groups, equal, size=n_resamples)


def percentile_interval(value: float, values: NDArray[np.float64], level: float = 0.95) -> Estimate:
    """``value`` between the quantiles of what it was in the resamples."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(
        value=value, low=float(low), high=float(high), level=level, method="bootstrap-by-track"
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
    counts = resample_counts(len(names), n_resamples=n_resamples, seed=seed)
    means: NDArray[np.float64] = (counts @ sums).T / (counts @ np.bincount(group_of))
    return means


def over_seeds(
    values: NDArray[np.float64],
    groups: Sequence[str],
    *,
    level: float = 0.95,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Mean over seeds and items with an interval that covers both: seeds and recordings resampled.

    Parameters
    ----------
    values : ndarray, shape (n_seeds, n_items)
        Hits of the same items by models of several seeds.
    groups : sequence of str
        The recording of each item.

    Raises
    ------
    DatasetError
        If there are fewer than two seeds.
    """
    if len(values) < 2:
        raise DatasetError("the spread over seeds needs at least two of them")
    means = resampled_means(values, groups, n_resamples=n_resamples, seed=seed)
    drawn = resample_counts(len(values), n_resamples=n_resamples, seed=seed + 1) / len(values)
    found = percentile_interval(float(values.mean()), (means.T * drawn).sum(axis=1), level)
    return found.model_copy(update={"method": "bootstrap-by-seed-and-track"})


def over_folds(values: Sequence[float], test_share: float, level: float = 0.95) -> Estimate:
    """Mean over folds with a t interval whose variance is corrected for shared training data.

    Source: C. Nadeau and Y. Bengio, "Inference for the generalization error", Machine Learning 52,
    2003.

    Parameters
    ----------
    values : sequence of float
        One of each fold.
    test_share : float
        Tracks tested over tracks trained on, in one fold: 1/9 for ten folds.

    Raises
    ------
    DatasetError
        If there are fewer than two folds.
    """
    from scipy.special import stdtrit

    count = len(values)
    if count < 2:
        raise DatasetError("the spread over folds needs at least two of them")
    variance = float(np.var(values, ddof=1)) * (1 / count + test_share)
    half = float(stdtrit(count - 1, (1 + level) / 2)) * math.sqrt(variance)
    mean = float(np.mean(values))
    return Estimate(
        value=mean, low=mean - half, high=mean + half, level=level, method="corrected-t-over-folds"
    )
