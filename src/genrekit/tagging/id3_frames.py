"""ID3v2 text frames: what one says, and the bytes of a new one."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

_ENCODINGS = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}
# Bits of the second byte of flags, by the version of the tag.
_COMPRESSED = {3: 0x80, 4: 0x08}
_ENCRYPTED = {3: 0x40, 4: 0x04}
_GROUPED = {3: 0x20, 4: 0x40}
_UNSYNCHRONISED = 0x02
_HAS_LENGTH = 0x01
_MOST_UNPACKED = 1 << 24


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of a tag whose whole is not unsynchronised, or no longer.

    Attributes
    ----------
    start, end : int
        Where it lies, its header with it.
    content : bytes
        What follows the header.
    """

    name: str
    start: int
    end: int
    flags: int
    content: bytes

    def payload(self, version: int) -> bytes | None:
        """Return what it holds, without compression and the like; None if that cannot be told."""
        flags, content = self.flags, self.content
        if version == 2:
            return content
        if flags & _ENCRYPTED[version]:
            return None
        if flags & _GROUPED[version]:
            content = content[1:]
        if version == 3 and flags & _COMPRESSED[3]:
            content = content[4:]
        elif version == 4:
            if flags & _HAS_LENGTH:
                content = content[4:]
            if flags & _UNSYNCHRONISED:
                content = synchronised(content)
        return _unpacked(content) if flags & _COMPRESSED[version] else content


def _unpacked(content: bytes) -> bytes | None:
    try:
        return zlib.decompressobj().decompress(content, _MOST_UNPACKED)
    except zlib.error:
        return None


def synchronised(data: bytes) -> bytes:
    """Without the zeros that keep a tag from looking like audio."""
    return data.replace(b"\xff\x00", b"\xff")


def unsynchronised(data: bytes) -> bytes:
    """With zeros behind each 255 that, with what follows, could be taken for audio."""
    out, waiting = bytearray(), False
    for byte in data:
        if waiting and (byte >= 0xE0 or byte == 0):
            out.append(0)
        out.append(byte)
        waiting = byte == 0xFF
    if waiting:
        out.append(0)
    return bytes(out)


def texts(payload: bytes | None) -> tuple[str, ...]:
    """Return the strings of a text frame, the description of a TXXX frame among them."""
    if not payload or payload[0] not in _ENCODINGS:
        return ()
    encoding, data = _ENCODINGS[payload[0]], payload[1:]
    if encoding != "utf-16":
        return tuple(data.decode(encoding, "replace").rstrip("\0").split("\0"))
    return _utf_16(data)


def _utf_16(data: bytes) -> tuple[str, ...]:
    """Strings that each have a mark of their byte order, or only the first."""
    big = data[:2] == b"\xfe\xff"
    text = data.decode("utf-16-be" if big else "utf-16-le", "replace").rstrip("\0")
    # A mark of the other order reads as U+FFFE.
    return tuple(
        (
            one[1:].encode("utf-16-be", "replace").decode("utf-16-le", "replace")
            if one.startswith("\ufffe")
            else one.removeprefix("\ufeff")
        )
        for one in text.split("\0")
    )


def text_payload(values: Sequence[str], version: int) -> bytes:
    """Strings with NULs between them, in the plainest encoding of the version that holds them."""
    text = "\0".join(values)
    if text.isascii():
        return b"\0" + text.encode("ascii")
    if version == 4:
        return b"\3" + text.encode("utf-8", "replace")
    try:
        return b"\0" + text.encode("latin-1")
    except UnicodeEncodeError:
        # A mark for each: readers differ in whether the first one holds for all.
        marked = b"\0\0".join(b"\xff\xfe" + one.encode("utf-16-le", "replace") for one in values)
        return b"\1" + marked


def syncsafe(number: int, length: int = 4) -> bytes:
    """Return a number in bytes of seven bits."""
    return bytes((number >> 7 * place) & 0x7F for place in reversed(range(length)))


def from_syncsafe(data: bytes) -> int:
    """Return the number that bytes of seven bits spell."""
    number = 0
    for byte in data:
        number = number << 7 | byte & 0x7F
    return number


def new_frame(name: str, payload: bytes, version: int, *, plain_sizes: bool) -> bytes:
    """Return a frame without flags as bytes; ``plain_sizes`` even in v2.4."""
    size = len(payload)
    if version == 2:
        return name.encode() + size.to_bytes(3, "big") + payload
    plain = version == 3 or plain_sizes
    return (
        name.encode() + (size.to_bytes(4, "big") if plain else syncsafe(size)) + b"\0\0" + payload
    )
