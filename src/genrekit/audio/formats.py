"""What the first bytes say: which decoder to ask, and how much audio a plain header promises."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import BinaryIO, NamedTuple

from genrekit.audio.limits import Meter

#: Containers that FFmpeg may open, and how their files are called. Playlists make it open further
#: files and addresses, and raw formats match any text: only containers that are recognised by a
#: signature and hold their own audio are here.
CONTAINERS: Mapping[str, tuple[str, ...]] = {
    "aac": (".aac", ".adts"),
    "aiff": (".afc", ".aif", ".aifc", ".aiff"),
    "amr": (".amr", ".awb"),
    "ape": (".ape", ".mac"),
    "asf": (".asf", ".wma", ".wmv"),
    "au": (".au", ".snd"),
    "caf": (".caf",),
    "dsf": (".dsf",),
    "flac": (".fla", ".flac"),
    "matroska": (".mka", ".mkv"),
    "mov": (
        *(".3g2", ".3ga", ".3gp", ".alac", ".f4a", ".f4b", ".f4v", ".m4a", ".m4b", ".m4p", ".m4r"),
        *(".m4v", ".mov", ".mp4", ".qt"),
    ),
    "mp3": (".m2a", ".mp1", ".mp2", ".mp3", ".mpa", ".mpga"),
    "mpc": (".mpc", ".mp+"),
    "mpc8": (".mpc", ".mpp"),
    "ogg": (".oga", ".ogg", ".ogm", ".ogv", ".ogx", ".opus", ".spx"),
    "tta": (".tta",),
    "w64": (".w64",),
    "wav": (".bwf", ".rf64", ".wav", ".wave"),
    "webm": (".weba", ".webm"),
    "wv": (".wv",),
    "xwma": (".xwma",),
}
#: The same of libsndfile: of all that it opens, what is music. The rest is recognised by loose
#: guesses.
SOUNDFILE_FORMATS: Mapping[str, tuple[str, ...]] = {
    "AIFF": CONTAINERS["aiff"],
    "AU": CONTAINERS["au"],
    "CAF": CONTAINERS["caf"],
    "FLAC": CONTAINERS["flac"],
    "MP3": CONTAINERS["mp3"],
    "OGG": CONTAINERS["ogg"],
    "RF64": (".rf64", ".wav"),
    "W64": CONTAINERS["w64"],
    "WAV": CONTAINERS["wav"],
    "WAVEX": (".wav",),
}
#: Suffixes that are worth opening when a folder is walked. Content decides, never the suffix.
AUDIO_SUFFIXES = frozenset(
    suffix
    for table in (CONTAINERS, SOUNDFILE_FORMATS)
    for suffixes in table.values()
    for suffix in suffixes
)

_SOUNDFILE_MAGIC = (
    *(b"RIFF", b"RIFX", b"RF64", b"riff", b".snd", b"dns.", b"FORM", b"caff"),
    *(b"fLaC", b"OggS", b"ID3"),
)
_MOST_CHUNKS = 200
_ASF_FILE_PROPERTIES = bytes.fromhex("A1DCAB8C47A9CF118EE400C00C205365")
_CHUNK_BYTES = 1 << 20
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
    """Return what a WAV, AU or AIFF header promises, and what follows it.

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


def ogg_links(file: BinaryIO, meter: Meter) -> list[int]:
    """Where each of the files begins that an Ogg file is a chain of."""
    starts, in_header = [0], True
    for position, flags in _ogg_pages(file, meter):
        is_first = bool(flags & 0x02)
        if is_first and not in_header:
            starts.append(position)
        in_header = is_first
    return starts


def _ogg_pages(file: BinaryIO, meter: Meter) -> Iterator[tuple[int, int]]:
    """Where each page begins, and its flags; from one to the next by their lengths."""
    position, base, buffer = 0, 0, b""
    while True:
        inside = position - base
        if inside < 0 or inside + 282 > len(buffer):
            meter.check_time()
            file.seek(position)
            base, buffer, inside = position, file.read(_CHUNK_BYTES), 0
        if buffer[inside : inside + 4] == b"OggS" and len(buffer) >= inside + 27:
            yield position, buffer[inside + 5]
            table = buffer[inside + 27 : inside + 27 + buffer[inside + 26]]
            position += 27 + len(table) + sum(table)
            continue
        found = buffer.find(b"OggS", inside + 1)
        if found >= 0:
            position = base + found
        elif len(buffer) < _CHUNK_BYTES:
            return
        else:
            position = base + len(buffer) - 3


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
