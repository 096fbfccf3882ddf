"""Variables of a TensorFlow checkpoint, without TensorFlow.

A checkpoint is an index, which is a sorted table of LevelDB's format from names to descriptions,
and a file of values, one after another. Descriptions are protocol buffers; numbers of fields are
those of TensorFlow's ``tensor_bundle.proto``. Everything that a file says of sizes and places is
checked before it is followed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MAGIC = bytes.fromhex("57fb808b247547db")
_FOOTER_BYTES, _TRAILER_BYTES = 48, 5
#: No name of a variable is longer, and no index of a network has more of them.
_LONGEST_NAME, _MOST_NAMES, _MOST_AXES, _LONGEST_VARINT = 1024, 100_000, 8, 10
_FLOAT = 1
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def read_variables(
    index: bytes, values: bytes, names: Iterable[str]
) -> dict[str, NDArray[np.float32]]:
    """Some variables of a checkpoint of one data file.

    Parameters
    ----------
    index, values : bytes
        What is in the ``.index`` and in the ``.data-00000-of-00001`` file.

    Returns
    -------
    dict
        From each of ``names`` to its values, in TensorFlow's order of axes.

    Raises
    ------
    ValueError
        If a file is damaged, none of a checkpoint, or of a kind that is not read, or a variable is
        missing or not of single precision.
    """
    entries = dict(_table(index))
    header = _Message(entries.get(b"", b""))
    if header.number(1) != 1 or header.number(2) != 0:
        raise ValueError("its index is not of one data file of a little-endian machine")
    found, read = {}, 0
    for name in names:
        if name.encode() not in entries:
            raise ValueError(f"its index lacks the variable {name} ({len(entries)} entries)")
        entry = _Entry.parsed(entries[name.encode()])
        read += entry.size
        if read > len(values):
            raise ValueError(
                f"its index names more values than the {len(values):,} bytes there are"
            )
        found[name] = _values(name, entry, values)
    return found


def _values(name: str, entry: _Entry, values: bytes) -> NDArray[np.float32]:
    if entry.kind != _FLOAT or entry.shard != 0:
        raise ValueError(
            f"{name} has data type {entry.kind} in data file {entry.shard}; single precision "
            f"({_FLOAT}) in file 0 is read"
        )
    if entry.size != 4 * math.prod(entry.shape):
        raise ValueError(f"{name} has {entry.size} bytes for the shape {entry.shape}")
    raw = _part(values, entry.offset, entry.size, f"the values of {name}")
    if masked_crc32c(raw) != entry.checksum:
        raise ValueError(f"the values of {name} are damaged: their checksum differs")
    return np.frombuffer(raw, "<f4").astype(np.float32).reshape(entry.shape)


# --- the table ----------------------------------------------------------------------------------


def _table(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and descriptions in the order of the file."""
    footer = data[-_FOOTER_BYTES:]
    if len(footer) < _FOOTER_BYTES or footer[-8:] != _MAGIC:
        raise ValueError("its index does not end as those of TensorFlow's checkpoints do")
    reader = _Reader(footer)
    for _ in range(2):  # a place for statistics, which is not used
        reader.varint()
    before, count = 0, 0
    for _, handle in _entries(_block(data, reader)):
        place = _Reader(handle)
        start = _Reader(handle).varint()
        if start < before:
            raise ValueError("the blocks of its index overlap")
        block = _block(data, place)
        before = start + len(block) + _TRAILER_BYTES
        for entry in _entries(block):
            count += 1
            if count > _MOST_NAMES:
                raise ValueError(f"its index has more than {_MOST_NAMES:,} names")
            yield entry


def _block(data: bytes, place: _Reader) -> bytes:
    """The block at the offset and of the size that are read next."""
    start, size = place.varint(), place.varint()
    whole = _part(data, start, size + _TRAILER_BYTES, "a block of its index")
    if whole[size] != 0:
        raise ValueError(f"its index is compressed (kind {whole[size]}), which is not read")
    if masked_crc32c(whole[: size + 1]) != int.from_bytes(whole[size + 1 :], "little"):
        raise ValueError("its index is damaged: the checksum of a block differs")
    return whole[:size]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys, each told by how it differs from the one before, and values."""
    restarts = int.from_bytes(_part(block, len(block) - 4, 4, "a block of its index"), "little")
    reader = _Reader(_part(block, 0, len(block) - 4 - 4 * restarts, "a block of its index"))
    key = b""
    while reader.left:
        shared, own, size = reader.varint(), reader.varint(), reader.varint()
        if shared > len(key) or shared + own > _LONGEST_NAME:
            raise ValueError("a name in its index is damaged")
        new = key[:shared] + reader.take(own)
        if new <= key and key:
            raise ValueError("the names in its index are out of order")
        key = new
        yield key, reader.take(size)


# --- descriptions -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where the values of a variable are."""

    kind: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int

    @classmethod
    def parsed(cls, data: bytes) -> _Entry:
        message = _Message(data)
        axes = [_Message(axis).number(1) for axis in _Message(message.inside(2)).all_inside(2)]
        if len(axes) > _MOST_AXES:
            raise ValueError(f"a variable of its index has {len(axes)} axes")
        return cls(
            kind=message.number(1),
            shape=tuple(axes),
            shard=message.number(3),
            offset=message.number(4),
            size=message.number(5),
            checksum=message.number(6),
        )


class _Message:
    """Fields of a protocol buffer; of a field that is there twice the last counts."""

    def __init__(self, data: bytes) -> None:
        self._fields = list(_fields(_Reader(data)))

    def number(self, field: int) -> int:
        found = [value for number, value in self._fields if number == field]
        last = found[-1] if found else 0
        if not isinstance(last, int):
            raise ValueError(f"field {field} of its index is not a number")
        return last

    def inside(self, field: int) -> bytes:
        return (self.all_inside(field) or [b""])[-1]

    def all_inside(self, field: int) -> list[bytes]:
        found = [value for number, value in self._fields if number == field]
        return [value for value in found if isinstance(value, bytes)]


def _fields(reader: _Reader) -> Iterator[tuple[int, int | bytes]]:
    while reader.left:
        tag = reader.varint()
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            yield number, reader.varint()
        elif kind == _BYTES:
            yield number, reader.take(reader.varint())
        elif kind in (_FIXED32, _FIXED64):
            yield number, int.from_bytes(reader.take(4 if kind == _FIXED32 else 8), "little")
        else:
            raise ValueError(f"a description in its index has a field of kind {kind}")


# --- bytes --------------------------------------------------------------------------------------


class _Reader:
    """Bytes from the first to the last."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    @property
    def left(self) -> int:
        return len(self._data) - self._place

    def take(self, size: int) -> bytes:
        found = _part(self._data, self._place, size, "an entry of its index")
        self._place += size
        return found

    def varint(self) -> int:
        found = 0
        for position in range(_LONGEST_VARINT):
            (byte,) = self.take(1)
            found |= (byte & 0x7F) << (7 * position)
            if byte < 0x80:
                return found
        raise ValueError("a number in its index is damaged")


def _part(data: bytes, start: int, size: int, what: str) -> bytes:
    if start < 0 or size < 0 or start + size > len(data):
        raise ValueError(f"{what} would end at byte {start + size:,} of {len(data):,}")
    return data[start : start + size]


def _crc32c_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (_CASTAGNOLI if byte & 1 else 0)
        table.append(byte)
    return tuple(table)


_CASTAGNOLI = 0x82F63B78
_TABLE = _crc32c_table()


def masked_crc32c(data: bytes) -> int:
    """Castagnoli's checksum as LevelDB and TensorFlow store it, turned and moved."""
    crc, table = 0xFFFFFFFF, _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
