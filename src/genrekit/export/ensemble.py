"""Graphs of several models to one that combines what they say of a window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper, numpy_helper, version_converter

from genrekit.bundles import LOGITS
from genrekit.errors import BundleError

#: Probabilities below this are raised to it before the logarithm.
SMALLEST_PROBABILITY = 1e-7
_TO_THE_END = 1 << 31
#: From this version of ONNX's operators on, axes to reduce are an input.
_AXES_ARE_INPUTS = 18


@dataclass(frozen=True, slots=True, eq=False)
class MemberGraph:
    """One model of an ensemble.

    Attributes
    ----------
    model : bytes
        ONNX with an output ``logits``.
    inputs : mapping of str to str
        Name of each input of the model to that of the ensemble's input it is fed with.
    order : tuple of int
        Position among its labels of each label of the ensemble.
    temperature : float
    several : bool
        It tells several genres a track.
    windowed : bool
        It takes windows inside of the ensemble's: its inputs have an axis for them behind the
        first, and what it says of them is averaged.
    by_logit : bool
        That average is one of logits, not of probabilities.
    """

    model: bytes
    inputs: Mapping[str, str]
    order: tuple[int, ...]
    temperature: float
    several: bool = False
    windowed: bool = False
    by_logit: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Combiner:
    """How probabilities become one answer.

    Attributes
    ----------
    weights : tuple of float
        Of the members, adding up to one; for a mean of probabilities.
    matrix, offset : (members x labels, labels), (labels,) float64, optional
        Of a logistic regression on the logarithms of all probabilities, in place of the mean; on
        log odds, where tracks have several genres.
    several : bool
        Each genre is told on its own.
    fitted : bool
        On validation data.
    thresholds : tuple of float
        Tuned on validation data; not part of the graph.
    """

    weights: tuple[float, ...]
    matrix: NDArray[np.float64] | None = None
    offset: NDArray[np.float64] | None = None
    several: bool = False
    fitted: bool = False
    thresholds: tuple[float, ...] = ()

    def logits(self, probabilities: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return what the graph computes from the members' probabilities, each (n, labels)."""
        scale = log_odds if self.several else logarithm
        if self.matrix is None or self.offset is None:
            pairs = zip(self.weights, probabilities, strict=True)
            return scale(np.sum([weight * one for weight, one in pairs], axis=0))
        everything = np.concatenate([scale(one) for one in probabilities], axis=1)
        return np.asarray(everything @ self.matrix + self.offset)


