"""Hide a part, see what is lost: explanations that work for every model.

Source: M. D. Zeiler and R. Fergus, "Visualizing and understanding convolutional networks", ECCV
2014. A loss is of the log-odds of one genre: a sure model that loses a little of a probability near
one has lost as much as one that loses half of a small one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from genrekit.audio import Waveform
from genrekit.bundles import window_samples
from genrekit.errors import ConfigError, quoted
from genrekit.explain.agreement import log_odds
from genrekit.explain.masking import Piece, PredictedTrack, hidden_scores
from genrekit.explain.records import ColumnLoss, Patch, Span
from genrekit.inference import Classifier, Window, ranked
from genrekit.schema import SegmentScore

PatchWay = Literal["quiet", "usual"]
#: A cell that is made quiet is as quiet as its row is in the quietest of this share of its cells.
QUIET_SHARE = 0.05
#: Patches are made as quiet as their row gets, or what their row usually is.
PATCH_WAYS: tuple[PatchWay, ...] = ("quiet", "usual")


def label_number(classifier: Classifier, genre: str) -> int:
    """Position of a genre.

    Raises
    ------
    ConfigError
        If the model does not know it.
    """
    if genre not in classifier.labels:
        raise ConfigError(
            f"{classifier.identity.name} knows no genre {quoted(genre)}; it knows "
            f"{', '.join(classifier.labels)}"
        )
    return classifier.labels.index(genre)


def occlude_seconds(track: PredictedTrack, cut: Sequence[Piece], genre: str) -> Iterator[Span]:
    """Yield what the log-odds of a genre lose without each piece, hidden in the track's one way."""
    label, rate = label_number(track.classifier, genre), track.waveform.sample_rate_hz
    task = track.classifier.bundle.manifest.task
    whole, begin = log_odds(track.probabilities, label, task), track.waveform.start_seconds
    for piece in cut:
        yield Span(
            start_seconds=begin + piece.start / rate,
            end_seconds=begin + piece.stop / rate,
            loss=whole - log_odds(hidden_scores(track, [piece]), label, task),
        )


def time_line(
    classifier: Classifier, waveform: Waveform, *, seconds: float, hop_seconds: float
) -> Iterator[SegmentScore]:
    """Yield the scores of stretches of ``seconds``, shorter than the model's windows if need be.

    A stretch that is shorter than a window is repeated until it fills one, unless the model takes
    short audio as it is.
    """
    rate, windows = classifier.sample_rate_hz, classifier.bundle.manifest.windows
    whole, _ = window_samples(windows, rate)
    length = min(len(waveform.samples), max(1, round(seconds * rate)), whole)
    length = max(length, round(windows.minimum_seconds * rate))
    last, begin = max(0, len(waveform.samples) - length), waveform.start_seconds
    for start in range(0, last + 1, max(1, round(hop_seconds * rate))):
        samples = waveform.samples[start : start + length]
        filled = samples if windows.short == "keep" else np.resize(samples, whole)
        yield SegmentScore(
            start_seconds=begin + start / rate,
            end_seconds=begin + (start + len(samples)) / rate,
            scores=ranked(classifier.labels, classifier.score_windows([filled])[0]),
        )


def telling_window(track: PredictedTrack, genre: str) -> Window:
    """Return the window that is surest of the genre."""
    label = label_number(track.classifier, genre)
    return track.windows[int(track.table[:, label].argmax())]


def picture_names(features: Mapping[str, NDArray[np.float32]]) -> list[str]:
    """Return the inputs with an axis of frequency, or of kinds, and one of time."""
    return [name for name, array in features.items() if array.ndim == 2 and array.shape[0] > 1]


def occlude_patches(
    classifier: Classifier,
    window: Window,
    name: str,
    genre: str,
    *,
    rows: int = 8,
    columns: int = 16,
    begin_seconds: float = 0.0,
    way: PatchWay = "quiet",
) -> tuple[Patch, ...]:
    """Hide patches in time and frequency of one input of one window.

    Parameters
    ----------
    name : str
        The input, an array (n_rows, n_frames) such as a mel spectrogram.
    rows, columns : int
        Patches along frequency and along time.
    begin_seconds : float
        Where in the track the audio begins that the window was cut from.
    way : {"quiet", "usual"}
        What stands in place of a patch: the quiet of its rows, or their median.

    Returns
    -------
    tuple of Patch
        ``rows * columns`` of them or fewer, row by row from the lowest band.
    """
    label, task = label_number(classifier, genre), classifier.bundle.manifest.task
    features = classifier.bundle.features(window.samples)
    grid = PatchGrid.of(classifier, window, features[name], rows, columns)
    count = len(grid.boxes)
    inputs = {key: np.repeat(x[np.newaxis], count + 1, axis=0) for key, x in features.items()}
    for row in range(count):
        inputs[name][row] = hidden_patches(features[name], grid.again([row]), way)
    scores = classifier.predict_features(inputs)
    odds = [log_odds(one, label, task) for one in scores]
    rate = classifier.sample_rate_hz
    begin = begin_seconds + window.start_sample / rate
    seconds = len(window.samples) / grid.filled / rate
    borders = getattr(classifier.bundle.frontends[name], "borders_hz", None)
    return tuple(
        Patch(
            first_row=band.start,
            last_row=band.stop - 1,
            start_seconds=begin + time.start * seconds,
            end_seconds=begin + time.stop * seconds,
            loss=odds[-1] - one,
            low_hz=None if borders is None else float(borders[band.start]),
            high_hz=None if borders is None else float(borders[band.stop]),
        )
        for (band, time), one in zip(grid.boxes, odds[:-1], strict=True)
    )


