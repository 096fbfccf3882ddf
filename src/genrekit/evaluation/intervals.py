"""How far a number measured on a few hundred tracks can be trusted.

Ours, as `scipy.stats.bootstrap` draws rows and not whole recordings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import DatasetError
from genrekit.evaluation.metrics import confusion_matrix
from genrekit.schema import Estimate

N_RESAMPLES = 1000
#: Cells of confusion matrices that are held at once.
_MOST_CELLS = 4_000_000


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
        raise DatasetError(f"{successes} of {total} is not a proportion")
    low, high = _score_limits(successes / total, total, level)
    return Estimate(
        value=successes / total,
        low=0.0 if successes == 0 else low,
        high=1.0 if successes == total else high,
        level=level,
        method="wilson",
    )


def _score_limits(share: float, total: float, level: float) -> tuple[float, float]:
    """Wilson's limits of a proportion of ``total`` independent items, which need not be whole."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    centre = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2)) * z / (1 + z**2 / total)
    return max(0.0, centre - half), min(1.0, centre + half)


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
    """Interval of a statistic of the confusion matrix, resampling whole recordings.

    Segments of one recording come and go together, so they do not pass for independent evidence.
    Of a single recording, as which rows of unknown ones count, nothing is known but the value: its
    interval is 0 to 1. See `bounded_interval` for how resamples become an interval.

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
    value = statistic(confusion_matrix(targets, predicted, n_labels))
    drawn = Confusions(targets, predicted, groups, n_labels)
    if drawn.recordings == 1:
        return one_recording(value, level)
    parts = drawn.resampled(n_resamples=n_resamples, seed=seed)
    values = np.array([statistic(matrix) for part in parts for matrix in part])
    return bounded_interval(value, values, statistic(drawn.padded), drawn.share, level)


def one_recording(value: float, level: float = 0.95) -> Estimate:
    """Interval of what is known of one recording only."""
    return Estimate(value=value, low=0.0, high=1.0, level=level, method="one-recording")


class Confusions:
    """Confusion matrices of resamples of recordings, with a miss and a hit added for each genre.

    Resamples of what a model told without a mistake have none either, and would pretend to know
    that it never makes one. So a recording that is right and one that is wrong join those of every
    genre that occurs before anything is drawn, as A. Agresti and B. A. Coull add two successes and
    two failures ("Approximate is better than exact for interval estimation of binomial
    proportions", The American Statistician 52, 1998).

    Attributes
    ----------
    recordings : int
    padded : ndarray, shape (n_labels, n_labels)
        The matrix of all recordings and of those that were added.
    share : float
        Of them that were not added.
    """

    def __init__(
        self,
        targets: NDArray[np.int64],
        predicted: NDArray[np.int64],
        groups: Sequence[str],
        n_labels: int,
    ) -> None:
        from scipy.sparse import csr_array, vstack

        names, group_of = np.unique(np.array(groups, dtype=object), return_inverse=True)
        self.recordings = len(names)
        shape = (len(names), n_labels**2)
        cells = targets * n_labels + predicted
        tested = csr_array((np.ones(len(cells)), (group_of, cells)), shape=shape)
        matrix = confusion_matrix(targets, predicted, n_labels)
        added = _added(matrix) * len(cells) / len(names)
        self.padded = matrix + added.sum(axis=0).reshape(n_labels, n_labels)
        self.share = len(names) / (len(names) + len(added))
        self._rows = vstack([tested, csr_array(added)]).tocsr()
        self._n_labels = n_labels

    def resampled(self, *, n_resamples: int, seed: int) -> Iterator[NDArray[np.float64]]:
        """Yield matrices (resamples, n_labels, n_labels), some at a time."""
        counts = resample_counts(self._rows.shape[0], n_resamples=n_resamples, seed=seed)
        at_once = max(1, _MOST_CELLS // self._n_labels**2)
        for start in range(0, len(counts), at_once):
            part = counts[start : start + at_once] @ self._rows
            yield np.asarray(part).reshape(-1, self._n_labels, self._n_labels)


def _added(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a hit and a miss of each genre that occurs, shape (2 genres, n_labels squared)."""
    size = len(matrix)
    called = matrix.sum(axis=0) + 1e-9
    seen = np.flatnonzero(matrix.sum(axis=0) + matrix.sum(axis=1))
    added = np.zeros((2 * len(seen), size, size))
    for place, genre in enumerate(seen.tolist()):
        added[2 * place, genre, genre] = 1
        others = called * (np.arange(size) != genre)
        # A single genre cannot be missed for another one.
        added[2 * place + 1, genre] = others / others.sum() if size > 1 else 1
    return added.reshape(len(added), size**2)


def bounded_interval(
    value: float,
    resampled: NDArray[np.float64],
    padded: float,
    share: float,
    level: float = 0.95,
) -> Estimate:
    """Wilson's interval for as many independent items as would spread like the resamples.

    Percentiles of resamples inherit the bias of macro means twice and are empty where all is right;
    this one moves the value by the bias and is never empty (E. L. Korn and B. I. Graubard,
    "Confidence intervals for proportions with small expected number of positive counts estimated
    from survey data", Survey Methodology 24, 1998, with Wilson's limits).

    Parameters
    ----------
    value : float
        From 0 to 1, of the recordings.
    resampled : ndarray, shape (n_resamples,)
        What it was in resamples of the recordings and of those that were added.
    padded : float
        What it is of all of these.
    share : float
        Of them that were not added.
    """
    spread = max(float(resampled.std(ddof=1)), 1e-6)
    items = max(padded * (1 - padded) / spread**2 * share, 1e-3)
    return as_if_of(items, value, value + padded - float(resampled.mean()), level)


def as_if_of(items: float, value: float, centre: float, level: float = 0.95) -> Estimate:
    """``value`` with Wilson's interval about ``centre`` of so many independent items."""
    low, high = _score_limits(min(max(centre, 0.0), 1.0), items, level)
    return Estimate(
        value=value,
        low=min(low, value),
        high=max(high, value),
        level=level,
        method="bootstrap-by-track",
    )


def share_by_group(
    hits: NDArray[np.float64],
    groups: Sequence[str],
    *,
    level: float = 0.95,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Interval of a share of items that come in recordings; never empty.

    Parameters
    ----------
    hits : ndarray, shape (n_items,)
        Values from 0 to 1: whether each item is right.
    groups : sequence of str
        The recording of each item.

    Raises
    ------
    DatasetError
        If there are no items.
    """
    if len(hits) == 0:
        raise DatasetError("there are no items to take the share of")
    sums, items = by_recording(hits[np.newaxis], groups)
    if len(items) == 1:
        return one_recording(float(hits.mean()), level)
    (padded,), padded_items = _with_hit_and_miss(sums, items)
    counts = resample_counts(len(padded_items), n_resamples=n_resamples, seed=seed)
    values = (counts @ padded) / (counts @ padded_items)
    centre = float(padded.sum() / padded_items.sum())
    share = len(items) / len(padded_items)
    return bounded_interval(float(hits.mean()), values, centre, share, level)


def _with_hit_and_miss(
    sums: NDArray[np.float64], items: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Add two recordings of the mean size to sums (n_values, n_recordings) and items."""
    size = items.mean()
    added = np.tile([size, 0.0], (len(sums), 1))
    return np.concatenate([sums, added], axis=1), np.append(items, (size, size))


def bootstrap_mean(
    values: NDArray[np.float64],
    groups: Sequence[str],
    *,
    level: float = 0.95,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Percentile interval of a mean difference, resampling whole recordings; never empty.

    Two recordings are added that half speak for either side, as resamples of two models that never
    differed have no difference either (A. Agresti and Y. Min, "Simple improved confidence intervals
    for comparing matched proportions", Statistics in Medicine 24, 2005). For shares see
    `share_by_group`.

    Parameters
    ----------
    values : ndarray, shape (n_items,)
        From -1 to 1: hits of one model minus those of another on the same items.
    groups : sequence of str
        The recording of each item.

    Raises
    ------
    DatasetError
        If there are no items.
    """
    rows = values[np.newaxis]
    return bootstrap_means(rows, groups, level=level, n_resamples=n_resamples, seed=seed)[0]


def bootstrap_means(
    values: NDArray[np.float64],
    groups: Sequence[str],
    *,
    level: float = 0.95,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> tuple[Estimate, ...]:
    """As `bootstrap_mean`, of several differences (n_values, n_items) over the same resamples."""
    if values.shape[1] == 0:
        raise DatasetError("there are no items to take the mean of")
    means = values.mean(axis=1).tolist()
    sums, items = by_recording(values, groups)
    if len(items) == 1:
        return tuple(one_recording(one, level).model_copy(update={"low": -1.0}) for one in means)
    half = items.mean() / 2
    sums = np.concatenate([sums, np.tile([half, -half], (len(sums), 1))], axis=1)
    counts = resample_counts(sums.shape[1], n_resamples=n_resamples, seed=seed)
    drawn = counts @ sums.T / (counts @ np.append(items, (2 * half, 2 * half)))[:, None]
    found = (percentile_interval(*pair, level) for pair in zip(means, drawn.T, strict=True))
    return tuple(
        one.model_copy(update={"low": min(one.low, one.value), "high": max(one.high, one.value)})
        for one in found
    )


def mean_loss(
    losses: NDArray[np.float64],
    missed: NDArray[np.float64],
    right: NDArray[np.bool_],
    groups: Sequence[str],
    *,
    most: float,
    level: float = 0.95,
) -> Estimate:
    """Interval of a mean loss: log loss, Brier score.

    A t interval of a transform that takes the skewness out, which losses have much of (P. Hall, "On
    the removal of skewness by transformation", JRSS B 54, 1992), by recordings. Where no answer is
    wrong the upper limit allows for the misses that as many recordings can hide.

    Parameters
    ----------
    losses : ndarray, shape (n_items,)
        None is negative.
    missed : ndarray, shape (n_items,)
        What each would be if the second best genre were the true one.
    right : ndarray of bool, shape (n_items,)
    groups : sequence of str
        The recording of each item.
    most : float
        The largest that a loss can be.
    """
    from scipy.special import stdtrit

    value = float(losses.mean())
    sums, items = by_recording(losses[np.newaxis], groups)
    count = len(items)
    if count == 1:
        return Estimate(value=value, low=0.0, high=most, level=level, method="one-recording")
    apart = sums[0] - value * items
    squares = float((apart**2).mean())
    error = math.sqrt(squares * count**2 / (count - 1)) / float(items.sum())
    skew = float((apart**3).mean()) / squares**1.5 / math.sqrt(count) if squares else 0.0
    t = float(stdtrit(count - 1, (1 + level) / 2))
    low, high = (value - error * _unskewed(one, skew) for one in (t, -t))
    if right.all():
        hidden = wilson(0, count, level).high
        high = max(high, (1 - hidden) * value + hidden * float(missed.mean()))
    return Estimate(
        value=value,
        low=min(max(low, 0.0), value),
        high=max(min(high, most), value),
        level=level,
        method="hall-t-by-track",
    )


def _unskewed(t: float, skew: float) -> float:
    """Where the mean lies, in standard errors, if Hall's transform of it is ``t``."""
    if abs(skew) < 1e-9:
        return t
    return 3 / skew * float(np.cbrt(1 + skew * (t - skew / 6)) - 1)


def by_recording(
    values: NDArray[np.float64], groups: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return sums of values (n_values, n_items) by recording, and how many items each one has."""
    names, group_of = np.unique(np.array(groups, dtype=object), return_inverse=True)
    sums = np.zeros((len(names), len(values)))
    np.add.at(sums, group_of, values.T)
    return sums.T, np.bincount(group_of)


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
    sums, items = by_recording(values, groups)
    padded, padded_items = _with_hit_and_miss(sums, items)
    counts = resample_counts(len(padded_items), n_resamples=n_resamples, seed=seed)
    drawn = resample_counts(len(values), n_resamples=n_resamples, seed=seed + 1) / len(values)
    means = ((counts @ padded.T) * drawn).sum(axis=1) / (counts @ padded_items)
    centre = float(padded.mean(axis=0).sum() / padded_items.sum())
    share = len(items) / len(padded_items)
    found = bounded_interval(float(values.mean()), means, centre, share, level)
    return found.model_copy(update={"method": "bootstrap-by-seed-and-track"})


def over_folds(
    values: Sequence[float],
    test_share: float,
    level: float = 0.95,
    *,
    recordings: int | None = None,
) -> Estimate:
    """Mean over folds with a t interval whose variance is corrected for shared training data.

    Folds that happen to agree do not make it narrower than Wilson's of as many recordings, and it
    stays between 0 and 1.

    Source: C. Nadeau and Y. Bengio, "Inference for the generalization error", Machine Learning 52,
    2003.

    Parameters
    ----------
    values : sequence of float
        One of each fold.
    test_share : float
        Tracks tested over tracks trained on, in one fold: 1/9 for ten folds.
    recordings : int, optional
        Different ones that all folds tested.

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
    low, high = mean - half, mean + half
    if recordings is not None:
        least, most = _score_limits(min(max(mean, 0.0), 1.0), recordings, level)
        low, high = max(0.0, min(low, least)), min(1.0, max(high, most))
    return Estimate(value=mean, low=low, high=high, level=level, method="corrected-t-over-folds")
