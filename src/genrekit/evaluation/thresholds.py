"""From which probability on a genre is chosen: tuned on tracks that were not fitted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import DatasetError
from genrekit.inference import edges

#: A genre with fewer positive tracks takes the threshold that is best for all genres together.
MINIMUM_POSITIVES = 3
#: Where no track has any genre, nothing can be tuned.
UNTUNED = 0.5
# Above every probability: tracks that a descendant has chosen already are chosen anyway.
_FORCED = 2.0


@dataclass(frozen=True, slots=True)
class Thresholds:
    """A threshold for each genre.

    Attributes
    ----------
    values : tuple of float
    tuned : tuple of bool
        False where a genre had too few positive tracks and took the common threshold.
    common : float
        The one that is best for all genres together.
    """

    values: tuple[float, ...]
    tuned: tuple[bool, ...]
    common: float


def tune_thresholds(
    targets: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    *,
    labels: Sequence[str],
    parents: Mapping[str, str] | None = None,
    minimum_positives: int = MINIMUM_POSITIVES,
) -> Thresholds:
    """For each genre the threshold of highest F1; of several the highest.

    It lies halfway between the last track that is chosen and the next. In a tree, what descendants
    choose is chosen, so they are tuned first. A genre with fewer than ``minimum_positives``
    positive tracks takes the common threshold, that of highest micro F1 over all genres; if no
    track has any genre, that is 0.5. Source: Y. Yang, "A study of thresholding strategies for text
    categorization", SIGIR 2001 (SCut, with its remedy for rare categories).

    Parameters
    ----------
    targets : ndarray of 0 and 1, shape (n_tracks, n_labels)
        Of validation tracks only.
    probabilities : ndarray, shape (n_tracks, n_labels)
        As `genrekit.inference.consistent` leaves them.

    Raises
    ------
    DatasetError
        If there are no tracks, shapes differ, or a probability is not finite.
    """
    _check(targets, probabilities, labels)
    common = common_threshold(targets, probabilities)
    enough = targets.sum(axis=0) >= max(1, minimum_positives)
    values = np.full(len(labels), common)
    forced = np.zeros(targets.shape, np.bool_)
    tree = edges(labels, parents or {})
    for genre in _children_first(len(labels), tree):
        scores = np.where(forced[:, genre], _FORCED, probabilities[:, genre])
        if enough[genre]:
            values[genre] = _best(targets[:, genre], scores)
        for child, parent in tree:
            if child == genre:
                forced[:, parent] |= scores >= values[genre]
    return Thresholds(tuple(values.tolist()), tuple(enough.tolist()), common)


def common_threshold(targets: NDArray[np.int64], probabilities: NDArray[np.float64]) -> float:
    """Return the threshold of highest micro F1 over all cells; 0.5 if none is positive."""
    return _best(targets.ravel(), probabilities.ravel()) if targets.any() else UNTUNED


def _best(targets: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    """Threshold of highest F1; scores above one are chosen whatever it is."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    hits = np.cumsum(targets[order])
    counts = np.arange(1, len(ranked) + 1)
    f1 = 2 * hits / (counts + hits[-1])
    below = np.append(ranked[1:], 0.0)
    # Equal scores are chosen together, and forced ones all.
    allowed = (ranked > below) | (counts == len(ranked))
    allowed[:-1] &= below[:-1] <= 1
    last = int(np.argmax(np.where(allowed, f1, -1.0)))
    lowest = min(ranked[last], 1.0)
    # Between neighbours there is no number halfway.
    return float(max((lowest + below[last]) / 2, min(lowest, np.nextafter(below[last], 1.0))))


def _children_first(n_labels: int, tree: Sequence[tuple[int, int]]) -> list[int]:
    children = [child for child, _ in tree]
    return [*children, *sorted(set(range(n_labels)) - set(children))]


def _check(
    targets: NDArray[np.int64], probabilities: NDArray[np.float64], labels: Sequence[str]
) -> None:
    if targets.shape != probabilities.shape or targets.shape[1:] != (len(labels),):
        raise DatasetError(
            f"targets have shape {targets.shape}, probabilities {probabilities.shape}; expected "
            f"(tracks, {len(labels)}) for both"
        )
    if not len(targets):
        raise DatasetError("thresholds need validation tracks, and there are none")
    if not np.isfinite(probabilities).all():
        row, genre = np.argwhere(~np.isfinite(probabilities))[0]
        raise DatasetError(
            f"the probability of {labels[genre]!r} for validation track {row} is "
            f"{probabilities[row, genre]}; thresholds need finite ones: was the network trained at "
            "too high a learning rate?"
        )
