"""ASF (WMA): genres in the extended content description, and in the metadata library."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from genrekit.tagging.splice import Splice, View, cannot, damaged
from genrekit.tagging.values import OWN, Fields, Key, Wanted


def _guid(text: str) -> bytes:
    return UUID(text).bytes_le


_HEADER = _guid("75B22630-668E-11CF-A6D9-00AA0062CE6C")
_EXTENSION = _guid("5FBF03B5-A92E-11CF-8EE3-00C00C205365")
_EXTENSION_RESERVED = _guid("ABD3D211-A9BA-11CF-8EE6-00C00C205365") + b"\x06\x00"
_DESCRIPTION = _guid("75B22633-668E-11CF-A6D9-00AA0062CE6C")
_EXTENDED = _guid("D2D0A440-E307-11D2-97F0-00A0C95EA850")
_LIBRARY = _guid("44231C94-9498-49D1-A141-1D134E457054")
_PADDING = _guid("1806D474-CADF-4509-A4BA-9AABCB96AAE8")
_FILE = _guid("8CABDCA1-A947-11CF-8EE4-00C00C205365")
_STREAM = _guid("B7DC0791-A9B7-11CF-8EE6-00C00C205365")
_VIDEO = _guid("BC19EFC0-5B4D-11CF-A8FD-00805F5C442B")
_PROTECTED = (
    _guid("2211B3FB-BD23-11D2-B4B7-00A0C955FC6E"),
    _guid("298AE614-2622-4C17-B935-DAE07EE9289C"),
    _guid("43058533-6981-49E6-9B74-AD12CB86D58C"),
)
_NAMES: dict[str, Key] = {
    **{"wm/genre": "genre", "wm/albumtitle": "album", "wm/albumartist": "albumartist"},
    **{name: key for key, name in OWN.items()},
}
_OBJECT_BYTES, _HEADER_BYTES = 24, 30
_TEXT_TYPE = 0


@dataclass(frozen=True, slots=True)
class _Object:
    kind: bytes
    start: int
    size: int

    @property
    def end(self) -> int:
        return self.start + self.size

    def resized(self, growth: int) -> Splice:
        return Splice(self.start + 16, 8, (self.size + growth).to_bytes(8, "little"))


@dataclass(frozen=True, slots=True)
class _Attribute:
    """One attribute of either list, its bytes as they are."""

    key: Key | None
    data: bytes
    text: str | None


def _objects(view: View, start: int, end: int) -> list[_Object]:
    found = []
    while start < end:
        head = view.at(start, _OBJECT_BYTES)
        size = int.from_bytes(head[16:], "little")
        if size < _OBJECT_BYTES or start + size > end:
            raise damaged(f"an object of its header is said to have {size} bytes at {start}")
        found.append(_Object(head[:16], start, size))
        start += size
    return found


@dataclass(frozen=True, slots=True)
class _Parts:
    """The header, what is in it, and what is in its extension."""

    header: _Object
    inner: list[_Object]
    extension: _Object | None
    outer: list[_Object]

    def find(self, kind: bytes) -> _Object | None:
        return next((one for one in (*self.inner, *self.outer) if one.kind == kind), None)


def _parts(view: View) -> _Parts:
    head = view.at(0, _HEADER_BYTES)
    size = int.from_bytes(head[16:24], "little")
    if head[:16] != _HEADER or not _HEADER_BYTES <= size <= view.size:
        raise damaged(f"its header is said to have {size} bytes")
    inner = _objects(view, _HEADER_BYTES, size)
    if any(one.kind in _PROTECTED for one in inner):
        raise cannot("the file is protected against copying (DRM)")
    for one in inner:
        if one.kind == _STREAM and view.at(one.start + _OBJECT_BYTES, 16) == _VIDEO:
            raise cannot("there is a video stream in the file; only audio files are tagged")
    extension = next((one for one in inner if one.kind == _EXTENSION), None)
    outer: list[_Object] = []
    if extension is not None:
        begin = extension.start + 46
        length = int.from_bytes(view.at(begin - 4, 4), "little")
        if begin + length > extension.end:
            raise damaged("the extension of its header is larger than what holds it")
        outer = _objects(view, begin, begin + length)
    return _Parts(_Object(_HEADER, 0, size), inner, extension, outer)


def _extended(view: View, found: _Object | None) -> list[_Attribute]:
    """Attributes of the extended content description: name, type and value, each with its size."""
    if found is None:
        return []
    data = view.at(found.start, found.size)
    position = _OBJECT_BYTES + 2
    attributes = []
    for _ in range(int.from_bytes(data[_OBJECT_BYTES:position], "little")):
        begin = position
        name = data[begin + 2 : begin + 2 + _short(data, begin)]
        position = begin + 2 + len(name)
        kind, size = _short(data, position), _short(data, position + 2)
        position += 4 + size
        attributes.append(
            _attribute(name, kind, data[begin:position], data[position - size : position])
        )
    if position > len(data):
        raise damaged("its content description is larger than what holds it")
    return attributes


def _library(view: View, found: _Object | None) -> list[_Attribute]:
    """Attributes of the metadata library, which have a language and a stream too."""
    if found is None:
        return []
    data = view.at(found.start, found.size)
    position = _OBJECT_BYTES + 2
    attributes = []
    for _ in range(int.from_bytes(data[_OBJECT_BYTES:position], "little")):
        begin = position
        length, kind = _short(data, begin + 4), _short(data, begin + 6)
        size = int.from_bytes(data[begin + 8 : begin + 12], "little")
        name = data[begin + 12 : begin + 12 + length]
        position = begin + 12 + length + size
        value = data[begin + 12 + length : position]
        attributes.append(_attribute(name, kind, data[begin:position], value))
        if position > len(data):
            raise damaged("its metadata library is larger than what holds it")
    return attributes


def _short(data: bytes, start: int) -> int:
    return int.from_bytes(data[start : start + 2], "little")


def _attribute(name: bytes, kind: int, data: bytes, value: bytes) -> _Attribute:
    key = _NAMES.get(_text(name).casefold())
    return _Attribute(key, data, _text(value) if kind == _TEXT_TYPE else None)


def _text(data: bytes) -> str:
    return data.decode("utf-16-le", "replace").rstrip("\0")


def read_asf(view: View) -> Fields:
    """Return what the header says."""
    parts = _parts(view)
    found = _described(view, parts.find(_DESCRIPTION))
    lists = (
        _extended(view, parts.find(_EXTENDED)),
        _library(view, parts.find(_LIBRARY)),
    )
    for attribute in (one for attributes in lists for one in attributes):
        if attribute.key is not None and attribute.text:
            found[attribute.key] = (*found.get(attribute.key, ()), attribute.text)
    return found


def _described(view: View, found: _Object | None) -> Fields:
    """Title and author, which have an object of their own."""
    if found is None or found.size < _OBJECT_BYTES + 10:
        return {}
    data = view.at(found.start, found.size)[_OBJECT_BYTES:]
    title, author = _short(data, 0), _short(data, 2)
    values = _text(data[10 : 10 + title]), _text(data[10 + title : 10 + title + author])
    fields: Fields = {}
    for key, value in (("title", values[0]), ("artist", values[1])):
        if value:
            fields["title" if key == "title" else "artist"] = (value,)
    return fields


def change_asf(view: View, wanted: Wanted) -> list[Splice]:
    """Change both lists and the padding; the first genre goes where all players read it."""
    parts = _parts(view)
    ours: set[Key] = {"genre", *wanted.own}
    fresh: dict[Key, bytes] = {
        key: _extended_entry(OWN[key], value) for key, value in wanted.own.items()
    }
    if wanted.genres:
        fresh["genre"] = _extended_entry("WM/Genre", wanted.genres[0])
    more = [_library_entry("WM/Genre", genre) for genre in wanted.genres[1:]]
    first = _kept(_extended(view, parts.find(_EXTENDED)), ours, fresh)
    library = parts.find(_LIBRARY)
    second = [*_kept(_library(view, library), ours, {}), *more]
    changes = [_list(parts.find(_EXTENDED), _EXTENDED, first)]
    inside = 0
    if second or library is not None:
        changes += _library_changes(parts, library, second)
        inside = 1 if parts.extension is None else 0
    return _fitted(view, parts, changes, inside)


def _kept(attributes: list[_Attribute], ours: set[Key], fresh: dict[Key, bytes]) -> list[bytes]:
    entries = []
    for one in attributes:
        if one.key in ours and one.key is not None:
            if new := fresh.pop(one.key, b""):
                entries.append(new)
        else:
            entries.append(one.data)
    return [*entries, *fresh.values()]


def _list(
    found: _Object | None, kind: bytes, entries: list[bytes], end: int = _HEADER_BYTES
) -> Splice:
    """Change a list of attributes in its place; where there is none, at ``end``."""
    if len(entries) > 0xFFFF:
        raise cannot(f"it has {len(entries)} attributes, more than ASF can hold")
    body = len(entries).to_bytes(2, "little") + b"".join(entries)
    data = kind + (len(body) + _OBJECT_BYTES).to_bytes(8, "little") + body
    return Splice(end, 0, data) if found is None else Splice(found.start, found.size, data)


def _library_changes(parts: _Parts, library: _Object | None, entries: list[bytes]) -> list[Splice]:
    if parts.extension is None:
        made = _list(None, _LIBRARY, entries).data
        content = _EXTENSION_RESERVED + len(made).to_bytes(4, "little") + made
        size = (len(content) + _OBJECT_BYTES).to_bytes(8, "little")
        return [Splice(_HEADER_BYTES, 0, _EXTENSION + size + content)]
    extension = parts.extension
    change = _list(library, _LIBRARY, entries, extension.end)
    length = extension.size - 46 + change.growth
    return [
        change,
        extension.resized(change.growth),
        Splice(extension.start + 42, 4, length.to_bytes(4, "little")),
    ]


def _fitted(view: View, parts: _Parts, changes: list[Splice], more: int) -> list[Splice]:
    """With padding that takes up the growth if it can; sizes of header and file are set."""
    growth = sum(one.growth for one in changes)
    more += 1 if parts.find(_EXTENDED) is None else 0
    for one in parts.inner:
        if one.kind == _PADDING and one.size - _OBJECT_BYTES >= max(growth, 0) and growth:
            changes.append(one.resized(-growth))
            if growth > 0:
                changes.append(Splice(one.end - growth, growth, b""))
            else:
                changes.append(Splice(one.end, 0, bytes(-growth)))
            growth = 0
            break
    count = int.from_bytes(view.at(24, 4), "little") + more
    changes.append(Splice(24, 4, count.to_bytes(4, "little")))
    if growth:
        changes.append(parts.header.resized(growth))
        changes += _file_size(view, parts, growth)
    return changes


def _file_size(view: View, parts: _Parts, growth: int) -> list[Splice]:
    """Return the size of the file, which the header repeats, if what it says was right."""
    found = parts.find(_FILE)
    if found is None or found.size < 48:
        return []
    stated = int.from_bytes(view.at(found.start + 40, 8), "little")
    if stated != view.size:
        return []
    return [Splice(found.start + 40, 8, (stated + growth).to_bytes(8, "little"))]


def _extended_entry(name: str, value: str) -> bytes:
    label, text = _wide(name), _wide(value)
    if len(text) > 0xFFFF:
        raise cannot("a value is too long for ASF")
    return _size(label) + label + bytes(2) + _size(text) + text


def _library_entry(name: str, value: str) -> bytes:
    label, text = _wide(name), _wide(value)
    return bytes(4) + _size(label) + bytes(2) + len(text).to_bytes(4, "little") + label + text


def _wide(text: str) -> bytes:
    return (text + "\0").encode("utf-16-le", "replace")


def _size(data: bytes) -> bytes:
    return len(data).to_bytes(2, "little")
