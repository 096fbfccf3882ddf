"""Exact Shapley values of decision trees, against rows that say what is usual.

A leaf is reached by a mixture of a row and a usual one if every condition on its path holds. So
for one pair of rows the game of a leaf is known in closed form: its value is shared by the columns
in which only the row fulfils the path, and taken from those in which only the usual one does.
Values of all leaves, trees and usual rows add up.

Source: S. M. Lundberg, G. Erion, H. Chen and others, "From local explanations to global
understanding with explainable AI for trees", Nature Machine Intelligence 2, 2020 (interventional
feature perturbation); G. Laberge and Y. Pequignot, "Understanding interventional TreeSHAP: how and
why it works", 2022 (the closed form).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Leaves:
    """The leaves of one tree as boxes in the columns that it asks for.

    Attributes
    ----------
    columns : (n_asked,) int
    low, high : (n_leaves, n_asked) float32
        A row is in the box where ``low < x <= high``.
    values : (n_leaves, n_targets) float64
    """

    columns: NDArray[np.int64]
    low: Floats
    high: Floats
    values: Numbers

    def inside(self, x: Floats) -> Numbers:
        """Where each row fulfils each condition: (n_leaves, n_rows, n_asked) of 0 and 1."""
        asked = x[:, self.columns][np.newaxis]
        return ((asked > self.low[:, None]) & (asked <= self.high[:, None])).astype(np.float64)


def tree_shapley(trees: Sequence[Leaves], x: Floats, background: Floats) -> Numbers:
    """Shapley values of the sum of trees.

    Parameters
    ----------
    x : (n, n_columns) float32
        Rows to explain.
    background : (m, n_columns) float32
        Rows that say what is usual.

    Returns
    -------
    (n, n_columns, n_targets) float64
        For each row they add up to what the trees say of it less what they say of the background
        on average.
    """
    found = np.zeros((len(x), x.shape[1], trees[0].values.shape[1]))
    for tree in trees:
        if len(tree.columns):
            found[:, tree.columns] += _of_one(tree, x, background)
    return found / len(background)


def _of_one(tree: Leaves, x: Floats, background: Floats) -> Numbers:
    """Return sums over the background, (n, n_asked, n_targets)."""
    own, baseline = tree.inside(x), tree.inside(background)
    not_own, not_baseline = 1 - own, 1 - baseline
    turned, not_turned = baseline.swapaxes(1, 2), not_baseline.swapaxes(1, 2)
    # Columns that only the row fulfils, that only the usual one does, and that neither does.
    for_it, against, neither = own @ not_turned, not_own @ turned, not_own @ not_turned
    gain, loss = _weights(for_it, against)
    alive = neither == 0
    shares = own * ((gain * alive) @ not_baseline) - not_own * ((loss * alive) @ baseline)
    return np.asarray(np.einsum("lrf,lt->rft", shares, tree.values, optimize=True))


def _weights(for_it: Numbers, against: Numbers) -> tuple[Numbers, Numbers]:
    """Return what one column for the leaf, and one against it, has of its value."""
    most = int(max((for_it + against).max(), 1))
    table = np.zeros((most + 1, most + 1))
    for one in range(1, most + 1):
        for two in range(most + 1 - one):
            table[one, two] = 1 / (one * comb(one + two, one))
    here, there = for_it.astype(np.int64), against.astype(np.int64)
    return table[here, there], table[there, here]
