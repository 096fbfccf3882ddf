"""What a trial is judged by, measured on the exported graphs of its folds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genrekit.bundles import open_session, run_session
from genrekit.evaluation import (
    Scored,
    accuracy,
    aggregate,
    binary_log_loss,
    confusion_matrix,
    genre_ranking,
    log_loss,
    mean_defined,
)
from genrekit.training import Fit, Rows, Task, logits, probabilities

_RUNS_TIMED, _RUNS_BEFORE = 20, 3


@dataclass(frozen=True, slots=True, eq=False)
class FoldEvaluation:
    """The graph of one fold: what it says of recordings it was not fitted on, and what it costs.

    Attributes
    ----------
    targets : (n,) int64, or (n, n_labels) for multi-label
    probabilities : (n, n_labels) float64
    """

    targets: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    latency_ms: float
    size_bytes: int


def evaluate_fold(task: Task, fit: Fit, rows: Rows) -> FoldEvaluation:
    """Score ``rows``, which the fit has not seen, and time one of them."""
    scores = probabilities(task, logits(task, fit.model, rows), 1.0)
    tracks = aggregate(Scored(rows.y, scores, tuple(map(str, rows.groups))))
    milliseconds = _latency_ms(task, fit.model, rows)
    return FoldEvaluation(tracks.targets, tracks.probabilities, milliseconds, len(fit.model))


def objective_values(folds: Sequence[FoldEvaluation]) -> dict[str, float]:
    """Return the `OBJECTIVES` over some folds: all recordings together, median costs."""
    targets = np.concatenate([fold.targets for fold in folds])
    scores = np.concatenate([fold.probabilities for fold in folds])
    measured = (
        _single_label(targets, scores) if targets.ndim == 1 else _multi_label(targets, scores)
    )
    return measured | {
        "latency_ms": float(np.median([fold.latency_ms for fold in folds])),
        "size_bytes": float(np.median([fold.size_bytes for fold in folds])),
    }


def _single_label(targets: NDArray[np.int64], scores: NDArray[np.float64]) -> dict[str, float]:
    confusion = confusion_matrix(targets, scores.argmax(axis=1), scores.shape[1])
    return {"accuracy": accuracy(confusion), "log_loss": log_loss(targets, scores)}


def _multi_label(targets: NDArray[np.int64], scores: NDArray[np.float64]) -> dict[str, float]:
    precision = genre_ranking(targets, scores).average_precision
    return {
        "mean_average_precision": float(mean_defined(precision)[0]),
        "log_loss": binary_log_loss(targets, scores),
    }


def _latency_ms(task: Task, model: bytes, rows: Rows) -> float:
    """Median time of one window through the graph, on one thread."""
    inputs = {
        name: np.asarray(x[:1]) for name, x in ((task.input_name, rows.x), *rows.more.items())
    }
    session = open_session(model, inputs=tuple(inputs), n_labels=len(task.labels))
    seconds = []
    for _ in range(_RUNS_BEFORE + _RUNS_TIMED):
        started = time.perf_counter()
        run_session(session, inputs, n_labels=len(task.labels))
        seconds.append(time.perf_counter() - started)
    return round(1000 * float(np.median(seconds[_RUNS_BEFORE:])), 4)
