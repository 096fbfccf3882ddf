"""Decision trees of scikit-learn and XGBoost as attributes of ONNX's ``TreeEnsembleRegressor``.

Both libraries compare float32 columns. scikit-learn keeps its thresholds in float64; rounded down
to float32 they part the same float32 numbers, so the branches taken are exactly the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class FlatTree:
    """One tree.

    Attributes
    ----------
    left, right : (nodes,) int
        Children of each node; -1 at leaves.
    column : (nodes,) int
    threshold : (nodes,) float32
    values : (nodes, n_targets) float
        What a leaf adds to each target; rows of inner nodes are ignored.
    strict : bool
        Go left below the threshold (XGBoost), not at it (scikit-learn).
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    column: NDArray[np.int64]
    threshold: NDArray[np.float32]
    values: NDArray[np.float64]
    strict: bool = False


def round_down(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the largest float32 that is not above each number."""
    near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near)


def flat_sklearn(tree: Any, values: NDArray[np.float64]) -> FlatTree:
    """Return the ``tree_`` of a fitted scikit-learn tree, with ``values`` (nodes, n_targets)."""
    return FlatTree(
        left=tree.children_left,
        right=tree.children_right,
        column=tree.feature,
        threshold=round_down(tree.threshold),
        values=values,
    )


def flat_xgboost(booster: Any, n_targets: int) -> list[FlatTree]:
    """All trees of an ``xgboost.Booster``, each adding to the target it belongs to."""
    model = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]["model"]
    flat = []
    for tree, target in zip(model["trees"], model["tree_info"], strict=True):
        left = np.array(tree["left_children"], np.int64)
        # At leaves, XGBoost keeps the leaf's value where inner nodes have their threshold.
        numbers = np.array(tree["split_conditions"], np.float32)
        values = np.zeros((len(left), n_targets))
        values[:, target] = np.where(left == -1, numbers, 0)
        right = np.array(tree["right_children"], np.int64)
        column = np.array(tree["split_indices"], np.int64)
        flat.append(FlatTree(left, right, column, numbers, values, strict=True))
    return flat


def ensemble_attributes(trees: Iterable[FlatTree]) -> dict[str, list[Any]]:
    """Attributes of the ONNX operator: one entry per node, one per non-zero value of a leaf."""
    parts = [_tree_attributes(number, tree) for number, tree in enumerate(trees)]
    return {name: [value for part in parts for value in part[name]] for name in parts[0]}


def _tree_attributes(number: int, tree: FlatTree) -> dict[str, list[Any]]:
    leaf = tree.left == -1
    branch = "BRANCH_LT" if tree.strict else "BRANCH_LEQ"
    leaves, targets = np.nonzero(np.where(leaf[:, None], tree.values, 0))
    # The operator wants an entry for every leaf, even for one that adds nothing.
    silent = np.setdiff1d(np.flatnonzero(leaf), leaves)
    leaves = np.concatenate([leaves, silent])
    targets = np.concatenate([targets, np.zeros(len(silent), targets.dtype)])
    return {
        "nodes_treeids": [number] * len(leaf),
        "nodes_nodeids": list(range(len(leaf))),
        "nodes_modes": ["LEAF" if end else branch for end in leaf],
        "nodes_featureids": np.where(leaf, 0, tree.column).tolist(),
        "nodes_values": np.where(leaf, 0, tree.threshold).astype(np.float32).tolist(),
        "nodes_truenodeids": np.where(leaf, 0, tree.left).tolist(),
        "nodes_falsenodeids": np.where(leaf, 0, tree.right).tolist(),
        "target_treeids": [number] * len(leaves),
        "target_nodeids": leaves.tolist(),
        "target_ids": targets.tolist(),
        "target_weights": tree.values[leaves, targets].astype(np.float32).tolist(),
    }
