"""Choose when a saved model says ``unknown``, by what it says of tracks it did not learn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from genrekit.errors import ConfigError
from genrekit.evaluation.abstention import Abstention, choose_threshold, fit_sets
from genrekit.evaluation.evaluate import ItemScore
from genrekit.schema import Contract, ModelIdentity, PredictionSets

if TYPE_CHECKING:
    from genrekit.inference import Classifier


class Calibration(Contract):
    """What ``genrekit calibrate`` found; ``version`` is that of a bundle that holds it."""

    model: ModelIdentity
    version: str
    dataset: str
    abstention: Abstention
    prediction_sets: PredictionSets | None = None


def check_calibratable(classifier: Classifier) -> None:
    """Raise `ConfigError` for a model that has no one answer to be unsure of."""
    if classifier.bundle.manifest.task != "single-label":
        raise ConfigError(
            f"{classifier.identity.name} tells several genres a track, each above a threshold of "
            "its own, which training tunes; calibrate a single-label model"
        )


def calibrate(
    classifier: Classifier,
    dataset: str,
    scores: Sequence[ItemScore],
    *,
    error: float,
    confidence: float = 0.95,
    sets: bool = False,
) -> Calibration:
    """Choose the threshold, and prediction sets if asked for.

    Parameters
    ----------
    dataset : str
        Its name.
    scores : sequence of ItemScore
        From `score_items`, which refuses tracks that the model learnt from.
    error, confidence : float
        As for `choose_threshold`.
    sets : bool
        Find prediction sets for the same error.

    Raises
    ------
    ConfigError
        If the model is multi-label.
    DatasetError
        If the tracks are too few for what is asked.
    """
    check_calibratable(classifier)
    number = {label: place for place, label in enumerate(classifier.labels)}
    table = np.array([one.probabilities for one in scores]).reshape(-1, len(number))
    targets = np.array([number[one.true] for one in scores], np.int64)
    groups = [one.group for one in scores]
    found = choose_threshold(
        table.max(axis=1),
        table.argmax(axis=1) == targets,
        groups,
        error=error,
        confidence=confidence,
        now=classifier.bundle.manifest.unknown_below,
    )
    return Calibration(
        model=classifier.identity,
        version=next_version(classifier.identity.version),
        dataset=dataset,
        abstention=found,
        prediction_sets=fit_sets(table, targets, groups, error=error) if sets else None,
    )


def next_version(version: str) -> str:
    """Return the one after, by its last number.

    >>> next_version("0.4.9")
    '0.4.10'
    """
    *front, last = version.split(".")
    return ".".join([*front, str(int(last) + 1)])
