"""An excerpt in seconds to frames to decode and samples to keep."""

from __future__ import annotations

import math
from dataclasses import dataclass

from genrekit.audio.downmix import CELLS_AFTER, CELLS_BEFORE, cell_frames
from genrekit.schema import ExcerptConfig

# The resampler's filter is well below this long on either side, at any rate in use.
_MARGIN_SECONDS = 0.1
# Anything longer is "to the end", and stays within the integers of C.
_MOST_SAMPLES = 1 << 48


@dataclass(frozen=True, slots=True)
class Cut:
    """Which frames to decode at the file's rate, and what to keep after resampling them.

    ``begin`` and ``count`` are frames of the file; ``skip`` and ``keep`` are samples at the wanted
    rate. None means to the end.
    """

    begin: int
    count: int | None
    skip: int
    keep: int | None


def plan_cut(excerpt: ExcerptConfig, seconds: float | None, native_hz: int, rate_hz: int) -> Cut:
    """Plan so that an excerpt equals the same slice of the whole decoded track.

    A margin is decoded on either side: to fill the resampler's filter, and so that the downmix
    reads all that it decides from. It begins with a cell of the downmix, where a frame of the file
    and a sample of the output fall together.

    Parameters
    ----------
    excerpt : ExcerptConfig
        The wanted part; without a start, the middle.
    seconds : float or None
        Length of the track; unknown counts as no longer than the excerpt.
    native_hz, rate_hz : int
        Rate of the file and of the output.
    """
    start = excerpt.start_seconds
    if start is None:
        start = max(0.0, ((seconds or 0.0) - (excerpt.duration_seconds or 0.0)) / 2)
    first = _samples(start, rate_hz)
    keep = None if excerpt.duration_seconds is None else _samples(excerpt.duration_seconds, rate_hz)
    cell = cell_frames(native_hz, rate_hz)
    margin = 0 if native_hz == rate_hz else math.ceil(_MARGIN_SECONDS * native_hz)
    begin = max(0, ((first * native_hz // rate_hz - margin) // cell - CELLS_BEFORE) * cell)
    skip = first - begin * rate_hz // native_hz
    if keep is None:
        return Cut(begin, None, skip, None)
    end = -(-(skip + keep) * native_hz // rate_hz) + margin
    return Cut(begin, (-(-end // cell) + CELLS_AFTER) * cell, skip, keep)


def _samples(seconds: float, rate_hz: int) -> int:
    return round(min(seconds * rate_hz, _MOST_SAMPLES))
