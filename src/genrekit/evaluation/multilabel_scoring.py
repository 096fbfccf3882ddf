"""Probabilities and chosen genres of tracks with several genres to numbers with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrekit.evaluation.calibration_error import calibration_error
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
from genrekit.evaluation.scored import Scored, Unit, rate
from genrekit.schema import (
    Estimate,
    GenreNumbers,
    GenreRanking,
    MultiLabelNumbers,
)


def count_several(
    scored: Scored,
    choice: NDArray[np.bool_],
    *,
    labels: Sequence[str],
    unit: Unit,
    share: float,
    thresholds: Sequence[float] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Give every field of an `EvaluationResult` that follows from answers of several genres each.

    Macro means leave out genres that no test track has; those of F1 only if none was predicted
    either.

    Parameters
    ----------
    scored, choice, labels, unit, thresholds
        As of `genrekit.evaluation.score`.
    share : float
        Items tested over items trained on, for the interval over folds.
    """
    targets, probabilities = scored.targets, scored.probabilities
    found = _estimates(scored, choice, seed)
    right = (targets == choice).all(axis=1)
    cells = np.repeat(np.array(scored.groups, dtype=object), len(labels)).tolist()
    calibration = calibration_error(probabilities.ravel(), targets.ravel() == 1, cells, seed=seed)
    return {
        **rate(scored, right, found["accuracy"], unit=unit, share=share),
        "macro_f1": found["macro_f1"],
        "log_loss": binary_log_loss(targets, probabilities),
        "expected_calibration_error": binary_calibration_error(targets, probabilities),
        "calibration_error": calibration.error,
        "calibration_error_by_chance": calibration.by_chance,
        "per_genre": _per_genre(scored, choice, labels),
        "confusion": (),
        "task": "multi-label",
        "multi_label": _numbers(scored, choice, labels, thresholds, found),
    }


def _estimates(scored: Scored, choice: NDArray[np.bool_], seed: int) -> dict[str, Estimate]:
    """All numbers that have an interval; one that is not defined is left out."""
    targets, scores = scored.targets, scored.probabilities
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
    found = bootstrap_together(statistics, scored.groups, n_labels=n_labels, tops=tops, seed=seed)
    return {name: estimate for name, estimate in found.items() if estimate is not None}


def _numbers(
    scored: Scored,
    choice: NDArray[np.bool_],
    labels: Sequence[str],
    thresholds: Sequence[float] | None,
    found: Mapping[str, Estimate],
) -> MultiLabelNumbers:
    ranking = genre_ranking(scored.targets, scored.probabilities)
    return MultiLabelNumbers(
        micro_f1=found["micro_f1"],
        mean_average_precision=found["mean_average_precision"],
        roc_auc=found.get("roc_auc"),
        **{name: found[name] for name in RowRanking._fields},
        genres_per_track=float(scored.targets.sum(axis=1).mean()),
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
    scored: Scored, choice: NDArray[np.bool_], labels: Sequence[str]
) -> tuple[GenreNumbers, ...]:
    scores = f1_scores(scored.targets, choice)
    counts, predicted = scored.targets.sum(axis=0), choice.sum(axis=0)
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
