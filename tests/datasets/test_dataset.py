from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genrekit.datasets import CorpusInfo, Dataset, Item, drop_tracks, load_dataset, track_digest
from genrekit.errors import ConfigError, DatasetError
from genrekit.schema import ExcerptConfig

INFO = CorpusInfo("title", "licence", "citation", "homepage")
ITEMS = (
    Item("x.0", ("rock",), "x"),
    Item("y.0", ("pop",), "y"),
    Item("x.1", ("rock",), "x"),
)


def table() -> Dataset:
    features = np.arange(6, dtype=np.float64).reshape(3, 2)
    return Dataset("made", ("pop", "rock"), ITEMS, INFO, features, ("f", "g"))


def test_targets_count_labels_in_order() -> None:
    np.testing.assert_array_equal(table().targets(), [1, 0, 1])
    assert table().groups() == ("x", "y", "x")


def test_selection_keeps_rows_and_items_together() -> None:
    chosen = table().select([2, 1])
    assert [item.item_id for item in chosen.items] == ["x.1", "y.0"]
    np.testing.assert_array_equal(chosen.features, [[4, 5], [2, 3]])
    assert chosen.labels == ("pop", "rock")


def test_columns_are_taken_by_name_and_a_missing_one_is_named() -> None:
    features = table().features
    assert features is not None
    np.testing.assert_array_equal(table().columns(("g", "f")), features[:, [1, 0]])
    with pytest.raises(DatasetError, match="made has no column 'h'; it has f, g"):
        table().columns(("f", "h"))
    with pytest.raises(DatasetError, match="has no column 'f'; it has no table of features"):
        replace(table(), features=None, feature_names=()).columns(("f",))


def test_an_item_says_which_part_of_its_file_it_is() -> None:
    assert Item("x", ("rock",), "x").excerpt is None
    part = Item("x", ("rock",), "x", start_seconds=2.0, end_seconds=5.0).excerpt
    assert part == ExcerptConfig(start_seconds=2.0, duration_seconds=3.0)
    rest = Item("x", ("rock",), "x", start_seconds=2.0).excerpt
    assert rest == ExcerptConfig(start_seconds=2.0, duration_seconds=None)
    assert Item("x", ("rock",), "x", end_seconds=5.0).excerpt == ExcerptConfig(
        start_seconds=0.0, duration_seconds=5.0
    )


def test_the_fingerprint_follows_content_not_place() -> None:
    data = table()
    moved = replace(data, items=tuple(replace(item, path=Path("elsewhere")) for item in ITEMS))
    assert moved.fingerprint == data.fingerprint
    assert data.features is not None
    changed = [
        data.select([0, 1]),
        data.select([1, 0, 2]),
        replace(data, features=data.features + 1e-12),
        replace(data, feature_names=("f", "h")),
        replace(data, items=(replace(ITEMS[0], group="z"), *ITEMS[1:])),
        replace(data, items=(replace(ITEMS[0], labels=("pop",)), *ITEMS[1:])),
    ]
    assert len({data.fingerprint, *(other.fingerprint for other in changed)}) == 7


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ((), "no items"),
        ((ITEMS[0], ITEMS[0]), "'x.0' occurs more than once"),
        ((Item("x", ("rock", "pop"), "x"),), "has 2 labels"),
        ((Item("x", ("polka",), "x"),), "polka"),
    ],
)
def test_items_that_make_no_sense_are_refused(items: tuple[Item, ...], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        Dataset("made", ("pop", "rock"), items, INFO)


def test_features_must_fit_and_be_finite() -> None:
    with pytest.raises(DatasetError, match="shape"):
        replace(table(), feature_names=("f",))
    with pytest.raises(DatasetError, match=r"g of y\.0 is not finite"):
        replace(table(), features=np.array([[0, 1], [2, np.nan], [4, 5.0]]))


def test_a_foreign_id_is_named() -> None:
    with pytest.raises(DatasetError, match=r"'z\.9'"):
        table().indices(["x.0", "z.9"])


def test_leaving_out_a_track_leaves_out_its_whole_group(tmp_path: Path) -> None:
    assert [item.item_id for item in drop_tracks(table(), ["x.1"]).items] == ["y.0"]
    listed = tmp_path / "held_out.txt"
    listed.write_text("# kept for checking\n\nx\n", encoding="utf-8")
    assert [item.item_id for item in drop_tracks(table(), listed).items] == ["y.0"]


def test_leaving_out_a_gtzan_track_leaves_out_segments_and_repetitions() -> None:
    names = {"disco.00098.0": "disco.00098", "disco.00099.4": "disco.00098", "disco.00001": ""}
    items = tuple(Item(name, ("disco",), group or name) for name, group in names.items())
    data = Dataset("made", ("disco",), items, INFO)
    kept = drop_tracks(data, ["disco/disco.00099.wav"])
    assert [item.item_id for item in kept.items] == ["disco.00001"]


def test_a_list_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="leave out"):
        drop_tracks(table(), tmp_path / "absent.txt")
    with pytest.raises(DatasetError, match="no items"):
        drop_tracks(table(), ["x", "y"])


def test_digests_are_the_start_of_sha256() -> None:
    # printf blues.00000 | sha256sum
    assert track_digest("blues.00000") == "f6f08d5633b7"


def test_unknown_corpora_and_options_are_named() -> None:
    with pytest.raises(ConfigError, match="did you mean gtzan"):
        load_dataset("gtzam")
    with pytest.raises(ConfigError, match=r"'labels'.*label_column"):
        load_dataset("table", Path("t.csv"), labels="genre")
