"""The four perceptual colour maps of matplotlib, to draw levels and to read them back.

The tables are facts of the maps *inferno*, *magma*, *plasma* and *viridis*, which Nathaniel J.
Smith, Stefan van der Walt and (viridis) Eric Firing released under CC0 (matplotlib 1.5, 2015). They
are kept here so that reading a picture needs no plotting library.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import ConfigError
from genrekit.files import shipped

#: Mean distance in RGB, of 255, that a picture of a map may have; drawing and saving as PNG make
#: none, scaling a picture makes some.
TOLERANCE = 12.0

# A line for each map: its name, and 256 colours of three bytes from the lowest level up.
_FILE = "colour_maps.txt"

COLOUR_MAPS = ("inferno", "magma", "plasma", "viridis")


def colours(levels: NDArray[np.floating], colour_map: str = "viridis") -> NDArray[np.uint8]:
    """Colours of ``levels`` in [0, 1]; shape (..., 3).

    Raises
    ------
    ConfigError
        If there is no such map.
    """
    steps = np.rint(np.clip(levels, 0, 1) * 255).astype(np.uint8)
    chosen: NDArray[np.uint8] = table(colour_map)[steps]
    return chosen


def levels_of(
    rgb: NDArray[np.uint8], colour_map: str | None = None
) -> tuple[NDArray[np.float32], str, float]:
    """Invert a colour map: the nearest of its 256 levels for every pixel.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (..., 3)
    colour_map : str, optional
        None takes the map that fits best.

    Returns
    -------
    levels : ndarray, shape (...)
        In [0, 1].
    colour_map : str
    distance : float
        Mean distance of the pixels from their nearest colours, of 255.
    """
    red, green, blue = np.moveaxis(rgb.astype(np.int32), -1, 0)
    packed = red << 16 | green << 8 | blue
    # Not return_inverse: it sorts positions along, at five times the cost of finding them again.
    unique, counts = np.unique(packed, return_counts=True)
    where = np.searchsorted(unique, packed)
    seen = (unique[:, None] >> np.array([16, 8, 0])) & 255
    fits = []
    for name in (colour_map,) if colour_map else COLOUR_MAPS:
        steps, distances = _nearest(seen, table(name).astype(np.int64))
        fits.append((float(np.average(distances, weights=counts)), name, steps))
    distance, name, steps = min(fits, key=lambda fit: fit[0])
    levels = (steps[where].reshape(packed.shape) / 255).astype(np.float32)
    return levels, name, distance


@cache
def table(colour_map: str) -> NDArray[np.uint8]:
    """Return the 256 colours of a map, shape (256, 3)."""
    if colour_map not in COLOUR_MAPS:
        raise ConfigError(f"no colour map {colour_map!r}; known: {', '.join(COLOUR_MAPS)}")
    text = shipped("genrekit.datasets", _FILE).read_text(encoding="ascii")
    of_map = dict(line.split() for line in text.splitlines())
    colours = np.frombuffer(bytes.fromhex(of_map[colour_map]), dtype=np.uint8).reshape(256, 3)
    colours.setflags(write=False)
    return colours


def _nearest(
    seen: NDArray[np.integer], known: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    steps = np.empty(len(seen), dtype=np.intp)
    distances = np.empty(len(seen))
    # In blocks: a photograph has hundreds of thousands of colours.
    for start in range(0, len(seen), 4096):
        block = slice(start, start + 4096)
        squares = ((seen[block, None, :].astype(np.int64) - known) ** 2).sum(-1)
        steps[block] = squares.argmin(1)
        distances[block] = np.sqrt(squares.min(1))
    return steps, distances
