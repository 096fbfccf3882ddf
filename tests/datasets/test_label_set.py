"""Which labels are learnt, and what they imply."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genrekit.datasets import (
    CorpusInfo,
    Dataset,
    Item,
    Taxonomy,
    as_multi_label,
    as_taxonomy,
    choose_labels,
    load_dataset,
    read_taxonomy,
    with_taxonomy,
)
from genrekit.errors import ConfigError, DatasetError

INFO = CorpusInfo("title", "licence", "citation", "homepage")
TREE = Taxonomy({"Rock": None, "Punk": "Rock", "Oi": "Punk", "Jazz": None})


def made(*labels: str) -> Dataset:
    """An item for each text, such as ``Rock Punk``, with its number as a feature."""
    several = [tuple(text.split()) for text in labels]
    items = tuple(Item(f"i{n}", found, f"g{n}") for n, found in enumerate(several))
    return Dataset(
        "made",
        tuple(sorted({label for found in several for label in found})),
        items,
        INFO,
        np.arange(float(len(items)))[:, None],
        ("number",),
        task="multi-label",
    )


def test_targets_are_one_for_each_label() -> None:
    data = made("Rock Punk", "Jazz", "Rock")
    assert data.labels == ("Jazz", "Punk", "Rock")
    assert data.target_matrix().tolist() == [[0, 1, 1], [1, 0, 0], [0, 0, 1]]
    assert as_multi_label(data.select([1, 2])).target_matrix().tolist() == [[1, 0, 0], [0, 0, 1]]


def test_a_child_implies_its_parents() -> None:
    data = with_taxonomy(made("Oi", "Jazz", "Punk Jazz"), TREE)
    assert [item.labels for item in data.items] == [
        ("Oi", "Punk", "Rock"),
        ("Jazz",),
        ("Jazz", "Punk", "Rock"),
    ]
    assert data.labels == ("Jazz", "Oi", "Punk", "Rock")
    assert data.taxonomy is not None
    assert dict(data.taxonomy.parents) == dict(TREE.parents)


def test_labels_that_a_tree_does_not_know_are_roots() -> None:
    data = with_taxonomy(made("Oi Polka"), TREE)
    assert data.taxonomy is not None
    assert data.taxonomy.roots == ("Polka", "Rock")


def test_the_most_common_labels_stay_and_parents_go_before_children() -> None:
    data = with_taxonomy(made("Oi", "Oi", "Jazz", "Jazz", "Jazz", "Rock"), TREE)
    kept = choose_labels(data, most_common=3)
    assert kept.labels == ("Jazz", "Punk", "Rock"), "Oi and Punk are as common, Punk is above"
    kept = choose_labels(data, minimum_tracks=3)
    assert kept.labels == ("Jazz", "Rock")
    assert kept.taxonomy is not None
    assert kept.taxonomy.roots == ("Jazz", "Rock")


def test_a_tree_without_its_middle_joins_what_is_left() -> None:
    data = choose_labels(with_taxonomy(made("Oi", "Jazz"), TREE), keep=("Jazz", "Oi", "Rock"))
    assert data.taxonomy is not None
    assert dict(data.taxonomy.parents) == {"Jazz": None, "Oi": "Rock", "Rock": None}


def test_items_without_a_label_that_is_kept_go_with_their_numbers() -> None:
    data = choose_labels(made("Rock", "Polka", "Jazz Polka"), keep=("Rock", "Jazz"))
    assert [(item.item_id, item.labels) for item in data.items] == [
        ("i0", ("Rock",)),
        ("i2", ("Jazz",)),
    ]
    assert data.features is not None
    assert data.features.tolist() == [[0.0], [2.0]]


def test_segments_of_a_recording_count_once() -> None:
    items = tuple(
        Item(f"i{n}", (("a",), ("b",), ("b",))[n % 3], f"g{n % 3 // 2}") for n in range(9)
    )
    data = Dataset("made", ("a", "b"), items, INFO, task="multi-label")
    assert choose_labels(data, minimum_tracks=1).labels == ("a", "b")
    with pytest.raises(DatasetError, match="1 labels are left"):
        choose_labels(data, minimum_tracks=2)


def test_what_does_not_fit_is_reported() -> None:
    with pytest.raises(DatasetError, match=r"has no label 'Salsa' \(1 such names\)"):
        choose_labels(made("Rock", "Jazz"), keep=("Salsa", "Rock"))
    single = Dataset("made", ("a", "b"), (Item("i", ("a",), "g"),), INFO)
    with pytest.raises(DatasetError, match="a tree needs multi-label data"):
        with_taxonomy(single, TREE)
    item = Item("i", ("Punk",), "g")
    with pytest.raises(DatasetError, match="'Punk' and not its parent 'Rock'"):
        Dataset(
            "made",
            ("Punk", "Rock"),
            (item,),
            INFO,
            task="multi-label",
            taxonomy=TREE.within(["Punk", "Rock"]),
        )
    with pytest.raises(DatasetError, match="expected a tree over the labels"):
        Dataset("made", ("Jazz", "Rock"), (Item("i", ("Jazz",), "g"),), INFO, taxonomy=TREE)


def test_trees_are_read_from_files(tmp_path: Path) -> None:
    file = tmp_path / "tree.yaml"
    file.write_text("Punk: Rock\nOi: Punk\nJazz:\n")
    assert dict(read_taxonomy(file).parents) == dict(TREE.parents)
    assert as_taxonomy({"Punk": "Rock"}).roots == ("Rock",)
    file.write_text("- Punk\n")
    with pytest.raises(DatasetError, match="not a mapping of genre to parent"):
        read_taxonomy(file)
    with pytest.raises(DatasetError, match="cannot read the tree"):
        read_taxonomy(tmp_path / "none.yaml")
    file.write_text("Punk: Rock\nRock: Punk\n")
    with pytest.raises(DatasetError, match="among its own ancestors"):
        read_taxonomy(file)


# --- corpora ------------------------------------------------------------------------------------


def test_folders_within_folders_are_genres(tmp_path: Path) -> None:
    for name in ("Rock/Punk/one.wav", "Rock/two.wav", "Jazz/three.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    data = load_dataset("folder", tmp_path, task="multi-label")
    assert data.labels == ("Jazz", "Punk", "Rock")
    assert {item.item_id: item.labels for item in data.items} == {
        "Jazz/three.wav": ("Jazz",),
        "Rock/Punk/one.wav": ("Rock", "Punk"),
        "Rock/two.wav": ("Rock",),
    }
    assert data.taxonomy is not None
    assert data.taxonomy.ancestors("Punk") == ("Rock",)
    assert load_dataset("folder", tmp_path).labels == ("Jazz", "Rock")
    flat = load_dataset("folder", tmp_path, task="multi-label", levels=1)
    assert flat.labels == ("Jazz", "Rock")
    (tmp_path / "Jazz/Punk").mkdir()
    (tmp_path / "Jazz/Punk/four.wav").touch()
    with pytest.raises(DatasetError, match="'Punk' lies in Jazz and in Rock"):
        load_dataset("folder", tmp_path, task="multi-label")
    with pytest.raises(ConfigError, match="no task"):
        load_dataset("folder", tmp_path, task="several")


def test_rows_of_a_table_with_several_labels(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("filename,x,label\na.wav,1,Rock; Punk\nb.wav,2,Jazz\nc.wav,3,Rock;\n")
    data = load_dataset("table", file, label_separator=";")
    assert (data.task, data.labels) == ("multi-label", ("Jazz", "Punk", "Rock"))
    assert [item.labels for item in data.items] == [("Punk", "Rock"), ("Jazz",), ("Rock",)]
    assert load_dataset("table", file).labels == ("Jazz", "Rock;", "Rock; Punk")


@pytest.mark.real
def test_fifty_genres_of_mtg_jamendo(real_data: Path) -> None:
    folder = real_data / "other_tables" / "mtg_jamendo"
    data = load_dataset("jamendo", folder, audio="optional")
    kept = choose_labels(data, most_common=50)
    assert len(kept.labels) == 50 < len(data.labels)
    counts, before = kept.target_matrix().sum(axis=0), data.target_matrix().sum(axis=0)
    left_out = set(data.labels) - set(kept.labels)
    assert counts.min() >= max(before[data.labels.index(label)] for label in left_out)
    assert (kept.target_matrix().sum(axis=1) > 0).all()
