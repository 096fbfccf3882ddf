"""Probabilities and targets to an `EvaluationResult` with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import Dataset, Split
from genrekit.errors import DatasetError
from genrekit.evaluation.calibration_error import calibration_of
from genrekit.evaluation.intervals import bootstrap_by_group
from genrekit.evaluation.metrics import (
    accuracy,
    confusion_matrix,
    expected_calibration_error,
    log_loss,
    macro_f1,
    precision_recall_f1,
)
from genrekit.evaluation.multilabel_scoring import count_several
from genrekit.evaluation.scored import Scored, Unit, rate
from genrekit.schema import Estimate, EvaluationResult, GenreNumbers


def score(
    scored: Scored,
    *,
    labels: Sequence[str],
    dataset: Dataset,
    split: Split,
    model: str,
    unit: Unit = "track",
    choice: NDArray[np.bool_] | None = None,
    thresholds: Sequence[float] | None = None,
    bundle_sha256: str | None = None,
    seed: int = 0,
) -> EvaluationResult:
    """Score test items of all folds together.

    Accuracy, which for several genres a track is that of the whole set, has Wilson's interval for
    tracks, and a bootstrap over recordings for segments and for tracks that were tested repeatedly,
    which are not independent; everything else always has the bootstrap.

    Parameters
    ----------
    scored : Scored
        Targets are positions in ``labels``, or a column for each of them.
    dataset, split
        What was tested; their fingerprints go into the result.
    choice : ndarray of bool, shape (n_items, n_labels), optional
        The genres that were predicted, where a track may have several.
    thresholds : sequence of float, optional
        By which they were chosen; None where every fold has its own.

    Raises
    ------
    DatasetError
        If the shapes do not fit each other, probabilities are not finite, or of several genres a
        track none is there.
    """
    _check(scored, choice, labels)
    if split.dataset_fingerprint != dataset.fingerprint:
        raise DatasetError(f"the split {split.protocol!r} was made from another dataset")
    how: dict[str, Any] = {"labels": labels, "unit": unit, "share": share_tested(split)}
    if choice is None:
        numbers = count(scored, **how, seed=seed)
    else:
        numbers = count_several(scored, choice, **how, thresholds=thresholds, seed=seed)
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
    scored: Scored, *, labels: Sequence[str], unit: Unit, share: float, seed: int = 0
) -> dict[str, Any]:
    """Give every field of an `EvaluationResult` that follows from answers of one genre each.

    Parameters
    ----------
    scored, labels, unit
        As of `score`.
    share : float
        Items tested over items trained on, for the interval over folds.
    """
    targets, probabilities, groups = scored.targets, scored.probabilities, scored.groups
    predicted = probabilities.argmax(axis=1)
    n_labels = len(labels)
    confusion = confusion_matrix(targets, predicted, n_labels)
    calibration = calibration_of(targets, probabilities, groups, seed=seed)

    def interval(statistic: Callable[[NDArray[np.float64]], float]) -> Estimate:
        return bootstrap_by_group(
            statistic, targets, predicted, groups, n_labels=n_labels, seed=seed
        )

    return {
        **rate(scored, targets == predicted, interval(accuracy), unit=unit, share=share),
        "macro_f1": interval(macro_f1),
        "log_loss": log_loss(targets, probabilities),
        "expected_calibration_error": expected_calibration_error(targets, probabilities),
        "calibration_error": calibration.error,
        "calibration_error_by_chance": calibration.by_chance,
        "per_genre": _per_genre(confusion, labels),
        "confusion": tuple(tuple(int(cell) for cell in row) for row in confusion),
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


def share_tested(split: Split) -> float:
    """Items tested over items trained on, of all folds together."""
    trained = sum(len(fold.train) for fold in split.folds)
    return sum(len(fold.test) for fold in split.folds) / max(1, trained)


def _check(scored: Scored, choice: NDArray[np.bool_] | None, labels: Sequence[str]) -> None:
    if len(scored) == 0:
        raise DatasetError("there are no test items to score")
    shape = (len(scored), len(labels))
    tables = [scored.probabilities, *([] if choice is None else [scored.targets, choice])]
    found = [table.shape for table in tables]
    if found != [shape] * len(tables) or len(scored.groups) != len(scored):
        raise DatasetError(
            f"probabilities, targets and choice have shapes {found} and there are "
            f"{len(scored.groups)} groups; expected {shape} and {len(scored)}"
        )
    if not np.isfinite(scored.probabilities).all():
        raise DatasetError("probabilities are not finite")
    if choice is not None and not scored.targets.any():
        raise DatasetError(
            f"none of the {len(scored)} test tracks has any of the {len(labels)} genres; nothing "
            "can be measured"
        )
