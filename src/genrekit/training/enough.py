"""Whether there are as many tracks of every genre as a classical model needs to be fitted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from genrekit.datasets import Item
from genrekit.errors import DatasetError
from genrekit.models import ClassicalConfig, NearestNeighbours, Stack, Svm, Vote


class _Folds(NamedTuple):
    """Folds that a model makes of what it is fitted on, and the setting that says how many."""

    who: str
    setting: str
    number: int


def check_enough(
    config: ClassicalConfig, items: Sequence[Item], *, one_row_each: bool, several: bool, where: str
) -> None:
    """Refuse to fit a model on fewer tracks than the folds inside of it need.

    Parameters
    ----------
    items : sequence of Item
        What one fit gets.
    one_row_each : bool
        A track is one row. Otherwise folds are of recordings, whatever their genre.
    several : bool
        Tracks may have several genres, each of which is told from all others.
    where : str
        Which fit it is, for the message.

    Raises
    ------
    DatasetError
        If there are too few; before anything is computed.
    """
    for neighbours in _neighbours(config):
        if one_row_each and neighbours > len(items):
            raise DatasetError(
                f"knn asks {neighbours} neighbours of {len(items)} tracks to train on {where}; add "
                "tracks, or take fewer neighbours (model.neighbours)"
            )
    recordings = {item.group for item in items}
    by_recording = not one_row_each or len(recordings) < len(items)
    counts = Counter(label for item in items for label in item.labels)
    for folds in _folds(config):
        if by_recording and len(recordings) < folds.number:
            raise DatasetError(_too_few(folds, len(recordings), "recordings", where))
        if by_recording:
            continue
        for label, count in counts.items():
            if several and count == len(items):
                continue  # it is told of everything, without a fit
            fewer = min(count, len(items) - count) if several else count
            if fewer < folds.number:
                raise DatasetError(
                    _too_few(folds, fewer, f"tracks {_of(label, count, fewer)}", where)
                )


def _of(label: str, count: int, fewer: int) -> str:
    return f"of {label!r}" if fewer == count else f"that are not {label!r}"


def _folds(config: ClassicalConfig) -> Iterator[_Folds]:
    if isinstance(config, Svm):
        yield _Folds("svm", "calibration_folds", config.calibration_folds)
    if isinstance(config, Stack):
        yield _Folds("stack", "folds", config.folds)
    if isinstance(config, Vote):
        for member in config.members:
            yield from _folds(member)


def _neighbours(config: ClassicalConfig) -> Iterator[int]:
    if isinstance(config, NearestNeighbours):
        yield config.neighbours
    if isinstance(config, Vote):
        for member in config.members:
            yield from _neighbours(member)


def _too_few(folds: _Folds, count: int, what: str, where: str) -> str:
    lower = f", set {folds.setting} of the model to {count}" if count > 1 else ""
    return (
        f"{folds.who} is fitted by {folds.number} folds inside of what it is trained on, and there "
        f"are only {count} {what} to train on {where}; add tracks{lower}, or take another model, "
        "such as recipes/classical/logistic.yaml"
    )
