"""Genres in ID3v2 tags: other frames keep their bytes, and the tag its version and flags."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

from genrekit.tagging.id3_frames import (
    Frame,
    new_frame,
    synchronised,
    syncsafe,
    text_payload,
    texts,
    unsynchronised,
)
from genrekit.tagging.id3_genres import bracketed, spelt_out
from genrekit.tagging.id3_tag import HEADER_BYTES, Tag, tags_at
from genrekit.tagging.splice import Splice, View, cannot
from genrekit.tagging.values import OWN, Fields, Key, Wanted, merged

_TEXT: dict[str, Key] = {
    **{"TCON": "genre", "TIT2": "title", "TPE1": "artist", "TPE2": "albumartist", "TALB": "album"},
    **{"TCO": "genre", "TT2": "title", "TP1": "artist", "TP2": "albumartist", "TAL": "album"},
}
#: Room that is left for the next change where a tag grows or is new.
PADDING_BYTES = 1024
_LARGEST = (1 << 28) - 1


def read_id3(view: View) -> Fields:
    """Return what the ID3v2 tags at the beginning of a stretch say."""
    return merged(*map(fields_of, tags_at(view)))


def fields_of(tag: Tag) -> Fields:
    """Return what one tag says."""
    found: Fields = {}
    for frame in tag.frames:
        key, values = _meaning(frame, tag.version)
        if key == "genre":
            found[key] = (*found.get(key, ()), *spelt_out(values))
        elif key is not None:
            found.setdefault(key, values)
    return found


def _meaning(frame: Frame, version: int) -> tuple[Key | None, tuple[str, ...]]:
    """Which field a frame is, if one of ours, and its values."""
    if (key := _TEXT.get(frame.name)) is not None:
        return key, texts(frame.payload(version))
    if frame.name in ("TXXX", "TXX"):
        description, *values = texts(frame.payload(version)) or ("",)
        for own, name in OWN.items():
            if description.casefold() == name:
                return own, tuple(values)
    return None, ()


def change_id3(view: View, wanted: Wanted, copied: Mapping[str, str] | None = None) -> list[Splice]:
    """Change the tags at the beginning of a stretch; the first is made if there is none.

    Further ones that follow it get a genre only where they have one. ``copied`` goes into a new
    one: see `new_tag`.
    """
    tags = tags_at(view)
    if not tags:
        return [Splice(0, 0, new_tag(wanted, copied))]
    more = [splice for tag in tags[1:] for splice in refresh_tag(tag, wanted)]
    return [*change_tag(tags[0], wanted), *more]


def refresh_tag(tag: Tag, wanted: Wanted) -> list[Splice]:
    """Change a tag that is not the first: only if it has a genre."""
    return change_tag(tag, wanted) if "genre" in fields_of(tag) else []


def new_tag(wanted: Wanted, copied: Mapping[str, str] | None = None) -> bytes:
    """Return a tag of its own, of version 2.4.

    ``copied`` has texts of other tags in the file, by the name of their frame: many readers look no
    further once there is an ID3v2 tag, and would miss a title that stands elsewhere.
    """
    body = b"".join(_new_frames(wanted, 4, plain_sizes=False).values())
    if not body:
        return b""
    body = b"".join(_copy(name, text) for name, text in (copied or {}).items() if text) + body
    size = len(body) + PADDING_BYTES
    return b"ID3\4\0\0" + syncsafe(size) + body + bytes(PADDING_BYTES)


def _copy(name: str, text: str) -> bytes:
    payload = text_payload((text,), 4)
    if name == "COMM":
        payload = text_payload(("", text), 4)
        payload = payload[:1] + b"XXX" + payload[1:]
    return new_frame(name, payload, 4, plain_sizes=False)


def _new_frames(wanted: Wanted, version: int, *, plain_sizes: bool) -> dict[Key, bytes]:
    """Return the frames that shall be there; one without a value is left out."""
    found: dict[Key, bytes] = {}
    if genres := _spelt(wanted, version):
        name = "TCO" if version == 2 else "TCON"
        payload = text_payload(genres, version)
        found["genre"] = new_frame(name, payload, version, plain_sizes=plain_sizes)
    for key, value in wanted.own.items():
        name = "TXX" if version == 2 else "TXXX"
        payload = text_payload((OWN[key], value), version)
        found[key] = new_frame(name, payload, version, plain_sizes=plain_sizes)
    return found


def _spelt(wanted: Wanted, version: int) -> Sequence[str]:
    if version == 4 or not wanted.genres:
        return wanted.genres
    genres = [bracketed(genre) for genre in wanted.genres]
    return genres if wanted.v23_separator is None else [wanted.v23_separator.join(genres)]


def change_tag(tag: Tag, wanted: Wanted) -> list[Splice]:
    """Return the changes of one tag.

    Raises
    ------
    TagError
        If it would become larger than a tag can be.
    """
    fresh = _new_frames(wanted, tag.version, plain_sizes=tag.plain_sizes)
    ours: set[Key] = {"genre", *wanted.own}
    body: list[Splice] = []
    for frame in tag.frames:
        key, _ = _meaning(frame, tag.version)
        if key in ours:
            # The first takes the new frame, further ones go.
            body.append(Splice(frame.start, frame.end - frame.start, fresh.pop(key, b"")))
    added = b"".join(fresh.values())
    return _fitted(tag, [_encoded(tag, one) for one in body], _raw(tag, added))


def _raw(tag: Tag, data: bytes) -> bytes:
    return unsynchronised(data) if tag.unsynchronised else data


def _encoded(tag: Tag, one: Splice) -> Splice:
    """Return a change of the body as one of the file."""
    begin, end = tag.in_file(one.start), tag.in_file(one.start + one.length)
    return Splice(begin, end - begin, _raw(tag, one.data))


def _fitted(tag: Tag, changes: list[Splice], added: bytes) -> list[Splice]:
    """Return the changes, with padding that takes up what they need, or a larger tag."""
    end = tag.in_file(tag.frames_end)
    padding = tag.start + HEADER_BYTES + tag.raw_size - end if tag.padding else 0
    needed = sum(one.growth for one in changes) + len(added)
    if 0 <= needed <= padding:
        changes.append(Splice(end, needed, added))
        return [*changes, *_extended(tag, changes, padding - needed)]
    if needed < 0 and not tag.has_footer and _ends_clean(tag):
        changes.append(Splice(end, 0, added + bytes(-needed)))
        return [*changes, *_extended(tag, changes, padding - needed)]
    # Only the end of a tag can be padding, and a tag with a footer has none.
    room = PADDING_BYTES if needed > 0 and not tag.has_footer and _ends_clean(tag) else 0
    changes.append(Splice(end, padding if room else 0, added + bytes(room)))
    size = tag.raw_size + sum(one.growth for one in changes)
    if size > _LARGEST:
        raise cannot(f"its ID3 tag would grow to {size} bytes; a tag has at most {_LARGEST}")
    heads = [tag.start + 6]
    if tag.has_footer:
        heads.append(tag.start + HEADER_BYTES + tag.raw_size + 6)
    sizes = [Splice(head, 4, syncsafe(size)) for head in heads]
    return [*changes, *sizes, *_extended(tag, changes, room)]


def _ends_clean(tag: Tag) -> bool:
    """Whether nothing but padding is behind the frames."""
    return tag.padding == len(tag.body) - tag.frames_end


def _extended(tag: Tag, changes: list[Splice], padding: int) -> list[Splice]:
    """Change the extended header where it states what has changed: padding and CRC."""
    head = tag.body[: tag.extended]
    if not head or not any(one.length or one.data for one in changes):
        return []
    base = tag.start + HEADER_BYTES
    length = tag.in_file(tag.extended) - base
    if tag.version == 3:
        new = _raw(tag, _extended_v23(head, tag, changes, padding))
    else:
        new = _extended_v24(head, tag, changes)
    if len(new) != length:
        raise cannot("its ID3 tag has an extended header that cannot keep its length")
    return [Splice(base, length, new)]


def _changed_body(tag: Tag, changes: list[Splice]) -> bytes:
    """Return the bytes behind the extended header after the changes, as they are in the file."""
    base = tag.start + HEADER_BYTES
    raw = tag.raw
    for one in sorted(changes, key=lambda one: -one.start):
        raw = raw[: one.start - base] + one.data + raw[one.start - base + one.length :]
    return raw[tag.in_file(tag.extended) - base :]


def _extended_v23(head: bytes, tag: Tag, changes: list[Splice], padding: int) -> bytes:
    """Size, flags, size of the padding, and the CRC of the frames if there is one."""
    new = bytearray(head)
    if len(head) >= 10:
        new[6:10] = padding.to_bytes(4, "big")
    if len(head) >= 14 and head[4] & 0x80:
        body = _changed_body(tag, changes)
        frames = synchronised(body) if tag.unsynchronised else body
        crc = zlib.crc32(frames[: len(frames) - padding] if padding else frames)
        new[10:14] = crc.to_bytes(4, "big")
    return bytes(new)


def _extended_v24(head: bytes, tag: Tag, changes: list[Splice]) -> bytes:
    """Return flags with their data one after the other; the CRC counts padding too."""
    new, position = bytearray(head), 6
    flags = head[5]
    if flags & 0x40:  # "this tag updates another one" has no data
        position += 1
    if flags & 0x20 and len(head) >= position + 6 and head[position] == 5:
        crc = zlib.crc32(_changed_body(tag, changes))
        new[position + 1 : position + 6] = syncsafe(crc, 5)
    return bytes(new)
