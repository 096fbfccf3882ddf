"""Splits by artist, album and sound; repeated and by artist; on disk; and how balanced they are."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genrekit.datasets import (
    CorpusInfo,
    Dataset,
    Fold,
    Item,
    Split,
    balance,
    largest_deviation,
    leaking_groups,
    leaking_relations,
    make_split,
    read_split,
    write_split,
)
from genrekit.errors import ConfigError, DatasetError

INFO = CorpusInfo("title", "licence", "citation", "homepage")


def discography(n: int = 48, artists_a_label: int = 6) -> Dataset:
    """Two labels; artists keep to one of them."""
    items = tuple(
        Item(
            f"{row:02d}",
            ("jazz", "rock")[row % 2 : row % 2 + 1],
            f"{row:02d}",
            artist=f"{row % 2} {row // 2 % artists_a_label}",
        )
        for row in range(n)
    )
    return Dataset("made", ("jazz", "rock"), items, INFO)


def test_artists_are_kept_together_without_being_asked() -> None:
    data = discography()
    for protocol in ("grouped-kfold", "holdout", "repeated-kfold"):
        split = make_split(data, protocol, n_folds=3)
        assert leaking_relations(data, split) == {}
        assert (split.protocol, split.leaky) == (protocol, False)


def test_setting_artists_aside_is_named_leaky() -> None:
    data = discography()
    split = make_split(data, "grouped-kfold", by=["track"], n_folds=3)
    assert split.leaky
    assert split.protocol == "grouped-kfold-by-track-leaky"
    assert leaking_groups(data, split) == ()
    assert len(leaking_groups(data, split, "artist")) == 12
    assert not make_split(data, "grouped-kfold", by=["artist"], n_folds=3).leaky


def test_a_pair_of_near_duplicates_never_leaks() -> None:
    data = discography(n=200, artists_a_label=100)
    pairs = [(f"{row:02d}", f"{row + 7:02d}") for row in range(0, 90, 9)]
    torn = make_split(data, "grouped-kfold", n_folds=5, seed=1)
    assert leaking_groups(data, torn, "fingerprint", pairs)
    split = make_split(data, "grouped-kfold", n_folds=5, seed=1, pairs=pairs)
    assert leaking_groups(data, split, "fingerprint", pairs) == ()
    aside = make_split(data, "grouped-kfold", n_folds=5, seed=1, pairs=pairs, by=["artist"])
    assert aside.protocol.endswith("-by-artist-leaky")


def test_an_unknown_relation_is_refused() -> None:
    with pytest.raises(ConfigError, match="'label' is not a relation"):
        make_split(discography(), "holdout", by=["label"])  # type: ignore[list-item]


def test_repeats_test_every_item_as_often_and_differ() -> None:
    data = discography()
    split = make_split(data, "repeated-kfold", n_folds=3, n_repeats=4)
    assert set(Counter(item for fold in split.folds for item in fold.test).values()) == {4}
    rounds = {frozenset(fold.test for fold in split.folds[k : k + 3]) for k in range(0, 12, 3)}
    assert len(rounds) == 4


def test_every_artist_is_left_out_once() -> None:
    data = discography()
    split = make_split(data, "leave-one-artist-out")
    artist_of = {item.item_id: item.artist for item in data.items}
    assert len(split.folds) == 12
    for fold in split.folds:
        (artist,) = {artist_of[item] for item in fold.test}
        assert artist not in {artist_of[item] for item in fold.train}
        assert len(fold.train) + len(fold.test) == len(data)


def test_items_of_nobody_are_unused_when_artists_are_left_out() -> None:
    data = discography()
    extra = Item("x", ("jazz",), "x")
    more = Dataset("made", data.labels, (*data.items, extra), INFO)
    split = make_split(more, "leave-one-artist-out")
    assert not any("x" in fold.train + fold.test for fold in split.folds)


def test_a_label_with_one_artist_is_named() -> None:
    items = tuple(Item(str(n), ("jazz",), str(n), artist=str(n % 4)) for n in range(12))
    alone = tuple(Item(f"r{n}", ("rock",), f"r{n}", artist="one") for n in range(6))
    data = Dataset("made", ("jazz", "rock"), items + alone, INFO)
    with pytest.raises(DatasetError, match="'rock' has a single group of related recordings"):
        make_split(data, "grouped-kfold", n_folds=2)


def test_a_rare_label_of_a_multi_label_corpus_does_not_stop_the_split() -> None:
    items = tuple(Item(str(n), ("a",) if n else ("a", "rare"), str(n)) for n in range(12))
    data = Dataset("made", ("a", "rare"), items, INFO, task="multi-label")
    assert len(make_split(data, "grouped-kfold", n_folds=3).folds) == 3


# --- balance ------------------------------------------------------------------------------------


def test_balance_counts_every_part() -> None:
    data = discography()
    split = Split(
        protocol="made",
        seed=0,
        dataset_fingerprint=data.fingerprint,
        folds=(Fold(train=("00", "02", "01"), valid=("03",), test=("04", "05")),),
    )
    parts = balance(data, split)
    assert [(part.part, part.items, part.labels) for part in parts] == [
        ("train", 3, {"jazz": 2, "rock": 1}),
        ("valid", 1, {"jazz": 0, "rock": 1}),
        ("test", 2, {"jazz": 1, "rock": 1}),
    ]
    assert largest_deviation(parts) == pytest.approx(0.5)


def test_labels_are_balanced_unless_told_not_to() -> None:
    rng = np.random.default_rng(0)
    labels = [("a",) if rng.random() < 0.2 else ("b",) for _ in range(200)]
    items = tuple(Item(str(n), label, str(n)) for n, label in enumerate(labels))
    data = Dataset("made", ("a", "b"), items, INFO)
    careful, careless = (
        largest_deviation(balance(data, make_split(data, "grouped-kfold", stratify=stratify)))
        for stratify in (True, False)
    )
    assert careful < 0.04 < careless


# --- on disk ------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(["grouped-kfold", "holdout", "repeated-kfold", "leave-one-artist-out"]),
    st.integers(0, 99),
)
def test_a_file_gives_the_same_split_back(protocol: str, seed: int) -> None:
    split = make_split(discography(), protocol, n_folds=3, seed=seed)
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        write_split(split, Path(folder) / "split.json")
        back = read_split(Path(folder) / "split.json")
    assert back.fingerprint == split.fingerprint
    for one, other in zip(split.folds, back.folds, strict=True):
        for side in ("train", "valid", "test"):
            assert set(getattr(one, side)) == set(getattr(other, side))


def test_the_file_is_small(tmp_path: Path) -> None:
    split = make_split(discography(1000, 100), "grouped-kfold")
    write_split(split, tmp_path / "split.json")
    assert (tmp_path / "split.json").stat().st_size < len(split.model_dump_json()) / 3


def test_an_edited_file_is_found_out(tmp_path: Path) -> None:
    file = tmp_path / "split.json"
    write_split(make_split(discography(), "holdout"), file)
    content = json.loads(file.read_text(encoding="utf-8"))
    content["folds"][0] = content["folds"][0].replace("X", "t", 1)
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DatasetError, match="was changed after it was made"):
        read_split(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a split"),
        ("[]", "is not a split"),
        ('{"format": "other"}', "format"),
        ('{"folds": ["t"]}', "Field required"),
    ],
)
def test_other_files_are_refused(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "split.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=message):
        read_split(file)


def test_strange_letters_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "split.json"
    write_split(make_split(discography(), "holdout"), file)
    content = json.loads(file.read_text(encoding="utf-8"))
    content["folds"][0] = content["folds"][0].replace("X", "Y")
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DatasetError, match="letters t, v, X and -"):
        read_split(file)
