"""An open file and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from genrekit.audio.info import AudioInfo
from genrekit.audio.packets import BLOCK_FRAMES


@dataclass(frozen=True, slots=True)
class Track:
    """An open file and what is known of it.

    Attributes
    ----------
    file : binary file
        Seekable; every pass over it begins with a seek.
    info : AudioInfo
        What the header promises.
    by_soundfile : bool
        Whether libsndfile reads it; otherwise FFmpeg does.
    seconds : float or None
        How much there seems to be.
    tolerance_seconds : float or None
        Less than ``seconds`` by more than this means a loss; None if ``seconds`` is a guess.
    warnings : tuple of str
        Named states that are known already.
    block_frames : int
        Handed on at once by FFmpeg, about: fewer come sooner, and cost more.
    links : tuple of Track
        If the file is several, one behind the other: those, over parts of the same file.
    """

    file: BinaryIO
    info: AudioInfo
    by_soundfile: bool
    seconds: float | None
    tolerance_seconds: float | None
    warnings: tuple[str, ...] = ()
    block_frames: int = BLOCK_FRAMES
    links: tuple[Track, ...] = ()


def truncated(promised: float, found: float) -> str:
    """Return the named state of a file that ends too early; both in seconds."""
    return f"truncated: the header promises {promised:.2f} s, there are {found:.2f} s"
