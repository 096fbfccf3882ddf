"""Many channels to one: nothing that cancels, and no constant offset.

A track is taken in cells of half a second, counted from its beginning. How a cell is folded is
told by the second before it, or by the second that begins with it where there was no sound yet, and
blended over the cell. So it depends on nothing but the audio nearby, and nothing has to wait for
what comes later: an excerpt is treated as the same stretch of the whole, a live stream as a file,
however the audio is cut into blocks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from genrekit.audio.mono import to_mono

Frames = NDArray[np.float32]
Block = NDArray[np.float32]
#: Weighted sums over frames, (channels + 1, channels + 1): of the products of channels, in the last
#: row and column of the channels, and in the corner of the weights.
Moments = NDArray[np.float64]

#: Beyond this (180 dB above full scale) a float is as meaningless as infinity.
LOUDEST = np.float32(1e9)
#: Cells that must be there before and after one, for it to be folded as in the whole track.
CELLS_BEFORE = 3
CELLS_AFTER = 1

_CELL_SECONDS = 0.5
# Channels are aligned where that carries half as much power again as their mean: music hardly
# ever has so much in opposite phase, unless one channel is inverted.
_WORTH_ALIGNING = 1.5
# Correlation below which a channel counts as inverted; that of two channels is about -0.2 there.
_INVERTED = -0.2
# An offset this small beside the deviation (26 dB below it) is what any stretch of music has.
_OFFSET_SHARE = 0.05
# Mean square of a cell without sound (100 dB below full scale).
_NO_POWER = 1e-10


def cell_frames(native_hz: int, rate_hz: int) -> int:
    """Frames of a cell: about half a second, and a whole number of samples of both rates."""
    step = native_hz // math.gcd(native_hz, rate_hz)
    return step * math.ceil(_CELL_SECONDS * native_hz / step)


def downmixed(blocks: Iterable[Frames], cell: int) -> Iterator[Block]:
    """Fold blocks of frames to mono blocks, a cell at a time.

    Where the channels are alike, or have little to do with each other, that is their mean to the
    last bit. Where they cancel, those that are inverted against the first are turned before. A
    constant offset that stands out beside the music is taken away.

    Parameters
    ----------
    blocks : iterable of (n, channels) float32
        From the beginning of a cell on; how they are cut does not matter. The number of channels
        may change.
    cell : int
        As of `cell_frames`.

    Yields
    ------
    (n,) float32
        As many samples as frames came, in new arrays.
    """
    run = _Run(cell, 0)
    for block in blocks:
        if run.channels not in (None, block.shape[1]):
            yield from run.finish()
            run = _Run(cell, run.position)
        yield from run.add(block)
    yield from run.finish()


@dataclass(frozen=True, slots=True)
class _Setting:
    """How to fold: ``gains`` of the channels, none for their mean, and an offset to take off."""

    gains: tuple[float, ...]
    offset: float

    def apply(self, frames: Frames) -> Block:
        with np.errstate(over="ignore", invalid="ignore"):
            if self.gains:
                mono: Block = frames @ np.array(self.gains, np.float32)
            else:
                mono = to_mono(frames)
            return mono - np.float32(self.offset) if self.offset else mono


class _Cell:
    """Frames of one cell, and weighted sums over them.

    Frames are kept as (channels + 1, n), which is quicker to sum over, with a last row of ones: one
    product of matrices gives the sums of squares, of the channels, and of the weights.
    """

    def __init__(self, channels: int, fades: NDArray[np.float32]) -> None:
        self._rows = np.empty((channels + 1, fades.shape[1]), np.float32)
        self._rows[-1] = 1
        self._fades = fades
        self._filled = 0

    @property
    def is_full(self) -> bool:
        """Whether no further frame fits in."""
        return self._filled == self._rows.shape[1]

    def fill(self, block: Frames) -> int:
        """Copy frames from the beginning of ``block``, and return how many."""
        piece = block[: self._rows.shape[1] - self._filled]
        self._rows[:-1, self._filled : self._filled + len(piece)] = piece.T
        self._filled += len(piece)
        return len(piece)

    def close(self) -> None:
        """Forget what was not filled, and sum up the rest, faded in and faded out."""
        self._rows, self._fades = self._rows[:, : self._filled], self._fades[:, : self._filled]
        moments = _moments(self._rows, self._fades)
        self.rising: Moments = moments[0]
        self.falling: Moments = moments[1]
        power = float(self.flat()[:-1, :-1].trace())
        self.sounds = power > _NO_POWER * self._filled * (len(self._rows) - 1)

    def flat(self) -> Moments:
        """Return sums over all frames alike."""
        return self.rising + self.falling

    def to_mono(self, before: _Setting, after: _Setting) -> Block:
        """Mono samples, blended from one setting to another."""
        frames = self._rows[:-1].T
        mono = before.apply(frames)
        if before == after:
            return mono
        with np.errstate(over="ignore", invalid="ignore"):
            blended: Block = mono + self._fades[0] * (after.apply(frames) - mono)
            return blended


class _Run:
    """Consecutive frames with one number of channels, cell by cell."""

    def __init__(self, cell: int, position: int) -> None:
        self.position = position
        self.channels: int | None = None
        self._cell = cell
        self._filling: _Cell | None = None
        # Up to two that are folded already, then those that wait.
        self._cells: list[_Cell] = []
        self._next = 0
        self._setting: _Setting | None = None

    def add(self, block: Frames) -> Iterator[Block]:
        """Take frames, and fold the cells that became ready."""
        self.channels = block.shape[1]
        while len(block):
            if self._filling is None:
                fades = _fades(self._cell)[:, self.position % self._cell :]
                self._filling = _Cell(self.channels, fades)
            taken = self._filling.fill(block)
            self.position += taken
            block = block[taken:]
            if self._filling.is_full:
                yield from self._close(self._filling, ended=False)

    def finish(self) -> Iterator[Block]:
        """Fold what is left."""
        if self._filling is not None:
            yield from self._close(self._filling, ended=True)
        else:
            yield from self._ready(ended=True)

    def _close(self, cell: _Cell, *, ended: bool) -> Iterator[Block]:
        cell.close()
        self._cells.append(cell)
        self._filling = None
        yield from self._ready(ended=ended)

    def _ready(self, *, ended: bool) -> Iterator[Block]:
        while self._next < len(self._cells):
            setting = self._find_setting(ended=ended)
            if setting is None:
                return
            before, self._setting = self._setting or setting, setting
            yield self._cells[self._next].to_mono(before, setting)
            self._next += 1
            if self._next > 2:
                del self._cells[0]
                self._next = 2

    def _find_setting(self, *, ended: bool) -> _Setting | None:
        """How to mix the next cell; None if more must be decoded first."""
        one, before, after = self._next, self._cells[: self._next], self._cells[self._next + 1 :]
        if len(before) == 2 and all(cell.sounds for cell in before):
            return _decide(before[0].rising + before[1].falling)
        if after:
            return _decide(self._cells[one].rising + after[0].falling)
        if not ended:
            return None
        if before:
            return _decide(before[-1].rising + self._cells[one].falling)
        return _decide(self._cells[one].flat())


@lru_cache(maxsize=4)
def _fades(cell: int) -> NDArray[np.float32]:
    """From 0 to 1 over a cell, as a raised cosine, and back, (2, cell)."""
    rising = (0.5 - 0.5 * np.cos(np.pi * (np.arange(cell) + 0.5) / cell)).astype(np.float32)
    return np.stack([rising, 1 - rising])


def _moments(rows: NDArray[np.float32], fades: NDArray[np.float32]) -> NDArray[np.float64]:
    """Sum up ``rows`` (channels + 1, n), weighted by each of the fades."""
    with np.errstate(over="ignore", invalid="ignore"):
        weighted = (fades[:, np.newaxis] * rows).reshape(-1, rows.shape[1])
        moments = weighted @ rows.T
    if not np.isfinite(moments).all():
        return _moments(np.where(np.abs(rows) < LOUDEST, rows, np.float32(0)), fades)
    return moments.reshape(len(fades), len(rows), len(rows)).astype(np.float64)


def _decide(moments: Moments) -> _Setting:
    channels, weight = len(moments) - 1, moments[-1, -1]
    means = moments[-1, :-1] / weight
    covariance = moments[:-1, :-1] / weight - np.outer(means, means)
    signs = _signs(covariance)
    gains = (np.ones(channels) if signs is None else signs) / channels
    deviation = math.sqrt(max(float(gains @ covariance @ gains), 0.0))
    offset = float(gains @ means)
    stands_out = abs(offset) > _OFFSET_SHARE * deviation
    return _Setting(() if signs is None else tuple(gains), offset if stands_out else 0.0)


def _signs(covariance: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return a sign for each channel under which they do not cancel; None if they do not anyway."""
    if (covariance >= 0).all():
        return None
    signs = np.ones(len(covariance))
    for channel in range(1, len(covariance)):
        before = signs[:channel]
        power = float(before @ covariance[:channel, :channel] @ before)
        common = float(before @ covariance[:channel, channel])
        limit = _INVERTED * math.sqrt(max(power * float(covariance[channel, channel]), 0.0))
        signs[channel] = -1.0 if common < limit else 1.0
    plain, aligned = float(covariance.sum()), float(signs @ covariance @ signs)
    worth = aligned > _WORTH_ALIGNING * max(plain, 0.0)
    return signs if worth and bool((signs < 0).any()) else None
