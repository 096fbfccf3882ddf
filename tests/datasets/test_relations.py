from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from genrekit.datasets import CorpusInfo, Dataset, Item, mark, read_pairs, related
from genrekit.datasets.relations import known_relations
from genrekit.errors import DatasetError

INFO = CorpusInfo("title", "licence", "citation", "homepage")


def made(*items: Item) -> Dataset:
    return Dataset("made", ("x",), items, INFO)


def item(name: str, group: str = "", artist: str | None = None, album: str | None = None) -> Item:
    return Item(name, ("x",), group or name, artist=artist, album=album)


def test_relations_are_joined_into_one_chain() -> None:
    data = made(
        item("a", group="one"),
        item("b", group="one", artist="Nina"),
        item("c", artist="Nina", album="Live"),
        item("d"),
        item("e"),
    )
    assert related(data) == ("one", "one", "one", "d", "e")
    assert related(data, by=["track"]) == ("one", "one", "c", "d", "e")
    assert related(data, pairs=[("c", "d")]) == ("one", "one", "one", "one", "e")
    assert related(data, by=["artist"], pairs=[("c", "d")]) == ("one", "one", "one", "d", "e")
    assert related(data, by=["fingerprint"], pairs=[("e", "d")]) == ("one", "one", "c", "d", "d")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=25),
    st.lists(st.tuples(st.integers(0, 24), st.integers(0, 24)), max_size=8),
)
def test_components_are_those_of_the_graph(
    marks: list[tuple[int, int]], links: list[tuple[int, int]]
) -> None:
    n = len(marks)
    data = made(*(item(str(k), f"g{g}", artist=f"a{a}") for k, (g, a) in enumerate(marks)))
    pairs = [(i % n, j % n) for i, j in links]
    edges = [(i, j) for i in range(n) for j in range(n) if marks[i][0] == marks[j][0]]
    edges += [(i, j) for i in range(n) for j in range(n) if marks[i][1] == marks[j][1]]
    rows, columns = zip(*(edges + pairs), strict=True)
    graph = coo_array(([1] * len(rows), (rows, columns)), shape=(n, n))
    expected = connected_components(graph, directed=False)[1].tolist()
    found = related(data, pairs=[(str(i), str(j)) for i, j in pairs])
    assert len(set(found)) == len(set(expected)) == len(set(zip(found, expected, strict=True)))


def test_an_album_is_a_title_by_an_artist() -> None:
    assert mark(item("a", artist="Nina", album="Greatest Hits"), "album") == "nina: greatest hits"
    assert mark(item("a", album="Greatest Hits"), "album") == "greatest hits"
    assert mark(item("a", artist="Various Artists", album="1977"), "album") == "1977"
    assert mark(item("a", artist="Nina"), "album") is None


@pytest.mark.parametrize("nobody", ["Various Artists", "VA", "Unknown Artist", "", None])
def test_nobody_is_no_artist(nobody: str | None) -> None:
    assert mark(item("a", artist=nobody), "artist") is None


def test_what_is_known_is_listed() -> None:
    assert known_relations(made(item("a"))) == ("track",)
    data = made(item("a"), item("b", artist="Nina", album="Live"))
    assert known_relations(data, [("a", "b")]) == ("track", "artist", "album", "fingerprint")


def test_pairs_of_items_that_were_left_out_are_passed_over() -> None:
    data = made(item("a"), item("b"))
    assert related(data, pairs=[("a", "gone"), ("a", "b")]) == ("a", "a")


def test_pairs_of_another_dataset_are_refused() -> None:
    with pytest.raises(DatasetError, match=r"'x' is none.*such as 'a'"):
        related(made(item("a"), item("b")), pairs=[("x", "y")])


def test_pairs_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text("# found by listening\na, b,0.9\n\nc,d\n", encoding="utf-8")
    assert read_pairs(file) == (("a", "b"), ("c", "d"))
    tabs = tmp_path / "pairs.tsv"
    tabs.write_text("a, or b\tc\n", encoding="utf-8")
    assert read_pairs(tabs) == (("a, or b", "c"),)


def test_a_line_with_one_id_is_named(tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text("a,b\nc\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"pairs\.csv, line 2: 1 cells"):
        read_pairs(file)
