"""libsndfile: fast and exact to the sample, but silent about what is missing."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from genrekit.audio.formats import SOUNDFILE_FORMATS, soundfile_may_read
from genrekit.audio.info import AudioInfo
from genrekit.audio.limits import Meter
from genrekit.audio.quiet import quiet_c_libraries
from genrekit.interrupts import interrupts_afterwards

_BLOCK_SAMPLES = 1 << 17
# It answers 2**63 - 1 if the length is unknown.
_MOST_FRAMES = 1 << 62


def describe_sound(file: BinaryIO) -> AudioInfo | None:
    """Return what libsndfile finds in ``file``; None if another decoder must be asked."""
    sound = _open(file)
    if sound is None:
        return None
    with sound:
        seconds = sound.frames / sound.samplerate
        return AudioInfo(
            sound.format.lower(), sound.subtype.lower(), sound.channels, sound.samplerate, seconds
        )


def _open(file: BinaryIO) -> soundfile.SoundFile | None:
    file.seek(0)
    head = file.read(16)
    if not soundfile_may_read(head):
        return None
    file.seek(0)
    try:
        with quiet_c_libraries(), interrupts_afterwards():
            sound = soundfile.SoundFile(_own_descriptor(file) or _Callbacks(file))
    except soundfile.SoundFileError:
        return None
    if sound.format in SOUNDFILE_FORMATS and 0 < sound.frames < _MOST_FRAMES:
        return sound
    sound.close()
    return None


def read_sound(
    file: BinaryIO, begin: int, count: int | None, meter: Meter
) -> Iterator[NDArray[np.float32]]:
    """Blocks (n, channels) of ``count`` frames from frame ``begin`` on, each in the same array.

    Ends early, without an error, where libsndfile ends or stumbles: the caller knows how much
    there should be, and whom to ask next.
    """
    sound = _open(file)
    if sound is None:
        return
    with sound:
        left = sound.frames - begin
        wanted = left if count is None else min(left, count)
        if _seek(sound, begin):
            yield from _read(sound, wanted, meter)
            return
    # The codec can only be read from its beginning, and the failed attempt may have left a mark.
    sound = _open(file)
    if sound is None:
        return
    with sound:
        skip = begin
        for block in _read(sound, begin + wanted, meter):
            rest = block[skip:]
            skip -= len(block) - len(rest)
            if len(rest):
                yield rest


def _read(sound: soundfile.SoundFile, left: int, meter: Meter) -> Iterator[NDArray[np.float32]]:
    if left <= 0:
        return
    frames = max(1, _BLOCK_SAMPLES // sound.channels)
    buffer = np.empty((min(frames, left), sound.channels), np.float32)
    try:
        while left > 0:
            with _quiet(sound), interrupts_afterwards():
                block = sound.read(out=buffer[:left])
            if len(block) == 0:
                return
            meter.add(len(block), sound.channels)
            left -= len(block)
            yield block
    except soundfile.SoundFileError:
        return


def _seek(sound: soundfile.SoundFile, begin: int) -> bool:
    """Go to a frame; False if there is no way but to read up to it."""
    if begin == 0:
        return True
    try:
        with _quiet(sound), interrupts_afterwards():
            return bool(sound.seek(begin) == begin)
    except soundfile.SoundFileError:
        return False


def _own_descriptor(file: BinaryIO) -> int | None:
    """Return the same file, opened once more, where the system can do that.

    libsndfile reads an mp3 in thousands of small pieces: asking Python for each of them takes as
    long as decoding it. A second descriptor has a position of its own, which nobody else moves.
    """
    if type(file) is not io.BufferedReader:
        return None
    try:
        return os.open(f"/proc/self/fd/{file.fileno()}", os.O_RDONLY)
    except OSError:
        return None


class _Callbacks:
    """What libsndfile asks of a file.

    An exception inside its callbacks would be printed, not raised: damaged headers make it seek
    before the beginning, and a disk may fail. Both become "nothing there".
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.tell = file.tell

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError):
            return -1

    def read(self, size: int = -1) -> bytes:
        try:
            return self._file.read(size)
        except OSError:
            return b""


def _quiet(sound: soundfile.SoundFile) -> AbstractContextManager[None]:
    return quiet_c_libraries() if sound.subtype.startswith("MPEG") else nullcontext()
