"""The constants of a TensorFlow Lite file, layer by layer, without TensorFlow.

A ``.tflite`` file is a FlatBuffer: tables whose fields are found through a list of offsets. Only
what leads from an operator to its weights is read; numbers of fields are those of TensorFlow's
``schema.fbs`` (version 3).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED = 3, 4, 9
_DEQUANTIZE = 6
_TYPES: dict[int, np.dtype[Any]] = {
    0: np.dtype("<f4"),
    1: np.dtype("<f2"),
    2: np.dtype("<i4"),
    9: np.dtype("i1"),
}


@dataclass(frozen=True, slots=True)
class Layer:
    """An operator with weights.

    Attributes
    ----------
    kind : int
        `CONV_2D`, `DEPTHWISE_CONV_2D` or `FULLY_CONNECTED`.
    weights : ndarray of float32
        Quantised ones multiplied out; in TensorFlow's order: (out, rows, columns, in) for
        convolutions, (out, in) for dense layers.
    bias : ndarray of float32
        Zeros where there is none.
    """

    kind: int
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]


def read_layers(data: bytes) -> list[Layer]:
    """The operators of the first graph that have weights, in the order in which they run.

    Raises
    ------
    ValueError
        If the file is none of TensorFlow Lite, or damaged.
    """
    if data[4:8] != b"TFL3":
        raise ValueError("it is not a TensorFlow Lite file")
    try:
        return list(_layers(data))
    except (struct.error, IndexError, KeyError) as problem:
        raise ValueError(f"its tables point outside of it: {problem!r}") from problem


def _layers(data: bytes) -> Iterator[Layer]:
    model = _Table(data, _offset(data, 0))
    codes = [_code(entry) for entry in model.tables(1)]
    graph, buffers = model.tables(2)[0], model.tables(4)
    tensors, before = graph.tables(0), {}
    for operator in graph.tables(3):
        kind = codes[operator.number(0, "I")]
        inputs = operator.numbers(1, "i")
        if kind == _DEQUANTIZE:
            before[operator.numbers(2, "i")[0]] = inputs[0]
        if kind in (CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED):
            weights = _array(tensors[before.get(inputs[1], inputs[1])], buffers)
            has_bias = len(inputs) > 2 and inputs[2] >= 0
            bias = _array(tensors[inputs[2]], buffers) if has_bias else _no_bias(kind, weights)
            yield Layer(kind, weights, bias)


def _no_bias(kind: int, weights: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.zeros(weights.shape[-1 if kind == DEPTHWISE_CONV_2D else 0], np.float32)


def _code(entry: _Table) -> int:
    # Old files have the first field alone, a byte; new ones both.
    return max(entry.number(0, "b"), entry.number(3, "i"))


def _array(tensor: _Table, buffers: list[_Table]) -> NDArray[np.float32]:
    shape = tensor.numbers(0, "i")
    kind = _TYPES[tensor.number(1, "b")]
    raw = buffers[tensor.number(2, "I")].numbers(0, "B")
    values: NDArray[np.float32] = np.frombuffer(bytes(raw), kind).astype(np.float32).reshape(shape)
    found = tensor.table(4)
    scales = found.numbers(2, "f") if found else ()
    if not scales:
        return values
    assert found is not None
    zeros = found.numbers(3, "q") or (0,) * len(scales)
    along = [1] * len(shape)
    along[found.number(6, "i") if len(scales) > 1 else 0] = len(scales)
    shift = np.array(zeros, np.float32).reshape(along)
    return np.asarray((values - shift) * np.array(scales, np.float32).reshape(along), np.float32)


def _offset(data: bytes, place: int) -> int:
    found: int = struct.unpack_from("<I", data, place)[0]
    return place + found


class _Table:
    """A table of a FlatBuffer at a place in its bytes."""

    def __init__(self, data: bytes, place: int) -> None:
        self._data, self._place = data, place
        self._fields = place - int(struct.unpack_from("<i", data, place)[0])

    def _field(self, number: int) -> int | None:
        (size,) = struct.unpack_from("<H", self._data, self._fields)
        if 4 + 2 * number >= size:
            return None
        (offset,) = struct.unpack_from("<H", self._data, self._fields + 4 + 2 * number)
        return self._place + offset if offset else None

    def number(self, field: int, kind: str) -> int:
        place = self._field(field)
        return 0 if place is None else int(struct.unpack_from(f"<{kind}", self._data, place)[0])

    def numbers(self, field: int, kind: str) -> tuple[int, ...]:
        place = self._field(field)
        if place is None:
            return ()
        place = _offset(self._data, place)
        (count,) = struct.unpack_from("<I", self._data, place)
        return struct.unpack_from(f"<{count}{kind}", self._data, place + 4)

    def table(self, field: int) -> _Table | None:
        place = self._field(field)
        return None if place is None else _Table(self._data, _offset(self._data, place))

    def tables(self, field: int) -> list[_Table]:
        place = self._field(field)
        if place is None:
            return []
        place = _offset(self._data, place)
        (count,) = struct.unpack_from("<I", self._data, place)
        entries = [place + 4 + 4 * number for number in range(count)]
        return [_Table(self._data, _offset(self._data, entry)) for entry in entries]
