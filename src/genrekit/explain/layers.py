"""What a saved model is made of, layer by layer, read from its ONNX graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from genrekit.extras import naming_extra
from genrekit.pages import Box

#: Operators that are a layer of their own.
_LAYERS = {
    "AveragePool": "average pooling",
    "BatchNormalization": "batch norm",
    "Concat": "joined",
    "Conv": "convolution",
    "GRU": "GRU",
    "Gemm": "fully connected",
    "GlobalAveragePool": "mean over all",
    "GlobalMaxPool": "maximum over all",
    "LSTM": "LSTM",
    "LayerNormalization": "layer norm",
    "MatMul": "product",
    "MaxPool": "max pooling",
    "ReduceMax": "maximum",
    "ReduceMean": "mean",
    "Softmax": "softmax",
    "TopK": "nearest",
    "TreeEnsembleRegressor": "trees",
}
#: Operators that are said with the layer before them.
_AFTER = {"Relu": "ReLU", "Sigmoid": "sigmoid", "Tanh": "tanh", "Gelu": "GELU", "Erf": "GELU"}
#: Two of what was computed come together in these.
_TWO = {"Add": "sum", "Mul": "gate"}


@dataclass(slots=True)
class Layer:
    """One box of the diagram.

    Attributes
    ----------
    name : str
        What it does: ``convolution 3 x 3, ReLU``.
    shape : str
        Of what it gives, without the axis of rows: ``64 x 128 x 188``; empty where not known.
    parameters : int
        Numbers that were learnt.
    before : list of int
        Places of the layers that it takes.
    """

    name: str
    shape: str
    parameters: int = 0
    before: list[int] = field(default_factory=list)


def read_layers(model: bytes) -> list[Layer]:
    """Read the layers of an ONNX model, inputs first, each after all that it takes.

    Arithmetic with constants, and what only moves numbers about, is left out; its parameters count
    with the layer that comes next.

    Raises
    ------
    MissingExtraError
        Without onnx.
    """
    with naming_extra():
        import onnx
    proto = onnx.load_model_from_string(model)
    return _Reader(onnx, proto.graph, _shapes(onnx, proto)).read()


def parameters_of(layers: Sequence[Layer]) -> int:
    """Of all layers together."""
    return sum(one.parameters for one in layers)


def layer_boxes(layers: Sequence[Layer]) -> list[Box]:
    """Return the layers as boxes of a diagram."""
    return [
        Box(
            one.name,
            ", ".join(
                text
                for text in (one.shape, f"{one.parameters:,} parameters" if one.parameters else "")
                if text
            ),
            tuple(one.before),
        )
        for one in layers
    ]


class _Reader:
    """Which layer each value of a graph comes from."""

    def __init__(self, onnx: Any, graph: Any, shapes: Mapping[str, str]) -> None:
        self._graph = graph
        self._weights = {one.name: one for one in graph.initializer}
        self._floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)
        self._shapes = shapes
        self._helper = onnx.helper
        self._layers: list[Layer] = []
        self._from: dict[str, tuple[int, ...]] = {}
        self._waiting: dict[str, int] = {}
        self._counted: set[str] = set()

    def read(self) -> list[Layer]:
        for one in self._graph.input:
            self._add(one.name, one.name, ())
        for node in self._graph.node:
            self._node(node)
        for one in self._graph.output:
            self._add(one.name, one.name, self._from.get(one.name, ()), self._left(one.name))
        return self._layers

    def _node(self, node: Any) -> None:
        before = tuple(dict.fromkeys(at for name in node.input for at in self._from.get(name, ())))
        learnt = self._learnt(node) + sum(self._left(name) for name in node.input)
        if not before:  # made of constants alone
            self._pass(node, (), learnt)
            return
        apart = sum(bool(self._from.get(name)) for name in node.input) > 1 and len(before) > 1
        if node.op_type in _LAYERS or (node.op_type in _TWO and apart):
            kind = _LAYERS.get(node.op_type) or _TWO[node.op_type]
            text = f"{kind}{self._detail(node)}"
            for name in node.output:
                self._from[name] = ()
            self._add(node.output[0], text, before, learnt)
            for name in node.output[1:]:
                self._from[name] = self._from[node.output[0]]
            return
        if node.op_type in _AFTER and len(before) == 1:
            layer = self._layers[before[0]]
            if not layer.name.endswith(_AFTER[node.op_type]):
                layer.name += f", {_AFTER[node.op_type]}"
        self._pass(node, before, learnt)

    def _pass(self, node: Any, before: tuple[int, ...], learnt: int) -> None:
        for name in node.output:
            self._from[name] = before
        if learnt:
            self._waiting[node.output[0]] = learnt

    def _left(self, name: str) -> int:
        return self._waiting.pop(name, 0)

    def _add(self, value: str, name: str, before: tuple[int, ...], learnt: int = 0) -> None:
        self._layers.append(Layer(name, self._shapes.get(value, ""), learnt, list(before)))
        self._from[value] = (len(self._layers) - 1,)

    def _learnt(self, node: Any) -> int:
        """Floats that the node has, each counted once."""
        count = 0
        for name in node.input:
            weight = self._weights.get(name)
            if (
                weight is not None
                and weight.data_type in self._floats
                and name not in self._counted
            ):
                self._counted.add(name)
                count += _product(weight.dims)
        if node.op_type == "TreeEnsembleRegressor":
            given = {one.name: one for one in node.attribute}
            count += len(given["nodes_values"].floats) + len(given["target_weights"].floats)
        return count

    def _detail(self, node: Any) -> str:
        given = {one.name: self._helper.get_attribute_value(one) for one in node.attribute}
        if kernel := given.get("kernel_shape"):
            return f" {' x '.join(map(str, kernel))}{_strided(given)}"
        if node.op_type == "TreeEnsembleRegressor":
            return f", {len(set(given['nodes_treeids']))} of them"
        if given.get("direction") == b"bidirectional":
            return ", both ways"
        return ""


def _strided(given: Mapping[str, Any]) -> str:
    strides = given.get("strides") or [1]
    groups = ", each channel by itself" if given.get("group", 1) > 1 else ""
    by = f", every {' x '.join(map(str, strides))}" if max(strides) > 1 else ""
    return f"{by}{groups}"


def _shapes(onnx: Any, proto: Any) -> dict[str, str]:
    """Shapes of all values, without the axis of rows, as they are when one row of zeros is run."""
    import numpy as np
    import onnxruntime

    whole = onnx.ModelProto()
    whole.CopyFrom(proto)
    known = {one.name for one in whole.graph.output}
    for node in whole.graph.node:
        names = [name for name in node.output if name and name not in known]
        whole.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        whole.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    rows = {one.name: np.zeros(_row(one), np.float32) for one in proto.graph.input}
    values = session.run(None, rows)
    found = {name: row.shape for name, row in rows.items()}
    outputs = (one.name for one in session.get_outputs())
    found |= {name: np.shape(one) for name, one in zip(outputs, values, strict=True)}
    return {name: " x ".join(map(str, shape[1:])) for name, shape in found.items()}


def _row(info: Any) -> tuple[int, ...]:
    return (1, *(one.dim_value or 1 for one in list(info.type.tensor_type.shape.dim)[1:]))


def _product(dims: Sequence[int]) -> int:
    count = 1
    for one in dims:
        count *= int(one)
    return count
