"""Exact values of trees are what the definition says, for every model of trees."""

from __future__ import annotations

from itertools import combinations
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from genrekit.explain.shapley import explain_rows, own_columns
from genrekit.explain.tree_graph import TreeGraph, read_trees
from genrekit.explain.tree_shapley import tree_shapley
from genrekit.export.classical import export_onnx
from genrekit.models import build, classical_config

Floats = NDArray[np.float32]
Numbers = NDArray[np.float64]
COLUMNS = 4


def exported(folder: Path, genres: int = 3, **config: Any) -> Path:
    """A model of few small trees as a file."""
    generator = np.random.default_rng(0)
    y = np.arange(90) % genres
    x = generator.normal(0, 1, (90, COLUMNS))
    x[:, 1] += y
    x[:, 3] -= y * (x[:, 0] > 0)
    pipeline = build(classical_config(config), seed=0).fit(x, y)
    file = folder / "model.onnx"
    file.write_bytes(export_onnx(pipeline, input_name="columns", n_columns=COLUMNS))
    return file


def rows(count: int, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(0.5, 1.5, (count, COLUMNS)).astype(np.float32)


def by_definition(graph: TreeGraph, row: Floats, background: Floats) -> Numbers:
    """Shapley's formula over all sets of columns."""

    def worth(known: tuple[int, ...]) -> Numbers:
        mixed = background.copy()
        mixed[:, list(known)] = row[list(known)]
        return np.asarray(graph.says(mixed).mean(axis=0))

    values = np.zeros((COLUMNS, graph.says(background).shape[1]))
    for column in range(COLUMNS):
        others = [one for one in range(COLUMNS) if one != column]
        for size in range(COLUMNS):
            weight = 1 / (COLUMNS * comb(COLUMNS - 1, size))
            for known in combinations(others, size):
                values[column] += weight * (worth((*known, column)) - worth(known))
    return values


MODELS: dict[str, dict[str, Any]] = {
    "forest": {"architecture": "forest", "trees": 5},
    "extra-trees": {"architecture": "extra-trees", "trees": 5},
    "boosting": {"architecture": "boosting", "rounds": 4},
    "xgboost": {"architecture": "xgboost", "rounds": 4},
    "tree": {"architecture": "tree"},
    "scaled": {"architecture": "forest", "trees": 4, "prepare": {"scale": "standard"}},
}


@pytest.mark.parametrize("name", MODELS)
def test_values_of_trees_are_exact(name: str, tmp_path: Path) -> None:
    graph = read_trees(exported(tmp_path, **MODELS[name]).read_bytes())
    assert graph is not None
    assert graph.margins == (name in ("boosting", "xgboost"))
    x, background = rows(3), rows(5, seed=2)
    found = tree_shapley(graph.trees, graph.prepared(x), graph.prepared(background))
    for row, values in zip(x, found, strict=True):
        np.testing.assert_allclose(values, by_definition(graph, row, background), atol=1e-6)


@pytest.mark.parametrize("architecture", ["forest", "boosting"])
@pytest.mark.parametrize("genres", [2, 3])
def test_values_add_up_to_what_the_model_says(
    architecture: str, genres: int, tmp_path: Path
) -> None:
    from genrekit.export.classical import run_onnx

    file = exported(tmp_path, genres, architecture=architecture)
    x = rows(30)

    def predict(told: Floats) -> Numbers:
        raise AssertionError("trees are read, not asked")

    found = explain_rows(predict, x, model=file, n_labels=genres, row=7)
    assert found.rows[0] == 7
    assert found.how.startswith("Exact")
    said = found.values.sum(axis=1) + found.baseline
    if architecture == "boosting":
        assert found.unit == "log-odds"
        said = np.exp(said if genres > 2 else said / 2)  # of two genres (-m, m)
        said /= said.sum(axis=1, keepdims=True)
    logits = run_onnx(file.read_bytes(), x[found.rows])
    np.testing.assert_allclose(said, np.exp(logits), atol=2e-5)


def test_what_is_more_than_trees_is_left_to_permutations(tmp_path: Path) -> None:
    for architecture in ("logistic", "stack"):
        file = exported(tmp_path, architecture=architecture)
        assert read_trees(file.read_bytes()) is None


def test_mixed_columns_have_no_values_of_their_own() -> None:
    x = rows(20)
    owners = own_columns(lambda one: one[:, [2, 0]] * np.float32(3), x)
    assert owners is not None
    assert owners.tolist() == [2, 0]
    turned = np.linalg.qr(rows(COLUMNS))[0].astype(np.float32)
    assert own_columns(lambda one: one @ turned, x) is None
