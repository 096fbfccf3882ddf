"""Everything that is said of one model on one test set, each number with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import DatasetError
from genrekit.evaluation.calibration import reliability_bins
from genrekit.evaluation.intervals import (
    N_RESAMPLES,
    percentile_interval,
    resample_counts,
    wilson,
)
from genrekit.evaluation.metrics import (
    N_BINS,
    Tracks,
    balanced_accuracy,
    brier,
    confidence_bins,
    confusion_matrix,
    in_top,
    log_losses,
    macro,
    occurring,
    precision_recall_f1,
    weighted,
)
from genrekit.schema import Contract, Estimate

Unit = Literal["track", "segment"]

TOP = 3
_COVERAGE_STEPS = 20
#: Cells of confusion matrices that are held at once.
_MOST_CELLS = 4_000_000


class GenreMetrics(Contract):
    """One genre; precision is None where nothing was called it, recall where nothing is it."""

    genre: str
    tracks: int
    precision: Estimate | None
    recall: Estimate | None
    f1: Estimate


class ReliabilityPoint(Contract):
    """Items whose confidence lies in ``(low, high]``; an empty one has no accuracy."""

    low: float
    high: float
    items: int
    confidence: float
    accuracy: Estimate | None


class CoveragePoint(Contract):
    """The surest items: how many, how sure at least, and how often right."""

    coverage: float
    confidence: float
    items: int
    accuracy: float


class Metrics(Contract):
    """All single-label metrics, with the definitions of scikit-learn.

    Macro means are over the labels that occur as truth or as prediction, balanced accuracy over
    those that are true of something. Proportions of independent tracks have Wilson's interval;
    everything else has a bootstrap over recordings.
    """

    unit: Unit
    items: int
    recordings: int
    accuracy: Estimate
    balanced_accuracy: Estimate
    top3: Estimate
    precision_macro: Estimate
    recall_macro: Estimate
    f1_macro: Estimate
    precision_weighted: Estimate
    recall_weighted: Estimate
    f1_weighted: Estimate
    log_loss: Estimate
    brier: Estimate
    expected_calibration_error: Estimate
    per_genre: tuple[GenreMetrics, ...]
    confusion: tuple[tuple[int, ...], ...]
    reliability: tuple[ReliabilityPoint, ...]
    coverage: tuple[CoveragePoint, ...]


def measure(
    tracks: Tracks, labels: Sequence[str], *, unit: Unit = "track", seed: int = 0
) -> Metrics:
    """Every metric of scored tracks or segments.

    Parameters
    ----------
    tracks : Tracks
        Targets are positions in ``labels``.
    unit : {"track", "segment"}
        What each row is. Segments of one recording, and recordings that were tested repeatedly,
        are not independent, and have no interval of Wilson's.
    seed : int
        Of the bootstrap.

    Raises
    ------
    DatasetError
        If there is nothing, shapes differ, or probabilities are not finite.
    """
    check_scores(tracks, labels)
    targets, probabilities = tracks.targets, tracks.probabilities
    predicted = probabilities.argmax(axis=1).astype(np.int64)
    n_labels = len(labels)
    names, group_of = np.unique(np.array(tracks.groups, dtype=object), return_inverse=True)
    counts = resample_counts(len(names), n_resamples=N_RESAMPLES, seed=seed)
    confusion = confusion_matrix(targets, predicted, n_labels)
    matrices = _averages(targets * n_labels + predicted, group_of, counts, n_labels)
    value, resamples = _averaged(confusion[np.newaxis])[:, 0], matrices
    averages = {
        name: percentile_interval(float(value[row]), resamples[row])
        for row, name in enumerate(_AVERAGES)
    }
    each = [
        percentile_interval(float(value[row]), resamples[row])
        for row in range(len(_AVERAGES), len(value))
    ]
    means = _means(targets, probabilities, group_of, counts)
    different = len(set(zip(tracks.groups, targets.tolist(), strict=True)))
    independent = unit == "track" and different == len(targets)
    if independent:
        hits = int(np.trace(confusion))
        averages["accuracy"] = wilson(hits, len(targets))
        top = int(in_top(targets, probabilities, TOP).sum())
        means["top3"] = wilson(top, len(targets))
    return Metrics(
        unit=unit,
        items=len(targets),
        recordings=len(names),
        **averages,
        **means,
        per_genre=_genres(confusion, labels, each, independent),
        confusion=tuple(tuple(int(cell) for cell in row) for row in confusion),
        reliability=_reliability(targets, probabilities),
        coverage=_coverage(targets, probabilities),
    )


def check_scores(tracks: Tracks, labels: Sequence[str]) -> None:
    """Raise `DatasetError` unless there are finite scores of known labels."""
    rows, shape = len(tracks.targets), tracks.probabilities.shape
    if rows == 0:
        raise DatasetError("there are no test items to score")
    if shape != (rows, len(labels)) or len(tracks.groups) != rows:
        raise DatasetError(
            f"probabilities have shape {shape} and there are {len(tracks.groups)} groups; expected "
            f"{(rows, len(labels))} and {rows}"
        )
    if not np.isfinite(tracks.probabilities).all():
        bad = int((~np.isfinite(tracks.probabilities).all(axis=1)).argmax())
        raise DatasetError(
            f"the scores of {tracks.groups[bad]} are not finite: the model is broken, or its "
            "features are; no number is made of it"
        )
    if tracks.probabilities.min() < 0 or not (tracks.probabilities.sum(axis=1) > 0).all():
        raise DatasetError("scores are no probabilities: some are negative, or all of a row are 0")


# --- bootstrap ----------------------------------------------------------------------------------

_AVERAGES = (
    "accuracy",
    "balanced_accuracy",
    "precision_macro",
    "recall_macro",
    "f1_macro",
    "precision_weighted",
    "recall_weighted",
    "f1_weighted",
)


def _averaged(confusion: NDArray[np.float64]) -> NDArray[np.float64]:
    """`_AVERAGES`, then precision, recall and F1 of each label; matrices (n, labels, labels)."""
    scores = precision_recall_f1(confusion)
    seen = occurring(confusion)
    hits = np.trace(confusion, axis1=-2, axis2=-1) / confusion.sum(axis=(-2, -1))
    rows = [hits, balanced_accuracy(confusion), *(macro(one, seen) for one in scores)]
    rows += [weighted(one, confusion) for one in scores]
    return np.concatenate([np.stack(rows), *(one.T for one in scores)])


def _averages(
    cells: NDArray[np.int64],
    group_of: NDArray[np.intp],
    counts: NDArray[np.int64],
    n_labels: int,
) -> NDArray[np.float64]:
    from scipy.sparse import csr_array

    ones = np.ones(len(cells))
    shape = (counts.shape[1], n_labels**2)
    by_group = csr_array((ones, (group_of, cells)), shape=shape)
    at_once = max(1, _MOST_CELLS // n_labels**2)
    parts = [counts[start : start + at_once] for start in range(0, len(counts), at_once)]
    return np.concatenate(
        [_averaged((part @ by_group).reshape(-1, n_labels, n_labels)) for part in parts], axis=1
    )


def _means(
    targets: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    group_of: NDArray[np.intp],
    counts: NDArray[np.int64],
) -> dict[str, Estimate]:
    """Metrics that are means over items, and the calibration error, which is one over bins."""
    confidence = probabilities.max(axis=1)
    gap = confidence - (probabilities.argmax(axis=1) == targets)
    bins = confidence_bins(confidence, N_BINS)
    columns = np.zeros((len(targets), 4 + N_BINS))
    columns[:, 0] = 1
    columns[:, 1] = in_top(targets, probabilities, TOP)
    columns[:, 2] = log_losses(targets, probabilities)
    columns[:, 3] = brier(targets, probabilities)
    columns[np.arange(len(targets)), 4 + bins] = gap
    sums = np.zeros((counts.shape[1], columns.shape[1]))
    np.add.at(sums, group_of, columns)
    value, resampled = (_folded(part) for part in (sums.sum(axis=0)[np.newaxis], counts @ sums))
    names = ("top3", "log_loss", "brier", "expected_calibration_error")
    return {
        name: percentile_interval(float(value[row, 0]), resampled[row])
        for row, name in enumerate(names)
    }


def _folded(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    items = sums[:, 0]
    error = np.abs(sums[:, 4:]).sum(axis=1) / items
    return np.stack([*(sums[:, column] / items for column in (1, 2, 3)), error])


# --- tables -------------------------------------------------------------------------------------


def _genres(
    confusion: NDArray[np.float64],
    labels: Sequence[str],
    each: Sequence[Estimate],
    independent: bool,
) -> tuple[GenreMetrics, ...]:
    hits, called, true = np.diag(confusion), confusion.sum(axis=0), confusion.sum(axis=1)
    size = len(labels)

    def share(row: int, out_of: NDArray[np.float64], resampled: Estimate) -> Estimate | None:
        if not out_of[row]:
            return None
        return wilson(int(hits[row]), int(out_of[row])) if independent else resampled

    return tuple(
        GenreMetrics(
            genre=genre,
            tracks=int(true[row]),
            precision=share(row, called, each[row]),
            recall=share(row, true, each[size + row]),
            f1=each[2 * size + row],
        )
        for row, genre in enumerate(labels)
    )


def _reliability(
    targets: NDArray[np.int64], probabilities: NDArray[np.float64]
) -> tuple[ReliabilityPoint, ...]:
    return tuple(
        ReliabilityPoint(
            low=one.low,
            high=one.high,
            items=one.items,
            confidence=one.confidence,
            accuracy=wilson(round(one.accuracy * one.items), one.items) if one.items else None,
        )
        for one in reliability_bins(targets, probabilities)
    )


def _coverage(
    targets: NDArray[np.int64], probabilities: NDArray[np.float64]
) -> tuple[CoveragePoint, ...]:
    confidence = probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    right = np.cumsum((probabilities.argmax(axis=1) == targets)[order])
    steps = np.arange(1, _COVERAGE_STEPS + 1)
    counts = np.unique(-(-steps * len(targets) // _COVERAGE_STEPS))
    return tuple(
        CoveragePoint(
            coverage=count / len(targets),
            confidence=float(confidence[order[count - 1]]),
            items=count,
            accuracy=float(right[count - 1] / count),
        )
        for count in counts.tolist()
    )
