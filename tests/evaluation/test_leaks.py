"""Ten planted leaks, each found and named; and splits that are sound, in which nothing is found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from genrekit.datasets import (
    CorpusInfo,
    Dataset,
    Fold,
    Item,
    Split,
    load_dataset,
    make_split,
    related,
    track_digest,
)
from genrekit.errors import DatasetError
from genrekit.evaluation import (
    Leak,
    LeakKind,
    Scored,
    find_leaks,
    refuse_leaks,
    result_leaks,
    score,
)
from genrekit.models.resample import resample
from genrekit.schema import DeclaredStep, EvaluationResult, Gtzan57Config, Manifest, Provenance

INFO = CorpusInfo("title", "licence", "citation", "homepage")
LABELS = ("jazz", "rock")
N = 60


def sound(n: int = N, columns: int = 6) -> Dataset:
    """Tracks that have nothing in common; odd ones test, even ones train."""
    rng = np.random.default_rng(5)
    items = tuple(
        Item(
            f"t{number:02d}",
            (LABELS[number // 2 % 2],),
            f"t{number:02d}",
            artist=f"artist {number}",
            album="Greatest Hits",
            split="test" if number % 2 else "train",
        )
        for number in range(n)
    )
    features = rng.normal(0, 1, (n, columns)) * 7 + 40
    names = tuple(f"c{column}" for column in range(columns))
    return Dataset("made", LABELS, items, INFO, features, names)


def changed(data: Dataset, of: dict[int, dict[str, Any]]) -> Dataset:
    items = tuple(replace(item, **of.get(row, {})) for row, item in enumerate(data.items))
    return replace(data, items=items)


def official(data: Dataset) -> Split:
    return make_split(data, "official", allow_leaking=True)


def kinds(leaks: Sequence[Leak]) -> set[str]:
    return {leak.kind for leak in leaks}


def manifest(**provenance: Any) -> Manifest:
    return Manifest(
        name="planted",
        version="1.0.0",
        architecture="x",
        labels=LABELS,
        frontends={"gtzan57": Gtzan57Config()},
        frontend_fingerprints={"gtzan57": "2" * 64},
        provenance=Provenance.model_validate(
            {
                "dataset": "other",
                "dataset_fingerprint": "0" * 64,
                "protocol": "holdout",
                "tracks": 1,
                "data_licence": "none",
                "recipe": "",
            }
            | provenance
        ),
    )


def result(data: Dataset, split: Split, **changes: Any) -> EvaluationResult:
    tested = data.select(data.indices(item for fold in split.folds for item in fold.test))
    scores = np.full((len(tested), len(LABELS)), 0.5)
    made = score(
        Scored(tested.targets(), scores, tested.groups()),
        labels=LABELS,
        dataset=data,
        split=split,
        model="planted",
    )
    return made.model_copy(update=changes)


# --- the ten ------------------------------------------------------------------------------------

Found = tuple[Leak, ...]


def segments() -> Found:
    data = changed(sound(), {10: {"group": "one"}, 11: {"group": "one"}})
    return find_leaks(data, official(data))


def exact_duplicates() -> Found:
    data = sound()
    assert data.features is not None
    data.features[11] = data.features[10]
    return find_leaks(data, official(data))


def near_duplicates() -> Found:
    data = sound()
    return find_leaks(data, official(data), pairs=[("t10", "t11"), ("t20", "t22")])


def same_artist() -> Found:
    data = changed(sound(), {10: {"artist": "Nina"}, 11: {"artist": "Nina", "album": "Live"}})
    return find_leaks(data, official(data))


def same_album() -> Found:
    nobody = {"artist": "Various Artists", "album": "Sounds of 1977"}
    data = changed(sound(), {10: nobody, 11: nobody})
    return find_leaks(data, official(data))


def scaled_before() -> Found:
    data = sound()
    assert data.features is not None
    scaled = (data.features - data.features.mean(axis=0)) / data.features.std(axis=0)
    data = replace(data, features=scaled.round(6))
    return find_leaks(data, official(data))


def augmented_before() -> Found:
    data = changed(sound(), {11: {"item_id": "t10_pitch+2.wav", "group": "t10_pitch+2"}})
    return find_leaks(data, official(data))


def chosen_on_test() -> Found:
    data = changed(sound(), {10: {"group": "t11", "split": "valid"}})
    return find_leaks(data, official(data))


def backbone() -> Found:
    data = sound()
    seen = manifest(trained_on=sorted([track_digest("t11"), track_digest("elsewhere")]))
    return find_leaks(data, official(data), manifest=seen)


def segments_called_tracks() -> Found:
    shared = {row: {"group": f"track {row // 8}.{row // 2 % 2}"} for row in range(1, N, 2)}
    data = changed(sound(), shared)
    split = official(data)
    return find_leaks(data, split, result=result(data, split, items=N // 2))


PLANTED: dict[LeakKind, tuple[Callable[[], Found], tuple[str, ...]]] = {
    "segments": (segments, ("t11",)),
    "exact-duplicates": (exact_duplicates, ("t11",)),
    "near-duplicates": (near_duplicates, ("t11",)),
    "artist": (same_artist, ("t11",)),
    "album": (same_album, ("t11",)),
    "fitted-before-split": (scaled_before, ()),
    "augmented-before-split": (augmented_before, ("t10_pitch+2.wav",)),
    "chosen-on-test": (chosen_on_test, ("t11",)),
    "trained-on-test": (backbone, ("t11",)),
    "segments-called-tracks": (segments_called_tracks, ()),
}


def test_there_are_ten_kinds() -> None:
    assert set(PLANTED) == set(get_args(LeakKind))
    assert len(PLANTED) == 10


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_leak_is_found_and_nothing_else(kind: LeakKind) -> None:
    plant, items = PLANTED[kind]
    (leak,) = plant()
    assert leak.kind == kind
    assert leak.items == items
    assert all(item in leak.evidence for item in items)


@pytest.mark.parametrize("kind", PLANTED)
def test_a_leak_stops_unless_the_protocol_says_so(kind: LeakKind) -> None:
    leaks = PLANTED[kind][0]()
    split = official(sound())
    with pytest.raises(DatasetError, match=kind):
        refuse_leaks(leaks, split)
    refuse_leaks(leaks, split.model_copy(update={"protocol": "made-leaky", "leaky": True}))


# --- what is sound stays so ---------------------------------------------------------------------


def test_a_sound_split_has_no_leak() -> None:
    data = sound()
    split = official(data)
    seen = manifest(trained_on=[track_digest("t10")])
    assert find_leaks(data, split, manifest=seen, result=result(data, split)) == ()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2), st.integers(0, 2)), min_size=60),
    st.integers(0, 99),
)
def test_splits_made_here_never_leak(marks: list[tuple[int, int, int]], seed: int) -> None:
    items = tuple(
        Item(
            str(row),
            (LABELS[row % 2],),
            f"recording {row // 2}",
            artist=f"artist {artist}" if artist else None,
            album=f"album {album}" if album else None,
        )
        for row, (artist, album, _) in enumerate(marks)
    )
    data = Dataset("made", LABELS, items, INFO)
    pairs = [(str(row), str(3 * row % len(marks))) for row, mark in enumerate(marks) if mark[2] > 1]
    groups = related(data, pairs=pairs[:5])
    of_label = [
        {group for group, i in zip(groups, items, strict=True) if i.labels == (label,)}
        for label in LABELS
    ]
    assume(min(map(len, of_label)) > 1)
    split = make_split(data, "grouped-kfold", pairs=pairs[:5], n_folds=2, seed=seed)
    assert not split.leaky
    assert find_leaks(data, split, pairs=pairs[:5]) == ()


def test_identical_rows_on_one_side_are_no_leak() -> None:
    data = sound()
    assert data.features is not None
    data.features[12] = data.features[10]
    data.features[13] = data.features[11]
    assert find_leaks(data, official(data)) == ()


def test_augmentation_of_training_tracks_alone_is_no_leak() -> None:
    data = changed(sound(), {12: {"item_id": "t10_noise_0.1", "augmented_from": "t10"}})
    assert find_leaks(data, official(data)) == ()


@pytest.mark.parametrize("names", [("white-noise", "pink-noise"), ("song.wav", "song.mp3")])
def test_names_that_only_look_made_are_no_leak(names: tuple[str, str]) -> None:
    data = changed(sound(), {10: {"item_id": names[0]}, 11: {"item_id": names[1]}})
    assert find_leaks(data, official(data)) == ()


def test_a_declared_source_is_believed() -> None:
    data = changed(sound(), {10: {"augmented_from": "t11"}})
    (leak,) = find_leaks(data, official(data))
    assert (leak.kind, leak.items) == ("augmented-before-split", ("t11",))


def test_a_scaler_fitted_on_the_training_rows_is_no_leak() -> None:
    data = sound()
    assert data.features is not None
    train = data.features[::2]
    data = replace(data, features=(data.features - train.mean(axis=0)) / train.std(axis=0))
    assert find_leaks(data, official(data)) == ()


def test_extremes_that_training_rows_have_prove_nothing() -> None:
    data = sound()
    assert data.features is not None
    train = data.features[::2]
    inside = np.clip(data.features, train.min(axis=0) + 0.5, train.max(axis=0) - 0.5)
    inside[::2] = train
    scaled = (inside - train.min(axis=0)) / np.ptp(train, axis=0)
    data = replace(data, features=scaled)
    assert find_leaks(data, official(data)) == ()


def test_segments_of_one_track_are_alike_and_named_once() -> None:
    data = changed(sound(), {10: {"group": "one"}, 11: {"group": "one"}})
    assert data.features is not None
    data.features[11] = data.features[10] + 0.01
    assert kinds(find_leaks(data, official(data))) == {"segments"}


# --- other ways of fitting before the split -----------------------------------------------------


def min_max(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((x - x.min(axis=0)) / np.ptp(x, axis=0))


def robust(x: NDArray[np.float64]) -> NDArray[np.float64]:
    low, middle, high = np.quantile(x, [0.25, 0.5, 0.75], axis=0)
    return np.asarray((x - middle) / (high - low))


def pca(x: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = x - x.mean(axis=0)
    return np.asarray(centred @ np.linalg.svd(centred, full_matrices=False)[2].T)


@pytest.mark.parametrize("fitted", [min_max, robust, pca])
@pytest.mark.parametrize("protocol", ["official", "grouped-kfold"])
def test_what_is_fitted_on_all_rows_is_seen_in_the_numbers(
    fitted: Callable[[NDArray[np.float64]], NDArray[np.float64]], protocol: str
) -> None:
    data = sound()
    assert data.features is not None
    features = data.features.copy()
    features[1::2] *= 1.3  # so that extremes are among the test rows
    data = replace(data, features=fitted(features))
    split = make_split(data, protocol, n_folds=2)
    assert kinds(find_leaks(data, split)) == {"fitted-before-split"}


@pytest.mark.parametrize("how", ["oversample", "interpolate"])
def test_resampling_before_the_split_is_seen(how: Any) -> None:
    data = sound()
    assert data.features is not None
    few = [row for row in range(N) if row // 2 % 2 or row < 20]  # jazz is rare
    kept = data.select(few)
    assert kept.features is not None
    x, y = resample(kept.features, kept.targets(), how, seed=3)
    items = tuple(
        Item(str(row), (LABELS[label],), str(row), split="test" if row % 2 else "train")
        for row, label in enumerate(y.tolist())
    )
    made = Dataset("resampled", LABELS, items, INFO, x, data.feature_names)
    leaks = find_leaks(made, official(made))
    fitted = [leak for leak in leaks if leak.kind == "fitted-before-split"]
    assert len(fitted) == 1
    assert ("oversampled" if how == "oversample" else "interpolated") in fitted[0].evidence


def test_copies_with_a_little_noise_are_near_duplicates() -> None:
    data = sound()
    assert data.features is not None
    data.features[11] = data.features[10] + 0.01
    (leak,) = find_leaks(data, official(data))
    assert (leak.kind, leak.items) == ("near-duplicates", ("t11",))


def test_equal_audio_is_given_as_content() -> None:
    data = replace(sound(), features=None, feature_names=())
    content = {item.item_id: item.item_id for item in data.items}
    assert find_leaks(data, official(data), content=content) == ()
    (leak,) = find_leaks(data, official(data), content={**content, "t11": "t10"})
    assert (leak.kind, leak.items) == ("exact-duplicates", ("t11",))


# --- what results and models declare ------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        ("scale", "fitted-before-split"),
        ("project", "fitted-before-split"),
        ("select", "fitted-before-split"),
        ("balance", "fitted-before-split"),
        ("augment", "augmented-before-split"),
        ("stop", "chosen-on-test"),
        ("choose", "chosen-on-test"),
        ("calibrate", "chosen-on-test"),
        ("pretrain", "trained-on-test"),
    ],
)
@pytest.mark.parametrize("on", ["test", "everything"])
def test_declared_steps_are_checked(what: Any, kind: str, on: Any) -> None:
    data = sound()
    split = official(data)
    declared = result(data, split, steps=(DeclaredStep(what=what, on=on, note="as published"),))
    (leak,) = result_leaks(declared)
    assert leak.kind == kind
    assert "as published" in leak.evidence
    honest = result(data, split, steps=(DeclaredStep(what=what, on="train+valid"),))
    assert result_leaks(honest) == []


def test_a_backbone_of_the_tested_corpus_is_named() -> None:
    data = replace(sound(), info=replace(INFO, corpora=("gtzan",)))
    (leak,) = find_leaks(data, official(data), manifest=manifest(pretrained_on=["msd", "gtzan"]))
    assert leak.kind == "trained-on-test"
    assert find_leaks(data, official(data), manifest=manifest(pretrained_on=["msd"])) == ()


def test_a_corpus_is_not_recognised_by_a_word_in_its_title() -> None:
    """Music in the ten GTZAN genres is not GTZAN, nor is a folder that is named after it."""
    info = replace(INFO, title="Synthetic clips in the ten GTZAN genres", corpora=("jukebox",))
    for data in (replace(sound(), info=info), replace(sound(), name="not-gtzan")):
        assert find_leaks(data, official(data), manifest=manifest(pretrained_on=["gtzan"])) == ()


def test_a_split_of_other_data_is_refused() -> None:
    with pytest.raises(DatasetError, match="another dataset"):
        find_leaks(sound(), official(sound(58)))


def test_leaks_are_looked_for_fold_by_fold() -> None:
    data = replace(sound(), features=None, feature_names=())
    twice = Split(
        protocol="made",
        seed=0,
        dataset_fingerprint=data.fingerprint,
        folds=(Fold(train=("t00",), test=("t01",)), Fold(train=("t01",), test=("t00",))),
    )
    assert find_leaks(data, twice) == ()


# --- real data ----------------------------------------------------------------------------------


@pytest.mark.real
@pytest.mark.parametrize("table", ["features_30_sec.csv", "course_30s.tsv", "course_10s.tsv"])
@pytest.mark.parametrize("protocol", ["fault-filtered", "grouped-kfold", "holdout"])
def test_no_false_alarm_on_gtzan(table: str, protocol: str, real_data: Path) -> None:
    data = load_dataset("table", real_data / "gtzan_tables" / table)
    assert find_leaks(data, make_split(data, protocol)) == ()


@pytest.mark.real
def test_segments_of_gtzan_split_by_row_are_found(real_data: Path) -> None:
    data = load_dataset("table", real_data / "gtzan_tables" / "course_10s.tsv")
    (leak,) = find_leaks(data, make_split(data, "segments-leaky"))
    assert leak.kind == "segments"
    assert len(leak.items) > 2900


@pytest.mark.real
def test_no_false_alarm_on_the_official_split_of_mtg_jamendo(real_data: Path) -> None:
    folder = real_data / "other_tables" / "mtg_jamendo"
    data = load_dataset("jamendo", folder, audio="optional")
    assert find_leaks(data, make_split(data, "official")) == ()


# --- tables: less than exact --------------------------------------------------------------------


def wide(n: int = 200, columns: int = 24) -> Dataset:
    """A table of positive and signed columns of very different size, that hang together."""
    data = sound(n, columns)
    rng = np.random.default_rng(3)
    base = rng.normal(0, 1, (n, 8)) @ rng.normal(0, 1, (8, columns)) + rng.normal(
        0, 1, (n, columns)
    )
    base[:, ::2] = np.exp(base[:, ::2] / 3) * 10 ** rng.uniform(-2, 3, columns // 2)
    return replace(data, features=base)


def with_copies_of_tests(data: Dataset, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Dataset:
    """Some tested rows again, changed, under other names, among the rows that are trained on."""
    assert data.features is not None
    rows = [row for row, item in enumerate(data.items) if item.split == "test"][:12]
    copies = tuple(
        replace(data.items[row], item_id=f"x{row}", group=f"x{row}", split="train", artist=None)
        for row in rows
    )
    features = np.vstack([data.features, change(data.features[rows])])
    return replace(data, items=data.items + copies, features=features)


NOISE = np.random.default_rng(8)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x * (1 + 0.02 * NOISE.normal(size=x.shape)),
        lambda x: np.sign(x) * np.log1p(np.abs(x)),
        lambda x: np.log1p(np.abs(x)),
        lambda x: np.where(x > 0, np.log(np.abs(x)), x),
        lambda x: 10 * np.log10(np.abs(x)),
        lambda x: np.sign(x) * np.sqrt(np.abs(x)),
        lambda x: 1.5 * x,
    ],
)
def test_changed_copies_of_test_rows_are_found(
    change: Callable[[NDArray[Any]], NDArray[Any]],
) -> None:
    data = with_copies_of_tests(wide(), change)
    found = [leak for leak in find_leaks(data, official(data)) if leak.kind == "near-duplicates"]
    assert found
    assert {item for leak in found for item in leak.items} <= {
        item.item_id for item in data.items if item.split == "test"
    }
    assert not find_leaks(wide(), official(wide()))


@pytest.mark.parametrize("share", [0.03, 1.0])
def test_tables_with_gaps_in_every_column_are_looked_at(share: float) -> None:
    """They ended in a division by zero, as no column was without a gap."""
    data = with_copies_of_tests(wide(), lambda x: x * (1 + 0.002 * NOISE.normal(size=x.shape)))
    assert data.features is not None
    gaps = np.random.default_rng(1).random(data.features.shape) < share
    gaps[-12:] = share == 1
    data = replace(data, features=np.where(gaps, np.nan, data.features), gaps=True)
    # Where there are numbers at all, the copies are told by them.
    assert ("near-duplicates" in kinds(find_leaks(data, official(data)))) == (share < 1)


def test_a_few_columns_that_are_far_larger_make_no_copies() -> None:
    """They order every row alike, and a line through them passes by the small ones unnoticed."""
    data = sound(600, 9)
    rng = np.random.default_rng(4)
    size = 10.0 ** np.array([5, 5, 3.6, 3.3, 3, -1, -1.3, -1.6, -3])
    common = rng.normal(0, 0.3, (600, 1))
    numbers = size * np.exp(
        common * [1, 0.7, 1, 0.9, 0.8, 1, 1, 1, 1] + rng.normal(0, 0.02, (600, 9))
    )
    data = replace(data, features=numbers)
    assert not find_leaks(data, official(data))


@pytest.mark.parametrize("share", [1.0, 0.97, 0.95])
@pytest.mark.parametrize("how", ["standard", "minimum and maximum"])
def test_a_scaler_that_was_fitted_on_most_rows_is_found(share: float, how: str) -> None:
    data = wide(400)
    x = data.features
    assert x is not None
    fitted = np.random.default_rng(2).permutation(len(x))[: int(share * len(x))]
    if how == "standard":
        scaled = (x - x[fitted].mean(axis=0)) / x[fitted].std(axis=0)
    else:
        low, high = x[fitted].min(axis=0), x[fitted].max(axis=0)
        scaled = (x - low) / (high - low)
    leaks = find_leaks(replace(data, features=scaled), official(replace(data, features=scaled)))
    assert kinds(leaks) == {"fitted-before-split"}


@pytest.mark.parametrize("share", [1.0, 0.9, 0.6])
def test_a_scaler_of_training_rows_alone_is_no_leak(share: float) -> None:
    data = wide(400)
    x = data.features
    assert x is not None
    train = [row for row, item in enumerate(data.items) if item.split == "train"]
    fitted = train[: int(share * len(train))]
    scaled = (x - x[fitted].mean(axis=0)) / x[fitted].std(axis=0)
    assert not find_leaks(replace(data, features=scaled), official(replace(data, features=scaled)))
