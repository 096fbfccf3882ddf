"""A writer of TensorFlow's checkpoints, by their definition."""

from __future__ import annotations

import struct
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from genrekit.models.pretrained.tf_checkpoint import masked_crc32c

FLOAT, MAGIC = 1, 0xDB4775248B80FB57


@pytest.fixture(scope="session")
def tensorflow() -> SimpleNamespace:
    """What writes a checkpoint, whole or in parts."""
    return SimpleNamespace(checkpoint=checkpoint, number=number, block=block, table=table)


def varint(value: int) -> bytes:
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def inside(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def _alike(one: bytes, other: bytes) -> int:
    """Bytes that two names begin with alike."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def block(entries: list[tuple[bytes, bytes]], restart_every: int = 4) -> bytes:
    """Keys, the beginning that each has in common with the one before left out."""
    found, restarts, before = b"", [], b""
    for place, (key, value) in enumerate(entries):
        fresh = place % restart_every == 0
        if fresh:
            restarts.append(len(found))
        shared = 0 if fresh else _alike(before, key)
        found += varint(shared) + varint(len(key) - shared) + varint(len(value))
        found += key[shared:] + value
        before = key
    return found + struct.pack(f"<{len(restarts)}II", *restarts, len(restarts))


def table(blocks: list[bytes], last_keys: list[bytes], *, compression: int = 0) -> bytes:
    """A sorted table of these blocks; the first is named again for each key beyond them."""
    data, handles = b"", []
    for one in [*blocks, block([])]:
        handles.append(varint(len(data)) + varint(len(one)))
        data += _closed(one, compression)
    statistics = handles.pop()
    handles += handles[:1] * (len(last_keys) - len(handles))
    index = block(list(zip(last_keys, handles, strict=True)))
    footer = statistics + varint(len(data)) + varint(len(index))
    return data + _closed(index) + footer.ljust(40, b"\0") + struct.pack("<Q", MAGIC)


def _closed(content: bytes, compression: int = 0) -> bytes:
    whole = content + bytes([compression])
    return whole + struct.pack("<I", masked_crc32c(whole))


def entry(values: NDArray[np.float32], **changes: int) -> bytes:
    raw = values.tobytes()
    shape = b"".join(inside(2, number(1, size)) for size in values.shape)
    fields = {"kind": FLOAT, "shard": 0, "size": len(raw), "checksum": masked_crc32c(raw)} | changes
    return (
        number(1, fields["kind"])
        + inside(2, shape)
        + number(3, fields["shard"])
        + number(4, fields["offset"])
        + number(5, fields["size"])
        + varint(6 << 3 | 5)
        + struct.pack("<I", fields["checksum"])
    )


def checkpoint(
    variables: dict[str, NDArray[np.float32]],
    *,
    shards: int = 1,
    big_endian: int = 0,
    compression: int = 0,
    changes: dict[str, int] | None = None,
) -> tuple[bytes, bytes]:
    """Index and values of a checkpoint; ``changes`` are lies about every variable."""
    values = b""
    entries = [(b"", number(1, shards) + number(2, big_endian) + inside(3, number(1, 1)))]
    for name, array in sorted(variables.items()):
        whole = np.asarray(array, order="C")
        entries.append((name.encode(), entry(whole, **({"offset": len(values)} | (changes or {})))))
        values += whole.tobytes()
    cuts = [*range(0, len(entries), 30), len(entries)]
    parts = [entries[start:end] for start, end in pairwise(cuts)]
    keys = [part[-1][0] for part in parts]
    return table([block(part) for part in parts], keys, compression=compression), values
