"""FFmpeg, packet by packet: what libsndfile cannot read, and what is left of damaged files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import av
import numpy as np
from av.audio.stream import AudioStream
from av.packet import Packet
from numpy.typing import NDArray

from genrekit.audio.container import (
    PACKET_ERRORS,
    Origin,
    find_origin,
    has_places,
    open_container,
    walk_packets,
)
from genrekit.audio.limits import Meter, check_layout

_GAP_SECONDS = 0.1
# A stamp and that of the first frame are rounded, each by half a tick.
_TICKS = 1.01
#: Decoded frames that are handed on at once.
BLOCK_FRAMES = 1 << 15
# PyAV counts planes up to a null pointer, and FFmpeg puts one only behind seven or fewer: beyond
# that, looking at the planes of a frame reads foreign memory and crashes the process.
_MOST_PLANES = 7
# NumPy arrays of them are what PyAV does not make.
_WIDE_INTEGERS = "s64"


@dataclass(slots=True)
class Damage:
    """What was lost on the way through a file."""

    skipped_packets: int = 0
    lost_seconds: float = 0.0
    #: Undecodable packets that no good one has followed yet: the file may just end here.
    trailing_packets: int = 0


def read_packets(
    file: BinaryIO,
    rate_hz: int,
    begin: int,
    meter: Meter,
    damage: Damage,
    block_frames: int = BLOCK_FRAMES,
) -> Iterator[NDArray[np.float32]]:
    """Blocks (n, channels) from frame ``begin`` on; packets that do not decode are left out."""
    origin = find_origin(file) if begin else None
    cursor = _Cursor(rate_hz, begin, damage, origin)
    seconds = 0.0 if origin is None else origin.stamp + begin / rate_hz
    waiting: list[NDArray[np.float32]] = []
    frames = 0
    with open_container(file) as container:
        if not has_places(container):
            cursor.origin, seconds = None, 0.0
        for packet in walk_packets(container, meter, seconds):
            for frame, samples in _decode(packet, damage, cursor):
                check_layout(meter.limits, frame.layout.nb_channels, frame.sample_rate)
                meter.add(frame.samples, frame.layout.nb_channels)
                if waiting and waiting[-1].shape[1] != samples.shape[1]:
                    yield np.concatenate(waiting)
                    waiting, frames = [], 0
                waiting.append(cursor.take(frame, samples))
                frames += len(waiting[-1])
            if frames >= block_frames:
                yield np.concatenate(waiting)
                waiting, frames = [], 0
    if frames:
        yield np.concatenate(waiting)


@dataclass(slots=True)
class _Cursor:
    """Where in the track the next decoded frame belongs."""

    rate_hz: int
    begin: int
    damage: Damage
    origin: Origin | None
    position: int | None = None

    def take(self, frame: av.AudioFrame, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the part of ``samples``, those of ``frame``, that lies at or after ``begin``."""
        start = self._start(frame)
        self.position = start + len(samples)
        return samples[max(self.begin - start, 0) :]

    def _start(self, frame: av.AudioFrame) -> int:
        if self.origin is None:
            # Without a seek the first frame is the beginning, whatever its stamp says.
            self.origin, self.position = Origin(frame.time or 0.0, frame.samples), 0
        stamped = None
        if frame.time is not None:
            stamped = round((frame.time - self.origin.stamp) * self.rate_hz)
        if self.position is None:
            return self.begin if stamped is None else self._exactly(stamped, frame)
        gap = 0 if stamped is None else stamped - self.position
        if gap <= _GAP_SECONDS * self.rate_hz:
            return self.position
        self.damage.lost_seconds += gap / self.rate_hz
        return self.position + gap

    def _exactly(self, stamped: int, frame: av.AudioFrame) -> int:
        """Where a frame lies that is stamped in milliseconds: a number of frames after the first.

        Of frames that differ in length only the stamp tells; those of one length fit at once.
        """
        tick = float(frame.time_base or 0) * self.rate_hz
        if tick <= 1 or self.origin is None:
            return stamped
        first = self.origin.samples
        nearest = first + round((stamped - first) / frame.samples) * frame.samples
        return nearest if abs(nearest - stamped) <= _TICKS * tick else stamped


def _decode(
    packet: Packet[AudioStream], damage: Damage, cursor: _Cursor
) -> Iterator[tuple[av.AudioFrame, NDArray[np.float32]]]:
    try:
        frames = packet.decode()
        good = [(frame, _samples(frame)) for frame in frames if frame.sample_rate == cursor.rate_hz]
    except PACKET_ERRORS:
        # The empty packet at the end only flushes.
        damage.trailing_packets += packet.size > 0
        return
    damage.skipped_packets += len(frames) - len(good)
    if good and packet.size and damage.trailing_packets:
        # After a seek decoders may refuse what comes before they are in tune.
        tuning = cursor.begin > 0 and cursor.position is None
        damage.skipped_packets += 0 if tuning else damage.trailing_packets
        damage.trailing_packets = 0
    yield from good


def _samples(frame: av.AudioFrame) -> NDArray[np.float32]:
    """Of all channels: (n, channels)."""
    if frame.format.is_planar and frame.layout.nb_channels > _MOST_PLANES:
        resampler = av.AudioResampler(
            format=frame.format.packed.name, layout=frame.layout, rate=frame.sample_rate
        )
        pieces = [piece.to_ndarray() for piece in resampler.resample(frame)]
        return _as_float(np.concatenate(pieces, axis=1).reshape(frame.samples, -1))
    if frame.format.packed.name == _WIDE_INTEGERS:
        wide = av.AudioResampler(format="dbl", layout=frame.layout, rate=frame.sample_rate)
        pieces = [piece.to_ndarray() for piece in wide.resample(frame)]
        return np.concatenate(pieces, axis=1).reshape(frame.samples, -1).astype(np.float32)
    samples = frame.to_ndarray()
    return _as_float(samples.T if frame.format.is_planar else samples.reshape(frame.samples, -1))


def _as_float(samples: NDArray[np.generic]) -> NDArray[np.float32]:
    if samples.dtype.kind == "f":
        return samples.astype(np.float32, copy=False)
    full_scale = np.float32(2.0 ** (8 * samples.dtype.itemsize - 1))
    scaled = samples.astype(np.float32) / full_scale
    return scaled - np.float32(1) if samples.dtype.kind == "u" else scaled
