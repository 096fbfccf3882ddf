"""What the first bytes say: which decoder to ask, and how much audio a plain header promises."""

from __future__ import annotations

import struct
from typing import BinaryIO, NamedTuple

#: Suffixes that are worth opening when a folder is walked. Content decides, never the suffix.
AUDIO_SUFFIXES = frozenset(
    {
        *(".aac", ".aif", ".aifc", ".aiff", ".ape", ".au", ".caf", ".flac", ".m4a", ".m4b"),
        *(".mka", ".mp3", ".mp4", ".mpc", ".oga", ".ogg", ".opus", ".snd", ".w64", ".wav"),
        *(".weba", ".webm", ".wma", ".wv"),
    }
)

_SOUNDFILE_MAGIC = (
    *(b"RIFF", b"RIFX", b"RF64", b"riff", b".snd", b"dns.", b"FORM", b"caff"),
    *(b"fLaC", b"OggS", b"ID3"),
)
_MOST_CHUNKS = 200
_ASF_FILE_PROPERTIES = bytes.fromhex("A1DCAB8C47A9CF118EE400C00C205365")
_LONGEST_OGG_PAGE = 27 + 255 + 255 * 255
# Writers that cannot seek back leave such sizes in the header; they promise nothing.
_UNKNOWN_BYTES = 0x7FFF_F000


class DataChunk(NamedTuple):
    """Sizes of the sample data of a plain file, in bytes."""

    promised: int
    available: int


def soundfile_may_read(head: bytes) -> bool:
    """Whether these first bytes start a format that libsndfile reads well.

    Asking first keeps text, pictures and the like away from its looser guesses.
    """
    if head.startswith(_SOUNDFILE_MAGIC):
        return True
    # MPEG audio: eleven sync bits, then a layer that is not the reserved one (which is AAC's).
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 != 0


def data_chunk(file: BinaryIO) -> DataChunk | None:
    """What a WAV, AU or AIFF header promises, and what follows it.

    Returns
    -------
    DataChunk or None
        None for other formats, and if the header leaves the size open.
    """
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(12)
    if head[:4] in (b"RIFF", b"RIFX") and head[8:] == b"WAVE":
        return _walk_chunks(file, size, b"data", "<" if head[:4] == b"RIFF" else ">")
    if head[:4] == b"FORM" and head[8:] in (b"AIFF", b"AIFC"):
        return _walk_chunks(file, size, b"SSND", ">")
    if head[:4] == b".snd" and len(head) == 12:
        start, promised = struct.unpack(">II", head[4:])
        return _chunk(promised, size - start)
    return None


def _walk_chunks(file: BinaryIO, size: int, wanted: bytes, order: str) -> DataChunk | None:
    position = 12
    for _ in range(_MOST_CHUNKS):
        file.seek(position)
        header = file.read(8)
        if len(header) < 8:
            return None
        (length,) = struct.unpack(order + "I", header[4:])
        if header[:4] == wanted:
            return _chunk(length, size - position - 8)
        position += 8 + length + length % 2
    return None


def _chunk(promised: int, available: int) -> DataChunk | None:
    if promised == 0 or available <= 0 or (promised >= _UNKNOWN_BYTES and available < promised):
        return None
    return DataChunk(promised, available)


def mp3_states_its_length(file: BinaryIO) -> bool:
    """Whether the first frame of an MP3 file holds a count of frames (Xing, Info or VBRI)."""
    file.seek(0)
    head = file.read(10)
    start = 0
    if head[:3] == b"ID3" and len(head) == 10:
        # ID3v2 writes its length in four bytes of seven bits each.
        for byte in head[6:]:
            start = start << 7 | byte & 0x7F
        start += 10
    file.seek(start)
    first = file.read(512)
    return any(mark in first for mark in (b"Xing", b"Info", b"VBRI"))


def ogg_is_cut_off(file: BinaryIO) -> bool:
    """Whether the last page of an Ogg file is incomplete or not marked as the last one."""
    size = file.seek(0, 2)
    file.seek(max(size - _LONGEST_OGG_PAGE, 0))
    tail = file.read()
    page = tail[max(tail.rfind(b"OggS"), 0) :]
    if len(page) < 27 or not page[5] & 0x04:
        return True
    segments = page[27 : 27 + page[26]]
    return len(page) < 27 + page[26] + sum(segments)


def asf_seconds(file: BinaryIO) -> float | None:
    """Length that the file properties of an ASF (WMA) file state.

    FFmpeg scales it by the size of the file, which hides that a file is cut.
    """
    file.seek(0)
    head = file.read(1 << 16)
    place = head.find(_ASF_FILE_PROPERTIES)
    fields = head[place + 64 : place + 88]
    if place < 0 or len(fields) < 24:
        return None
    # Duration in units of 100 ns, time to send, and a preroll in ms that the duration includes.
    duration, _, preroll = struct.unpack("<QQQ", fields)
    seconds = float(duration / 1e7 - preroll / 1e3)
    return seconds if seconds > 0 else None
