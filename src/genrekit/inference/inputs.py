"""What a model is given, in a few numbers a track, and how such numbers are spread."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from genrekit.features import Frontend, WindowedFrontend
from genrekit.schema import UNKNOWN, Reference, Spread

#: Numbers of one front-end; of more columns, so many are taken, evenly.
MOST_NUMBERS = 64
MOST_BINS = 10
_TRACKS_PER_BIN = 16
_DIGITS = 6

InputNumbers = dict[str, NDArray[np.float64]]


def input_numbers(name: str, frontend: Frontend, rows: NDArray[np.float32]) -> InputNumbers:
    """Return a few numbers of each row that a front-end gives.

    Of a vector they are its columns, and of trajectories their means over time. Of a spectrogram
    they are its mean, its deviation, and the mean of its lower, middle and upper third of bands;
    of samples their level in decibels.

    Parameters
    ----------
    name : str
        Under which the bundle knows the front-end.
    rows : (n, ...) float32

    Returns
    -------
    dict of str to (n,) float64
    """
    if isinstance(frontend, WindowedFrontend):
        return _of_windows(name, frontend.inner, rows)
    values = np.asarray(rows, np.float64)
    if frontend.config.kind == "waveform":
        power = (values**2).mean(axis=tuple(range(1, values.ndim)))
        found = {"level": 10 * np.log10(np.maximum(power, 1e-12))}
    elif frontend.config.kind in ("mel", "picture"):
        thirds = np.array_split(values, 3, axis=1)
        found = {"mean": values.mean(axis=(1, 2)), "deviation": values.std(axis=(1, 2))}
        found |= {
            part: bands.mean(axis=(1, 2))
            for part, bands in zip(("low", "middle", "high"), thirds, strict=True)
        }
    else:
        columns = values.reshape(*values.shape[:2], -1).mean(axis=2)
        taken = np.linspace(0, columns.shape[1] - 1, MOST_NUMBERS).round().astype(int)
        if columns.shape[1] <= MOST_NUMBERS:
            taken = np.arange(columns.shape[1])
        found = {frontend.feature_names[place]: columns[:, place] for place in taken}
    return {f"{name}: {number}": column for number, column in found.items()}


def _of_windows(name: str, inner: Frontend, rows: NDArray[np.float32]) -> InputNumbers:
    """Means over the windows (axis 1) of each row."""
    flat = input_numbers(name, inner, rows.reshape(-1, *rows.shape[2:]))
    return {number: found.reshape(rows.shape[:2]).mean(axis=1) for number, found in flat.items()}


class InputWatch:
    """The numbers of one track, as the mean over its windows.

    Parameters
    ----------
    frontends : mapping of str to Frontend
        Of the bundle.
    """

    def __init__(self, frontends: Mapping[str, Frontend]) -> None:
        self._frontends = frontends
        self._sums: dict[str, float] = {}
        self._windows = 0

    def __call__(self, features: Mapping[str, NDArray[np.float32]]) -> None:
        """Add the features of one window."""
        self._windows += 1
        for name, array in features.items():
            for number, value in input_numbers(name, self._frontends[name], array[None]).items():
                self._sums[number] = self._sums.get(number, 0.0) + float(value[0])

    def numbers(self) -> dict[str, float]:
        """Return the means so far."""
        return {name: total / self._windows for name, total in self._sums.items()}


# --- how they are spread ------------------------------------------------------------------------


def spread_of(values: NDArray[np.float64]) -> Spread:
    """Bins that hold about equally many of ``values`` (n,); fewer bins for few tracks."""
    bins = min(MOST_BINS, max(2, len(values) // _TRACKS_PER_BIN))
    cuts = np.quantile(values, np.arange(1, bins) / bins)
    edges = tuple(sorted({float(f"{cut:.{_DIGITS}g}") for cut in cuts}))
    counts = np.bincount([bisect_right(edges, value) for value in values], minlength=len(edges) + 1)
    shares = tuple(round(float(share), _DIGITS) for share in counts / len(values))
    return Spread(tracks=len(values), edges=edges, shares=shares)


def make_reference(
    protocol: str, predicted: list[str], best: NDArray[np.float64], inputs: Mapping[str, Spread]
) -> Reference:
    """Return what later answers are compared with.

    Parameters
    ----------
    protocol : str
        Whose test tracks were answered.
    predicted : list of str
        The genre, or unknown, of each track.
    best : (n,) float64
        The probability of the best genre of each track.
    inputs : mapping of str to Spread
    """
    genres = sorted(set(predicted) | {UNKNOWN})
    return Reference(
        protocol=protocol,
        tracks=len(predicted),
        genres={genre: round(predicted.count(genre) / len(predicted), _DIGITS) for genre in genres},
        confidence=spread_of(best),
        inputs=dict(inputs),
    )
