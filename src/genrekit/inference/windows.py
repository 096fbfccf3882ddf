"""Cut a stream of audio into the windows that a model scores, in the memory of one window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NEVER = 1 << 62


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A stretch of audio.

    Attributes
    ----------
    start_sample : int
        Where it begins in the stream.
    samples : (n,) float32
        Mono audio; shorter than a window only if the whole stream is, so far.
    regular : bool
        Whether it counts for the track. One that does not is where the last window would lie if
        the stream ended here.
    """

    start_sample: int
    samples: NDArray[np.float32]
    regular: bool = True

    @property
    def stop_sample(self) -> int:
        """Where it ends in the stream."""
        return self.start_sample + len(self.samples)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a stream is looked at between its windows, in samples.

    Attributes
    ----------
    first : int
        Before the first window is complete, not earlier than this.
    every : int
        No longer than this goes by without a window, complete or not.
    """

    first: int
    every: int


def cut_windows(
    blocks: Iterable[NDArray[np.float32]], *, length: int, hop: int, pace: Pace | None = None
) -> Iterator[Window]:
    """Yield each window as soon as its last sample is there.

    Windows start every ``hop`` samples; the last one is moved back to end with the audio, so every
    sample is covered. How the audio is cut into blocks makes no difference.

    Parameters
    ----------
    blocks : iterable of (n,) float32
        Consecutive mono audio; blocks of any length, empty ones too.
    length, hop : int
        In samples, ``1 <= hop <= length``.
    pace : Pace, optional
        Yield windows that are not regular in between: the newest audio, a window of it or as
        much as there is.

    Yields
    ------
    Window
        At least one regular one if there is any sample. Its samples are a copy.
    """
    # The last window may need samples from before the next regular one, so the ring always holds
    # the newest ``length`` samples; sample i of the stream lies at i % length.
    ring = np.zeros(length, np.float32)
    total, due, covered = 0, length, 0
    look = _NEVER if pace is None else pace.first
    for block in blocks:
        used = 0
        while used < len(block):
            piece = block[used : used + min(due, look) - total]
            _write(ring, piece, total)
            used += len(piece)
            total += len(piece)
            if total not in (due, look):
                continue
            yield Window(max(0, total - length), _newest(ring, total), regular=total == due)
            look = _NEVER if pace is None else total + pace.every
            if total == due:
                due, covered = due + hop, total
    if total > covered:
        yield Window(max(0, total - length), _newest(ring, total))


def _write(ring: NDArray[np.float32], piece: NDArray[np.float32], total: int) -> None:
    start = total % len(ring)
    first = min(len(piece), len(ring) - start)
    ring[start : start + first] = piece[:first]
    ring[: len(piece) - first] = piece[first:]


def _newest(ring: NDArray[np.float32], total: int) -> NDArray[np.float32]:
    if total < len(ring):
        return ring[:total].copy()
    return np.roll(ring, -(total % len(ring)))
