"""Probabilities and targets to an `EvaluationResult` with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import Dataset, Split
from genrekit.errors import DatasetError
from genrekit.evaluation.calibration_error import calibration_of
from genrekit.evaluation.intervals import bootstrap_by_group, over_folds, wilson
from genrekit.evaluation.metrics import (
    accuracy,
    confusion_matrix,
    expected_calibration_error,
    log_loss,
    macro_f1,
    precision_recall_f1,
)
from genrekit.schema import Estimate, EvaluationResult, GenreNumbers


def score(
    targets: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    *,
    labels: Sequence[str],
    groups: Sequence[str],
    dataset: Dataset,
    split: Split,
    model: str,
    unit: Literal["track", "segment"] = "track",
    folds: NDArray[np.int64] | None = None,
    bundle_sha256: str | None = None,
    seed: int = 0,
) -> EvaluationResult:
    """Score test items of all folds together.

    Accuracy has Wilson's interval for tracks, and a bootstrap over recordings for segments and for
    tracks that were tested repeatedly, which are not independent; macro F1 always has the
    bootstrap.

    Parameters
    ----------
    targets : ndarray of int, shape (n_items,)
        Positions in ``labels``.
    probabilities : ndarray, shape (n_items, n_labels)
    groups : sequence of str
        The recording of each item.
    dataset, split
        What was tested; their fingerprints go into the result.
    folds : ndarray of int, shape (n_items,), optional
        Fold of each item, for the accuracy of each.

    Raises
    ------
    DatasetError
        If the shapes do not fit each other, or probabilities are not finite.
    """
    _check(targets, probabilities, labels, groups)
    if split.dataset_fingerprint != dataset.fingerprint:
        raise DatasetError(f"the split {split.protocol!r} was made from another dataset")
    numbers = count(
        targets,
        probabilities,
        labels=labels,
        groups=groups,
        unit=unit,
        folds=folds,
        share=share_tested(split),
        seed=seed,
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
        labels=tuple(labels),
        versions={name: version(name) for name in ("genrekit", "numpy")},
        **numbers,
    )


def count(
    targets: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    *,
    labels: Sequence[str],
    groups: Sequence[str],
    unit: Literal["track", "segment"],
    folds: NDArray[np.int64] | None,
    share: float,
    seed: int = 0,
) -> dict[str, Any]:
    """Give every field of an `EvaluationResult` that follows from answers.

    Parameters
    ----------
    targets, probabilities, labels, groups, unit, folds
        As of `score`.
    share : float
        Items tested over items trained on, for the interval over folds.
    """
    predicted = probabilities.argmax(axis=1)
    n_labels = len(labels)
    confusion = confusion_matrix(targets, predicted, n_labels)
    hits = int(np.trace(confusion))
    different = len(set(zip(groups, targets.tolist(), strict=True)))
    independent = unit == "track" and different == len(targets)
    calibration = calibration_of(targets, probabilities, groups, seed=seed)

    def interval(statistic: Callable[[NDArray[np.float64]], float]) -> Estimate:
        return bootstrap_by_group(
            statistic, targets, predicted, groups, n_labels=n_labels, seed=seed
        )

    return {
        "items": different if unit == "track" else len(targets),
        "accuracy": wilson(hits, len(targets)) if independent else interval(accuracy),
        "macro_f1": interval(macro_f1),
        "log_loss": log_loss(targets, probabilities),
        "expected_calibration_error": expected_calibration_error(targets, probabilities),
        "calibration_error": calibration.error,
        "calibration_error_by_chance": calibration.by_chance,
        "per_genre": _per_genre(confusion, labels),
        "confusion": tuple(tuple(int(cell) for cell in row) for row in confusion),
        "fold_accuracies": _fold_accuracies(targets == predicted, folds),
        "accuracy_over_folds": accuracy_over_folds(targets == predicted, folds, groups, share),
    }


def _per_genre(confusion: NDArray[np.float64], labels: Sequence[str]) -> tuple[GenreNumbers, ...]:
    called, true = confusion.sum(axis=0), confusion.sum(axis=1)
    columns = zip(labels, *precision_recall_f1(confusion), called, true, strict=True)
    return tuple(
        GenreNumbers(
            genre=genre,
            precision=float(precision) if n_predicted else None,
            recall=float(recall) if items else None,
            f1=float(f1) if n_predicted + items else None,
            tracks=int(items),
        )
        for genre, precision, recall, f1, n_predicted, items in columns
    )


def _fold_accuracies(hit: NDArray[np.bool_], folds: NDArray[np.int64] | None) -> tuple[float, ...]:
    if folds is None:
        return ()
    return tuple(float(hit[folds == fold].mean()) for fold in np.unique(folds))


def accuracy_over_folds(
    hit: NDArray[np.bool_],
    folds: NDArray[np.int64] | None,
    groups: Sequence[str],
    share: float,
) -> Estimate | None:
    """Mean accuracy of the folds with the corrected t interval; None for one fold.

    Parameters
    ----------
    share : float
        Items tested over items trained on.
    """
    accuracies = _fold_accuracies(hit, folds)
    if len(accuracies) < 2:
        return None
    return over_folds(accuracies, share, recordings=len(set(groups)))


def share_tested(split: Split) -> float:
    """Items tested over items trained on, of all folds together."""
    trained = sum(len(fold.train) for fold in split.folds)
    return sum(len(fold.test) for fold in split.folds) / max(1, trained)


def _check(
    targets: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    labels: Sequence[str],
    groups: Sequence[str],
) -> None:
    if len(targets) == 0:
        raise DatasetError("there are no test items to score")
    if probabilities.shape != (len(targets), len(labels)) or len(groups) != len(targets):
        raise DatasetError(
            f"probabilities have shape {probabilities.shape} and there are {len(groups)} groups; "
            f"expected {(len(targets), len(labels))} and {len(targets)}"
        )
    if not np.isfinite(probabilities).all():
        raise DatasetError("probabilities are not finite")
