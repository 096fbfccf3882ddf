"""What each column has of what a model says of a row: exactly for trees, else by permutations.

Sources: S. M. Lundberg and S.-I. Lee, "A unified approach to interpreting model predictions",
NIPS 2017; for trees see `genrekit.explain.tree_shapley`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import MissingExtraError
from genrekit.explain.tree_graph import TreeGraph, read_trees
from genrekit.explain.tree_shapley import tree_shapley
from genrekit.extras import naming_extra

#: Rows (n, n_columns) to probabilities (n, n_labels).
Predict = Callable[[NDArray[np.float32]], NDArray[np.float64]]
Numbers = NDArray[np.float64]

#: Rows explained, and rows that say what is usual: permutations cost far more than trees.
ROWS, BACKGROUND = 40, 20
TREE_ROWS, TREE_BACKGROUND = 120, 60


@dataclass(frozen=True, slots=True, eq=False)
class ShapleyValues:
    """SHAP values of some rows.

    Attributes
    ----------
    rows : (n,) int
        Which rows of the data they are of.
    values : (n, n_columns, n_labels) float64
    baseline : (n_labels,) float64
        The mean over the background; with the values of a row it adds up to what is said of it.
    how : str
        By which method, as a sentence.
    unit : str
        What they are shares of: a probability, or log-odds.
    """

    rows: NDArray[np.int64]
    values: Numbers
    baseline: Numbers
    how: str
    unit: str


def explain_rows(
    predict: Predict,
    x: NDArray[np.float32],
    *,
    model: Path,
    n_labels: int,
    row: int | None = None,
    seed: int = 0,
) -> ShapleyValues:
    """Explain some rows of a table by others.

    Parameters
    ----------
    predict : callable
    x : (n, n_columns) float32
    model : Path
        The ONNX file; where it holds trees and nothing else, values are exact.
    row : int, optional
        One that is explained in any case; it comes first.

    Raises
    ------
    MissingExtraError
        Without the extra ``explain``, for models that are not trees.
    """
    order = np.random.default_rng(seed).permutation(len(x))
    if row is not None:
        order = np.concatenate([[row], order[order != row]])
    graph = _trees(model)
    if graph is not None:
        found = _of_trees(graph, x, order[:TREE_ROWS], order[-TREE_BACKGROUND:], n_labels)
        if found is not None:
            return found
    rows = order[:ROWS]
    values, baseline = shap_values(predict, x[rows], x[order[-BACKGROUND:]], seed=seed)
    how = f"Estimated by permutations of the columns, against {BACKGROUND} rows."
    return ShapleyValues(rows, values, baseline, how, "probability")


def _trees(model: Path) -> TreeGraph | None:
    try:
        return read_trees(model.read_bytes())
    except MissingExtraError:
        return None  # permutations need no look into the model


def _of_trees(
    graph: TreeGraph,
    x: NDArray[np.float32],
    rows: NDArray[np.int64],
    baseline: NDArray[np.int64],
    n_labels: int,
) -> ShapleyValues | None:
    """Exact values; None where a prepared column is of several others, so that none has its own."""
    column_of = own_columns(graph.prepared, x[np.union1d(rows, baseline)])
    if column_of is None:
        return None
    theirs = tree_shapley(graph.trees, graph.prepared(x[rows]), graph.prepared(x[baseline]))
    values = np.zeros((len(rows), x.shape[1], theirs.shape[2]))
    values[:, column_of[column_of >= 0]] = theirs[:, column_of >= 0]
    means = graph.says(x[baseline]).mean(axis=0)
    if graph.margins and n_labels == 2:
        values, means = np.concatenate([-values, values], axis=2), np.array([-means[0], means[0]])
    kind = "log-odds, as the trees add them up" if graph.margins else "shares of the trees"
    how = (
        f"Exact values of the trees (interventional TreeSHAP), against {len(baseline)} rows, "
        "before the temperature."
    )
    unit = "log-odds" if graph.margins else "probability"
    return ShapleyValues(rows, values, means, f"{how} They are {kind}.", unit)


def own_columns(
    prepare: Callable[[NDArray[np.float32]], NDArray[np.float32]], x: NDArray[np.float32]
) -> NDArray[np.int64] | None:
    """Which column each prepared one is of (-1: of none that differs); None if of several.

    Tried by giving one column at a time the values of other rows.

    Parameters
    ----------
    x : (n, n_columns) float32
    """
    if not np.isfinite(x).all():
        return None
    before = prepare(x)
    owner = np.full(before.shape[1], -1)
    for column in range(x.shape[1]):
        changed = x.copy()
        changed[:, column] = np.roll(np.sort(x[:, column]), len(x) // 2)
        moved = np.flatnonzero((prepare(changed) != before).any(axis=0))
        if len(moved) > 1 or (owner[moved] >= 0).any():
            return None
        owner[moved] = column
    return owner


def shap_values(
    predict: Predict, x: NDArray[np.float32], background: NDArray[np.float32], *, seed: int = 0
) -> tuple[Numbers, Numbers]:
    """Share of every column in every probability, by permutations of the columns.

    Parameters
    ----------
    x : (n, n_columns) float32
        Rows to explain.
    background : (m, n_columns) float32
        Rows that say what is usual.

    Returns
    -------
    values : (n, n_columns, n_labels) float64
    baseline : (n_labels,) float64
        The mean over the background; with the values of a row it adds up to its probabilities.

    Raises
    ------
    MissingExtraError
        Without the extra ``explain``.
    """
    with naming_extra(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of plotting and notebooks, which are not used
        import shap
    masker = shap.maskers.Independent(background, max_samples=len(background))
    explainer = shap.explainers.Permutation(
        lambda rows: predict(np.asarray(rows, np.float32)), masker, seed=seed
    )
    found = explainer(x, max_evals=2 * x.shape[1] + 1, silent=True)
    baseline = np.asarray(found.base_values, np.float64)
    return np.asarray(found.values, np.float64), baseline.reshape(-1, baseline.shape[-1])[0]
