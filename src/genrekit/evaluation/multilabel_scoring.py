"""Probabilities and chosen genres of multi-label tracks to an `EvaluationResult`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import Dataset, Split
from genrekit.errors import DatasetError
from genrekit.evaluation.calibration_error import calibration_error
from genrekit.evaluation.intervals import wilson
from genrekit.evaluation.metrics import Aggregation, aggregate_by_group
from genrekit.evaluation.multilabel import (
    RowRanking,
    Weights,
    binary_calibration_error,
    binary_log_loss,
    bootstrap_together,
    f1_scores,
    genre_ranking,
    mean_defined,
    mean_of_rows,
    row_ranking,
    subset_accuracy,
)
from genrekit.evaluation.scoring import accuracy_over_folds, share_tested
from genrekit.schema import (
    Estimate,
    EvaluationResult,
    GenreNumbers,
    GenreRanking,
    MultiLabelNumbers,
)


@dataclass(frozen=True, slots=True, eq=False)
class LabelledTracks:
    """Multi-label tracks with what a model says of them.

    Attributes
    ----------
    targets : ndarray of 0 and 1, shape (n_tracks, n_labels)
    probabilities : ndarray, shape (n_tracks, n_labels)
    groups : tuple of str
        The recording of each.
    """

    targets: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    groups: tuple[str, ...]


def merged_by_group(
    tracks: LabelledTracks, how: Aggregation = "mean-probability"
) -> LabelledTracks:
    """Merge the segments of each recording; one that is there with other genres stays apart."""
    different, numbers = np.unique(tracks.targets, axis=0, return_inverse=True)
    values = tracks.probabilities
    if how == "mean-logit":
        tiny = np.finfo(np.float64).eps
        values = np.log(np.maximum(values, tiny)) - np.log(np.maximum(1 - values, tiny))
    merged = aggregate_by_group(numbers.ravel().astype(np.int64), values, tracks.groups)
    means = merged.probabilities
    if how == "mean-logit":
        means = 0.5 * (1 + np.tanh(means / 2))
    return LabelledTracks(different[merged.targets], means, merged.groups)


def score_multilabel(
    tracks: LabelledTracks,
    choice: NDArray[np.bool_],
    *,
    labels: Sequence[str],
    dataset: Dataset,
    split: Split,
    model: str,
    thresholds: Sequence[float] | None = None,
    unit: Literal["track", "segment"] = "track",
    folds: NDArray[np.int64] | None = None,
    bundle_sha256: str | None = None,
    seed: int = 0,
) -> EvaluationResult:
    """Score test tracks of all folds together; see `score` for what is the same.

    Macro means leave out genres that no test track has; those of F1 only if none was told either.
    All intervals are bootstrapped over recordings, but that of the subset accuracy of different
    tracks, which is Wilson's.

    Parameters
    ----------
    choice : ndarray of bool, shape (n_tracks, n_labels)
        The genres that were told.
    thresholds : sequence of float, optional
        By which they were chosen; None where every fold has its own.

    Raises
    ------
    DatasetError
        If shapes do not fit, a probability is not finite, or no track has any of the genres.
    """
    _check(tracks, choice, labels)
    if split.dataset_fingerprint != dataset.fingerprint:
        raise DatasetError(f"the split {split.protocol!r} was made from another dataset")
    found = _estimates(tracks, choice, seed)
    right = (tracks.targets == choice).all(axis=1)
    pairs = zip(tracks.groups, tracks.targets, strict=True)
    different = len({(group, row.tobytes()) for group, row in pairs})
    independent = unit == "track" and different == len(right)
    cells = np.repeat(np.array(tracks.groups, dtype=object), len(labels)).tolist()
    calibration = calibration_error(
        tracks.probabilities.ravel(), tracks.targets.ravel() == 1, cells, seed=seed
    )
    return EvaluationResult(
        model=model,
        dataset=dataset.name,
        dataset_fingerprint=dataset.fingerprint,
        protocol=split.protocol,
        leaky=split.leaky,
        split_fingerprint=split.fingerprint,
        bundle_sha256=bundle_sha256,
        unit=unit,
        items=different if unit == "track" else len(right),
        labels=tuple(labels),
        accuracy=wilson(int(right.sum()), len(right)) if independent else found["accuracy"],
        macro_f1=found["macro_f1"],
        log_loss=binary_log_loss(tracks.targets, tracks.probabilities),
        expected_calibration_error=binary_calibration_error(tracks.targets, tracks.probabilities),
        calibration_error=calibration.error,
        calibration_error_by_chance=calibration.by_chance,
        per_genre=_per_genre(tracks, choice, labels),
        confusion=(),
        fold_accuracies=()
        if folds is None
        else tuple(float(right[folds == fold].mean()) for fold in np.unique(folds)),
        accuracy_over_folds=accuracy_over_folds(right, folds, tracks.groups, share_tested(split)),
        task="multi-label",
        multi_label=_numbers(tracks, choice, labels, thresholds, found),
        versions={name: version(name) for name in ("genrekit", "numpy")},
    )


def _estimates(tracks: LabelledTracks, choice: NDArray[np.bool_], seed: int) -> dict[str, Estimate]:
    """All numbers that have an interval; one that is not defined is left out."""
    targets, scores = tracks.targets, tracks.probabilities
    rows = row_ranking(targets, scores)

    def statistics(weights: Weights) -> Mapping[str, NDArray[np.float64]]:
        f1 = f1_scores(targets, choice, weights)
        ranking = genre_ranking(targets, scores, weights)
        return {
            "accuracy": subset_accuracy(targets, choice, weights),
            "macro_f1": mean_defined(f1.f1),
            "micro_f1": f1.micro,
            "mean_average_precision": mean_defined(ranking.average_precision),
            "roc_auc": mean_defined(ranking.roc_auc),
            **{name: mean_of_rows(getattr(rows, name), weights) for name in RowRanking._fields},
        }

    n_labels = targets.shape[1]
    tops = {"coverage": float(n_labels)}
    found = bootstrap_together(statistics, tracks.groups, n_labels=n_labels, tops=tops, seed=seed)
    return {name: estimate for name, estimate in found.items() if estimate is not None}


def _numbers(
    tracks: LabelledTracks,
    choice: NDArray[np.bool_],
    labels: Sequence[str],
    thresholds: Sequence[float] | None,
    found: Mapping[str, Estimate],
) -> MultiLabelNumbers:
    ranking = genre_ranking(tracks.targets, tracks.probabilities)
    return MultiLabelNumbers(
        micro_f1=found["micro_f1"],
        mean_average_precision=found["mean_average_precision"],
        roc_auc=found.get("roc_auc"),
        **{name: found[name] for name in RowRanking._fields},
        genres_per_track=float(tracks.targets.sum(axis=1).mean()),
        chosen_per_track=float(choice.sum(axis=1).mean()),
        per_genre=tuple(
            GenreRanking(
                genre=label,
                threshold=None if thresholds is None else thresholds[number],
                average_precision=_defined(ranking.average_precision[0, number]),
                roc_auc=_defined(ranking.roc_auc[0, number]),
            )
            for number, label in enumerate(labels)
        ),
    )


def _defined(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _per_genre(
    tracks: LabelledTracks, choice: NDArray[np.bool_], labels: Sequence[str]
) -> tuple[GenreNumbers, ...]:
    scores = f1_scores(tracks.targets, choice)
    counts, predicted = tracks.targets.sum(axis=0), choice.sum(axis=0)
    return tuple(
        GenreNumbers(
            genre=label,
            precision=float(scores.precision[0, number]) if predicted[number] else None,
            recall=float(scores.recall[0, number]) if counts[number] else None,
            f1=_defined(scores.f1[0, number]),
            tracks=int(counts[number]),
        )
        for number, label in enumerate(labels)
    )


def _check(tracks: LabelledTracks, choice: NDArray[np.bool_], labels: Sequence[str]) -> None:
    shape = (len(tracks.groups), len(labels))
    seen = [part.shape for part in (tracks.targets, tracks.probabilities, choice)]
    if seen != [shape] * 3:
        raise DatasetError(f"targets, probabilities and choice are {seen}; expected {shape}")
    if not np.isfinite(tracks.probabilities).all():
        raise DatasetError("probabilities are not finite")
    if not tracks.targets.any():
        raise DatasetError(
            f"none of the {len(tracks.groups)} test tracks has any of the {len(labels)} genres; "
            "nothing can be measured"
        )
