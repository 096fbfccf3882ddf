"""A map of a neighbour graph, as UMAP draws it, in NumPy alone.

Source: L. McInnes, J. Healy and J. Melville, "UMAP: Uniform Manifold Approximation and Projection
for Dimension Reduction", arXiv:1802.03426, 2018: the graph of section 3.1, and the layout of 3.2 by
attraction along edges and repulsion from random rows. The map begins with principal components, so
equal data gives equal maps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import DatasetError
from genrekit.explain.maps import Rows, neighbours, principal_components

NEIGHBOURS = 15
FEWEST_ROWS = 4
#: Of 1 / (1 + a d^2b), which is 1 up to a distance of 0.1 and then falls as exp(0.1 - d), nearly.
_A, _B = 1.577, 0.8951
_ROUNDS = 300
_REPELLED = 5
_BEGIN_SPREAD = 10.0
_LARGEST_STEP = 4.0
_HALVINGS = 40


def neighbour_map(x: Rows, *, seed: int = 0) -> Rows:
    """Return a map (n, 2) of rows (n, n_columns) drawn from the graph of their nearest neighbours.

    Raises
    ------
    DatasetError
        If there are fewer than four rows.
    """
    if len(x) < FEWEST_ROWS:
        raise DatasetError(
            f"a map of neighbours needs at least {FEWEST_ROWS} rows, and there are {len(x)}"
        )
    heads, tails, weights = neighbour_graph(x, min(NEIGHBOURS, len(x) - 1))
    return _layout(_begin(x, seed), heads, tails, weights, seed)


def neighbour_graph(
    x: Rows, count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Edges of the fuzzy graph: two ends each, in both directions, and how sure it is.

    An edge is as sure as one of its ends is; the nearest neighbour of a row is sure, and all of
    them together are worth ``log2(count)``.
    """
    nearest = neighbours(x, count)
    distances = np.sqrt(np.square(x[nearest] - x[:, np.newaxis]).sum(axis=2))
    sure = _sureness(distances)
    table = np.zeros((len(x), len(x)))
    np.put_along_axis(table, nearest, sure, axis=1)
    table = table + table.T - table * table.T
    heads, tails = np.nonzero(table)
    return heads.astype(np.int64), tails.astype(np.int64), table[heads, tails]


def _sureness(distances: Rows) -> Rows:
    """``exp(-(d - nearest) / width)``, the width of each row by halving."""
    beyond = np.maximum(distances - distances.min(axis=1, keepdims=True), 0)
    wanted = max(np.log2(distances.shape[1]), 1e-3)
    low = np.zeros((len(beyond), 1))
    high = np.full((len(beyond), 1), max(float(beyond.max()), 1e-12) * 10)
    for _ in range(_HALVINGS):
        width = (low + high) / 2
        too_wide = np.exp(-beyond / width).sum(axis=1, keepdims=True) > wanted
        low, high = np.where(too_wide, low, width), np.where(too_wide, width, high)
    return np.asarray(np.exp(-beyond / np.maximum(high, 1e-12)))


def _begin(x: Rows, seed: int) -> Rows:
    """Two components, with a little noise so that equal rows can part."""
    two = principal_components(x).project(x, 2)
    two = np.pad(two, ((0, 0), (0, 2 - two.shape[1])))
    two = two * (_BEGIN_SPREAD / max(float(np.abs(two).max()), 1e-12))
    return np.asarray(two + np.random.default_rng(seed).normal(0, 1e-3, two.shape))


def _layout(
    places: Rows,
    heads: NDArray[np.int64],
    tails: NDArray[np.int64],
    weights: NDArray[np.float64],
    seed: int,
) -> Rows:
    """Draw edges in as often as they are sure, and push random rows away."""
    generator = np.random.default_rng(seed)
    chances = weights / weights.max()
    for done in range(_ROUNDS):
        rate = 1 - done / _ROUNDS
        chosen = generator.random(len(heads)) < chances
        one, other = heads[chosen], tails[chosen]
        step = np.zeros_like(places)
        np.add.at(step, one, _pull(places[one] - places[other]))
        many = np.repeat(one, _REPELLED)
        strangers = generator.integers(len(places), size=len(many))
        np.add.at(step, many, _push(places[many] - places[strangers]))
        places = places + rate * np.clip(step, -_LARGEST_STEP, _LARGEST_STEP)
    return np.asarray(places - places.mean(axis=0))


def _pull(gaps: Rows) -> Rows:
    squares = np.maximum(np.square(gaps).sum(axis=1, keepdims=True), 1e-12)
    strength = -2 * _A * _B * squares ** (_B - 1) / (1 + _A * squares**_B)
    return np.asarray(np.clip(strength * gaps, -_LARGEST_STEP, _LARGEST_STEP))


def _push(gaps: Rows) -> Rows:
    squares = np.square(gaps).sum(axis=1, keepdims=True)
    strength = 2 * _B / ((0.001 + squares) * (1 + _A * squares**_B))
    return np.asarray(np.clip(strength * gaps, -_LARGEST_STEP, _LARGEST_STEP))
