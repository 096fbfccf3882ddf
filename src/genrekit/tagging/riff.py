"""WAV and AIFF: an ID3 tag in a chunk of its own; in WAV also the genre in LIST INFO."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from genrekit.tagging.id3 import change_id3, new_tag, read_id3
from genrekit.tagging.splice import Splice, View, cannot, damaged, shifted
from genrekit.tagging.values import Fields, Key, Wanted, merged

_ID3 = (b"id3 ", b"ID3 ")
_GENRE = b"IGNR"
_INFO: dict[bytes, Key] = {
    **{_GENRE: "genre", b"INAM": "title", b"IART": "artist", b"IPRD": "album"},
}
_FRAMES = {
    **{b"INAM": "TIT2", b"IART": "TPE1", b"IPRD": "TALB", b"ICRD": "TDRC", b"ICMT": "COMM"},
    **{b"IPRT": "TRCK", b"ITRK": "TRCK", b"ISFT": "TSSE", b"ITCH": "TENC", b"ICOP": "TCOP"},
    **{b"IMUS": "TCOM", b"IWRI": "TEXT", b"ILNG": "TLAN", b"IMED": "TMED"},
}
_LARGEST = 0xFFFFFFFF - 1
_MOST_CHUNKS = 10_000
Order = Literal["little", "big"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk whose name is at ``start`` and whose content of ``size`` bytes is behind its size."""

    name: bytes
    start: int
    size: int

    @property
    def begin(self) -> int:
        """Where its content begins."""
        return self.start + 8

    @property
    def end(self) -> int:
        """Behind its content."""
        return self.begin + self.size

    @property
    def next(self) -> int:
        """Where the next one begins: at an even position."""
        return self.end + self.size % 2


@dataclass(frozen=True, slots=True)
class _File:
    order: Order
    size: int
    chunks: list[Chunk]
    #: Whether the last chunk lacks the byte that makes its length even.
    unpadded: bool

    @property
    def end(self) -> int:
        return 8 + self.size

    def find(self, *names: bytes) -> Chunk | None:
        return next((one for one in self.chunks if one.name in names), None)


def _open(view: View) -> _File:
    head = view.at(0, 12)
    order: Order = "big" if head.startswith(b"FORM") else "little"
    size = int.from_bytes(head[4:8], order)
    if size < 4 or 8 + size > view.size + 1:
        raise damaged(f"the file says that it has {size + 8} bytes; it has {view.size}")
    end = min(8 + size, view.size)
    chunks = _chunks(view, 12, end, order)
    data = [one for one in chunks if one.name in (b"data", b"SSND")]
    if not data:
        raise damaged("there is no chunk with audio in it")
    last = chunks[-1]
    return _File(order, end - 8, chunks, last.size % 2 == 1 and last.end == end)


def _chunks(view: View, start: int, end: int, order: Order) -> list[Chunk]:
    found: list[Chunk] = []
    while end - start >= 8:
        head = view.at(start, 8)
        chunk = Chunk(head[:4], start, int.from_bytes(head[4:], order))
        if chunk.end > end or len(found) >= _MOST_CHUNKS:
            name = head[:4].decode("latin-1")
            raise damaged(f"its chunk {name!r} at {start} is said to have {chunk.size} bytes")
        found.append(chunk)
        start = chunk.next
    return found


def _info(view: View, file: _File) -> tuple[Chunk | None, list[Chunk]]:
    """Return the LIST INFO chunk and what is in it."""
    for chunk in file.chunks:
        if chunk.name == b"LIST" and view.peek(chunk.begin, 4) == b"INFO":
            return chunk, _chunks(view, chunk.begin + 4, chunk.end, file.order)
    return None, []


def _text(data: bytes) -> str:
    data = data.split(b"\0")[0]
    try:
        return data.decode("utf-8").strip()
    except UnicodeDecodeError:
        return data.decode("latin-1").strip()


def read_riff(view: View) -> Fields:
    """Return what the ID3 chunk says, and what LIST INFO says besides."""
    file = _open(view)
    found: Fields = {}
    for chunk in _info(view, file)[1] if file.order == "little" else []:
        if (key := _INFO.get(chunk.name)) and (text := _text(view.at(chunk.begin, chunk.size))):
            found.setdefault(key, (text,))
    chunk_id3 = file.find(*_ID3)
    if chunk_id3 is None:
        return found
    return merged(read_id3(view.part(chunk_id3.begin, chunk_id3.size)), found)


def change_riff(view: View, wanted: Wanted) -> list[Splice]:
    """Change the ID3 chunk, which is made at the end if there is none, and IGNR."""
    file = _open(view)
    chunk = file.find(*_ID3)
    name = b"ID3 " if file.order == "big" else b"id3 "
    changes: list[Splice] = []
    if file.order == "little":
        changes += _changed_info(view, file, wanted)
    if chunk is not None:
        inner = change_id3(view.part(chunk.begin, chunk.size), wanted)
        changes += _resized(view, file, chunk, shifted(inner, chunk.begin))
    elif tag := new_tag(wanted, _info_texts(view, file)):
        head = bytes(file.unpadded) + name + len(tag).to_bytes(4, file.order)
        data = head + tag + bytes(len(tag) % 2)
        changes.append(Splice(file.end, 0, data))
    growth = sum(one.growth for one in changes)
    if growth:
        size = file.size + growth
        if size > _LARGEST:
            raise cannot("the file would grow beyond 4 GiB, which its header cannot say")
        changes.append(Splice(4, 4, size.to_bytes(4, file.order)))
    return changes


def _info_texts(view: View, file: _File) -> dict[str, str]:
    """Return what LIST INFO says besides the genre, by the names of ID3v2.4 frames."""
    entries = _info(view, file)[1] if file.order == "little" else []
    return {
        _FRAMES[one.name]: _text(view.at(one.begin, one.size))
        for one in entries
        if one.name in _FRAMES
    }


def _resized(view: View, file: _File, chunk: Chunk, changes: list[Splice]) -> list[Splice]:
    """Change the inside of a chunk, its size, and the byte behind it that makes it even."""
    size = chunk.size + sum(one.growth for one in changes)
    padded = chunk.size % 2 == 1 and chunk.next <= min(file.end, view.size)
    if size != chunk.size:
        changes.append(Splice(chunk.start + 4, 4, size.to_bytes(4, file.order)))
        changes.append(Splice(chunk.end, int(padded), bytes(size % 2)))
    return changes


def _changed_info(view: View, file: _File, wanted: Wanted) -> list[Splice]:
    """Change the genre in LIST INFO, one text: several with a semicolon between them."""
    chunk, entries = _info(view, file)
    old = [one for one in entries if one.name == _GENRE]
    if chunk is None or not old:
        return []
    text = "; ".join(wanted.genres)
    data = _encoded(text) + b"\0" if text else b""
    first = old[0]
    stop = min(first.next, chunk.end)
    new = _GENRE + len(data).to_bytes(4, "little") + data + bytes(len(data) % 2) if data else b""
    changes = [Splice(first.start, stop - first.start, new)]
    for one in old[1:]:
        end = min(one.next, chunk.end)
        changes.append(Splice(one.start, end - one.start, b""))
    return _resized(view, file, chunk, changes)


def _encoded(text: str) -> bytes:
    """In Latin-1, as older programs expect it, if that is possible without being misread."""
    return text.encode("ascii") if text.isascii() else text.encode("utf-8", "replace")
