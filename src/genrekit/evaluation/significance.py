"""Is one model better than another? Tests for two models that were tested on the same tracks.

Ours, as neither SciPy nor statsmodels has the mid-p test, the corrected t-test, or permutations of
whole recordings.

Sources
-------
Q. McNemar, "Note on the sampling error of the difference between correlated proportions or
percentages", Psychometrika 12, 1947; M. W. Fagerland, S. Lydersen and P. Laake, "The McNemar test
for binary matched-pairs data: mid-p and asymptotic are better than exact conditional", BMC Medical
Research Methodology 13, 2013; C. Nadeau and Y. Bengio, "Inference for the generalization error",
Machine Learning 52, 2003; T. G. Dietterich, "Approximate statistical tests for comparing supervised
classification learning algorithms", Neural Computation 10, 1998, on what the naive t-test claims.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import DatasetError
from genrekit.evaluation.intervals import bootstrap_mean, by_recording
from genrekit.schema import Contract, Estimate

ALPHA = 0.05
N_RESAMPLES = 5_000
#: Recordings whose signs are all tried, where differences are not whole numbers.
_MOST_SIGNS = 16
#: Items that models differ in, up to which the distribution over all signs is made.
_MOST_STEPS = 10_000
NAIVE_WARNING = (
    "The naive paired t-test takes folds for independent although they share training tracks: it "
    "finds differences between equal models several times as often as it says."
)


class McNemar(Contract):
    """The tracks on which two models disagree.

    Parameters
    ----------
    only_first, only_second : int
        Tracks that one model alone has right.
    exact, mid_p : float
        Two-sided p-values. The exact one never claims too much, and often too little; mid-p is
        close to what it says.
    cohens_g : float
        Share of the disagreements that the first model wins, minus one half: 0.05 is small, 0.15
        medium, 0.25 large (J. Cohen, "Statistical power analysis for the behavioral sciences",
        1988). 0 where they never disagree.
    odds_ratio : float, optional
        ``only_first / only_second``; None where that is not a number.
    """

    only_first: int
    only_second: int
    exact: float
    mid_p: float
    cohens_g: float
    odds_ratio: float | None


class TTest(Contract):
    """A paired t-test over folds; ``difference`` with its interval."""

    difference: Estimate
    t: float
    p: float
    folds: int


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> McNemar:
    """Compare hits on the same independent tracks.

    Parameters
    ----------
    first, second : ndarray of bool, shape (n_tracks,)
        Whether each model has each track right.

    Raises
    ------
    DatasetError
        If the lengths differ or there are no tracks.
    """
    _check_paired(first, second)
    won, lost = int((first & ~second).sum()), int((second & ~first).sum())
    exact, mid = mcnemar_p(np.array(won), np.array(lost))
    return McNemar(
        only_first=won,
        only_second=lost,
        exact=float(exact),
        mid_p=float(mid),
        cohens_g=won / (won + lost) - 0.5 if won + lost else 0.0,
        odds_ratio=won / lost if lost else None,
    )


def mcnemar_p(
    won: NDArray[np.int64], lost: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two-sided exact and mid-p values of disagreements, element by element."""
    from scipy.stats import binom

    fewer, total = np.minimum(won, lost), won + lost
    exact = np.minimum(1.0, 2 * binom.cdf(fewer, total, 0.5))
    mid = np.where(
        won == lost, 1.0, 2 * binom.cdf(fewer, total, 0.5) - binom.pmf(fewer, total, 0.5)
    )
    # Of a tie, half of what is as likely is left out: 1 - P(tie) / 2.
    mid = np.where((won == lost) & (total > 0), 1 - binom.pmf(fewer, total, 0.5) / 2, mid)
    return exact, np.minimum(1.0, mid)


def paired_difference(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    groups: Sequence[str],
    *,
    n_resamples: int = N_RESAMPLES,
    level: float = 1 - ALPHA,
    seed: int = 0,
) -> tuple[Estimate, float]:
    """Difference of two means over the same items, and how likely none is, by whole recordings.

    Parameters
    ----------
    first, second : ndarray, shape (n_items,)
        Hits, or any other score of each item from 0 to 1.
    groups : sequence of str
        The recording of each item; segments of one come and go together.

    Returns
    -------
    (Estimate, float)
        First minus second with an interval from resampled recordings; the p-value of `sign_flip_p`.
    """
    _check_paired(first, second)
    differences = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    found = bootstrap_mean(differences, groups, level=level, n_resamples=n_resamples, seed=seed)
    return found, sign_flip_p(by_recording(differences[np.newaxis], groups)[0][0])


