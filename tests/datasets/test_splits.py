from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from genrekit.datasets import CorpusInfo, Dataset, Fold, Item, Split, leaking_groups, make_split
from genrekit.errors import ConfigError, DatasetError

INFO = CorpusInfo("title", "licence", "citation", "homepage")


def made(segments_per_track: list[list[int]], split: str | None = None) -> Dataset:
    """One list a label, holding the number of segments of each of its recordings."""
    items = tuple(
        Item(f"{label}/{track}.{part}", (str(label),), f"{label}/{track}", split=split)
        for label, tracks in enumerate(segments_per_track)
        for track, n_segments in enumerate(tracks)
        for part in range(n_segments)
    )
    return Dataset("made", tuple(map(str, range(len(segments_per_track)))), items, INFO)


datasets = st.lists(
    st.lists(st.integers(1, 6), min_size=4, max_size=25), min_size=2, max_size=6
).map(made)


@settings(max_examples=60, deadline=None)
@given(datasets, st.integers(2, 8), st.integers(0, 1000))
def test_every_item_is_tested_once_and_recordings_stay_together(
    data: Dataset, n_folds: int, seed: int
) -> None:
    split = make_split(data, "grouped-kfold", n_folds=n_folds, seed=seed)
    everything = sorted(item.item_id for item in data.items)
    assert len(split.folds) == n_folds
    assert sorted(item for fold in split.folds for item in fold.test) == everything
    assert all(sorted(fold.train + fold.test) == everything for fold in split.folds)
    assert leaking_groups(data, split) == ()
    assert not split.leaky


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(2, 40), min_size=2, max_size=6), st.integers(2, 10), st.integers(0, 1000)
)
def test_whole_tracks_are_assigned_evenly(counts: list[int], n_folds: int, seed: int) -> None:
    assume(sum(counts) >= n_folds)
    data = made([[1] * count for count in counts])
    split = make_split(data, "grouped-kfold", n_folds=n_folds, seed=seed)
    label_of = {item.item_id: item.labels[0] for item in data.items}
    assigned = [Counter(label_of[item] for item in fold.test) for fold in split.folds]
    for label in data.labels:
        numbers = [fold[label] for fold in assigned]
        assert max(numbers) - min(numbers) <= 1
    sizes = [fold.total() for fold in assigned]
    assert max(sizes) - min(sizes) <= len(counts)


@settings(max_examples=40, deadline=None)
@given(datasets, st.integers(0, 1000))
def test_unequal_recordings_balance_to_within_the_largest(data: Dataset, seed: int) -> None:
    split = make_split(data, "grouped-kfold", n_folds=4, seed=seed)
    label_of = {item.item_id: item.labels[0] for item in data.items}
    sizes = Counter(item.group for item in data.items)
    for label in data.labels:
        numbers = [sum(label_of[item] == label for item in fold.test) for fold in split.folds]
        largest = max(sizes[item.group] for item in data.items if item.labels[0] == label)
        assert max(numbers) - min(numbers) <= largest


@settings(max_examples=40, deadline=None)
@given(datasets, st.integers(0, 1000))
def test_holdout_keeps_recordings_together(data: Dataset, seed: int) -> None:
    split = make_split(data, "holdout", seed=seed)
    (fold,) = split.folds
    assert sorted(fold.train + fold.valid + fold.test) == sorted(i.item_id for i in data.items)
    assert leaking_groups(data, split) == ()


def test_holdout_shares_are_70_15_15() -> None:
    data = made([[1] * 100, [1] * 100, [1] * 40])
    (fold,) = make_split(data, "holdout").folds
    assert [len(side) for side in (fold.train, fold.valid, fold.test)] == [168, 36, 36]
    assert Counter(item[0] for item in fold.test) == {"0": 15, "1": 15, "2": 6}


@settings(max_examples=20, deadline=None)
@given(datasets, st.sampled_from(["grouped-kfold", "holdout", "segments-leaky"]))
def test_the_seed_decides(data: Dataset, protocol: str) -> None:
    first = make_split(data, protocol, n_folds=3, seed=7)
    assert make_split(data, protocol, n_folds=3, seed=7) == first
    assert make_split(data, protocol, n_folds=3, seed=7).fingerprint == first.fingerprint


