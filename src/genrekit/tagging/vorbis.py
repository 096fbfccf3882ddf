"""Vorbis comments, which FLAC and the Ogg formats share."""

from __future__ import annotations

from dataclasses import dataclass

from genrekit.tagging.splice import damaged
from genrekit.tagging.values import OWN, Fields, Key, Wanted

_NAMES: dict[bytes, Key] = {
    **{b"GENRE": "genre", b"TITLE": "title", b"ARTIST": "artist", b"ALBUM": "album"},
    **{b"ALBUMARTIST": "albumartist", b"ALBUM ARTIST": "albumartist"},
    **{name.upper().encode(): key for key, name in OWN.items()},
}


@dataclass(frozen=True, slots=True)
class Comments:
    """A block of comments taken apart.

    Attributes
    ----------
    vendor : bytes
    entries : tuple of bytes
        Each ``NAME=value``, as it is in the file.
    rest : bytes
        What follows them: a framing bit, padding, things of other programs.
    """

    vendor: bytes
    entries: tuple[bytes, ...]
    rest: bytes = b""

    def rendered(self) -> bytes:
        """As they are in a file."""
        parts = [_sized(self.vendor), len(self.entries).to_bytes(4, "little")]
        return b"".join([*parts, *map(_sized, self.entries), self.rest])


def parse_comments(data: bytes) -> Comments:
    """Take comments apart.

    Raises
    ------
    TagError
        If their sizes do not fit.
    """
    vendor, position = _read_sized(data, 0)
    if position + 4 > len(data):
        raise damaged("its Vorbis comments are cut off")
    count = int.from_bytes(data[position : position + 4], "little")
    position += 4
    entries = []
    for _ in range(count):
        entry, position = _read_sized(data, position)
        entries.append(entry)
    return Comments(vendor, tuple(entries), data[position:])


def _read_sized(data: bytes, start: int) -> tuple[bytes, int]:
    size = int.from_bytes(data[start : start + 4], "little")
    end = start + 4 + size
    if start + 4 > len(data) or end > len(data):
        raise damaged("its Vorbis comments are larger than the block that holds them")
    return data[start + 4 : end], end


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


def fields_of_comments(comments: Comments) -> Fields:
    """Return what they say."""
    found: Fields = {}
    for entry in comments.entries:
        key, value = _meaning(entry)
        if key is not None and value:
            found[key] = (*found.get(key, ()), value)
    return found


def _meaning(entry: bytes) -> tuple[Key | None, str]:
    name, _, value = entry.partition(b"=")
    return _NAMES.get(name.upper()), value.decode("utf-8", "replace")


def changed_comments(comments: Comments, wanted: Wanted) -> Comments:
    """Return the comments with what is wanted where each was first; the others stay."""
    fresh: dict[Key, list[bytes]] = {"genre": [_entry("GENRE", one) for one in wanted.genres]}
    for own, value in wanted.own.items():
        fresh[own] = [_entry(OWN[own].upper(), value)]
    entries: list[bytes] = []
    ours = set(fresh)
    for entry in comments.entries:
        key, _ = _meaning(entry)
        if key in ours and key is not None:
            entries += fresh.pop(key, [])
        else:
            entries.append(entry)
    added = [entry for new in fresh.values() for entry in new]
    return Comments(comments.vendor, (*entries, *added), comments.rest)


def _entry(name: str, value: str) -> bytes:
    return f"{name}={value}".encode("utf-8", "replace")
