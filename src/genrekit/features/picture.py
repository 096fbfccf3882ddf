"""Spectrogram pictures as levels, in the exact geometry of a published set of GTZAN pictures.

The set's 515 by 389 pixels were found to be this (measured on the clips whose audio is at hand):
power of 256 samples under a Tukey window (a quarter of it tapered), mean removed, a hop of 224
samples, as `scipy.signal.spectrogram` does by default; decibels, drawn by matplotlib's
``pcolormesh`` into 370 by 496 pixels, the whole clip across the width and its own range of levels
from the first colour to the last. Two versions of matplotlib drew the set, see `Drawing`.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from genrekit.errors import AudioContentError
from genrekit.schema import PictureConfig

SEGMENT_SAMPLES = 256
HOP_SAMPLES = 224

#: Rows and columns inside the margins of a picture of the set.
PICTURE_SHAPE = (370, 496)

#: ``"edges"``: old versions of matplotlib drop the last bin and the last segment, and a pixel shows
#: the last cell that begins left of its right edge and below its upper one, where edges of cells
#: fall on 256ths of a pixel. ``"centres"``: newer ones keep all cells, and a pixel shows the one at
#: its centre.
Drawing = Literal["edges", "centres"]

# The axes of matplotlib's default figure, without its margins.
_AXES_PIXELS = (369.6, 496.0)
_PIXEL_PARTS = 256
_BLOCK_SEGMENTS = 8192


class PictureFrontend:
    """Samples to the levels of their picture; see `picture_levels`.

    Attributes
    ----------
    cell_names : tuple of str
        Columns of a table that holds pictures, row by row.
    """

    code_version = 1

    def __init__(self, config: PictureConfig) -> None:
        self.config = config
        self.feature_names = tuple(f"row{row:03d}" for row in range(config.rows))
        self.cell_names = tuple(
            f"{row}_column{column:03d}"
            for row in self.feature_names
            for column in range(config.columns)
        )

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn samples (n,) into (rows, columns) in [0, 1], the lowest frequency in row 0."""
        return picture_levels(samples, (self.config.rows, self.config.columns))


def picture_levels(
    samples: NDArray[np.float32],
    shape: tuple[int, int] = PICTURE_SHAPE,
    *,
    drawing: Drawing = "edges",
) -> NDArray[np.float32]:
    """Levels of the picture of ``samples``.

    Parameters
    ----------
    samples : ndarray, shape (n_samples,)
        Of any length from 480 on; the set has 30 s at 22,050 Hz. It always fills the width.
    shape : (int, int)
        Rows and columns; other than `PICTURE_SHAPE` the picture is drawn and then scaled.
    drawing : {"edges", "centres"}
        Which cell a pixel shows, see `Drawing`.

    Returns
    -------
    ndarray of float32, shape ``shape``
        In [0, 1], the lowest frequency in row 0; silent cells, and silence, are 0.

    Raises
    ------
    AudioContentError
        If there are fewer than 480 samples.
    """
    if len(samples) < SEGMENT_SAMPLES + HOP_SAMPLES:
        raise AudioContentError(
            "too_short",
            f"{len(samples)} samples are too short for a picture; expected at least "
            f"{SEGMENT_SAMPLES + HOP_SAMPLES}",
        )
    power = _power(np.asarray(samples, dtype=np.float64))
    if drawing == "edges":
        power = power[:-1, :-1]
    rows, columns = (
        _shown(cells, pixels, axis, drawing)
        for cells, pixels, axis in zip(power.shape, PICTURE_SHAPE, _AXES_PIXELS, strict=True)
    )
    audible = power[power > 0]
    if not audible.size or audible.min() == audible.max():
        return np.zeros(shape, dtype=np.float32)
    low, high = np.log10(audible.min()), np.log10(audible.max())
    cells = np.log10(np.maximum(power[np.ix_(rows, columns)], audible.min()))
    return scale_levels(((cells - low) / (high - low)).astype(np.float32), shape)


def scale_levels(levels: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Scale a picture by area: every new pixel is the mean of what it covers.

    Parameters
    ----------
    levels : ndarray, shape (n_rows, n_columns)
    shape : (int, int)
        New rows and columns, smaller or larger.
    """
    if levels.shape == tuple(shape):
        return levels
    rows, columns = _coverage(levels.shape[0], shape[0]), _coverage(levels.shape[1], shape[1])
    scaled: NDArray[np.float32] = (rows @ levels @ columns.T).astype(np.float32)
    return scaled


def _power(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Power in each bin and segment, up to one constant; shape (129, n_segments)."""
    segments = np.lib.stride_tricks.sliding_window_view(samples, SEGMENT_SAMPLES)[::HOP_SAMPLES]
    blocks = []
    for start in range(0, len(segments), _BLOCK_SEGMENTS):
        block = segments[start : start + _BLOCK_SEGMENTS]
        spectrum = fft.rfft((block - block.mean(axis=1, keepdims=True)) * _window(), axis=1)
        blocks.append(np.abs(spectrum) ** 2)
    power = np.concatenate(blocks).T
    power[1:-1] *= 2  # a one-sided density: the first and the last bin have no mirror image
    return power


@cache
def _window() -> NDArray[np.float64]:
    """Periodic Tukey window with a quarter tapered."""
    phase = np.arange(SEGMENT_SAMPLES) / SEGMENT_SAMPLES
    distance = np.minimum(phase, 1 - phase) / 0.125
    window: NDArray[np.float64] = 0.5 - 0.5 * np.cos(np.pi * np.minimum(distance, 1))
    return window


def _shown(
    n_cells: int, n_pixels: int, axis_pixels: float, drawing: Drawing
) -> NDArray[np.integer]:
    """Return the cell that each pixel shows."""
    if drawing == "centres":
        places = (np.arange(n_pixels) + 0.5) / axis_pixels * n_cells
        return np.minimum(places.astype(np.intp), n_cells - 1)
    edges = np.arange(n_cells) * axis_pixels / n_cells
    snapped = np.rint(edges * _PIXEL_PARTS) / _PIXEL_PARTS
    return np.searchsorted(snapped, np.arange(1, n_pixels + 1), side="left") - 1


@cache
def _coverage(n_old: int, n_new: int) -> NDArray[np.float32]:
    """Share of each old pixel in each new one; rows sum to 1."""
    edges = np.arange(n_new + 1) * n_old / n_new
    starts, ends = edges[:-1, None], edges[1:, None]
    old = np.arange(n_old)
    overlap = np.clip(np.minimum(ends, old + 1) - np.maximum(starts, old), 0, None)
    shares: NDArray[np.float32] = (overlap / overlap.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares
