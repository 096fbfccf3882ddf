"""How the server and its workers talk: frames on pipes, never pickles.

A frame is one byte of kind, four bytes of length, and that many bytes. A worker that a hostile
file took over can only send bytes that are read as JSON.
"""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO

from genrekit import errors
from genrekit.errors import GenreError

HEAD = struct.Struct(">cI")

JSON = b"J"  # a request, or the answer that ends it
SEGMENT = b"S"  # a SegmentScore on the way
VERDICT = b"V"  # a TrackPrediction of all audio so far
AUDIO = b"A"  # a piece of a stream
END = b"E"  # no more audio
ABANDON = b"X"  # nobody waits for the answer any more


def read_frame(stream: BinaryIO) -> tuple[bytes, bytes] | None:
    """The next frame; None at the end, or in the middle of a frame that was cut off."""
    head = stream.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    kind, length = HEAD.unpack(head)
    payload = stream.read(length)
    return (kind, payload) if len(payload) == length else None


def write_frame(stream: BinaryIO, kind: bytes, payload: bytes = b"") -> None:
    """Send one frame at once."""
    stream.write(packed(kind, payload))
    stream.flush()


def packed(kind: bytes, payload: bytes = b"") -> bytes:
    """One frame as bytes."""
    return HEAD.pack(kind, len(payload)) + payload


def _kinds(kind: type[GenreError]) -> dict[str, type[GenreError]]:
    found = {kind.__name__: kind}
    for child in kind.__subclasses__():
        found |= _kinds(child)
    return found


def error_to_json(error: GenreError) -> dict[str, Any]:
    """An error as JSON; `error_from_json` makes the same of it."""
    args = [one if isinstance(one, int | float) else str(one) for one in error.args]
    return {"type": type(error).__name__, "args": args}


def error_from_json(wire: dict[str, Any]) -> GenreError:
    """The error that a worker met."""
    kind = _kinds(errors.GenreError).get(str(wire.get("type")), GenreError)
    return kind(*wire.get("args", ()))


def to_bytes(value: object) -> bytes:
    """JSON, short."""
    return json.dumps(value, separators=(",", ":")).encode()
