"""Logits to probabilities, windows to tracks, probabilities to an answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from genrekit.inference.tree import with_ancestors
from genrekit.schema import UNKNOWN, Manifest, Task

_SMALLEST = np.finfo(np.float64).tiny


def calibrated(
    logits: NDArray[np.floating], *, task: Task, temperature: float
) -> NDArray[np.float64]:
    """Probabilities of each window.

    Parameters
    ----------
    logits : (n, n_labels) float
    task : Task
        ``single-label`` takes the softmax of a row, ``multi-label`` the sigmoid of each cell.
    temperature : float
        Logits are divided by it first (Guo et al., *On Calibration of Modern Neural Networks*,
        ICML 2017).

    Returns
    -------
    (n, n_labels) float64
        In [0, 1]; rows sum to one for ``single-label``.
    """
    scaled = logits.astype(np.float64) / temperature
    return _sigmoid(scaled) if task == "multi-label" else _softmax(scaled)


def aggregate(probabilities: NDArray[np.float64], manifest: Manifest) -> NDArray[np.float64]:
    """Probabilities of a track from those of its windows, each counting the same.

    Parameters
    ----------
    probabilities : (n_windows, n_labels) float64, n_windows >= 1
    manifest : Manifest
        Its ``aggregation``: the mean of the probabilities, or of the logits behind them. Those are
        taken back from the probabilities, which for a softmax leaves out only a constant per
        window that has no effect.

    Returns
    -------
    (n_labels,) float64
    """
    if manifest.aggregation == "mean-probability":
        return np.asarray(np.clip(probabilities.mean(axis=0), 0, 1))
    logs = np.log(np.maximum(probabilities, _SMALLEST))
    if manifest.task == "single-label":
        return _softmax(logs.mean(axis=0))
    against = np.log(np.maximum(1 - probabilities, np.finfo(np.float64).eps))
    return _sigmoid((logs - against).mean(axis=0))


def ranked(labels: Sequence[str], probabilities: NDArray[np.float64]) -> dict[str, float]:
    """Genre to probability, best first; equal ones keep the order of the labels."""
    order = np.argsort(-probabilities, kind="stable")
    return {labels[index]: float(probabilities[index]) for index in order}


def decide(
    scores: dict[str, float], manifest: Manifest, *, unknown_below: float
) -> tuple[str, ...]:
    """Return the chosen genres, best first; nothing means ``unknown``.

    For ``single-label`` that is the best one, for ``multi-label`` all that reach their threshold,
    and what they imply in the bundle's tree; in both cases nothing is chosen when the best
    probability is less than ``unknown_below``.
    """
    best = next(iter(scores))
    if scores[best] < unknown_below:
        return ()
    if manifest.task == "single-label":
        return (best,)
    thresholds = dict(zip(manifest.labels, manifest.thresholds, strict=True))
    reached = (label for label, score in scores.items() if score >= thresholds[label])
    choice = with_ancestors(reached, manifest.parents)
    return tuple(label for label in scores if label in choice)


def prediction_set(scores: dict[str, float], manifest: Manifest) -> tuple[str, ...] | None:
    """Return the genres among which the true one is as often as the bundle promises, best first.

    None for a bundle that promises nothing. A set may be empty: nothing it knows is likely enough.
    """
    sets = manifest.prediction_sets
    if sets is None:
        return None
    return tuple(label for label, score in scores.items() if score >= sets.least)


def named(genres: tuple[str, ...]) -> str:
    """Return the one-word answer."""
    return genres[0] if genres else UNKNOWN


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    # tanh does not overflow where exp would.
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)))
