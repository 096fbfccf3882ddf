"""One ID3v2 tag taken apart: where its frames lie, and its padding."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from genrekit.tagging.id3_frames import Frame, from_syncsafe, synchronised
from genrekit.tagging.splice import View, cannot, damaged

HEADER_BYTES = 10
_NAMES = {2: re.compile(rb"[A-Z][A-Z0-9]{2}"), 3: re.compile(rb"[A-Z][A-Z0-9]{3}")}
_NAMES[4] = _NAMES[3]
_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10


@dataclass(frozen=True, slots=True)
class Tag:
    """An ID3v2 tag; positions of frames are in ``body``, which is synchronised.

    Attributes
    ----------
    start : int
        Where its header lies in the view.
    raw : bytes
        What lies between header and footer.
    body : bytes
        The same; in v2.2 and v2.3 without unsynchronisation.
    stuffed : tuple of int
        Positions in ``body`` before which the file has a zero more.
    extended : int
        Bytes of the extended header, at the beginning of ``body``.
    frames_end : int
        Behind the last frame.
    padding : int
        Zeros from there on; 0 if there is anything else behind the frames.
    plain_sizes : bool
        Whether sizes of frames are plain numbers, as in v2.3 and in the v2.4 of an old iTunes.
    """

    start: int
    version: int
    flags: int
    raw: bytes
    body: bytes
    stuffed: tuple[int, ...]
    extended: int
    frames: tuple[Frame, ...]
    frames_end: int
    padding: int
    plain_sizes: bool

    @property
    def raw_size(self) -> int:
        """Its size as its header says it, without header and footer."""
        return len(self.raw)

    @property
    def unsynchronised(self) -> bool:
        """Whether the bytes of the file are not those of ``body``."""
        return self.version < 4 and bool(self.flags & _UNSYNCHRONISED)

    @property
    def has_footer(self) -> bool:
        """Whether a second header follows."""
        return self.version == 4 and bool(self.flags & _FOOTER)

    @property
    def total(self) -> int:
        """All its bytes in the file."""
        return HEADER_BYTES + self.raw_size + (HEADER_BYTES if self.has_footer else 0)

    def in_file(self, position: int) -> int:
        """Where a position of ``body`` is in the view; stuffed zeros follow what they belong to."""
        return self.start + HEADER_BYTES + position + bisect_right(self.stuffed, position)


def is_tag(head: bytes) -> bool:
    """Whether these ten bytes are the header of an ID3v2 tag."""
    return (
        len(head) == HEADER_BYTES
        and head.startswith(b"ID3")
        and head[3] < 0xFF
        and head[4] < 0xFF
        and all(byte < 0x80 for byte in head[6:])
    )


def tag_bytes(head: bytes) -> int:
    """How long a tag with this header is in all."""
    footer = HEADER_BYTES if head[3] >= 4 and head[5] & _FOOTER else 0
    return HEADER_BYTES + from_syncsafe(head[6:]) + footer


def tags_at(view: View, start: int = 0) -> list[Tag]:
    """Return the tags that follow each other from ``start`` on; an empty list if there is none."""
    found = []
    while is_tag(view.peek(start, HEADER_BYTES)):
        found.append(read_tag(view, start))
        start += found[-1].total
    return found


def read_tag(view: View, start: int) -> Tag:
    """Return the tag whose header is at ``start``.

    Raises
    ------
    TagError
        If its sizes do not fit the file, or its version is one that is not known.
    """
    head = view.at(start, HEADER_BYTES)
    version, flags = head[3], head[5]
    if version not in _NAMES:
        raise cannot(f"the file has an ID3 tag of version 2.{version}; 2.2 to 2.4 are known")
    if version == 2 and flags & _EXTENDED:
        raise cannot("the file has a compressed ID3v2.2 tag, which no reader opens")
    raw_size = from_syncsafe(head[6:])
    raw = view.at(start + HEADER_BYTES, raw_size)
    unsynchronised = version < 4 and bool(flags & _UNSYNCHRONISED)
    body = synchronised(raw) if unsynchronised else raw
    extended = _extended_bytes(body, version) if version > 2 and flags & _EXTENDED else 0
    frames, end, plain = _frames(body, extended, version)
    rest = body[end:]
    return Tag(
        *(start, version, flags, raw, body),
        stuffed=_stuffed(raw) if unsynchronised else (),
        extended=extended,
        frames=frames,
        frames_end=end,
        padding=0 if rest.strip(b"\0") else len(rest),
        plain_sizes=plain,
    )


def _stuffed(raw: bytes) -> tuple[int, ...]:
    """Positions in the synchronised bytes behind each 255 that a zero follows in ``raw``."""
    found: list[int] = []
    position = raw.find(b"\xff\x00")
    while position >= 0:
        found.append(position + 1 - len(found))
        position = raw.find(b"\xff\x00", position + 2)
    return tuple(found)


def _extended_bytes(body: bytes, version: int) -> int:
    if len(body) < 6:
        raise damaged("the extended header of its ID3 tag is cut off")
    # In v2.3 the size does not count itself.
    size = int.from_bytes(body[:4], "big") + 4 if version == 3 else from_syncsafe(body[:4])
    if not 6 <= size <= len(body):
        raise damaged(f"the extended header of its ID3 tag is said to have {size} bytes")
    return size


def _frames(body: bytes, start: int, version: int) -> tuple[tuple[Frame, ...], int, bool]:
    """Frames, where they end, and whether their sizes are plain numbers."""
    ways = {2: (True,), 3: (True,), 4: (False, True)}[version]
    for plain in ways:
        frames, end, whole = _walk(body, start, version, plain=plain)
        # With the wrong kind of sizes the walk ends in the middle of something.
        if whole and (version < 4 or not body[end:].strip(b"\0")):
            return frames, end, plain
    frames, end, whole = _walk(body, start, version, plain=ways[0])
    if not whole:
        raise damaged(f"a frame of its ID3 tag is larger than the tag ({len(body)} bytes)")
    return frames, end, ways[0]


def _walk(
    body: bytes, start: int, version: int, *, plain: bool
) -> tuple[tuple[Frame, ...], int, bool]:
    letters, header = (3, 6) if version == 2 else (4, 10)
    found: list[Frame] = []
    while start + header <= len(body) and _NAMES[version].fullmatch(body[start : start + letters]):
        field = body[start + letters : start + 2 * letters]
        if not plain and any(byte > 0x7F for byte in field):
            return tuple(found), start, False
        size = int.from_bytes(field, "big") if plain else from_syncsafe(field)
        end = start + header + size
        if end > len(body):
            return tuple(found), start, False
        flags = 0 if version == 2 else body[start + 9]
        name = body[start : start + letters].decode()
        found.append(Frame(name, start, end, flags, body[start + header : end]))
        start = end
    return tuple(found), start, True