@dataclass(frozen=True, slots=True, eq=False)
class PatchGrid:
    """Patches of the part of an array that audio fills.

    A short window is repeated until it fills the input: a patch is hidden in every repetition.

    Attributes
    ----------
    boxes : list of (slice, slice)
        Rows and frames of each.
    filled, whole : int
        Frames of the part, and of the array.
    """

    boxes: list[tuple[slice, slice]]
    filled: int
    whole: int

    @classmethod
    def of(
        cls,
        classifier: Classifier,
        window: Window,
        array: NDArray[np.float32],
        rows: int,
        columns: int,
    ) -> PatchGrid:
        """Return the grid of an input (n_rows, n_frames) of a window."""
        share = len(window.samples) / filled_samples(classifier, window)
        filled = max(1, round(array.shape[1] * share))
        boxes = boxes_of((array.shape[0], filled), rows, columns)
        return cls(boxes, filled, array.shape[1])

    def again(self, numbers: Sequence[int]) -> list[tuple[slice, slice]]:
        """Return some of the patches, wherever the window is repeated."""
        shifts = range(0, self.whole, self.filled)
        return [
            (band, slice(time.start + shift, time.stop + shift))
            for band, time in (self.boxes[number] for number in numbers)
            for shift in shifts
        ]


def filled_samples(classifier: Classifier, window: Window) -> int:
    """Return the samples that a window's input is made of: a short one is repeated or padded."""
    windows = classifier.bundle.manifest.windows
    whole, _ = window_samples(windows, classifier.sample_rate_hz)
    return len(window.samples) if windows.short == "keep" else max(whole, len(window.samples))


def boxes_of(shape: tuple[int, ...], rows: int, columns: int) -> list[tuple[slice, slice]]:
    """Return a grid of patches of an array, row by row; fewer where the array is smaller."""
    bands, times = _edges(shape[0], rows), _edges(shape[1], columns)
    return [(band, time) for band in bands for time in times]


def hidden_patches(
    array: NDArray[np.float32], boxes: Sequence[tuple[slice, slice]], way: PatchWay
) -> NDArray[np.float32]:
    """Return a copy without some patches, in one of `PATCH_WAYS`."""
    return hush(array, boxes) if way == "quiet" else make_baseline(array, boxes)


def hush(array: NDArray[np.float32], boxes: Sequence[tuple[slice, slice]]) -> NDArray[np.float32]:
    """Return a copy whose patches are as quiet as the quietest twentieth of their row."""
    quiet = np.quantile(array, QUIET_SHARE, axis=1, keepdims=True).astype(np.float32)
    occluded = array.copy()
    for band, time in boxes:
        occluded[band, time] = np.minimum(occluded[band, time], quiet[band])
    return occluded


def make_baseline(
    array: NDArray[np.float32], boxes: Sequence[tuple[slice, slice]]
) -> NDArray[np.float32]:
    """Return a copy whose patches are what their rows usually are: the median over time."""
    baseline = np.median(array, axis=1, keepdims=True).astype(np.float32)
    changed = array.copy()
    for band, time in boxes:
        changed[band, time] = baseline[band]
    return changed


def replace_columns(
    classifier: Classifier,
    row: Mapping[str, NDArray[np.float32]],
    baseline: Mapping[str, NDArray[np.float32]],
    genre: str,
) -> tuple[ColumnLoss, ...]:
    """Give each column of a vector its baseline value, one at a time.

    Parameters
    ----------
    row : mapping of str to (n_columns,) float32
        Every input of the model, vectors all.
    baseline : mapping of str to (n_columns,) float32
        Values to put in place, such as medians of a table.

    Returns
    -------
    tuple of ColumnLoss
        What the log-odds lose most by first.
    """
    label, task = label_number(classifier, genre), classifier.bundle.manifest.task
    found = []
    for name, values in row.items():
        changed = np.repeat(values[np.newaxis], len(values) + 1, axis=0)
        np.fill_diagonal(changed, baseline[name])
        inputs = {
            key: changed if key == name else np.repeat(x[np.newaxis], len(changed), axis=0)
            for key, x in row.items()
        }
        odds = [log_odds(one, label, task) for one in classifier.predict_features(inputs)]
        columns = classifier.bundle.frontends[name].feature_names
        found += [
            ColumnLoss(
                name=column,
                value=float(values[place]),
                usual=float(baseline[name][place]),
                loss=odds[-1] - odds[place],
            )
            for place, column in enumerate(columns)
        ]
    return tuple(sorted(found, key=lambda one: -one.loss))


def _edges(size: int, parts: int) -> list[slice]:
    edges = np.linspace(0, size, min(size, parts) + 1).round().astype(int).tolist()
    return [slice(start, stop) for start, stop in pairwise(edges)]
