"""Ogg: the comments of Vorbis, Opus, Speex and FLAC in it.

A changed packet of comments is laid out over as many pages as before, so that later pages keep
their numbers; where that cannot be, all later pages of the same stream are numbered anew.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from genrekit.tagging.splice import LARGEST_TAG_BYTES, Splice, View, cannot, damaged
from genrekit.tagging.values import Fields, Wanted
from genrekit.tagging.vorbis import changed_comments, fields_of_comments, parse_comments

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_HEAD_BYTES = 27
_CONTINUED, _BEGINS, _ENDS = 1, 2, 4
_NO_POSITION = b"\xff" * 8
# What the first packet of a stream begins with, and the packet of its comments.
_CODECS = {
    b"\x01vorbis": b"\x03vorbis",
    b"OpusHead": b"OpusTags",
    b"Speex   ": b"",
    b"\x7fFLAC": b"",
}
_VIDEO = (b"\x80theora", b"BBCD", b"\x01video", b"\x80kate")
_SKELETON = b"fishead\0"
_FLAC_HEADER_BYTES = 4


@dataclass(frozen=True, slots=True)
class OggPage:
    """A page of one of the streams of a file; its head is at ``start``."""

    start: int
    head: bytes
    lacing: bytes

    @property
    def flags(self) -> int:
        """1 continues a packet, 2 begins a stream, 4 ends it."""
        return self.head[5]

    @property
    def serial(self) -> bytes:
        """Which stream it belongs to."""
        return self.head[14:18]

    @property
    def number(self) -> int:
        """Its place in the stream."""
        return int.from_bytes(self.head[18:22], "little")

    @property
    def body_start(self) -> int:
        """Where its data begin."""
        return self.start + _HEAD_BYTES + len(self.lacing)

    @property
    def end(self) -> int:
        """Behind its data."""
        return self.body_start + sum(self.lacing)


def read_page(view: View, start: int) -> OggPage:
    """Return the page that begins at ``start``.

    Raises
    ------
    TagError
        If there is none, or it is cut off.
    """
    head = view.at(start, _HEAD_BYTES)
    if not head.startswith(b"OggS\0"):
        raise damaged(f"there is no page of Ogg at {start}, where one should begin")
    page = OggPage(start, head, view.at(start + _HEAD_BYTES, head[26]))
    if page.end > view.size:
        raise damaged("its last page of Ogg is cut off")
    return page


def checksum(page: bytes) -> bytes:
    """Return the CRC of a page whose own field is zero; Ogg's is zlib's with all bits reversed."""
    crc = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{crc:032b}"[::-1], 2).to_bytes(4, "little")


@dataclass(frozen=True, slots=True)
class _Header:
    """The pages from the second of a stream on whose last packet is whole, and their packets."""

    codec: bytes
    pages: tuple[OggPage, ...]
    packets: tuple[bytes, ...]


def _find_header(view: View) -> _Header:
    """Return the first stream of audio, and the pages with its comments."""
    start, serial, codec = 0, b"", b""
    while (page := read_page(view, start)).flags & _BEGINS:
        begin = view.peek(page.body_start, 16)
        if begin.startswith(_VIDEO):
            raise cannot("there is a video or subtitles in the file; only audio files are tagged")
        if begin.startswith(_SKELETON):
            raise cannot("the file has an index of positions (Ogg Skeleton), which would be wrong")
        found = next((one for one in _CODECS if begin.startswith(one)), b"")
        if found and not codec:
            serial, codec = page.serial, found
        start = page.end
    if not codec:
        raise cannot("none of Vorbis, Opus, Speex and FLAC is in this Ogg file")
    return _collect(view, start, serial, codec)


def _collect(view: View, start: int, serial: bytes, codec: bytes) -> _Header:
    pages: list[OggPage] = []
    packets: list[bytearray] = [bytearray()]
    while not pages or packets[-1] or len(packets) < 2:
        page = read_page(view, start)
        start = page.end
        if page.serial != serial:
            continue
        if page.flags & _BEGINS or bool(page.flags & _CONTINUED) != bool(packets[-1]):
            raise damaged("the packet with its comments is broken off")
        body, position = view.at(page.body_start, sum(page.lacing)), 0
        for length in page.lacing:
            packets[-1] += body[position : position + length]
            position += length
            if length < 255:
                packets.append(bytearray())
        pages.append(page)
        if pages[-1].end - pages[0].start > LARGEST_TAG_BYTES:
            raise damaged("the packet with its comments does not end")
    if any(page.head[6:14] not in (bytes(8), _NO_POSITION) for page in pages):
        raise cannot("its comments share a page of Ogg with audio, and cannot be moved")
    return _Header(codec, tuple(pages), tuple(map(bytes, packets[:-1])))


def _comment_of(header: _Header) -> tuple[bytes, bytes]:
    """Return what the packet of comments begins with, and the comments."""
    packet, magic = header.packets[0], _CODECS[header.codec]
    if header.codec == b"\x7fFLAC":
        if packet[:1] not in (b"\x04", b"\x84"):
            raise cannot("the FLAC stream in this Ogg file has no comments where they must be")
        return packet[:_FLAC_HEADER_BYTES], packet[_FLAC_HEADER_BYTES:]
    if not packet.startswith(magic):
        raise damaged("the packet with its comments begins with something else")
    return magic, packet[len(magic) :]


def read_ogg(view: View) -> Fields:
    """Return what the comments of its first stream of audio say."""
    return fields_of_comments(parse_comments(_comment_of(_find_header(view))[1]))


def change_ogg(view: View, wanted: Wanted) -> list[Splice]:
    """Change the pages with its comments, and the numbers of later ones if need be."""
    header = _find_header(view)
    begin, old = _comment_of(header)
    comments = changed_comments(parse_comments(old), wanted)
    content = comments.rendered()
    if header.codec == b"\x7fFLAC":
        begin = begin[:1] + len(content).to_bytes(3, "big")
    if begin + content == header.packets[0]:
        return []
    packets = (begin + content, *header.packets[1:])
    pages = _laid_out(header.pages, packets)
    changes = _replaced(header.pages, pages)
    moved = len(pages) - len(header.pages)
    return [*changes, *(_renumbered(view, header.pages[-1], moved) if moved else [])]


def _laid_out(old: tuple[OggPage, ...], packets: tuple[bytes, ...]) -> list[bytes]:
    """Packets as pages: as many as before if they can hold them."""
    lacing = b"".join(b"\xff" * (len(one) // 255) + bytes([len(one) % 255]) for one in packets)
    body = b"".join(packets)
    count = max(len(old), -(-len(lacing) // 255))
    if len(lacing) < count:
        count = 1
    pages, segment, position = [], 0, 0
    for number in range(count):
        stop = len(lacing) * (number + 1) // count
        lengths = lacing[segment:stop]
        size = sum(lengths)
        data = body[position : position + size]
        continued = _CONTINUED if segment and lacing[segment - 1] == 255 else 0
        ends = old[-1].flags & _ENDS if number == count - 1 else 0
        whole = any(length < 255 for length in lengths)
        head = (
            b"OggS\0"
            + bytes([continued | ends])
            + (bytes(8) if whole else _NO_POSITION)
            + old[0].serial
            + (old[0].number + number).to_bytes(4, "little")
        )
        pages.append(_sealed(head + bytes(4) + bytes([len(lengths)]) + lengths + data))
        segment, position = stop, position + size
    return pages


def _sealed(page: bytes) -> bytes:
    return page[:22] + checksum(page) + page[26:]


def _replaced(old: tuple[OggPage, ...], new: list[bytes]) -> list[Splice]:
    """Put new pages in the places of old ones; pages of other streams may lie between."""
    changes = [
        Splice(page.start, page.end - page.start, data)
        for page, data in zip(old, new, strict=False)
    ]
    if len(new) > len(old):
        last = changes.pop()
        changes.append(Splice(last.start, last.length, b"".join(new[len(old) - 1 :])))
    changes += [Splice(page.start, page.end - page.start, b"") for page in old[len(new) :]]
    return changes


def _renumbered(view: View, last: OggPage, by: int) -> Iterator[Splice]:
    """Later pages of the same stream, until it ends or another one begins in its name."""
    if last.flags & _ENDS:
        return
    start = last.end
    while start < view.size:
        if view.peek(start, 4) != b"OggS":
            return  # something behind the streams, which has no numbers
        page = read_page(view, start)
        start = page.end
        if page.serial != last.serial:
            continue
        if page.flags & _BEGINS:
            return
        number = (page.number + by) % (1 << 32)
        whole = view.at(page.start, page.end - page.start)
        fresh = _sealed(whole[:18] + number.to_bytes(4, "little") + bytes(4) + whole[26:])
        yield Splice(page.start + 18, 8, fresh[18:26])
        if page.flags & _ENDS:
            return
