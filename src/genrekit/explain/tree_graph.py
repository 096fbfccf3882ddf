"""The trees of a saved model, read from its ONNX graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrekit.explain.tree_shapley import Floats, Leaves, Numbers
from genrekit.extras import naming_extra

_OPERATOR = "TreeEnsembleRegressor"
#: What may stand between the trees and the logits: it learnt nothing.
_PLAIN = frozenset({"Add", "Cast", "Clip", "Concat", "Identity", "Log", "Softmax", "Sub"})
_BRANCHES = {"BRANCH_LEQ", "BRANCH_LT", "LEAF"}


@dataclass(frozen=True, slots=True, eq=False)
class TreeGraph:
    """A model that is nothing but trees over columns that were prepared one by one.

    Attributes
    ----------
    trees : tuple of Leaves
        Of the prepared columns.
    margins : bool
        They add up to log-odds (boosting), and not to probabilities (forests).
    """

    trees: tuple[Leaves, ...]
    margins: bool
    _before: Any
    _input: str

    def prepared(self, x: Floats) -> Floats:
        """Rows (n, n_columns) as the trees get them, (n, n_prepared)."""
        (found,) = self._before.run(None, {self._input: np.ascontiguousarray(x, np.float32)})
        return np.asarray(found, np.float32)

    def says(self, x: Floats) -> Numbers:
        """Return sums of the trees (n, n_targets) for rows as they were before."""
        ready = self.prepared(x)
        return np.asarray(
            sum(tree.inside(ready).all(axis=2).T @ tree.values for tree in self.trees)
        )


def read_trees(model: bytes) -> TreeGraph | None:
    """Read the trees of an ONNX model; None where it is something else, or more than trees.

    Raises
    ------
    MissingExtraError
        Without onnx.
    """
    with naming_extra():
        import onnx
    proto = onnx.load_model_from_string(model)
    nodes = [node for node in proto.graph.node if node.op_type == _OPERATOR]
    if len(nodes) != 1 or len(proto.graph.input) != 1:
        return None
    (node,) = nodes
    kinds = _kinds_after(proto.graph, node.output[0])
    attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
    if not kinds <= _PLAIN or not _understood(attributes):
        return None
    return TreeGraph(
        trees=tuple(_trees(attributes)),
        margins="Softmax" in kinds,
        _before=_opened(onnx, proto, node.input[0]),
        _input=proto.graph.input[0].name,
    )


def _kinds_after(graph: Any, value: str) -> set[str]:
    """Operators that what the trees say goes through."""
    reached, kinds = {value}, set()
    for node in graph.node:  # a graph is in order
        if reached & set(node.input):
            reached |= set(node.output)
            kinds.add(node.op_type)
    return kinds


def _understood(attributes: Mapping[str, Any]) -> bool:
    modes = {one.decode() for one in attributes["nodes_modes"]}
    plain = attributes.get("aggregate_function", b"SUM") == b"SUM"
    return plain and modes <= _BRANCHES and "base_values" not in attributes


def _opened(onnx: Any, proto: Any, value: str) -> Any:
    """Return a session that ends where the trees begin."""
    import onnxruntime

    part = onnx.ModelProto()
    part.CopyFrom(proto)
    info = onnx.helper.make_tensor_value_info(value, onnx.TensorProto.FLOAT, None)
    del part.graph.output[:]
    part.graph.output.append(info)
    if value == part.graph.input[0].name:
        identity = onnx.helper.make_node("Identity", [value], [f"{value} as it is"])
        part.graph.node.insert(0, identity)
        part.graph.output[0].name = f"{value} as it is"
    return onnxruntime.InferenceSession(
        part.SerializeToString(), providers=["CPUExecutionProvider"]
    )


# --- leaves -------------------------------------------------------------------------------------


def _trees(attributes: Mapping[str, Any]) -> list[Leaves]:
    tree_of = np.array(attributes["nodes_treeids"])
    target_of = np.array(attributes["target_treeids"])
    nodes = {
        name: np.array(attributes[f"nodes_{name}"])
        for name in ("nodeids", "featureids", "values", "truenodeids", "falsenodeids", "modes")
    }
    targets = {
        name: np.array(attributes[f"target_{name}"]) for name in ("nodeids", "ids", "weights")
    }
    count = int(attributes["n_targets"])
    return [
        _leaves(
            {name: values[tree_of == number] for name, values in nodes.items()},
            {name: values[target_of == number] for name, values in targets.items()},
            count,
        )
        for number in np.unique(tree_of)
    ]


def _leaves(
    nodes: Mapping[str, NDArray[Any]], targets: Mapping[str, NDArray[Any]], count: int
) -> Leaves:
    place = {int(one): row for row, one in enumerate(nodes["nodeids"])}
    inner = nodes["modes"] != b"LEAF"
    columns = np.unique(nodes["featureids"][inner]).astype(np.int64)
    column_of = {int(one): row for row, one in enumerate(columns)}
    added = np.zeros((len(inner), count))
    rows = np.array([place[int(one)] for one in targets["nodeids"]], np.int64)
    np.add.at(added, (rows, targets["ids"].astype(np.int64)), targets["weights"])
    boxes: list[tuple[Floats, Floats, int]] = []
    everything = np.full(len(columns), np.inf, np.float32)
    waiting = [(0, -everything, everything)]
    while waiting:
        row, low, high = waiting.pop()
        if not inner[row]:
            boxes.append((low, high, row))
            continue
        column = column_of[int(nodes["featureids"][row])]
        edge = _edge(nodes["values"][row], nodes["modes"][row])
        left, right = high.copy(), low.copy()
        left[column], right[column] = min(high[column], edge), max(low[column], edge)
        waiting.append((place[int(nodes["truenodeids"][row])], low, left))
        waiting.append((place[int(nodes["falsenodeids"][row])], right, high))
    return Leaves(
        columns,
        np.array([low for low, _, _ in boxes]),
        np.array([high for _, high, _ in boxes]),
        added[[row for _, _, row in boxes]],
    )


def _edge(threshold: float, mode: bytes) -> np.float32:
    """Return the largest number that goes left."""
    edge = np.float32(threshold)
    return np.nextafter(edge, np.float32(-np.inf)) if mode == b"BRANCH_LT" else edge
