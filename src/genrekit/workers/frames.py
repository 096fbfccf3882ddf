"""How a process and its workers talk: frames on pipes.

A frame is one byte of kind, four bytes of length, and that many bytes.
"""

from __future__ import annotations

import struct
from typing import IO

HEAD = struct.Struct(">cI")


def read_frame(stream: IO[bytes]) -> tuple[bytes, bytes] | None:
    """Return the next frame; None at the end, or in the middle of a frame that was cut off."""
    head = stream.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    kind, length = HEAD.unpack(head)
    payload = stream.read(length)
    return (kind, payload) if len(payload) == length else None


def write_frame(stream: IO[bytes], kind: bytes, payload: bytes = b"") -> None:
    """Send one frame at once."""
    stream.write(packed(kind, payload))
    stream.flush()


def packed(kind: bytes, payload: bytes = b"") -> bytes:
    """One frame as bytes."""
    return HEAD.pack(kind, len(payload)) + payload
