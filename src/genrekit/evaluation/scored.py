"""The one table that numbers are made of: what is true, what a model says, and of which recording.

One genre a track is the special case of several: its targets are positions instead of zeros and
ones, and what is chosen is what is most probable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import DatasetError
from genrekit.evaluation.intervals import over_folds, wilson
from genrekit.evaluation.metrics import SMALLEST_PROBABILITY, Aggregation
from genrekit.inference import calibrated
from genrekit.schema import Estimate, Task

Unit = Literal["track", "segment"]


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Tracks or segments with the probabilities that a model gives them.

    Parameters
    ----------
    targets : ndarray of int
        Positions of labels, shape (n,); of several genres a track 0 and 1, shape (n, n_labels).
    probabilities : ndarray, shape (n, n_labels)
    groups : tuple of str
        The recording of each.
    folds : ndarray of int, shape (n,), optional
        In which fold of several each was tested.
    """

    targets: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    groups: tuple[str, ...]
    folds: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def several(self) -> bool:
        """Whether a track may have several genres."""
        return self.targets.ndim == 2

    @property
    def different(self) -> int:
        """How many different tracks there are: one may have been tested repeatedly."""
        return len(set(_tracks(self)))


def joined(parts: Sequence[Scored]) -> Scored:
    """Put the test scores of all folds together."""
    fold_of = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return Scored(
        np.concatenate([part.targets for part in parts]),
        np.concatenate([part.probabilities for part in parts]),
        tuple(group for part in parts for group in part.groups),
        fold_of if len(parts) > 1 else None,
    )


def aggregate(scored: Scored, how: Aggregation = "mean-probability") -> Scored:
    """Merge the segments of each recording, in order of first appearance.

    A recording that the corpus has under two labels stays two tracks.

    Parameters
    ----------
    scored : Scored
        Of one fold.
    how : {"mean-probability", "mean-logit"}
        ``mean-logit`` averages log probabilities and normalises; of several genres a track it
        averages the log odds of each.

    Raises
    ------
    DatasetError
        If the lengths differ.
    """
    sizes = len(scored.targets), len(scored.probabilities), len(scored.groups)
    if len(set(sizes)) > 1:
        raise DatasetError(
            "{} targets, {} rows and {} groups; expected as many of each".format(*sizes)
        )
    tracks = _tracks(scored)
    first: dict[tuple[str, bytes], int] = {}
    for row, track in enumerate(tracks):
        first.setdefault(track, row)
    number = {track: place for place, track in enumerate(first)}
    of_row = np.array([number[track] for track in tracks])
    logit = how == "mean-logit"
    values = _logits(scored) if logit else scored.probabilities
    sums = np.zeros((len(first), values.shape[1]))
    np.add.at(sums, of_row, values)
    means = sums / np.bincount(of_row)[:, None]
    if logit:
        task: Task = "multi-label" if scored.several else "single-label"
        means = calibrated(means, task=task, temperature=1.0)
    groups = tuple(group for group, _ in first)
    return Scored(scored.targets[list(first.values())], means, groups)


def rate(
    scored: Scored, right: NDArray[np.bool_], interval: Estimate, *, unit: Unit, share: float
) -> dict[str, Any]:
    """Return how many are right, in all and in each fold, as fields of an `EvaluationResult`.

    Parameters
    ----------
    right : ndarray of bool, shape (n,)
    interval : Estimate
        The accuracy with a bootstrap over recordings, for rows that are not independent: segments,
        and tracks that were tested repeatedly. Others have Wilson's.
    share : float
        Items tested over items trained on, for the interval over folds.
    """
    different = scored.different
    independent = unit == "track" and different == len(scored)
    folds = [] if scored.folds is None else [scored.folds == fold for fold in _numbers(scored)]
    accuracies = tuple(float(right[rows].mean()) for rows in folds)
    recordings = len(set(scored.groups))
    several = len(accuracies) > 1
    return {
        "items": different if unit == "track" else len(scored),
        "accuracy": wilson(int(right.sum()), len(scored)) if independent else interval,
        "fold_accuracies": accuracies,
        "accuracy_over_folds": (
            over_folds(accuracies, share, recordings=recordings) if several else None
        ),
    }


def _numbers(scored: Scored) -> NDArray[np.int64]:
    return np.unique(np.asarray(scored.folds))


def _tracks(scored: Scored) -> list[tuple[str, bytes]]:
    """Name the track of each row: its recording under its labels."""
    rows = np.ascontiguousarray(scored.targets)
    return [(group, row.tobytes()) for group, row in zip(scored.groups, rows, strict=True)]


def _logits(scored: Scored) -> NDArray[np.float64]:
    values = scored.probabilities
    if not scored.several:
        return np.asarray(np.log(np.maximum(values, SMALLEST_PROBABILITY)))
    tiny = np.finfo(np.float64).eps
    return np.asarray(np.log(np.maximum(values, tiny)) - np.log(np.maximum(1 - values, tiny)))
