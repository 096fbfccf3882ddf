"""A map of the neighbour graph keeps neighbours, and equal data gives equal maps."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_blobs, make_swiss_roll
from sklearn.manifold import trustworthiness

from genrekit.errors import DatasetError
from genrekit.explain.maps import agreement, neighbours, principal_components
from genrekit.explain.neighbour_map import neighbour_graph, neighbour_map


def test_neighbours_stay_neighbours_where_components_mix_them() -> None:
    roll, along = make_swiss_roll(300, random_state=0)
    drawn = neighbour_map(roll)
    components = principal_components(roll).project(roll, 2)
    assert trustworthiness(roll, drawn) > 0.97
    order = np.argsort(np.argsort(along)) // 30  # tenths of the roll, from inside to outside
    assert agreement(neighbours(drawn, 5), order) > agreement(neighbours(components, 5), order)


def test_groups_are_apart() -> None:
    x, group = make_blobs([60] * 4, 20, cluster_std=2.0, random_state=1)
    drawn = neighbour_map(x)
    assert agreement(neighbours(drawn, 10), group) == 1
    np.testing.assert_array_equal(drawn, neighbour_map(x))
    assert not np.array_equal(drawn, neighbour_map(x, seed=1))


def test_the_graph_by_hand() -> None:
    x = np.array([[0.0], [1.0], [3.0], [7.0]])
    heads, tails, sure = neighbour_graph(x, 2)
    edges = {(one, other): value for one, other, value in zip(heads, tails, sure, strict=True)}
    assert all(edges[other, one] == value for (one, other), value in edges.items())
    # With two neighbours a row's edges sum to one, and the nearest alone is sure.
    assert edges[0, 1] == pytest.approx(1)
    assert edges[2, 3] == pytest.approx(1)  # the nearest of 7 is 3
    assert 0 <= edges[1, 3] < 0.01


@pytest.mark.parametrize("x", [np.zeros((6, 3)), np.arange(5.0)[:, np.newaxis]])
def test_rows_that_are_equal_or_of_one_column_have_a_map(x: np.ndarray) -> None:
    drawn = neighbour_map(x)
    assert drawn.shape == (len(x), 2)
    assert np.isfinite(drawn).all()


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(DatasetError, match="at least 4 rows, and there are 3"):
        neighbour_map(np.eye(3))
