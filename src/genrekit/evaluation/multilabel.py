"""Multi-label metrics in NumPy, with the definitions of scikit-learn; rows may be weighted.

All take ``targets`` (n_tracks, n_labels) of zeros and ones. Weights (n_resamples, n_tracks) say how
often each track counts, and each of their rows gives one number, so that a bootstrap is one call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genrekit.evaluation.intervals import N_RESAMPLES, as_if_of
from genrekit.evaluation.metrics import N_BINS, SMALLEST_PROBABILITY, confidence_bins
from genrekit.schema import Estimate

Targets = NDArray[np.int64]
Scores = NDArray[np.float64]
Weights = NDArray[np.float64]
Statistics = Callable[[Weights], Mapping[str, NDArray[np.float64]]]

#: Fewer resamples where there are this many cells times resamples, but never below the least.
MOST_CELLS = 4e8
LEAST_RESAMPLES = 200
_CELLS_AT_ONCE = 4_000_000


class F1(NamedTuple):
    """By resample and genre, shape (n_resamples, n_labels); ``f1`` is NaN where there is none."""

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    micro: NDArray[np.float64]


class Ranking(NamedTuple):
    """By resample and genre, shape (n_resamples, n_labels); NaN where it is not defined."""

    average_precision: NDArray[np.float64]
    roc_auc: NDArray[np.float64]


class RowRanking(NamedTuple):
    """How each track ranks its genres, shape (n_tracks,)."""

    coverage: NDArray[np.float64]
    ranking_loss: NDArray[np.float64]
    ranking_precision: NDArray[np.float64]


# --- chosen genres ------------------------------------------------------------------------------


def f1_scores(targets: Targets, choice: NDArray[np.bool_], weights: Weights | None = None) -> F1:
    """Precision, recall and F1 of each genre, and F1 of all cells together.

    Precision and recall are 0 where nothing was chosen or nothing is true; F1 is NaN where both
    hold, and the macro mean leaves such genres out. ``micro``, shape (n_resamples,), is 0 then.
    """
    weights = _ones(targets) if weights is None else weights
    hits = weights @ (targets * choice)
    predicted, true = weights @ choice.astype(np.float64), weights @ targets.astype(np.float64)
    micro = _ratio(2 * hits.sum(axis=1), (predicted + true).sum(axis=1), 0.0)
    return F1(
        _ratio(hits, predicted, 0.0),
        _ratio(hits, true, 0.0),
        _ratio(2 * hits, predicted + true),
        micro,
    )


def subset_accuracy(
    targets: Targets, choice: NDArray[np.bool_], weights: Weights | None = None
) -> NDArray[np.float64]:
    """Share of tracks whose genres are exactly those chosen, shape (n_resamples,)."""
    return mean_of_rows((targets == choice).all(axis=1).astype(np.float64), weights)


# --- rankings -----------------------------------------------------------------------------------


def genre_ranking(targets: Targets, scores: Scores, weights: Weights | None = None) -> Ranking:
    """Average precision and area under the ROC curve of each genre, over tracks.

    Tied scores count as one threshold. A genre without positive tracks has neither; one without
    negative tracks has no area.
    """
    weights = _ones(targets) if weights is None else weights
    shape = (len(weights), targets.shape[1])
    found = Ranking(np.full(shape, np.nan), np.full(shape, np.nan))
    for genre in np.flatnonzero(targets.any(axis=0)):
        precision, area = _one_ranking(targets[:, genre], scores[:, genre], weights)
        found.average_precision[:, genre] = precision
        found.roc_auc[:, genre] = area
    return found


def _one_ranking(
    targets: Targets, scores: Scores, weights: Weights
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    order = np.argsort(-scores, kind="stable")
    ranked, true = scores[order], targets[order].astype(np.bool_)
    places = np.flatnonzero(true)
    # Ranks that share the score of each positive: from ``first`` up to, not including, ``end``.
    first = np.searchsorted(-ranked, -ranked[places], side="left")
    end = np.searchsorted(-ranked, -ranked[places], side="right")
    cumulated = _cumulated(weights[:, order])
    own = weights[:, order[places]]
    positives = _cumulated(own)
    before = np.concatenate([[0], np.cumsum(true)])
    hits = positives[:, before[end]]
    total = positives[:, -1]
    precision = _ratio((own * _ratio(hits, cumulated[:, end], 0.0)).sum(axis=1), total)
    others_above = cumulated[:, first] - positives[:, before[first]]
    others_tied = cumulated[:, end] - hits - others_above
    others = cumulated[:, -1] - total
    right = others[:, None] - others_above - others_tied / 2
    return precision, _ratio((own * right).sum(axis=1), total * others)


def row_ranking(targets: Targets, scores: Scores) -> RowRanking:
    """Coverage, ranking loss and ranking precision of each track.

    A track without genres has a coverage and a loss of 0 and a precision of 1; one that has all
    genres a loss of 0. Ties count against the model.
    """
    n_tracks, n_labels = targets.shape
    lowest = np.where(targets == 1, scores, np.inf).min(axis=1, keepdims=True)
    coverage = (scores >= lowest).sum(axis=1).astype(np.float64)
    wrong, precision = np.zeros(n_tracks), np.zeros(n_tracks)
    for genre in range(n_labels):
        above = scores >= scores[:, genre, None]
        ranks = above.sum(axis=1)
        hits = (above & (targets == 1)).sum(axis=1)
        wrong += targets[:, genre] * (ranks - hits)
        precision += targets[:, genre] * hits / ranks
    true = targets.sum(axis=1)
    decided = (true > 0) & (true < n_labels)
    return RowRanking(
        coverage,
        np.where(decided, _ratio(wrong, true * (n_labels - true), 0.0), 0.0),
        np.where(decided, _ratio(precision, true.astype(np.float64), 1.0), 1.0),
    )


# --- probabilities ------------------------------------------------------------------------------


def binary_log_loss(targets: Targets, probabilities: Scores) -> float:
    """Mean negative log probability of what is true of every genre of every track, in nats."""
    right = np.where(targets == 1, probabilities, 1 - probabilities)
    return float(-np.log(np.clip(right, SMALLEST_PROBABILITY, 1.0)).mean())


def binary_calibration_error(
    targets: Targets, probabilities: Scores, n_bins: int = N_BINS
) -> float:
    """Mean distance of probability from frequency over equal-width bins, weighted by cells."""
    cells = probabilities.ravel()
    bins = confidence_bins(cells, n_bins)
    gap = np.bincount(bins, weights=cells - targets.ravel(), minlength=n_bins)
    return float(np.abs(gap).sum() / cells.size)


# --- intervals ----------------------------------------------------------------------------------


def bootstrap_together(
    statistics: Statistics,
    groups: Sequence[str],
    *,
    n_labels: int,
    tops: Mapping[str, float] = MappingProxyType({}),
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Estimate | None]:
    """Intervals of several statistics, resampling whole recordings; none is empty.

    Each is Wilson's, moved by the bias of the resamples, of as many independent items as would
    spread like them; where they do not spread at all, of as many as there are recordings.

    Parameters
    ----------
    statistics : callable
        Weights to named numbers, shape (n_resamples,) each. Resamples in which one is not defined
        (NaN) are left out of its interval.
    groups : sequence of str
        The recording of each track.
    tops : mapping of str to float
        The largest that a statistic can be, where that is not 1; the least is 0.
    n_labels : int
        For how much is computed at once, and how many resamples there are.

    Returns
    -------
    dict of str to Estimate
        None for a statistic that is not defined on all tracks.
    """
    names, group_of = np.unique(np.array(groups, dtype=object), return_inverse=True)
    cells = len(groups) * n_labels
    n_resamples = int(np.clip(MOST_CELLS / cells, LEAST_RESAMPLES, N_RESAMPLES))
    at_once = max(1, _CELLS_AT_ONCE // len(groups))
    generator = np.random.default_rng(seed)
    equal = np.full(len(names), 1 / len(names))
    found = []
    for start in range(0, n_resamples, at_once):
        count = min(at_once, n_resamples - start)
        weights = generator.multinomial(len(names), equal, size=count)[:, group_of]
        found.append(statistics(weights.astype(np.float64)))
    return {
        name: _estimate(
            float(value[0]),
            np.concatenate([part[name] for part in found]),
            len(names),
            tops.get(name, 1.0),
            level,
        )
        for name, value in statistics(np.ones((1, len(groups)))).items()
    }


def mean_defined(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over genres of what is not NaN, shape (n_resamples,)."""
    defined = np.isfinite(values)
    return _ratio(np.where(defined, values, 0).sum(axis=1), defined.sum(axis=1).astype(np.float64))


