"""What is wrong with spectrogram pictures: files, sizes, and how they were drawn."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genrekit.audit.duplicates import NearPair, find_neighbours
from genrekit.audit.finding import Finding, below, found, make_finding
from genrekit.audit.recordings import outliers
from genrekit.datasets import Dataset, Item, drawing_of, read_picture
from genrekit.errors import DatasetError
from genrekit.features import PICTURE_SHAPE, scale_levels
from genrekit.workers import LONG_LIMITS, WorkerDied, ordered_map

#: Pictures are near if each is the other's most similar one, this similar (correlation of their
#: cells over time), and by this much more than to any third. Measured on the published set of
#: GTZAN: it finds all 23 known repetitions in it, and six pairs besides.
LEAST_CORRELATION = 0.5
LEAST_LEAD = 0.15

_PATTERN_SIZE = (23, 62)  # half a second a cell
_DETAIL_SIZE = (92, 248)


@dataclass(frozen=True, slots=True, eq=False)
class PictureFacts:
    """What one look at one picture measured; only ``problem`` if it could not be read.

    Parameters
    ----------
    size : (int, int)
        Rows and columns without the margins.
    drawing : str
        How it was drawn, where that can be told; see `drawing_of`.
    content : str
        Hash of the levels.
    pattern : ndarray, shape (cells,), optional
        Small picture without the mean of each row, of length one.
    statistics : ndarray, shape (columns,), optional
        Mean, deviation and mean change over time of each row.
    """

    problem: str = ""
    size: tuple[int, int] = (0, 0)
    drawing: str = ""
    content: str = ""
    pattern: NDArray[np.float32] | None = None
    statistics: NDArray[np.float32] | None = None


def measure_pictures(dataset: Dataset, *, workers: int) -> Iterator[PictureFacts]:
    """Measure the picture of every item, in order."""
    for outcome in ordered_map(_measure, dataset.items, workers=workers, limits=LONG_LIMITS):
        if isinstance(outcome, WorkerDied):
            yield PictureFacts(problem=outcome.message)
        else:
            yield outcome


def _measure(item: Item) -> PictureFacts:
    if item.path is None:
        return PictureFacts(problem="there is no picture")
    try:
        levels = read_picture(item.path)
    except DatasetError as error:
        return PictureFacts(problem=str(error))
    detail = scale_levels(levels, _DETAIL_SIZE)
    change = np.abs(np.diff(detail, axis=1)).mean(axis=1)
    return PictureFacts(
        size=(levels.shape[0], levels.shape[1]),
        drawing=drawing_of(levels) if levels.shape == PICTURE_SHAPE else "",
        content=hashlib.sha256(levels.tobytes() + str(levels.shape).encode()).hexdigest(),
        pattern=_pattern(scale_levels(levels, _PATTERN_SIZE)),
        statistics=np.concatenate([detail.mean(axis=1), detail.std(axis=1), change]),
    )


def _pattern(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    # What sounds all the time says little: two steady spectra of one genre are alike.
    moving = levels - levels.mean(axis=1, keepdims=True)
    flat: NDArray[np.float32] = (moving / max(float(np.linalg.norm(moving)), 1e-9)).ravel()
    return flat


def near_pictures(patterns: NDArray[np.float64], recordings: Sequence[str]) -> list[NearPair]:
    """Pairs of pictures of different recordings that show nearly the same.

    Parameters
    ----------
    patterns : ndarray, shape (n, cells)
        Of length one each.
    recordings : sequence of str
    """
    names, number = np.unique(np.array(recordings, dtype=object), return_inverse=True)
    if len(names) < 3:
        return []
    around = find_neighbours(patterns, number)
    correlation, beyond = 1 - around.gap**2 / 2, 1 - around.next_gap**2 / 2
    pairs = []
    for row, other in enumerate(around.nearest.tolist()):
        lead = correlation[row] - max(beyond[row], beyond[other])
        mutual = row < other and around.nearest[other] == row
        if mutual and correlation[row] > LEAST_CORRELATION and lead > LEAST_LEAD:
            evidence = {"correlation": round(float(correlation[row]), 4)}
            pairs.append(NearPair(row, other, evidence | {"lead": round(float(lead), 4)}))
    return pairs


def picture_findings(
    dataset: Dataset, facts: Sequence[PictureFacts], root: str = ""
) -> Iterator[Finding]:
    """Yield what is wrong with single pictures, and which differ from the others."""
    for row, fact in enumerate(facts):
        if fact.problem:
            item = found(dataset, [row], root)
            message = f"{item[0].item_id}: {below(fact.problem, root)}"
            yield make_finding("unreadable", message, item)
    sizes = {
        row: f"{fact.size[1]} x {fact.size[0]} pixels"
        for row, fact in enumerate(facts)
        if fact.content
    }
    yield from outliers(dataset, "odd-size", sizes, root)
    drawings = {
        row: f"drawn with cells by their {fact.drawing}"
        for row, fact in enumerate(facts)
        if fact.drawing
    }
    yield from outliers(dataset, "odd-drawing", drawings, root)
