"""Nodes and constants of an ONNX graph while it is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from genrekit.extras import naming_extra

with naming_extra("edge"):
    import onnx
    from onnx import TensorProto, compose, helper, numpy_helper


__all__ = ["Nodes", "TensorProto", "helper", "numpy_helper", "onnx"]


class Nodes:
    """Nodes in the order they were added; their names begin with ``prefix``.

    Parameters
    ----------
    prefix : str
        Names in a graph inside of another one must differ from all that it sees.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: ArrayLike) -> str:
        """Add a constant: integers as int64, floats as float32."""
        array = np.asarray(value)
        kept = array.astype(np.int64 if array.dtype.kind in "iu" else np.float32)
        name = f"{self.prefix}c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(kept), name))
        return name

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output and return the name of that output."""
        return self.add_many(kind, inputs, 1, **attributes)[0]

    def add_many(
        self, kind: str, inputs: tuple[str, ...], outputs: int, **attributes: Any
    ) -> tuple[str, ...]:
        """Add a node with several outputs and return their names."""
        place = f"{self.prefix}n{len(self.nodes)}"
        names = tuple(f"{place}_{number}" for number in range(outputs))
        self.nodes.append(helper.make_node(kind, list(inputs), list(names), place, **attributes))
        return names

    def floats(self, value: str) -> str:
        """Cast to float32."""
        return self.add("Cast", value, to=TensorProto.FLOAT)

    def integers(self, value: str) -> str:
        """Cast to int64."""
        return self.add("Cast", value, to=TensorProto.INT64)

    def length(self, value: str) -> str:
        """Measure the first axis, as a scalar."""
        return self.add("Gather", self.add("Shape", value), self.constant(0))

    def shaped(self, value: str, *shape: int) -> str:
        """Reshape; -1 is what is left."""
        return self.add("Reshape", value, self.constant(np.array(shape)))

    def numbers(self, count: str) -> str:
        """Count 0, 1, ... below ``count``, a scalar."""
        return self.add("Range", self.constant(0), count, self.constant(1))

    def sum(self, value: str, axis: int) -> str:
        """Sum over an axis, which goes away."""
        return self.add("ReduceSum", value, self.constant(np.array([axis])), keepdims=0)

    def include(self, model: onnx.ModelProto, inputs: Mapping[str, str]) -> dict[str, str]:
        """Add the graph of another model.

        Parameters
        ----------
        inputs : mapping of str to str
            Each of its inputs to the value that it is given.

        Returns
        -------
        dict of str to str
            Each of its outputs to the value here.
        """
        prefix = f"{self.prefix}m{len(self.nodes)}_"
        own = compose.add_prefix(model, prefix).graph
        for name, value in inputs.items():
            self.nodes.append(helper.make_node("Identity", [value], [prefix + name]))
        self.nodes.extend(own.node)
        self.constants.extend(own.initializer)
        return {one.name: prefix + one.name for one in model.graph.output}
