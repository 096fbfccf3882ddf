"""The first frame of an MP3 file that counts the others: Xing, Info or VBRI."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from genrekit.audio.mpeg import RATES_HZ, FrameHeader, Kind, parse_mpeg

_FRAMES, _BYTES, _TABLE, _QUALITY = 1, 2, 4, 8
# Side information of a frame, by MPEG version 1 or not, and mono or not.
_SIDE_BYTES = {(True, False): 32, (True, True): 17, (False, False): 17, (False, True): 9}
_LAME_BYTES = 36
_DELAYS_AT = 21
_LAYER_3 = 1


@dataclass(frozen=True, slots=True)
class FrameCount:
    """What such a frame says.

    Attributes
    ----------
    frames, stated_bytes : int or None
        Of the audio; bytes count from this frame on.
    delays : bytes
        Twice 12 bits: how many samples the encoder put before and behind the music; or nothing.
    is_reliable : bool
        Whether its checksum is right, so nobody changed it.
    """

    frames: int | None
    stated_bytes: int | None
    delays: bytes
    is_reliable: bool


def read_count(file: BinaryIO, position: int) -> tuple[FrameHeader, FrameCount] | None:
    """Return the frame at ``position``, if it counts the others."""
    file.seek(position)
    data = file.read(2048)
    header = parse_mpeg(data[:4])
    if header is None or header.kind.layer != _LAYER_3:
        return None
    frame = data[: header.size]
    place = 4 + _SIDE_BYTES[header.kind.version == 3, header.kind.channels == 1]
    if frame[place : place + 4] in (b"Xing", b"Info"):
        return header, _read_xing(frame, place)
    if frame[36:40] == b"VBRI" and len(frame) >= 54:
        size, frames = struct.unpack(">II", frame[46:54])
        return header, FrameCount(frames or None, size or None, b"", False)
    return None


def _read_xing(frame: bytes, place: int) -> FrameCount:
    (flags,) = struct.unpack(">I", frame[place + 4 : place + 8].ljust(4, b"\0"))
    rest = frame[place + 8 :]
    fields = []
    for flag, size in ((_FRAMES, 4), (_BYTES, 4), (_TABLE, 100), (_QUALITY, 4)):
        present = bool(flags & flag)
        fields.append(int.from_bytes(rest[:size], "big") if present and size == 4 else 0)
        rest = rest[size:] if present else rest
    end = len(frame) - len(rest)
    lame = rest[:_LAME_BYTES]
    has_delays = len(lame) == _LAME_BYTES and lame[:4] in (b"LAME", b"Lavc", b"Lavf", b"L3.9")
    checksum = int.from_bytes(lame[34:36], "big")
    covered = (frame[: end + 34], frame[:190])
    is_reliable = has_delays and any(_crc16(part) == checksum for part in covered)
    delays = lame[_DELAYS_AT : _DELAYS_AT + 3] if has_delays else b""
    return FrameCount(fields[0] or None, fields[1] or None, delays, is_reliable)


def write_count(kind: Kind, frames: int, delays: bytes) -> bytes:
    """Return a frame of silence that counts ``frames`` behind it, to stand before them."""
    version_1, mono = kind.version == 3, kind.channels == 1
    side = _SIDE_BYTES[version_1, mono]
    second = 0xE0 | kind.version << 3 | kind.layer << 1 | 1
    for bits in range(1, 15):
        third = bits << 4 | RATES_HZ[kind.version].index(kind.rate_hz) << 2
        head = bytes([0xFF, second, third, 0xC0 if mono else 0x00])
        header = parse_mpeg(head)
        if header is not None and header.size >= 4 + side + 12 + _LAME_BYTES:
            break
    else:
        raise ValueError(f"no frame of {kind} holds a count")
    tag = struct.pack(">4sII", b"Info", _FRAMES, frames)
    if delays:
        tag += b"LAME3.100".ljust(_DELAYS_AT, b"\0") + delays
    return (head + bytes(side) + tag).ljust(header.size, b"\0")


def _crc16(data: bytes) -> int:
    """CRC-16 as LAME writes it: polynomial 0x8005, reflected, from 0."""
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return value
