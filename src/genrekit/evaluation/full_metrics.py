"""Everything that is said of one model on one test set, each number with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import DatasetError
from genrekit.evaluation.calibration import reliability_bins
from genrekit.evaluation.calibration_error import calibration_of
from genrekit.evaluation.intervals import (
    N_RESAMPLES,
    Confusions,
    bounded_interval,
    mean_loss,
    one_recording,
    share_by_group,
    wilson,
)
from genrekit.evaluation.metrics import (
    SMALLEST_PROBABILITY,
    balanced_accuracy,
    brier,
    confusion_matrix,
    in_top,
    log_losses,
    macro,
    occurring,
    precision_recall_f1,
    weighted,
)
from genrekit.evaluation.scored import Scored
from genrekit.schema import Contract, Estimate

Unit = Literal["track", "segment"]

TOP = 3
_COVERAGE_STEPS = 20


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
    other proportions have that of as many independent tracks as would spread like resamples of the
    recordings; losses have a t interval of their logarithm.

    Parameters
    ----------
    expected_calibration_error : Estimate
        Without the part that chance adds to the distance of confidence from accuracy in bins.
    calibration_error_by_chance : float, optional
        What that distance would be for a perfectly calibrated model on as many items.
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
    calibration_error_by_chance: float | None = None
    per_genre: tuple[GenreMetrics, ...]
    confusion: tuple[tuple[int, ...], ...]
    reliability: tuple[ReliabilityPoint, ...]
    coverage: tuple[CoveragePoint, ...]


def measure_all(
    tracks: Scored, labels: Sequence[str], *, unit: Unit = "track", seed: int = 0
) -> Metrics:
    """Every metric of scored tracks or segments.

    Parameters
    ----------
    tracks : Scored
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
    targets, probabilities, groups = tracks.targets, tracks.probabilities, tracks.groups
    predicted = probabilities.argmax(axis=1).astype(np.int64)
    n_labels = len(labels)
    confusion = confusion_matrix(targets, predicted, n_labels)
    drawn = Confusions(targets, predicted, groups, n_labels)
    found = _intervals(confusion, drawn, seed)
    averages = dict(zip(_AVERAGES, found, strict=False))
    means = _losses(targets, probabilities, groups)
    different = len(set(zip(groups, targets.tolist(), strict=True)))
    independent = unit == "track" and different == len(targets)
    first = in_top(targets, probabilities, TOP).astype(np.float64)
    if independent:
        averages["accuracy"] = wilson(int(np.trace(confusion)), len(targets))
        means["top3"] = wilson(round(float(first.sum())), len(targets))
    else:
        means["top3"] = share_by_group(first, groups, seed=seed)
    calibration = calibration_of(targets, probabilities, groups, seed=seed)
    return Metrics(
        unit=unit,
        items=len(targets),
        recordings=drawn.recordings,
        **averages,
        **means,
        expected_calibration_error=calibration.error,
        calibration_error_by_chance=calibration.by_chance,
        per_genre=_genres(confusion, labels, found[len(_AVERAGES) :], independent),
        confusion=tuple(tuple(int(cell) for cell in row) for row in confusion),
        reliability=_reliability(targets, probabilities),
        coverage=_coverage(targets, probabilities),
    )


def check_scores(tracks: Scored, labels: Sequence[str]) -> None:
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
        raise DatasetError("scores are not probabilities: some are negative, or all of a row are 0")


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


def _intervals(
    confusion: NDArray[np.float64], drawn: Confusions, seed: int
) -> tuple[Estimate, ...]:
    values = _averaged(confusion[np.newaxis])[:, 0]
    if drawn.recordings == 1:
        return tuple(one_recording(value) for value in values.tolist())
    parts = drawn.resampled(n_resamples=N_RESAMPLES, seed=seed)
    resampled = np.concatenate([_averaged(part) for part in parts], axis=1)
    padded = _averaged(drawn.padded[np.newaxis])[:, 0]
    return tuple(
        bounded_interval(value, row, middle, drawn.share)
        for value, row, middle in zip(values.tolist(), resampled, padded.tolist(), strict=True)
    )


def _losses(
    targets: NDArray[np.int64], probabilities: NDArray[np.float64], groups: Sequence[str]
) -> dict[str, Estimate]:
    right = probabilities.argmax(axis=1) == targets
    second = np.argsort(-probabilities, axis=1, kind="stable")[
        :, min(1, probabilities.shape[1] - 1)
    ]
    worst = -math.log(SMALLEST_PROBABILITY)
    return {
        name: mean_loss(
            loss(targets, probabilities), loss(second, probabilities), right, groups, most=most
        )
        for name, loss, most in (("log_loss", log_losses, worst), ("brier", brier, 2.0))
    }


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
