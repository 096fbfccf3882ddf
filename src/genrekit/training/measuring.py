"""What a trial is judged by, measured on the exported graphs of its folds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genrekit.bundles.session import open_session, run_session
from genrekit.evaluation import Tracks, aggregate_by_group
from genrekit.evaluation.metrics import accuracy, confusion_matrix, log_loss
from genrekit.inference import calibrated
from genrekit.training.fit import Fit, Task, logits
from genrekit.training.rows import Rows

_RUNS_TIMED, _RUNS_BEFORE = 20, 3


@dataclass(frozen=True, slots=True)
class Judged:
    """The graph of one fold: scores of recordings that it was not fitted on, and what it costs."""

    tracks: Tracks
    latency_ms: float
    size_bytes: int


def judge(task: Task, fit: Fit, rows: Rows) -> Judged:
    """Score ``rows``, which the fit has not seen, and time one of them."""
    scores = calibrated(logits(task, fit.model, rows), task="single-label", temperature=1.0)
    tracks = aggregate_by_group(rows.y, scores, tuple(map(str, rows.groups)))
    return Judged(tracks, _latency_ms(task, fit.model, rows), len(fit.model))


def objective_values(folds: Sequence[Judged]) -> dict[str, float]:
    """All of `OBJECTIVES` over some folds: their recordings together, and their median costs."""
    targets = np.concatenate([fold.tracks.targets for fold in folds])
    probabilities = np.concatenate([fold.tracks.probabilities for fold in folds])
    confusion = confusion_matrix(targets, probabilities.argmax(axis=1), probabilities.shape[1])
    return {
        "accuracy": accuracy(confusion),
        "log_loss": log_loss(targets, probabilities),
        "latency_ms": float(np.median([fold.latency_ms for fold in folds])),
        "size_bytes": float(np.median([fold.size_bytes for fold in folds])),
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
