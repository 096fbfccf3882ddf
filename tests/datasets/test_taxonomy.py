from __future__ import annotations

import pytest

from genrekit.datasets.taxonomy import Taxonomy
from genrekit.errors import DatasetError

TREE = Taxonomy({"Rock": None, "Punk": "Rock", "Oi": "Punk", "Jazz": None})


def test_a_child_implies_its_parents() -> None:
    assert TREE.expand(["Oi", "Jazz"]) == ("Jazz", "Oi", "Punk", "Rock")
    assert TREE.expand([]) == ()
    assert (TREE.root("Oi"), TREE.root("Jazz")) == ("Rock", "Jazz")
    assert (TREE.roots, TREE.children("Rock")) == (("Jazz", "Rock"), ("Punk",))


def test_trees_that_are_none() -> None:
    with pytest.raises(DatasetError, match="unknown parent 'B'"):
        Taxonomy({"A": "B"})
    with pytest.raises(DatasetError, match="own ancestors"):
        Taxonomy({"A": "B", "B": "A"})
    with pytest.raises(DatasetError, match="own ancestors"):
        Taxonomy({"A": "A"})
    with pytest.raises(DatasetError, match="'Polka' is not in the taxonomy"):
        TREE.expand(["Polka"])
