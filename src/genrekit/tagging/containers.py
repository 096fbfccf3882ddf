"""Which container a file is, by its content, and how genres are read from it and changed in it."""

from __future__ import annotations

from pathlib import Path
from typing import IO, NoReturn

from genrekit.tagging.asf import change_asf, read_asf
from genrekit.tagging.disk import opened
from genrekit.tagging.flac import change_flac, read_flac
from genrekit.tagging.id3 import change_id3, read_id3
from genrekit.tagging.id3_tag import HEADER_BYTES, is_tag, tag_bytes, tags_at
from genrekit.tagging.mp4 import change_mp4, read_mp4
from genrekit.tagging.ogg import change_ogg, read_ogg
from genrekit.tagging.riff import change_riff, read_riff
from genrekit.tagging.splice import Splice, View, cannot, effective, whole
from genrekit.tagging.tails import (
    change_ape,
    change_tails,
    find_tails,
    read_ape,
    read_tails,
    v1_texts,
)
from genrekit.tagging.values import Container, Fields, Wanted, merged


def _read_mpeg(view: View) -> Fields:
    return merged(read_id3(view), read_tails(view))


def _change_mpeg(view: View, wanted: Wanted) -> list[Splice]:
    """Change all tags; where there is only an APE tag, that one is the first place."""
    tails = find_tails(view)
    if tails.ape is not None and not tags_at(view):
        return change_tails(view, wanted, tails, ape_is_first=True)
    first = change_id3(view, wanted, v1_texts(view, tails))
    return [*first, *change_tails(view, wanted, tails)]


_MPEG = Container("mp3", _read_mpeg, _change_mpeg)
_APE = Container("ape", read_ape, change_ape)
# By what they begin with; FLAC may have ID3 tags before that.
_BY_MAGIC: tuple[tuple[bytes, Container], ...] = (
    (b"fLaC", Container("flac", read_flac, change_flac)),
    (b"OggS", Container("ogg", read_ogg, change_ogg)),
    (bytes.fromhex("3026B2758E66CF11A6D900AA0062CE6C"), Container("asf", read_asf, change_asf)),
    *((magic, _APE) for magic in (b"MAC ", b"wvpk", b"MPCK", b"MP+", b"tBaK", b"OFR ")),
    (b"TTA1", Container("tta", _read_mpeg, _change_mpeg)),
)
_MP4 = Container("mp4", read_mp4, change_mp4)
_RIFF = Container("wav", read_riff, change_riff)
_AIFF = Container("aiff", read_riff, change_riff)
_UNTAGGED = (
    (b"RF64", "RF64, the WAV of more than 4 GiB,"),
    (b"BW64", "BW64, the WAV of more than 4 GiB,"),
    (b"RIFX", "RIFX, a WAV with its bytes the other way round,"),
    (b"riff\x2e\x91\xcf\x11", "Wave64"),
    (b".snd", "AU"),
    (b"caff", "CAF"),
    (b"\x1a\x45\xdf\xa3", "Matroska and WebM"),
    (b"ADIF", "AAC without a container"),
    (b"#!AMR", "AMR"),
    (b"DSD ", "DSF"),
)
_MPEG_SUFFIXES = (".mp3", ".mp2", ".mp1", ".mpa", ".mpga", ".m2a")
_TAGS_AHEAD = ("flac", "mp3", "tta", "ape")


def container_of(view: View, path: Path) -> Container:
    """Return the container of an open file.

    Raises
    ------
    TagError
        ``cannot_be_tagged`` if it is one that genres are not written into.
    """
    start = _behind_tags(view)
    head = view.peek(start, 16)
    for magic, container in _BY_MAGIC:
        if head.startswith(magic):
            if start and container.name not in _TAGS_AHEAD:
                raise cannot(f"there is an ID3 tag ahead of {container.name}, where none belongs")
            return container
    if head[4:8] == b"ftyp" and not start:
        return _MP4
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE" and not start:
        return _RIFF
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC") and not start:
        return _AIFF
    if _is_mpeg(head) or (path.suffix.lower() in _MPEG_SUFFIXES and not _is_other(head)):
        return _MPEG
    return _refuse(head)


def _behind_tags(view: View) -> int:
    position = 0
    while is_tag(head := view.peek(position, HEADER_BYTES)):
        position += tag_bytes(head)
    return position


def _is_mpeg(head: bytes) -> bool:
    """Eleven bits that are set, then a layer, which AAC has not."""
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 != 0


def _is_adts(head: bytes) -> bool:
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0


def _is_other(head: bytes) -> bool:
    known = head.startswith(tuple(magic for magic, _ in _UNTAGGED))
    return known or _is_adts(head) or head[:4] in (b"RIFF", b"FORM") or head[4:8] == b"ftyp"


def _refuse(head: bytes) -> NoReturn:
    for magic, name in _UNTAGGED:
        if head.startswith(magic):
            raise cannot(f"{name} has no place for a genre that players read")
    if _is_adts(head):
        raise cannot("AAC without a container has no place for a genre that players read")
    raise cannot("the file is of no kind that genres can be written into")


def read_fields(file: IO[bytes], path: Path) -> Fields:
    """Return what the tags of an open file say.

    Raises
    ------
    TagError
        If it cannot be tagged, or is damaged.
    """
    view = whole(file)
    return container_of(view, path).read(view)


def plan_changes(file: IO[bytes], path: Path, wanted: Wanted) -> list[Splice]:
    """Plan the smallest changes, in order, after which an open file's tags are as wanted.

    Raises
    ------
    TagError
        If it cannot be tagged, or is damaged.
    """
    view = whole(file)
    return effective(view, container_of(view, path).change(view, wanted))


def read_tags(path: Path) -> Fields:
    """Return what the tags of a file say: ``genre``, ``album`` and so on to their values.

    Raises
    ------
    TagError
        If it cannot be tagged, is damaged, or cannot be read.
    """
    with opened(path) as file:
        return read_fields(file, path)
