from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from genrekit.datasets import DATASETS, leaking_groups, load_dataset, make_split
from genrekit.datasets.gtzan_facts import (
    EXACT_REPETITIONS,
    FAULT_FILTERED,
    GTZAN_GENRES,
    NEAR_REPETITIONS,
    official_part,
    parse_name,
    part_tracks,
    recording_of,
)
from genrekit.errors import DatasetError

WAV = b"RIFF\x00\x00\x00\x00WAVE"


def collection(folder: Path, suffix: str, tracks: list[str]) -> Path:
    for track in tracks:
        file = folder / track.split(".", maxsplit=1)[0] / f"{track}{suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(WAV)
    return folder


@pytest.mark.parametrize(
    ("inner", "suffix"), [("genres", ".au"), ("Data/genres_original", ".wav"), ("", ".flac")]
)
def test_known_layouts_are_found_below_the_path(tmp_path: Path, inner: str, suffix: str) -> None:
    collection(tmp_path / inner, suffix, ["rock.00010", "blues.00029", "blues.00000"])
    (tmp_path / inner / "bextract_single.mf").write_text("stray", encoding="utf-8")
    pictures = tmp_path / "Data" / "images_original" / "blues"
    pictures.mkdir(parents=True)
    (pictures / "blues00000.png").write_bytes(b"")
    data = load_dataset("gtzan", tmp_path)
    assert data.labels == GTZAN_GENRES
    assert [(item.item_id, item.labels, item.split) for item in data.items] == [
        ("blues.00000", ("blues",), "valid"),
        ("blues.00029", ("blues",), "train"),
        ("rock.00010", ("rock",), "test"),
    ]
    first = data.items[0].path
    assert first is not None
    assert first.name == f"blues.00000{suffix}"


def test_the_unreadable_clip_is_left_out_where_it_is_unreadable(tmp_path: Path) -> None:
    collection(tmp_path, ".wav", ["jazz.00053", "jazz.00054"])
    assert len(load_dataset("gtzan", tmp_path)) == 2
    (tmp_path / "jazz" / "jazz.00054.wav").write_bytes(b"\x00\x01\x02\x03junk")
    assert [item.item_id for item in load_dataset("gtzan", tmp_path).items] == ["jazz.00053"]


def test_two_copies_below_one_path_are_refused(tmp_path: Path) -> None:
    collection(tmp_path / "genres", ".au", ["pop.00001"])
    collection(tmp_path / "genres_original", ".wav", ["pop.00001"])
    with pytest.raises(DatasetError, match=r"pop\.00001 is there twice"):
        load_dataset("gtzan", tmp_path)


def test_nothing_to_index_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no clips below"):
        load_dataset("gtzan", tmp_path)
    with pytest.raises(DatasetError, match="is not a folder"):
        load_dataset("gtzan", tmp_path / "absent")
    with pytest.raises(DatasetError, match="is not a folder"):
        load_dataset("gtzan")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("blues.00012.wav", ("blues.00012", "blues", None)),
        ("a/b\\blues.00012.3.wav", ("blues.00012", "blues", 3)),
        ("hiphop.00099", ("hiphop.00099", "hiphop", None)),
        ("pop_00072.wav", ("pop.00072", "pop", None)),
        ("blues.00100.wav", None),
        ("polka.00001.wav", None),
        ("my blues.00012.wav", None),
        ("blues.12.wav", None),
    ],
)
def test_names(name: str, expected: tuple[str, str, int | None] | None) -> None:
    assert parse_name(name) == expected


def test_the_fault_filtered_split_has_its_published_size() -> None:
    tracks = {part: part_tracks(part) for part in FAULT_FILTERED}
    assert {part: len(ids) for part, ids in tracks.items()} == {
        "train": 443,
        "valid": 197,
        "test": 290,
    }
    assert len(set().union(*tracks.values())) == 443 + 197 + 290
    assert all(official_part(track) == part for part, ids in tracks.items() for track in ids)


def test_repetitions_share_a_recording_and_the_split_uses_at_most_one() -> None:
    pairs = EXACT_REPETITIONS + NEAR_REPETITIONS
    seconds = {second for _, second in pairs}
    assert len(seconds) == len(pairs)
    assert not seconds & {first for first, _ in pairs}
    for first, second in pairs:
        assert recording_of(second) == first == recording_of(first)
        assert official_part(first) is None or official_part(second) is None


@pytest.mark.real
def test_the_split_is_the_published_one(real_data: Path) -> None:
    for part in FAULT_FILTERED:
        lines = (real_data / "splits" / f"{part}_filtered.txt").read_text().split()
        assert {Path(line).stem for line in lines} == set(part_tracks(part))


@pytest.mark.real
def test_exact_repetitions_are_the_equal_rows_of_the_published_table(real_data: Path) -> None:
    same = defaultdict(list)
    with (real_data / "gtzan_tables/features_30_sec.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            features = tuple(v for k, v in row.items() if k not in ("filename", "length", "label"))
            same[features].append(row["filename"].removesuffix(".wav"))
    repeated = {tuple(sorted(names)) for names in same.values() if len(names) > 1}
    assert repeated == set(EXACT_REPETITIONS)


@pytest.mark.real
def test_near_repetitions_are_mutual_neighbours_in_three_tables(real_data: Path) -> None:
    tables = real_data / "gtzan_tables"
    mutual = []
    for name in ("features_30_sec.csv", "librosa_statistics_149.csv"):
        data = load_dataset("table", tables / name)
        assert data.features is not None
        # Rounding noise around zero says nothing about likeness.
        noise = ("harmony_mean", "perceptr_mean")
        columns = [n for n, c in enumerate(data.feature_names) if c not in noise]
        ids = [item.item_id for item in data.items]
        mutual.append(_mutual_neighbours(ids, data.features[:, columns]))
    choi = np.load(tables / "choi2017_features.npz", allow_pickle=False)
    layers = [choi[f"layer{n}"].astype(np.float64) for n in range(5)] + [choi["mfcc"]]
    mutual.append(_mutual_neighbours([str(t) for t in choi["track"]], np.hstack(layers)))
    pairs = mutual[0] & mutual[1] & mutual[2]
    unused = {(a, b) for a, b in pairs if official_part(a) is None or official_part(b) is None}
    assert set(NEAR_REPETITIONS) == unused - set(EXACT_REPETITIONS)


def _mutual_neighbours(ids: list[str], features: np.ndarray) -> set[tuple[str, str]]:
    order = np.argsort(ids)
    names = np.array(ids)[order]
    rows = features[order].astype(np.float64)
    rows = (rows - rows.mean(axis=0)) / (rows.std(axis=0) + 1e-12)
    squares = (rows**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * rows @ rows.T
    np.fill_diagonal(distances, np.inf)
    nearest = distances.argmin(axis=1)
    return {
        (str(names[n]), str(names[m])) for n, m in enumerate(nearest) if n < m and nearest[m] == n
    }


@pytest.mark.real
def test_the_real_clips_are_indexed(real_data: Path) -> None:
    clips = load_dataset("gtzan", real_data / "gtzan_audio/clips")
    assert len(clips) == 80
    assert np.bincount(clips.targets()).tolist() == [8] * 10
    split = make_split(clips, "fault-filtered")
    assert leaking_groups(clips, split) == ()
    assert "gtzan" in DATASETS
