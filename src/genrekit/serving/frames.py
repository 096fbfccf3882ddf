"""What the server and its workers say to each other, in frames of `genrekit.workers`.

Never pickles: a worker that a hostile file took over can only send bytes that are read as JSON.
"""

from __future__ import annotations

import json

JSON = b"J"  # a request, or the answer that ends it
SEGMENT = b"S"  # a SegmentScore on the way
VERDICT = b"V"  # a TrackPrediction of all audio so far
AUDIO = b"A"  # a piece of a stream
END = b"E"  # no more audio
ABANDON = b"X"  # nobody waits for the answer any more


def to_bytes(value: object) -> bytes:
    """JSON, short."""
    return json.dumps(value, separators=(",", ":")).encode()