def test_another_seed_is_another_split() -> None:
    data = made([[1] * 30, [1] * 30])
    fingerprints = {make_split(data, "grouped-kfold", seed=seed).fingerprint for seed in range(5)}
    assert len(fingerprints) == 5


@settings(max_examples=20, deadline=None)
@given(datasets)
def test_a_split_survives_json(data: Dataset) -> None:
    split = make_split(data, "grouped-kfold", n_folds=2)
    back = Split.model_validate_json(split.model_dump_json())
    assert back == split
    assert back.fingerprint == split.fingerprint


def test_a_split_by_rows_is_leaky_and_says_so() -> None:
    data = made([[5] * 10, [5] * 10])
    split = make_split(data, "segments-leaky")
    assert split.leaky
    assert leaking_groups(data, split)
    assert sorted(i for f in split.folds for i in f.test) == sorted(i.item_id for i in data.items)


def test_official_parts_are_used_and_items_in_no_part_are_not() -> None:
    items = tuple(
        Item(name, ("a",), name, split=part)
        for name, part in [("1", "train"), ("2", "test"), ("3", None), ("4", "valid")]
    )
    (fold,) = make_split(Dataset("made", ("a",), items, INFO), "fault-filtered").folds
    assert (fold.train, fold.valid, fold.test) == (("1",), ("4",), ("2",))


def test_official_parts_that_tear_a_recording_are_refused() -> None:
    items = (Item("1", ("a",), "same", split="train"), Item("2", ("a",), "same", split="test"))
    with pytest.raises(DatasetError, match=r"'same'.* on two sides"):
        make_split(Dataset("made", ("a",), items, INFO), "fault-filtered")


def test_a_recording_under_two_labels_stays_together() -> None:
    items = tuple(
        Item(f"{label}{track}", (label,), "both" if track == 0 else f"{label}{track}")
        for label in "ab"
        for track in range(10)
    )
    data = Dataset("made", ("a", "b"), items, INFO)
    split = make_split(data, "grouped-kfold", n_folds=5)
    assert leaking_groups(data, split) == ()
    assert [len(fold.test) for fold in split.folds] == [4] * 5


def test_multi_label_data_can_be_split() -> None:
    rng = np.random.default_rng(0)
    items = tuple(
        Item(str(n), tuple(label for label in "abc" if rng.random() < 0.5), str(n))
        for n in range(90)
    )
    data = Dataset("made", ("a", "b", "c"), items, INFO, task="multi-label")
    split = make_split(data, "grouped-kfold", n_folds=3)
    labels = {item.item_id: item.labels for item in items}
    for label in "abc":
        numbers = [sum(label in labels[item] for item in fold.test) for fold in split.folds]
        assert max(numbers) - min(numbers) <= 3


@pytest.mark.parametrize(
    ("data", "protocol", "message"),
    [
        (made([[3] * 3, [3] * 3]), "grouped-kfold", "6 recordings, fewer than the 10"),
        (made([[1] * 20, [9]]), "grouped-kfold", "'1' has a single recording"),
        (made([[1] * 2, [1] * 2]), "holdout", "too few recordings"),
        (made([[1] * 20, [1] * 20]), "fault-filtered", "official test part"),
    ],
)
def test_a_protocol_that_does_not_fit_is_refused(
    data: Dataset, protocol: str, message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        make_split(data, protocol)


def test_one_fold_is_refused() -> None:
    with pytest.raises(DatasetError, match="at least 2"):
        make_split(made([[1] * 5, [1] * 5]), "grouped-kfold", n_folds=1)


def test_an_unknown_protocol_names_its_neighbours() -> None:
    with pytest.raises(ConfigError, match="did you mean grouped-kfold"):
        make_split(made([[1] * 5, [1] * 5]), "group-kfold")


def test_a_fold_cannot_hold_an_item_twice() -> None:
    with pytest.raises(ValidationError, match="occurs twice"):
        Fold(train=("1", "2"), test=("2",))


def test_a_fold_says_what_is_fitted_on() -> None:
    fold = Fold(train=("a", "b"), valid=("c",), test=("d",))
    assert fold.fitted_on("train") == ("a", "b")
    assert fold.fitted_on("train+valid") == ("a", "b", "c")
