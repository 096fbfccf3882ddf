"""FFmpeg, packet by packet: what libsndfile cannot read, and what is left of damaged files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import av
import av.error
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from numpy.typing import NDArray

from genrekit.audio.fold import fold
from genrekit.audio.limits import Meter, check_layout
from genrekit.errors import AudioFormatError

# Playlists make FFmpeg open further files and addresses, and raw formats match any text: only
# containers that are recognised by a signature and hold their own audio are let in.
_CONTAINERS = (
    *("aac", "aiff", "amr", "ape", "asf", "au", "caf", "dsf", "flac", "matroska", "mov", "mp3"),
    *("mpc", "mpc8", "ogg", "tta", "w64", "wav", "webm", "wv", "xwma"),
)
_OPTIONS = {"format_whitelist": ",".join(_CONTAINERS), "protocol_whitelist": "none"}
# Decoders need some packets before the wanted one to be in tune; Opus asks for 0.08 s.
_PREROLL_SECONDS = 0.5
_GAP_SECONDS = 0.1
_BLOCK_FRAMES = 1 << 15


@dataclass(slots=True)
class Damage:
    """What was lost on the way through a file."""

    skipped_packets: int = 0
    lost_seconds: float = 0.0
    #: Undecodable packets that no good one has followed yet: the file may just end here.
    trailing_packets: int = 0


def open_packets(file: BinaryIO) -> InputContainer:
    """Open ``file`` with FFmpeg; the caller closes the container.

    Raises
    ------
    AudioFormatError
        If it is not audio.
    """
    file.seek(0)
    head = file.read(16)
    file.seek(0)
    try:
        container = av.open(file, "r", options=_OPTIONS, metadata_errors="replace")
    except (av.error.FFmpegError, ValueError) as error:
        raise AudioFormatError(
            f"this is not audio that can be read; it begins with {head!r}; "
            "check that it was downloaded completely, or convert it to FLAC"
        ) from error
    if container.streams.audio:
        return container
    container.close()
    raise AudioFormatError("there is no audio track in the file; give a file with one")


def scan_seconds(file: BinaryIO, meter: Meter) -> float | None:
    """How long the audio is by the time stamps of its packets, none of which is decoded."""
    end: float | None = None
    with open_packets(file) as container:
        for packet in _demux(container):
            meter.check_time()
            stamp = packet.pts if packet.pts is not None else packet.dts
            if stamp is not None and packet.time_base is not None:
                last = float((stamp + (packet.duration or 0)) * packet.time_base)
                end = last if end is None else max(end, last)
        origin = _origin_seconds(container)
    return None if end is None else max(end - origin, 0.0)


def read_packets(
    container: InputContainer, rate_hz: int, begin: int, meter: Meter, damage: Damage
) -> Iterator[NDArray[np.float32]]:
    """Mono blocks from frame ``begin`` to the end; packets that do not decode are left out."""
    cursor = _Cursor(container, rate_hz, begin, damage)
    waiting: list[NDArray[np.float32]] = []
    frames = 0
    for packet in _demux(container, begin / rate_hz):
        meter.check_time()
        for frame in _decode(packet, damage, cursor):
            check_layout(meter.limits, frame.layout.nb_channels, frame.sample_rate)
            meter.add(frame.samples, frame.layout.nb_channels)
            mono = cursor.take(frame)
            waiting.append(mono)
            frames += len(mono)
        if frames >= _BLOCK_FRAMES:
            yield np.concatenate(waiting)
            waiting, frames = [], 0
    if frames:
        yield np.concatenate(waiting)


@dataclass(slots=True)
class _Cursor:
    """Where in the track the next decoded frame belongs."""

    container: InputContainer
    rate_hz: int
    begin: int
    damage: Damage
    position: int | None = None
    origin: float = field(init=False)

    def __post_init__(self) -> None:
        self.origin = _origin_seconds(self.container)

    def take(self, frame: av.AudioFrame) -> NDArray[np.float32]:
        """The part of ``frame`` that lies at or after ``begin``, as mono."""
        start = self._start(frame)
        self.position = start + frame.samples
        return _mono(frame)[max(self.begin - start, 0) :]

    def _start(self, frame: av.AudioFrame) -> int:
        stamp = frame.time
        stamped = None if stamp is None else round((stamp - self.origin) * self.rate_hz)
        if self.position is None:
            # Without a seek the first frame is the beginning, whatever its stamp says.
            return stamped if self.begin and stamped is not None else 0
        gap = 0 if stamped is None else stamped - self.position
        if gap <= _GAP_SECONDS * self.rate_hz:
            return self.position
        self.damage.lost_seconds += gap / self.rate_hz
        return self.position + gap


def _decode(
    packet: Packet[AudioStream], damage: Damage, cursor: _Cursor
) -> Iterator[av.AudioFrame]:
    try:
        frames = packet.decode()
    except (av.error.FFmpegError, ValueError):
        # The empty packet at the end only flushes; before the first frame decoders tune in.
        damage.trailing_packets += packet.size > 0
        return
    good = [frame for frame in frames if frame.sample_rate == cursor.rate_hz]
    if good and damage.trailing_packets:
        if not (cursor.begin and cursor.position is None):
            damage.skipped_packets += damage.trailing_packets
        damage.trailing_packets = 0
    damage.skipped_packets += len(frames) - len(good)
    yield from good


def _demux(container: InputContainer, seconds: float = 0.0) -> Iterator[Packet[AudioStream]]:
    """Packets of the first audio track from a little before ``seconds`` on."""
    stream = container.streams.audio[0]
    try:
        if seconds > 0:
            wanted = max(seconds - _PREROLL_SECONDS, 0.0) + _origin_seconds(container)
            container.seek(round(wanted * 1e6))
        yield from container.demux(stream)
    except (av.error.FFmpegError, ValueError):
        return


def _origin_seconds(container: InputContainer) -> float:
    stream = container.streams.audio[0]
    if stream.start_time is None or stream.time_base is None:
        return 0.0
    return float(stream.start_time * stream.time_base)


def _mono(frame: av.AudioFrame) -> NDArray[np.float32]:
    samples = frame.to_ndarray()
    frames = samples.T if frame.format.is_planar else samples.reshape(frame.samples, -1)
    return fold(_as_float(frames))


def _as_float(samples: NDArray[np.generic]) -> NDArray[np.float32]:
    if samples.dtype.kind == "f":
        return samples.astype(np.float32, copy=False)
    full_scale = np.float32(2.0 ** (8 * samples.dtype.itemsize - 1))
    scaled = samples.astype(np.float32) / full_scale
    return scaled - np.float32(1) if samples.dtype.kind == "u" else scaled
