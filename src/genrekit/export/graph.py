"""A small builder for ONNX graphs whose bytes depend on nothing but what is put in."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from genrekit.errors import BundleError

#: Old enough for every onnxruntime that genrekit allows.
_OPSET, _ML_OPSET, _IR_VERSION = 18, 3, 9
_ML_DOMAIN = "ai.onnx.ml"
#: What graphs may be made of, for whoever converts a model to be included.
OPSETS = {"": _OPSET, _ML_DOMAIN: _ML_OPSET}


class Graph:
    """Nodes and constants in the order they were added, named by their number."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def constant(self, array: NDArray[Any] | float | int) -> str:
        """Add a constant; Python floats are stored as float64, integers as int64."""
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def add(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output and return the name of that output."""
        return self.add_many(kind, *inputs, outputs=1, domain=domain, **attributes)[0]

    def add_many(
        self, kind: str, *inputs: str, outputs: int, domain: str = "", **attributes: Any
    ) -> tuple[str, ...]:
        """Add a node with several outputs and return their names."""
        names = tuple(f"n{len(self._nodes)}_{number}" for number in range(outputs))
        node = helper.make_node(kind, list(inputs), list(names), domain=domain, **attributes)
        self._nodes.append(node)
        return names

    def as_double(self, value: str) -> str:
        """Cast to float64."""
        return self.add("Cast", value, to=TensorProto.DOUBLE)

    def as_float(self, value: str) -> str:
        """Cast to float32."""
        return self.add("Cast", value, to=TensorProto.FLOAT)

    def trees(self, x: str, n_targets: int, attributes: dict[str, Any]) -> str:
        """Sum of regression trees: float32 (n, columns) to float32 (n, n_targets)."""
        return self.add(
            "TreeEnsembleRegressor",
            x,
            domain=_ML_DOMAIN,
            n_targets=n_targets,
            aggregate_function="SUM",
            post_transform="NONE",
            **attributes,
        )

    def include(self, model: Any, x: str) -> list[str]:
        """Add the graph of another model, which takes the one input ``x``.

        Returns
        -------
        list of str
            The values that are its outputs.

        Raises
        ------
        BundleError
            If it has operators that not every onnxruntime has.
        """
        foreign = {node.domain for node in model.graph.node} - {"", _ML_DOMAIN}
        if foreign:
            raise BundleError(f"operators of {', '.join(sorted(foreign))} cannot be shipped")
        prefix = f"i{len(self._nodes)}_"
        renamed = {"": "", model.graph.input[0].name: x}
        for node in model.graph.node:
            renamed |= {name: prefix + name for name in node.output}
        for constant in model.graph.initializer:
            renamed[constant.name] = prefix + constant.name
            self._constants.append(_named(constant, prefix + constant.name))
        for node in model.graph.node:
            own = _named(node, prefix + node.name)
            own.input[:] = [renamed[name] for name in node.input]
            own.output[:] = [renamed[name] for name in node.output]
            self._nodes.append(own)
        return [renamed[output.name] for output in model.graph.output]

    def finish(self, output: str, *, input_name: str, n_columns: int, n_labels: int) -> bytes:
        """Return the model file: float32 ``input_name`` (n, n_columns) to float32 ``logits``.

        Parameters
        ----------
        output : str
            The float32 value of shape (n, n_labels) that becomes ``logits``.
        """
        self._nodes.append(helper.make_node("Identity", [output], ["logits"]))
        graph = helper.make_graph(
            self._nodes,
            "genrekit",
            [helper.make_tensor_value_info(input_name, TensorProto.FLOAT, ["n", n_columns])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", n_labels])],
            self._constants,
        )
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_ML_DOMAIN, _ML_OPSET)]
        model = helper.make_model(
            graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="genrekit"
        )
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))


def _named(part: Any, name: str) -> Any:
    """Return a copy of a node or a constant with another name."""
    copy = type(part)()
    copy.CopyFrom(part)
    copy.name = name
    return copy
