"""Audio that is still arriving, as a file that grows."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, cast

import numpy as np
from pydantic import Field

from genrekit.audio import (
    Block,
    DecodeLimits,
    Findings,
    Meter,
    Track,
    check_layout,
    check_seconds,
    conditioned,
    decoded_blocks,
    describe_container,
)
from genrekit.errors import RequestError
from genrekit.schema import Contract, ExcerptConfig
from genrekit.serving.frames import ABANDON, AUDIO
from genrekit.workers import read_frame

_WHOLE = ExcerptConfig(start_seconds=0.0, duration_seconds=None)
_UNKNOWN_BYTES = 0xFFFFFFFF
_READ_BYTES = 1 << 16
_BLOCK_SECONDS = 0.1


class PcmFormat(Contract):
    """Samples without a container: little-endian, channels interleaved."""

    sample_rate_hz: int = Field(ge=1000, le=384_000)
    channels: int = Field(1, ge=1, le=8)
    floating: bool = Field(False, description="32-bit floats; else 16-bit integers")

    @property
    def frame_bytes(self) -> int:
        """One sample of each channel."""
        return self.channels * (4 if self.floating else 2)

    def wav_header(self, data_bytes: int = _UNKNOWN_BYTES) -> bytes:
        """Return the 44 bytes that make a WAV file of what follows them."""
        wide = 4 if self.floating else 2
        return struct.pack(
            "<4sI4s4sIHHIIHH4sI",
            *(b"RIFF", min(data_bytes + 36, _UNKNOWN_BYTES), b"WAVE"),
            *(b"fmt ", 16, 3 if self.floating else 1, self.channels, self.sample_rate_hz),
            *(self.sample_rate_hz * self.frame_bytes, self.frame_bytes, 8 * wide),
            *(b"data", data_bytes),
        )


class GrowingFile:
    """A file whose end has not come yet: reading waits for what arrives in frames.

    It can be read from its beginning again, but not sought in by a decoder, and everything that
    arrived stays at ``path``.

    Parameters
    ----------
    path : str
        Where to keep it.
    inbox : binary file
        Frames of audio, and one that ends it.
    pcm : PcmFormat, optional
        If plain samples arrive: they are kept as a WAV file.
    """

    def __init__(self, path: str, inbox: BinaryIO, pcm: PcmFormat | None = None) -> None:
        self._file = open(path, "w+b", buffering=0)  # noqa: SIM115, PTH123
        self._inbox = inbox
        self._pcm = pcm
        self._size = self._file.write(pcm.wav_header()) if pcm else 0
        self._ended = False

    def __enter__(self) -> GrowingFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def seekable(self) -> bool:
        """No: a decoder must take it as it comes."""
        return False

    def readable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next byte comes from."""
        return self._file.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go back, for another pass over what is there."""
        return self._file.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        """At least one byte and at most ``size``, once there are any; nothing at the end."""
        position = self._file.tell()
        while position >= self._size and not self._ended:
            self._receive()
        self._file.seek(position)
        return self._file.read(size)

    def finish(self) -> None:
        """Take what still arrives, and make it a file like any other."""
        while not self._ended:
            self._receive()
        if self._pcm:
            data = self._size - len(self._pcm.wav_header())
            self._file.seek(0)
            self._file.write(self._pcm.wav_header(data - data % self._pcm.frame_bytes))

    def _receive(self) -> None:
        frame = read_frame(self._inbox)
        if frame is None or frame[0] == ABANDON:
            raise RequestError("nobody waits for this stream any more")
        if frame[0] == AUDIO:
            self._file.seek(0, os.SEEK_END)
            self._size += self._file.write(frame[1])
        else:
            self._ended = True


def live_blocks(
    file: GrowingFile, pcm: PcmFormat | None, sample_rate_hz: int, *, seconds: float
) -> Iterator[Block]:
    """Mono blocks at ``sample_rate_hz``, as soon as enough of ``file`` is there.

    Raises
    ------
    AudioError
        As decoding a file does; more than ``seconds`` of audio is too much.
    """
    # Waiting for audio is not decoding time: the processor time of the whole stream is limited.
    limits = DecodeLimits(seconds=seconds, wall_seconds=float("inf"))
    if pcm is not None:
        # FFmpeg would look at five seconds of samples before it believes that they are samples.
        plain = conditioned(_samples(file, pcm), pcm.sample_rate_hz, sample_rate_hz)
        return _counted(plain, sample_rate_hz, limits)
    source = cast(BinaryIO, file)
    info = describe_container(source)
    check_layout(limits, info.channels, info.sample_rate_hz)
    frames = round(_BLOCK_SECONDS * info.sample_rate_hz)
    track = Track(source, info, False, None, None, block_frames=frames)
    return decoded_blocks(track, _WHOLE, sample_rate_hz, Meter(limits), Findings([]))


def _samples(file: GrowingFile, pcm: PcmFormat) -> Iterator[Block]:
    file.seek(len(pcm.wav_header()))
    rest = b""
    while piece := file.read(_READ_BYTES):
        rest += piece
        whole = len(rest) - len(rest) % pcm.frame_bytes
        if pcm.floating:
            values = np.frombuffer(rest[:whole], "<f4").astype(np.float32)
        else:
            values = np.frombuffer(rest[:whole], "<i2").astype(np.float32) / np.float32(32768)
        rest = rest[whole:]
        if len(values):
            yield values.reshape(-1, pcm.channels)


def _counted(blocks: Iterator[Block], rate_hz: int, limits: DecodeLimits) -> Iterator[Block]:
    samples = 0
    for block in blocks:
        samples += len(block)
        check_seconds(limits, samples / rate_hz)
        yield block
