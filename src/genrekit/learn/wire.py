"""As much of the wire format of ONNX as cutting a graph and adding nodes takes.

The ``onnx`` package is a heavy thing to ask of somebody who only wants a model of five genres, and
its format is simple: a message is a row of fields, each a tag and a number or a run of bytes. See
"Encoding" in the documentation of Protocol Buffers, and ``onnx.proto`` for the numbers of fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import BundleError

# Fields of ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto and ValueInfoProto.
MODEL_GRAPH = 7
GRAPH_NODE, GRAPH_INITIALISER, GRAPH_INPUT, GRAPH_OUTPUT, GRAPH_VALUE_INFO = 1, 5, 11, 12, 13
NODE_INPUT, NODE_OUTPUT, NODE_NAME, NODE_OPERATION, NODE_ATTRIBUTE = 1, 2, 3, 4, 5
ATTRIBUTE_NAME, ATTRIBUTE_INT, ATTRIBUTE_GRAPH, ATTRIBUTE_TYPE = 1, 3, 6, 20
TENSOR_DIMS, TENSOR_TYPE, TENSOR_NAME, TENSOR_RAW = 1, 2, 8, 9
VALUE_NAME, VALUE_TYPE = 1, 2
_FLOAT, _ATTRIBUTE_IS_INT = 1, 2

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MOST_VARINT_BYTES = 10


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message: its number, its value, and its bytes as they were."""

    number: int
    value: bytes | int
    raw: bytes

    @property
    def message(self) -> bytes:
        """The value of a field that is a message or a text."""
        if isinstance(self.value, int):
            raise BundleError("model.onnx is damaged: a number stands where a message should")
        return self.value

    @property
    def text(self) -> str:
        """The value of a text."""
        return self.message.decode("utf-8", "replace")


def fields(message: bytes) -> Iterator[Field]:
    """Yield the fields of a message, in order.

    Raises
    ------
    BundleError
        If it is damaged.
    """
    place = 0
    while place < len(message):
        begin = place
        tag, place = _varint(message, place)
        kind = tag & 7
        value: bytes | int
        if kind == _VARINT:
            value, place = _varint(message, place)
        else:
            size = 8 if kind == _FIXED64 else 4
            if kind == _BYTES:
                size, place = _varint(message, place)
            elif kind not in (_FIXED64, _FIXED32):
                raise BundleError(f"model.onnx is damaged: there is no wire type {kind}")
            value, place = message[place : place + size], place + size
        if place > len(message):
            raise BundleError("model.onnx is damaged: a field is longer than what holds it")
        yield Field(tag >> 3, value, message[begin:place])


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(_MOST_VARINT_BYTES):
        if place >= len(message):
            break
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value, place
    raise BundleError("model.onnx is damaged: a number does not end")


# --- writing ------------------------------------------------------------------------------------


def number(field: int, value: int) -> bytes:
    """Return a field that is a whole number, not negative."""
    return _written(field << 3) + _written(value)


def message(field: int, content: bytes | str) -> bytes:
    """Return a field that is a message or a text."""
    body = content.encode() if isinstance(content, str) else content
    return _written(field << 3 | _BYTES) + _written(len(body)) + body


def _written(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def tensor(name: str, values: NDArray[np.floating]) -> bytes:
    """Return a field of a graph: numbers that nodes read, as float32."""
    dims = b"".join(number(TENSOR_DIMS, size) for size in values.shape)
    raw = np.ascontiguousarray(values, "<f4").tobytes()
    body = dims + number(TENSOR_TYPE, _FLOAT) + message(TENSOR_NAME, name)
    return message(GRAPH_INITIALISER, body + message(TENSOR_RAW, raw))


def node(operation: str, inputs: tuple[str, ...], output: str, *, axis: int | None = None) -> bytes:
    """Return a field of a graph: one operation with one output."""
    body = b"".join(message(NODE_INPUT, name) for name in inputs)
    body += message(NODE_OUTPUT, output) + message(NODE_NAME, output)
    body += message(NODE_OPERATION, operation)
    if axis is not None:
        attribute = message(ATTRIBUTE_NAME, "axis") + number(ATTRIBUTE_INT, axis)
        attribute += number(ATTRIBUTE_TYPE, _ATTRIBUTE_IS_INT)
        body += message(NODE_ATTRIBUTE, attribute)
    return message(GRAPH_NODE, body)


def value(field: int, name: str, columns: int) -> bytes:
    """Return a field of a graph: an input or output of rows of float32 numbers."""
    rows = message(1, message(2, "batch"))
    shape = rows + message(1, number(1, columns))
    kind = message(1, number(1, _FLOAT) + message(2, shape))
    return message(field, message(VALUE_NAME, name) + message(VALUE_TYPE, kind))
