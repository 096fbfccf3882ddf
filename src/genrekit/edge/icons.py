"""The icons of the page as PNG, drawn by code: five bars, as on the page itself."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

#: Of the drawing, in which `serving/static/icon.svg` is given.
_SIZE = 32.0
_GROUND, _BARS = (20, 35, 29), (240, 180, 41)
_BAR_WIDTH, _CORNER = 2.6, 7.0
#: Where each bar stands, and from where to where it goes.
_PLACES = ((6, 13, 19), (11, 9, 23), (16, 5, 27), (21, 10, 22), (26, 13, 19))
_SHRUNK = 0.62  # what a system that cuts icons to its own shape leaves of them
_FINER = 4


def icon_png(size: int, *, maskable: bool = False) -> bytes:
    """Draw a square icon.

    Parameters
    ----------
    size : int
        Pixels.
    maskable : bool
        The system cuts it to a shape: the ground goes to the edges, the bars stay clear of them.
    """
    fine = size * _FINER
    places = (np.arange(fine) + 0.5) / fine * _SIZE
    x, y = places[np.newaxis], places[:, np.newaxis]
    ground = np.ones((fine, fine), bool) if maskable else _rounded(x, y)
    if maskable:
        x, y = (_SIZE / 2 + (one - _SIZE / 2) / _SHRUNK for one in (x, y))
    bars = np.zeros((fine, fine), bool)
    for centre, top, bottom in _PLACES:
        away = np.hypot(x - centre, y - np.clip(y, top, bottom))
        bars |= away <= _BAR_WIDTH / 2
    opaque, lit = (
        one.reshape(size, _FINER, size, _FINER).mean(axis=(1, 3)) for one in (ground, bars)
    )
    colours = np.multiply.outer(lit, _BARS) + np.multiply.outer(1 - lit, _GROUND)
    pixels = np.dstack([colours, 255 * opaque])
    return _png(np.round(pixels).astype(np.uint8))


def _rounded(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell what is inside of a square with round corners."""
    inner = [np.clip(one, _CORNER, _SIZE - _CORNER) for one in (x, y)]
    return np.asarray(np.hypot(x - inner[0], y - inner[1]) <= _CORNER)


def _png(pixels: NDArray[np.uint8]) -> bytes:
    """Write pixels (height, width, 4) as a file."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
