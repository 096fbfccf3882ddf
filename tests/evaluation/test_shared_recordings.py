"""A table against pictures: results of different data, paired on the recordings in both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from genrekit.datasets import CorpusInfo, Dataset, Item, Split, make_split
from genrekit.datasets.fold import Fold
from genrekit.errors import DatasetError
from genrekit.evaluation import wilson
from genrekit.evaluation.run import RunResult
from genrekit.experiments import compare
from genrekit.reports.comparing import render_comparison_markdown

MakeRun = Callable[..., RunResult]
GENRES = ("jazz", "pop", "rock")


def collection(name: str, tracks: range, called: str, part: str | None = "test") -> Dataset:
    items = tuple(
        Item(
            f"{name} {track}",
            (GENRES[track % 3],),
            called.format(track=track, genre=GENRES[track % 3]),
            split=part if track % 4 else "train",
        )
        for track in tracks
    )
    return Dataset(name, GENRES, items, CorpusInfo("title", "licence", "citation", "homepage"))


TABLE = collection("table", range(120), "song.{track:05}")
PICTURES = collection("pictures", range(20, 140), "{genre}/song.{track:05}.png")


def by(make_run: MakeRun, data: Dataset, seed: int, protocol: str = "official") -> RunResult:
    shares = (0.5, 0.5) if protocol == "holdout" else None
    split = make_split(data, protocol, n_folds=5, shares=shares)
    return make_run(0.7 + seed / 10, seed, name=data.name, dataset=data, split=split)


def test_recordings_in_both_are_paired_and_counted(make_run: MakeRun) -> None:
    table, pictures = by(make_run, TABLE, 0), by(make_run, PICTURES, 2)
    found = compare([table, pictures])
    both = [track for track in range(20, 120) if track % 4]
    assert found.items == found.recordings == len(both) == 75
    assert found.dataset == "table and pictures"
    assert "75 are tested in all (90 of table, 90 of pictures)" in found.pairing
    right = {one.item.split()[1] for one in pictures.answers if one.right}
    hits = sum(str(track) in right for track in both)
    assert found.models[0].accuracy == wilson(hits, 75)
    assert found.test == "mcnemar-mid-p"
    assert found.pairing in render_comparison_markdown(found)


def test_an_equal_pair_is_as_in_one_data_set(make_run: MakeRun) -> None:
    whole = [by(make_run, TABLE, seed) for seed in (0, 2)]
    whole[1] = whole[1].model_copy(
        update={"result": whole[1].result.model_copy(update={"model": "other"})}
    )
    apart = [
        whole[0],
        whole[1].model_copy(
            update={"result": whole[1].result.model_copy(update={"dataset_fingerprint": "f" * 64})}
        ),
    ]
    together, paired = compare(whole), compare(apart)
    assert paired.pairs == together.pairs
    for one, two in zip(paired.models, together.models, strict=True):
        assert (one.name, one.accuracy, one.macro_f1, one.letters) == (
            two.name,
            two.accuracy,
            two.macro_f1,
            two.letters,
        )
        assert one.log_loss == pytest.approx(two.log_loss, abs=1e-5)


def folds_alike(data: Dataset, order: tuple[int, ...]) -> Split:
    """Five folds by the number of the track, in some order."""
    split = make_split(data, "grouped-kfold", n_folds=5)
    ids: dict[int, list[str]] = {number: [] for number in range(5)}
    for item in data.items:
        ids[int(item.item_id.split()[1]) % 5].append(item.item_id)
    every = {item.item_id for item in data.items}
    folds = tuple(
        Fold(test=tuple(ids[number]), train=tuple(sorted(every - set(ids[number]))))
        for number in order
    )
    return split.model_copy(update={"folds": folds})


def test_folds_are_the_same_whatever_their_order(make_run: MakeRun) -> None:
    runs = [
        make_run(share, 1, name=data.name, dataset=data, split=folds_alike(data, order))
        for share, data, order in (
            (0.5, TABLE, (0, 1, 2, 3, 4)),
            (0.9, PICTURES, (3, 1, 4, 0, 2)),
        )
    ]
    found = compare(runs)
    assert (found.items, found.folds) == (100, 5)
    assert found.pairs[0].corrected_t is not None
    means = [np.mean([one.right for one in run.answers]) for run in runs]
    assert found.pairs[0].corrected_t.difference.value == pytest.approx(
        means[1] - means[0], abs=0.15
    )


def test_what_cannot_be_paired_is_refused_with_the_reason(make_run: MakeRun) -> None:
    table = by(make_run, TABLE, 0)
    strange = collection("strange", range(300, 400), "tune {track}")
    cases = {
        "no recording with the same genre": (table, by(make_run, strange, 1)),
        "different splits": (table, by(make_run, PICTURES, 1, "grouped-kfold")),
        "assign their 100 common recordings otherwise": (
            by(make_run, TABLE, 0, "grouped-kfold"),
            by(make_run, PICTURES, 1, "grouped-kfold"),
        ),
        "one tests the other may be trained on": (
            by(make_run, TABLE, 0, "holdout"),
            by(make_run, PICTURES, 1, "holdout"),
        ),
        "only one knows 'salsa'": (
            table,
            make_run(0.5, 0, name="x", dataset=PICTURES, labels=("jazz", "pop", "rock", "salsa")),
        ),
    }
    for reason, pair in cases.items():
        with pytest.raises(DatasetError, match=f"cannot be compared.*{reason}"):
            compare(pair, ["a", "b"])


def test_another_genre_of_the_same_recording_is_reported(make_run: MakeRun) -> None:
    items = tuple(
        replace(item, labels=("rock",)) if 0 < number < 4 else item
        for number, item in enumerate(PICTURES.items)
    )
    found = compare([by(make_run, TABLE, 0), by(make_run, replace(PICTURES, items=items), 1)])
    assert "have another genre" in found.pairing
    assert found.items == 75 - 2
