"""What a head is worth on tracks that it did not learn from, and what calibrates it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import Dataset
from genrekit.evaluation import fit_binary_temperature, fit_temperature, tune_thresholds
from genrekit.inference import calibrated, consistent, edges
from genrekit.learn.embedding import Embedded
from genrekit.learn.folds import Folds
from genrekit.learn.head import nearest_centroid
from genrekit.learn.methods import Method
from genrekit.progress import Progress, silent

Array = NDArray[np.float64]
#: Of the answers that are right on held-out tracks, this share may become unknown.
LOST_TO_UNKNOWN = 0.05
_MOST_UNKNOWN_BELOW = 0.6
#: What is not music gets even probabilities; an answer is at least this share of the way to
#: certain.
_ABOVE_EVEN = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """What models of folds say of the tracks that were kept from them.

    Attributes
    ----------
    targets : (n,) int64, or (n, n_labels) for several labels a track
    logits : (n, n_labels) float64
        Before the temperature.
    probabilities : (n, n_labels) float64
        Each fold calibrated on the others.
    nearest : (n,) int64
        What the nearest centroid says; empty for several labels a track.
    temperature : float
        Of all folds together: the saved model's.
    thresholds : tuple of float
        For several labels a track.
    unknown_below : float
    """

    targets: NDArray[np.int64]
    logits: Array
    probabilities: Array
    nearest: NDArray[np.int64]
    temperature: float
    thresholds: tuple[float, ...]
    unknown_below: float


def targets_of(dataset: Dataset) -> NDArray[np.int64]:
    """Label numbers (n,), or a table of ones and zeros for several labels a track."""
    return dataset.target_matrix() if dataset.task == "multi-label" else dataset.targets()


def hold_out(
    dataset: Dataset,
    examples: Embedded,
    folds: Folds,
    method: Method,
    *,
    progress: Progress = silent,
) -> Held:
    """Answer every tested track by a model that learnt from none of its group."""
    several = dataset.task == "multi-label"
    targets, size = targets_of(dataset), len(dataset.labels)
    logits = np.zeros((len(folds.rows), size))
    nearest = np.zeros(0 if several else len(folds.rows), np.int64)
    parts = folds.parts()
    for number, (learnt, asked) in enumerate(parts, 1):
        teaching, others = examples.select(learnt), examples.select(folds.rows[asked])
        logits[asked] = method.fit(teaching, targets[learnt]).track_logits(others)
        if not several:
            nearest[asked] = nearest_centroid(teaching, targets[learnt], size, others)
        progress("Testing", number, len(parts))
    true = targets[folds.rows]
    probabilities = _calibrated_by_others(dataset, logits, true, folds.fold_of)
    return Held(
        targets=true,
        logits=logits,
        probabilities=probabilities,
        nearest=nearest,
        temperature=_temperature(logits, true),
        thresholds=_thresholds(dataset, probabilities, true),
        unknown_below=0.0 if several else unknown_limit(probabilities, true),
    )


def _temperature(logits: Array, targets: NDArray[np.int64]) -> float:
    if targets.ndim == 1:
        single: float = fit_temperature(logits, targets)
        return single
    several: float = fit_binary_temperature(logits, targets)
    return several


def _calibrated_by_others(
    dataset: Dataset, logits: Array, targets: NDArray[np.int64], fold_of: NDArray[np.int64]
) -> Array:
    """Probabilities, each fold at the temperature of the others: what is tested chose nothing."""
    found = np.zeros_like(logits)
    tree = edges(dataset.labels, parents_of(dataset))
    for fold in np.unique(fold_of):
        inside = fold_of == fold
        one = _temperature(logits[~inside], targets[~inside])
        plain = calibrated(logits[inside], task=dataset.task, temperature=one)
        found[inside] = consistent(plain, tree)
    return found


def parents_of(dataset: Dataset) -> dict[str, str]:
    """Genre to the genre that it implies, where a dataset has a tree."""
    if dataset.taxonomy is None:
        return {}
    return {genre: above for genre, above in dataset.taxonomy.parents.items() if above is not None}


def _thresholds(
    dataset: Dataset, probabilities: Array, targets: NDArray[np.int64]
) -> tuple[float, ...]:
    if targets.ndim == 1:
        return ()
    tuned = tune_thresholds(
        targets, probabilities, labels=dataset.labels, parents=parents_of(dataset)
    )
    return tuple(min(1.0, max(0.0, value)) for value in tuned.values)


def unknown_limit(probabilities: Array, targets: NDArray[np.int64]) -> float:
    """Return a limit that few right answers fall below, and sounds that are not music do."""
    n_labels = probabilities.shape[1]
    even: float = (1 + _ABOVE_EVEN * (n_labels - 1)) / n_labels
    sure = probabilities.max(axis=1)[probabilities.argmax(axis=1) == targets]
    if not len(sure):
        return round(even, 3)
    low = float(np.quantile(sure, LOST_TO_UNKNOWN))
    limit: float = min(max(even, low), max(even, _MOST_UNKNOWN_BELOW))
    return round(limit, 3)