def logarithm(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of what is at least `SMALLEST_PROBABILITY`."""
    return np.asarray(np.log(np.clip(probabilities, SMALLEST_PROBABILITY, 1.0)))


def log_odds(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of what is at least `SMALLEST_PROBABILITY`, and as far below one."""
    kept = np.clip(probabilities, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return np.asarray(np.log(kept) - np.log1p(-kept))


def ensemble_graph(members: Sequence[MemberGraph], combiner: Combiner) -> bytes:
    """One graph from the inputs of all members to ``logits``.

    Members that are fed with the same input share it. Equal members give equal bytes.

    Raises
    ------
    BundleError
        If the graphs cannot be joined.
    """
    try:
        models = _with_one_opset([onnx.load_from_string(member.model) for member in members])
        built = _Joined(_opset(models[0]))
        outputs = [
            built.add_member(number, model, member)
            for number, (model, member) in enumerate(zip(models, members, strict=True))
        ]
        model = built.finish(_combined(built, outputs, combiner), len(members[0].order), models)
        onnx.checker.check_model(model)
    except (ValueError, RuntimeError, onnx.checker.ValidationError) as error:
        raise BundleError(f"the members' graphs cannot be joined: {error}") from error
    return bytes(model.SerializeToString(deterministic=True))


class _Joined:
    """Nodes, constants and inputs of the graph as it grows."""

    def __init__(self, opset: int) -> None:
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.inputs: dict[str, onnx.ValueInfoProto] = {}

    def constant(self, array: NDArray[np.float32] | NDArray[np.int64]) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"e{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def add_member(self, number: int, model: onnx.ModelProto, member: MemberGraph) -> str:
        """Add a member; the value of its probabilities in the ensemble's order of labels."""
        prefix = f"m{number}/"
        renamed = compose.add_prefix(model, prefix)
        held = {constant.name for constant in renamed.graph.initializer}
        for value in renamed.graph.input:
            if value.name in held:  # older exporters list constants among the inputs
                continue
            name = member.inputs[value.name.removeprefix(prefix)]
            self.inputs.setdefault(name, _fed(value, name, member.windowed))
            given = self._flat(name) if member.windowed else name
            self.nodes.append(helper.make_node("Identity", [given], [value.name]))
        self.nodes.extend(renamed.graph.node)
        self.constants.extend(renamed.graph.initializer)
        probabilities = self._probabilities(prefix + LOGITS, member)
        if member.order == tuple(range(len(member.order))):
            return probabilities
        order = self.constant(np.array(member.order, np.int64))
        return self.node("Gather", probabilities, order, axis=1)

    def _probabilities(self, logits: str, member: MemberGraph) -> str:
        """Of one member, (n, labels) in its own order."""
        scaled = self.node("Div", logits, self.constant(np.array(member.temperature, np.float32)))
        if member.windowed and member.by_logit:
            scaled = self._averaged(scaled, member)
        answers = (
            self.node("Sigmoid", scaled) if member.several else self.node("Softmax", scaled, axis=1)
        )
        if member.windowed and not member.by_logit:
            answers = self._averaged(answers, member)
        return answers

    def _flat(self, name: str) -> str:
        """Windows (n, k, ...) as rows (n k, ...)."""
        behind = self._sliced(self.node("Shape", name), 2, _TO_THE_END)
        shape = self.node("Concat", self._numbers(-1), behind, axis=0)
        return self.node("Reshape", name, shape)

    def _averaged(self, rows: str, member: MemberGraph) -> str:
        """Rows (n k, labels) as means over k, (n, labels)."""
        first = next(iter(member.inputs.values()))
        before = self._sliced(self.node("Shape", first), 0, 2)
        shape = self.node("Concat", before, self._numbers(len(member.order)), axis=0)
        separate = self.node("Reshape", rows, shape)
        if self.opset < _AXES_ARE_INPUTS:
            return self.node("ReduceMean", separate, axes=[1], keepdims=0)
        return self.node("ReduceMean", separate, self._numbers(1), keepdims=0)

    def _sliced(self, one: str, begin: int, end: int) -> str:
        return self.node("Slice", one, self._numbers(begin), self._numbers(end))

    def _numbers(self, *numbers: int) -> str:
        return self.constant(np.array(numbers, np.int64))

    def finish(
        self, output: str, n_labels: int, models: Sequence[onnx.ModelProto]
    ) -> onnx.ModelProto:
        self.nodes.append(helper.make_node("Identity", [output], [LOGITS]))
        logits = helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, ["n", n_labels])
        graph = helper.make_graph(
            self.nodes, "genrekit", list(self.inputs.values()), [logits], self.constants
        )
        domains = {entry.domain: entry.version for m in models for entry in m.opset_import}
        functions = [
            function
            for number, m in enumerate(models)
            for function in compose.add_prefix(m, f"m{number}/").functions
        ]
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid(name, domains[name]) for name in sorted(domains)],
            ir_version=max(m.ir_version for m in models),
            producer_name="genrekit",
            functions=functions,
        )


def _fed(value: onnx.ValueInfoProto, name: str, windowed: bool) -> onnx.ValueInfoProto:
    """Return the ensemble's input for that of a member."""
    tensor = value.type.tensor_type
    inside = [
        one.dim_value if one.HasField("dim_value") else one.dim_param or None
        for one in tensor.shape.dim[1:]
    ]
    windows = [f"{name}/windows"] if windowed else []
    return helper.make_tensor_value_info(name, tensor.elem_type, ["n", *windows, *inside])


def _combined(built: _Joined, outputs: Sequence[str], combiner: Combiner) -> str:
    if combiner.matrix is None:
        weighed = [
            built.node("Mul", one, built.constant(np.array(weight, np.float32)))
            for one, weight in zip(outputs, combiner.weights, strict=True)
        ]
        return _scaled(built, built.node("Sum", *weighed), combiner.several)
    assert combiner.offset is not None, "a matrix has an offset"
    logs = [_scaled(built, one, combiner.several) for one in outputs]
    everything = built.node("Concat", *logs, axis=1)
    matrix = built.constant(combiner.matrix.astype(np.float32))
    offset = built.constant(combiner.offset.astype(np.float32))
    return built.node("Add", built.node("MatMul", everything, matrix), offset)


def _scaled(built: _Joined, probabilities: str, several: bool) -> str:
    """Logarithms of probabilities, or log odds."""
    one = built.constant(np.array(1.0, np.float32))
    low = built.constant(np.array(SMALLEST_PROBABILITY, np.float32))
    high = built.constant(np.array(1 - SMALLEST_PROBABILITY, np.float32)) if several else one
    kept = built.node("Clip", probabilities, low, high)
    logs = built.node("Log", kept)
    if not several:
        return logs
    return built.node("Sub", logs, built.node("Log", built.node("Sub", one, kept)))


def _with_one_opset(models: Sequence[onnx.ModelProto]) -> list[onnx.ModelProto]:
    """All with one version of operators."""
    wanted = max(_opset(model) for model in models)
    return [
        model if _opset(model) == wanted else version_converter.convert_version(model, wanted)
        for model in models
    ]


def _opset(model: onnx.ModelProto) -> int:
    versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    return int(max(versions))