def sign_flip_p(differences: NDArray[np.float64]) -> float:
    """Two-sided mid-p value that two models are alike, by differences summed over each recording.

    If they are, every recording might as well have the other sign (R. A. Fisher, "The design of
    experiments", 1935). Of hits, which are whole numbers, the distribution over all signs is exact,
    so there is no floor that a number of resamples would set; of one item a recording it is
    McNemar's mid-p. Where models differ in more than 10,000 items the normal tail is taken, and so
    it is of other scores of more than 16 recordings.

    Parameters
    ----------
    differences : ndarray, shape (n_recordings,)
    """
    sizes = np.abs(differences[differences != 0])
    if len(sizes) == 0:
        return 1.0
    sums, chances = _signed_sums(sizes)
    found = abs(float(differences.sum()))
    if chances is None:
        return math.erfc(found / math.sqrt(2 * float((sizes**2).sum())))
    near = 1e-9 * float(sizes.sum())
    beyond = float(chances[np.abs(sums) > found + near].sum())
    level = float(chances[np.abs(np.abs(sums) - found) <= near].sum())
    return min(1.0, beyond + level / 2)


def _signed_sums(
    sizes: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """All sums of sizes with a random sign each, and how likely they are; None if they are many."""
    from scipy.stats import binom

    if np.all(sizes == np.round(sizes)) and sizes.sum() <= _MOST_STEPS:
        chances = np.ones(1)
        for size, times in zip(*np.unique(sizes.astype(np.int64), return_counts=True), strict=True):
            own = np.zeros(2 * size * times + 1)
            own[:: 2 * size] = binom.pmf(np.arange(times + 1), times, 0.5)
            chances = np.convolve(chances, own)
        most = len(chances) // 2
        return np.arange(-most, most + 1, dtype=np.float64), chances
    if len(sizes) > _MOST_SIGNS:
        return np.zeros(0), None
    sums = np.zeros(1)
    for size in sizes.tolist():
        sums = np.concatenate([sums - size, sums + size])
    return sums, np.full(len(sums), 1 / len(sums))


def corrected_t_test(
    first: Sequence[float], second: Sequence[float], test_share: float, level: float = 1 - ALPHA
) -> TTest:
    """Resampled t-test over folds, corrected for the training data that they share.

    Parameters
    ----------
    first, second : sequence of float
        Accuracy of each model in each fold.
    test_share : float
        Tracks tested over tracks trained on, in one fold: 1/9 for ten folds.

    Raises
    ------
    DatasetError
        If there are fewer than two folds, or not as many of both.
    """
    return _t_test(first, second, test_share, "corrected-t-over-folds", level)


def naive_t_test(
    first: Sequence[float], second: Sequence[float], level: float = 1 - ALPHA
) -> TTest:
    """Return the paired t-test that takes folds for independent; see `NAIVE_WARNING`."""
    return _t_test(first, second, 0.0, "naive-t-over-folds", level)


def _t_test(
    first: Sequence[float], second: Sequence[float], test_share: float, method: str, level: float
) -> TTest:
    from scipy.special import stdtr, stdtrit

    _check_paired(np.asarray(first), np.asarray(second))
    folds = len(first)
    if folds < 2:
        raise DatasetError("a t-test needs at least two folds; compare on tracks instead")
    differences = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    mean = float(differences.mean())
    error = math.sqrt(float(differences.var(ddof=1)) * (1 / folds + test_share))
    half = error * float(stdtrit(folds - 1, (1 + level) / 2))
    t = mean / error if error else math.copysign(1e9, mean) if mean else 0.0
    return TTest(
        difference=Estimate(
            value=mean, low=mean - half, high=mean + half, level=level, method=method
        ),
        t=t,
        p=float(2 * stdtr(folds - 1, -abs(t))),
        folds=folds,
    )


def shares_p(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Two-sided p-value that two independent proportions, (successes, total), are equal.

    The z-test with pooled variance, which is Pearson's chi-squared test of a table of two by two.
    """
    (hits, total), (other_hits, other_total) = first, second
    share = (hits + other_hits) / (total + other_total)
    error = math.sqrt(share * (1 - share) * (1 / total + 1 / other_total))
    gap = abs(hits / total - other_hits / other_total)
    return math.erfc(gap / error / math.sqrt(2)) if error else 1.0


def apart_p(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    groups: tuple[Sequence[str], Sequence[str]],
) -> float:
    """Two-sided p-value that two means of items that come in recordings, or by senders, are equal.

    Welch's t-test of the means of groups, each with half a hit and half a miss added, so that
    answers that are all alike do not pass for certainty.

    Parameters
    ----------
    first, second : ndarray, shape (n_items,)
        Hits of different items.
    groups : pair of sequences of str
        Who each item is of.
    """
    from scipy.special import stdtr

    parts = [_clustered(*one) for one in zip((first, second), groups, strict=True)]
    variances = [error**2 for _, error, _ in parts]
    freedom = sum(variances) ** 2 / sum(
        v**2 / n for v, (_, _, n) in zip(variances, parts, strict=True)
    )
    t = (float(first.mean()) - float(second.mean())) / math.sqrt(sum(variances))
    return float(2 * stdtr(freedom, -abs(t)))


def _clustered(hits: NDArray[np.float64], groups: Sequence[str]) -> tuple[float, float, int]:
    """Mean, its standard error by group, degrees of freedom; half a hit and a miss are added."""
    sums, items = by_recording(hits[np.newaxis], groups)
    size, count = items.mean(), len(items)
    total = float(items.sum() + size)
    mean = float(sums.sum() + size / 2) / total
    squares = float(((sums[0] - mean * items) ** 2).sum())
    squares += size**2 * (mean**2 + (1 - mean) ** 2) / 2
    return mean, math.sqrt(squares * (count + 1) / count) / total, count


def smallest_gap_apart(totals: tuple[int, int], share: float, alpha: float = ALPHA) -> float:
    """Return the smallest difference that `shares_p` takes for evidence, around ``share``."""
    z = NormalDist().inv_cdf(1 - alpha / 2)
    return z * math.sqrt(share * (1 - share) * sum(1 / total for total in totals))


# --- what a test set can tell -------------------------------------------------------------------


def smallest_gap(tracks: int, disagreement: float, alpha: float = ALPHA) -> float | None:
    """Return the smallest difference of accuracies that McNemar's mid-p test finds.

    Parameters
    ----------
    tracks : int
    disagreement : float
        Share of tracks that just one of two models has right.

    Returns
    -------
    float or None
        Between 0 and 1; None if no difference would be evidence.
    """
    total = min(tracks, round(tracks * disagreement))
    lost = np.arange(total // 2 + 1)
    _, p = mcnemar_p(total - lost, lost)
    enough = lost[p <= alpha]
    return None if len(enough) == 0 else float(total - 2 * enough.max()) / tracks


def gap_sentence(tracks: int, disagreement: float, alpha: float = ALPHA) -> str:
    """Return what a reader needs to know about the size of a test set."""
    gap = smallest_gap(tracks, disagreement, alpha)
    shown = f"models that disagree on {100 * disagreement:.0f} % of them"
    if gap is None:
        return f"On {tracks} tracks no gap between {shown} is evidence of anything."
    return (
        f"On {tracks} tracks, a gap under {100 * gap:.1f} points between {shown} is no evidence "
        f"(McNemar, {100 * alpha:g} %)."
    )


def _check_paired(first: NDArray[np.generic], second: NDArray[np.generic]) -> None:
    if len(first) != len(second) or len(first) == 0:
        raise DatasetError(
            f"there are {len(first)} and {len(second)} values; a paired test needs as many of "
            "both, and at least one"
        )
    for values in (first, second):
        if not np.isfinite(np.asarray(values, np.float64)).all():
            raise DatasetError("a value is not finite; nothing can be said of it")