def _estimate(
    value: float, resampled: NDArray[np.float64], recordings: int, top: float, level: float
) -> Estimate | None:
    if not np.isfinite(value):
        return None
    defined = resampled[np.isfinite(resampled)] / top
    share = value / top
    if recordings == 1 or len(defined) == 0:
        return Estimate(value=value, low=0.0, high=top, level=level, method="one-recording")
    spread = float(defined.std())
    known = spread > 1e-9 and 0 < share < 1
    items = share * (1 - share) / spread**2 if known else float(recordings)
    found = as_if_of(items, share, 2 * share - float(defined.mean()), level)
    return found.model_copy(
        update={
            "value": value,
            "low": min(value, top * found.low),
            "high": max(value, top * found.high),
        }
    )


def mean_of_rows(values: NDArray[np.float64], weights: Weights | None) -> NDArray[np.float64]:
    """Weighted mean of a number that each track has, shape (n_resamples,)."""
    weights = np.ones((1, len(values))) if weights is None else weights
    return np.asarray(weights @ values / weights.sum(axis=1))


def _ones(targets: Targets) -> Weights:
    return np.ones((1, len(targets)))


def _cumulated(weights: Weights) -> Weights:
    """Return sums of the first 0, 1, 2, ... columns."""
    return np.concatenate([np.zeros((len(weights), 1)), np.cumsum(weights, axis=1)], axis=1)


def _ratio(
    part: NDArray[np.float64], whole: NDArray[np.float64], otherwise: float = np.nan
) -> NDArray[np.float64]:
    part = np.asarray(part, np.float64)
    found = np.full(part.shape, otherwise)
    np.divide(part, whole, out=found, where=np.asarray(whole) > 0)
    return found
