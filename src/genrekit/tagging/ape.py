"""APEv2 tags: of Monkey's Audio, WavPack and Musepack, and at the end of some MP3 files."""

from __future__ import annotations

from dataclasses import dataclass

from genrekit.tagging.splice import Splice, View, damaged
from genrekit.tagging.values import OWN, Fields, Key, Wanted

_MAGIC = b"APETAGEX"
FOOTER_BYTES = 32
_HAS_HEADER = 1 << 31
_IS_HEADER = 1 << 29
_KEYS: dict[str, Key] = {
    **{"genre": "genre", "title": "title", "artist": "artist", "album": "album"},
    **{"album artist": "albumartist", "albumartist": "albumartist"},
    **{name: key for key, name in OWN.items()},
}


@dataclass(frozen=True, slots=True)
class ApeItem:
    """One item; positions count in the view, its header is at ``start``."""

    key: str
    start: int
    end: int
    value: bytes
    is_text: bool


@dataclass(frozen=True, slots=True)
class ApeTag:
    """A tag whose items begin at ``items_start`` and whose footer is at ``footer``."""

    start: int
    items_start: int
    footer: int
    version: int
    items: tuple[ApeItem, ...]
    items_end: int

    @property
    def end(self) -> int:
        """Behind the footer."""
        return self.footer + FOOTER_BYTES


def ape_ending_at(view: View, end: int) -> ApeTag | None:
    """Return the tag whose footer ends at ``end``, if there is one.

    Raises
    ------
    TagError
        If its sizes do not hold together.
    """
    footer = end - FOOTER_BYTES
    found = view.peek(footer, FOOTER_BYTES) if footer >= 0 else b""
    if len(found) < FOOTER_BYTES or not found.startswith(_MAGIC):
        return None
    version, size, count, flags = _numbers(found)
    has_header = bool(flags & _HAS_HEADER)
    items_start = end - size
    start = items_start - (FOOTER_BYTES if has_header else 0)
    if size < FOOTER_BYTES or start < 0:
        raise damaged(f"its APE tag is said to have {size} bytes and does not fit")
    if has_header and view.at(start, 8) != _MAGIC:
        raise damaged("its APE tag has no header where its footer says there is one")
    items = _items(view, items_start, footer, count)
    return ApeTag(
        *(start, items_start, footer, version, items),
        items_end=items[-1].end if items else items_start,
    )


def _numbers(block: bytes) -> tuple[int, int, int, int]:
    version, size, count, flags = (
        int.from_bytes(block[8 + 4 * i : 12 + 4 * i], "little") for i in range(4)
    )
    return version, size, count, flags


def _items(view: View, start: int, end: int, count: int) -> tuple[ApeItem, ...]:
    data = view.at(start, end - start)
    found: list[ApeItem] = []
    position = 0
    for _ in range(count):
        stop = data.find(b"\0", position + 8)
        size = int.from_bytes(data[position : position + 4], "little")
        if stop < 0 or stop + 1 + size > len(data):
            raise damaged(f"item {len(found) + 1} of its APE tag is larger than the tag")
        flags = int.from_bytes(data[position + 4 : position + 8], "little")
        key = data[position + 8 : stop].decode("ascii", "replace")
        value = data[stop + 1 : stop + 1 + size]
        whole = stop + 1 + size
        found.append(ApeItem(key, start + position, start + whole, value, flags & 6 == 0))
        position = whole
    return tuple(found)


def fields_of_ape(tag: ApeTag) -> Fields:
    """Return what the tag says."""
    found: Fields = {}
    for item in tag.items:
        if (key := _KEYS.get(item.key.casefold())) is not None and item.is_text:
            values = tuple(item.value.decode("utf-8", "replace").split("\0"))
            found[key] = (*found.get(key, ()), *(one for one in values if one))
    return found


def new_ape(wanted: Wanted) -> bytes:
    """Return a tag with header and footer."""
    fresh = _new_items(wanted, 2000)
    body = b"".join(fresh.values())
    if not body:
        return b""
    return (
        _block(len(body), len(fresh), _HAS_HEADER | _IS_HEADER)
        + body
        + _block(len(body), len(fresh), _HAS_HEADER)
    )


def _block(body: int, count: int, flags: int, version: int = 2000) -> bytes:
    numbers = (version, body + FOOTER_BYTES, count, flags)
    return _MAGIC + b"".join(one.to_bytes(4, "little") for one in numbers) + bytes(8)


def _new_items(wanted: Wanted, version: int) -> dict[Key, bytes]:
    found: dict[Key, bytes] = {}
    if wanted.genres:
        # The first version knows no lists.
        found["genre"] = _item("Genre", ("\0" if version >= 2000 else "; ").join(wanted.genres))
    for key, value in wanted.own.items():
        found[key] = _item(OWN[key].title(), value)
    return found


def _item(key: str, text: str) -> bytes:
    value = text.encode("utf-8", "replace")
    return len(value).to_bytes(4, "little") + bytes(4) + key.encode() + b"\0" + value


def change_ape_tag(view: View, tag: ApeTag, wanted: Wanted) -> list[Splice]:
    """Return the changes of a tag that is there."""
    fresh = _new_items(wanted, tag.version)
    ours: set[Key] = {"genre", *wanted.own}
    changes, removed = [], 0
    for item in tag.items:
        if (key := _KEYS.get(item.key.casefold())) in ours and key is not None:
            new = fresh.pop(key, b"")
            removed += not new
            changes.append(Splice(item.start, item.end - item.start, new))
    changes.append(Splice(tag.items_end, 0, b"".join(fresh.values())))
    size = tag.end - tag.items_start + sum(one.growth for one in changes)
    count = len(tag.items) - removed + len(fresh)
    numbers = size.to_bytes(4, "little") + count.to_bytes(4, "little")
    heads = {tag.footer, tag.start} if tag.start != tag.items_start else {tag.footer}
    return [*changes, *(Splice(head + 12, 8, numbers) for head in sorted(heads))]
