"""A child implies its parents: probabilities and choices that agree with a tree of genres."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

#: Columns of a genre and of its parent.
Edge = tuple[int, int]


def edges(labels: Sequence[str], parents: Mapping[str, str]) -> tuple[Edge, ...]:
    """Every genre that has a parent, with it, as positions in ``labels``; the deepest first."""
    position = {label: number for number, label in enumerate(labels)}
    found = [(position[child], position[parent]) for child, parent in parents.items()]
    depth = {label: len(_ancestors(label, parents)) for label in parents}
    return tuple(sorted(found, key=lambda edge: (-depth[labels[edge[0]]], edge)))


def consistent(probabilities: NDArray[np.float64], tree: Sequence[Edge]) -> NDArray[np.float64]:
    """Raise every genre to the most probable of its descendants.

    Source: E. Giunchiglia and T. Lukasiewicz, "Coherent hierarchical multi-label classification
    networks", NeurIPS 2020. Means of such rows, of probabilities or of their logits, are
    consistent too.

    Parameters
    ----------
    probabilities : (n, n_labels) float64
    tree : sequence of Edge
        As `edges` makes it.
    """
    raised = probabilities.copy() if tree else probabilities
    for child, parent in tree:
        np.maximum(raised[:, parent], raised[:, child], out=raised[:, parent])
    return raised


def chosen(
    probabilities: NDArray[np.float64], thresholds: Sequence[float], tree: Sequence[Edge] = ()
) -> NDArray[np.bool_]:
    """Genres that reach their thresholds, and all ancestors of these; (n, n_labels)."""
    choice = np.asarray(probabilities >= np.asarray(thresholds))
    for child, parent in tree:
        choice[:, parent] |= choice[:, child]
    return choice


def with_ancestors(genres: Iterable[str], parents: Mapping[str, str]) -> set[str]:
    """``genres`` and everything that they imply."""
    return {above for genre in genres for above in (genre, *_ancestors(genre, parents))}


def _ancestors(genre: str, parents: Mapping[str, str]) -> tuple[str, ...]:
    chain = []
    while (above := parents.get(genre)) is not None:
        chain.append(above)
        genre = above
    return tuple(chain)
