"""FLAC: the block of Vorbis comments; padding takes up what it grows by, if there is enough."""

from __future__ import annotations

from dataclasses import dataclass

from genrekit.tagging.id3 import read_id3, refresh_tag
from genrekit.tagging.id3_tag import tags_at
from genrekit.tagging.splice import Splice, View, cannot, damaged
from genrekit.tagging.tails import change_tails, find_tails, read_tails
from genrekit.tagging.values import Fields, Wanted, merged
from genrekit.tagging.vorbis import (
    Comments,
    changed_comments,
    fields_of_comments,
    parse_comments,
)

_PADDING, _COMMENT, _LAST = 1, 4, 0x80
_HEADER_BYTES = 4
_LARGEST = (1 << 24) - 1
_VENDOR = b"genrekit"


@dataclass(frozen=True, slots=True)
class _Block:
    kind: int
    last: bool
    start: int
    size: int

    @property
    def end(self) -> int:
        return self.start + _HEADER_BYTES + self.size


def _begin(view: View) -> int:
    """Where the stream begins, behind ID3 tags that do not belong here."""
    tags = tags_at(view)
    start = tags[-1].start + tags[-1].total if tags else 0
    if view.peek(start, 4) != b"fLaC":
        raise damaged("there is no FLAC stream where it should begin")
    return start


def _blocks(view: View) -> list[_Block]:
    position = _begin(view) + 4
    found: list[_Block] = []
    while not found or not found[-1].last:
        head = view.at(position, _HEADER_BYTES)
        kind, size = head[0] & 0x7F, int.from_bytes(head[1:], "big")
        found.append(_Block(kind, bool(head[0] & _LAST), position, size))
        position = found[-1].end
        if position > view.size or kind == 0x7F:
            raise damaged(f"block {len(found)} of its metadata has {size} bytes, of kind {kind}")
    if found[0].kind != 0:
        raise damaged("its metadata do not begin with STREAMINFO")
    return found


def _comments(view: View, blocks: list[_Block]) -> tuple[_Block | None, Comments]:
    block = next((one for one in blocks if one.kind == _COMMENT), None)
    if block is None:
        return None, Comments(_VENDOR, ())
    return block, parse_comments(view.at(block.start + _HEADER_BYTES, block.size))


def read_flac(view: View) -> Fields:
    """Return what the comments say, and what the ID3 tags around the stream say besides."""
    _, comments = _comments(view, _blocks(view))
    return merged(fields_of_comments(comments), read_id3(view), read_tails(view))


def change_flac(view: View, wanted: Wanted) -> list[Splice]:
    """Change the comments, the padding, and ID3 tags that have a genre."""
    blocks = _blocks(view)
    block, comments = _comments(view, blocks)
    content = changed_comments(comments, wanted).rendered()
    if len(content) > _LARGEST:
        raise cannot(f"its comments would have {len(content)} bytes; FLAC holds {_LARGEST}")
    changes = _new_block(view, blocks, content) if block is None else _resized(block, content)
    growth = sum(one.growth for one in changes)
    changes += _padding(blocks, growth)
    for tag in tags_at(view):
        changes += refresh_tag(tag, wanted)
    return [*changes, *change_tails(view, wanted, find_tails(view))]


def _resized(block: _Block, content: bytes) -> list[Splice]:
    head = Splice(block.start + 1, 3, len(content).to_bytes(3, "big"))
    return [head, Splice(block.start + _HEADER_BYTES, block.size, content)]


def _new_block(view: View, blocks: list[_Block], content: bytes) -> list[Splice]:
    """Return a block of comments behind STREAMINFO."""
    first = blocks[0]
    last = _LAST if first.last else 0
    block = bytes([_COMMENT | last]) + len(content).to_bytes(3, "big") + content
    changes = [Splice(first.end, 0, block)]
    if last:
        changes.append(Splice(first.start, 1, bytes([view.at(first.start, 1)[0] & ~_LAST & 0xFF])))
    return changes


def _padding(blocks: list[_Block], growth: int) -> list[Splice]:
    """Resize the largest block of padding, so that the audio stays where it is."""
    room = [one for one in blocks if one.kind == _PADDING and 0 <= one.size - growth <= _LARGEST]
    if not room or growth == 0:
        return []
    block = max(room, key=lambda one: one.size)
    size = (block.size - growth).to_bytes(3, "big")
    end = (
        Splice(block.end - growth, growth, b"")
        if growth > 0
        else Splice(block.end, 0, bytes(-growth))
    )
    return [Splice(block.start + 1, 3, size), end]
