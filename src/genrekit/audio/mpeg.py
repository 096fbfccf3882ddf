"""MPEG audio without a container, frame by frame: MP3 and its relatives, and AAC in ADTS.

Such a file has no index, and what its first frame says of its length may be missing or wrong. Each
frame says how long it is, so walking from header to header gives the true length, without decoding
anything.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import BinaryIO, NamedTuple

from genrekit.audio.limits import Meter

_CHUNK_BYTES = 1 << 20
# So many headers in a row that fit are not an accident.
_RELIABLE_HEADERS = 3
_LAYER_3, _LAYER_2, _LAYER_1 = 1, 2, 3
#: By the version in the header: 3 is MPEG-1, 2 is MPEG-2, 0 is MPEG-2.5.
RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_KBITS = {
    (3, _LAYER_1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (3, _LAYER_2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (3, _LAYER_3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, _LAYER_1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, _LAYER_2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_ADTS_RATES_HZ = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025,
                  8000, 7350)  # fmt: skip

# The first bytes of a frame that can be one, or of a tag.
_MPEG_SYNC = re.compile(rb"ID3|\xff[\xe2-\xe7\xf2-\xff][\x10-\xef]", re.DOTALL)
_ADTS_SYNC = re.compile(rb"ID3|\xff[\xf0\xf1\xf8\xf9].", re.DOTALL)
_SYNC_BYTES = 3


class Kind(NamedTuple):
    """What all frames of one stretch have in common."""

    layer: int
    version: int
    rate_hz: int
    channels: int


class FrameHeader(NamedTuple):
    """What one frame says of itself."""

    kind: Kind
    size: int
    samples: int


@dataclass(slots=True)
class Stretch:
    """Frames of one kind.

    Attributes
    ----------
    frames, samples : int
        How many frames, and samples of one channel in all of them.
    places : list of (begin, end)
        Bytes of the file; several where something else lies between frames.
    foreign_bytes : int
        Bytes between its frames that are neither frames nor tags.
    """

    kind: Kind
    frames: int = 0
    samples: int = 0
    places: list[tuple[int, int]] = field(default_factory=list)
    foreign_bytes: int = 0

    @property
    def seconds(self) -> float:
        """How long its frames last."""
        return self.samples / self.kind.rate_hz


Parse = Callable[[bytes], FrameHeader | None]


@lru_cache(maxsize=4096)
def parse_mpeg(head: bytes) -> FrameHeader | None:
    """Read the header of a frame of MPEG-1 or MPEG-2 audio, any layer; None if it is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bits, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 0 or rate == 3 or bits in (0, 15):
        return None
    rate_hz = RATES_HZ[version][rate]
    old = 3 if version == 3 else 2
    table = _KBITS[old, _LAYER_2 if old == 2 and layer == _LAYER_3 else layer]
    bit_rate, padding = 1000 * table[bits - 1], head[2] >> 1 & 1
    kind = Kind(layer, version, rate_hz, 1 if head[3] >> 6 == 3 else 2)
    if layer == _LAYER_1:
        return FrameHeader(kind, (12 * bit_rate // rate_hz + padding) * 4, 384)
    samples = 576 if layer == _LAYER_3 and version != 3 else 1152
    return FrameHeader(kind, samples // 8 * bit_rate // rate_hz + padding, samples)


@lru_cache(maxsize=4096)
def parse_adts(head: bytes) -> FrameHeader | None:
    """Read the header of a frame of AAC; None if it is none."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return None
    rate, channels = head[2] >> 2 & 15, (head[2] & 1) << 2 | head[3] >> 6
    size = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    if rate >= len(_ADTS_RATES_HZ) or size < 7:
        return None
    kind = Kind(0, 0, _ADTS_RATES_HZ[rate], channels)
    return FrameHeader(kind, size, 1024 * ((head[6] & 3) + 1))


def walk(file: BinaryIO, parse: Parse, meter: Meter) -> list[Stretch]:
    """Find all frames of a file; nothing if there are none."""
    walker = _Walker(file, parse, meter)
    position = 0
    while (found := walker.find(position)) is not None:
        walker.note_foreign(position, found)
        position = walker.follow(found)
    return walker.stretches


class _Walker:
    def __init__(self, file: BinaryIO, parse: Parse, meter: Meter) -> None:
        self.stretches: list[Stretch] = []
        self._file, self._parse, self._meter = file, parse, meter
        self._head_bytes = 4 if parse is parse_mpeg else 7
        self._sync = _MPEG_SYNC if parse is parse_mpeg else _ADTS_SYNC
        self._size = file.seek(0, 2)
        self._buffer, self._base = b"", 0

    def follow(self, position: int) -> int:
        """Walk from frame to frame, and return where the next is none."""
        stretch, begin = None, position
        parse, wanted = self._parse, self._head_bytes
        while True:
            inside = position - self._base
            head = self._buffer[inside : inside + wanted]
            if len(head) < wanted or inside < 0:
                head = self._load(position)[:wanted]
            header = parse(head)
            if header is None or position + header.size > self._size:
                break
            if stretch is None or stretch.kind != header.kind:
                if stretch is not None and not self._is_reliable(position):
                    break
                if stretch is not None:
                    stretch.places.append((begin, position))
                stretch, begin = self._stretch(header.kind), position
            stretch.frames += 1
            stretch.samples += header.samples
            position += header.size
        if stretch is not None:
            stretch.places.append((begin, position))
        return position

    def find(self, position: int) -> int | None:
        """Where the next frames begin, behind tags and what is not audio."""
        while position < self._size:
            tag = self._tag_bytes(position)
            if tag:
                position += tag
                continue
            if self._is_reliable(position):
                return position
            following = self._next_sync(position + 1)
            if following is None:
                return None
            position = following
        return None

    def note_foreign(self, begin: int, end: int) -> None:
        """Remember that there was something between the frames of one stretch."""
        position = begin
        while position < end and (tag := self._tag_bytes(position)):
            position += tag
        if self.stretches and end - position > 0:
            self.stretches[-1].foreign_bytes += end - position

    def _stretch(self, kind: Kind) -> Stretch:
        if not self.stretches or self.stretches[-1].kind != kind:
            self.stretches.append(Stretch(kind))
        return self.stretches[-1]

    def _is_reliable(self, position: int) -> bool:
        kind = None
        for _ in range(_RELIABLE_HEADERS):
            header = self._parse(self._at(position, self._head_bytes))
            if header is None or (kind is not None and header.kind != kind):
                return False
            kind = header.kind
            position += header.size
            if position >= self._size:
                return position == self._size
            if self._at(position, 3) in (b"TAG", b"ID3"):
                return True
        return True

    def _next_sync(self, position: int) -> int | None:
        """Where something may begin: found by a search that costs a hostile file little."""
        while position < self._size:
            inside = position - self._base
            if not 0 <= inside <= len(self._buffer) - _SYNC_BYTES:
                self._load(position)
                inside = 0
            found = self._sync.search(self._buffer, inside)
            if found is not None:
                return self._base + found.start()
            position = self._base + max(len(self._buffer) - _SYNC_BYTES + 1, inside + 1)
        return None

    def _tag_bytes(self, position: int) -> int:
        """Bytes of the tag that begins here; 0 if there is none."""
        head = self._at(position, 16)
        if head[:3] == b"ID3" and len(head) >= 10 and max(head[6:10]) < 0x80:
            size = 10 + sum((byte & 0x7F) << 7 * (3 - n) for n, byte in enumerate(head[6:10]))
            return size + (10 if head[5] & 0x10 else 0)
        if head[:8] == b"APETAGEX" and len(head) == 16:
            return 32 + int(struct.unpack("<I", head[12:16])[0])
        return 128 if head[:3] == b"TAG" and self._size - position <= 128 else 0

    def _at(self, position: int, size: int) -> bytes:
        inside = position - self._base
        if inside < 0 or inside + size > len(self._buffer):
            return self._load(position)[:size]
        return self._buffer[inside : inside + size]

    def _load(self, position: int) -> bytes:
        self._meter.check_time()
        self._file.seek(position)
        self._buffer, self._base = self._file.read(_CHUNK_BYTES), position
        return self._buffer
