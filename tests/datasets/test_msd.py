from __future__ import annotations

import json
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import h5py
import numpy as np
import pytest

from genrekit.datasets import msd
from genrekit.datasets.msd_hdf5 import SONG_COLUMNS, TRACK_COLUMNS, read_msd_track
from genrekit.datasets.msd_labels import read_msd_labels
from genrekit.errors import ConfigError, DatasetError

TRACKS = ("TRAAAAW128F429D538", "TRAAABD128F429CF47", "TRBIJKL128F4290000")
CLS = f"""# MSD genre annotations, own data in the published shape
# trackid\tmajority genre\tminority genre
{TRACKS[0]}\tRock\tPop
{TRACKS[1]}\tJazz
{TRACKS[2]}\tRock
"""
ANALYSIS = np.dtype(
    [
        ("analysis_sample_rate", "<i4"),
        ("audio_md5", "S32"),
        ("duration", "<f8"),
        ("idx_segments_timbre", "<i4"),
        ("key", "<i4"),
        ("key_confidence", "<f8"),
        ("loudness", "<f8"),
        ("mode", "<i4"),
        ("mode_confidence", "<f8"),
        ("tempo", "<f8"),
        ("time_signature", "<i4"),
        ("time_signature_confidence", "<f8"),
        ("track_id", "S32"),
    ]
)
METADATA = np.dtype(
    [
        ("artist_id", "S32"),
        ("artist_name", "S1024"),
        ("release", "S1024"),
        ("song_id", "S32"),
        ("title", "S1024"),
    ]
)


def song_rows(track: str, number: int) -> tuple[np.ndarray, np.ndarray]:
    analysis = np.zeros(1, ANALYSIS)
    analysis["track_id"], analysis["duration"] = track, 200.0
    analysis["tempo"], analysis["key"], analysis["loudness"] = 92.5 + number, number, -11.2
    analysis["mode"], analysis["time_signature"] = 1, 4
    metadata = np.zeros(1, METADATA)
    metadata["artist_id"], metadata["song_id"] = f"AR{number}", f"SO{number // 2}"
    metadata["release"] = "Café".encode()
    return analysis, metadata


def write_track(root: Path, track: str, number: int = 0, n_segments: int = 50) -> Path:
    file = msd.track_file(root, track)
    file.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(number)
    analysis, metadata = song_rows(track, number)
    with h5py.File(file, "w") as h5:
        # PyTables writes tables in chunks and arrays that can grow.
        h5.create_dataset("analysis/songs", data=analysis, chunks=(1,), maxshape=(None,))
        h5.create_dataset("metadata/songs", data=metadata, chunks=(1,), maxshape=(None,))
        for name in ("timbre", "pitches"):
            h5[f"analysis/segments_{name}"] = rng.normal(0, 30, (n_segments, 12))
        h5["analysis/segments_loudness_max"] = rng.normal(-10, 3, n_segments)
        h5["analysis/sections_start"] = np.array([0.0, 40.0, 90.0, 150.0])
    return file


def write_summary(file: Path) -> None:
    rows = [song_rows(track, number) for number, track in enumerate(TRACKS)]
    file.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(file, "w") as h5:
        h5["analysis/songs"] = np.concatenate([analysis for analysis, _ in rows])
        h5["metadata/songs"] = np.concatenate([metadata for _, metadata in rows])


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    (tmp_path / "msd_tagtraum_cd1.cls").write_text(CLS)
    for number, track in enumerate(TRACKS):
        write_track(tmp_path / "MillionSongSubset" / "data", track, number)
    return tmp_path


def test_the_majority_label_is_the_single_one(corpus: Path) -> None:
    dataset = msd.load(corpus)
    assert [item.item_id for item in dataset.items] == list(TRACKS)
    assert dataset.targets().tolist() == [1, 0, 1]
    assert dataset.features is None
    assert dataset.groups() == TRACKS  # nothing was read that knows the songs


def test_all_labels_are_multi_label(corpus: Path) -> None:
    dataset = msd.load(corpus, task="multi-label")
    assert dataset.items[0].labels == ("Rock", "Pop")
    assert dataset.labels == ("Jazz", "Pop", "Rock")


def test_segments_become_documented_columns(corpus: Path) -> None:
    dataset = msd.load(corpus, features="segments")
    assert dataset.features is not None
    assert dataset.features.shape == (3, len(TRACK_COLUMNS))
    by_name = dict(zip(dataset.feature_names, dataset.features[1], strict=True))
    analysis = read_msd_track(msd.track_file(corpus / "MillionSongSubset/data", TRACKS[1]))
    assert by_name["timbre_mean_03"] == pytest.approx(analysis.timbre[:, 3].mean())
    assert by_name["pitches_std_11"] == pytest.approx(analysis.pitches[:, 11].std())
    assert by_name["segment_loudness_mean"] == pytest.approx(analysis.loudness_db.mean())
    assert by_name["segments_per_second"] == pytest.approx(50 / 200)
    assert by_name["sections_per_minute"] == pytest.approx(4 / (200 / 60))
    assert (by_name["tempo"], by_name["key"], by_name["loudness"]) == (93.5, 1, -11.2)
    assert all(column.unit and column.meaning for column in TRACK_COLUMNS)


def test_tracks_of_one_song_share_a_group_and_know_artist_and_album(corpus: Path) -> None:
    items = msd.load(corpus, features="segments").items
    assert [item.group for item in items] == ["SO0", "SO0", "SO1"]
    assert (items[2].artist, items[2].album) == ("AR2", "AR2: Café")
    assert items[2].path is None


@pytest.mark.parametrize("root", ["", "data", "MillionSongSubset"])
def test_every_published_tree_is_found(tmp_path: Path, root: str) -> None:
    (tmp_path / "labels.cls").write_text(CLS)
    for number, track in enumerate(TRACKS):
        write_track(tmp_path / root, track, number)
    assert len(msd.load(tmp_path, features="segments")) == 3


@pytest.mark.parametrize(
    "name", ["msd_summary_file.h5", "AdditionalFiles/subset_msd_summary_file.h5"]
)
def test_the_summary_file_gives_numbers_and_artists(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.cls").write_text(CLS.replace(f"{TRACKS[1]}\tJazz\n", ""))
    write_summary(tmp_path / name)
    dataset = msd.load(tmp_path, features="summary")
    assert dataset.feature_names == tuple(column.name for column in SONG_COLUMNS)
    assert dataset.features is not None
    assert dataset.features[:, 0].tolist() == [92.5, 94.5]
    assert [item.artist for item in msd.load(tmp_path).items] == ["AR0", "AR2"]


def test_missing_files_are_counted_or_left_out(corpus: Path) -> None:
    msd.track_file(corpus / "MillionSongSubset/data", TRACKS[2]).unlink()
    with pytest.raises(DatasetError, match=rf"1 of 3 files are missing.*{TRACKS[2]}\.h5"):
        msd.load(corpus, features="segments")
    assert len(msd.load(corpus, features="segments", files="optional")) == 2


def test_a_track_without_segments_is_left_out_with_a_word(
    corpus: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_track(corpus / "MillionSongSubset/data", TRACKS[1], n_segments=0)
    with caplog.at_level(logging.WARNING):
        assert len(msd.load(corpus, features="segments")) == 2
    assert "1 tracks are left out: no segments" in caplog.text


def test_an_hdf5_that_is_none(corpus: Path) -> None:
    file = msd.track_file(corpus / "MillionSongSubset/data", TRACKS[0])
    whole = file.read_bytes()
    for content in (b"<html>404</html>", whole[: len(whole) // 2], b""):
        file.write_bytes(content)
        with pytest.raises(DatasetError, match=rf"{TRACKS[0]}\.h5 is not a whole HDF5 file"):
            msd.load(corpus, features="segments")


def test_an_hdf5_of_something_else(corpus: Path) -> None:
    file = msd.track_file(corpus / "MillionSongSubset/data", TRACKS[0])
    with h5py.File(file, "w") as h5:
        h5["weights"] = np.zeros(3)
    with pytest.raises(DatasetError, match="not of the Million Song Dataset"):
        read_msd_track(file)
    with h5py.File(write_track(corpus, TRACKS[0]), "a") as h5:
        del h5["analysis/segments_timbre"]
        h5["analysis/segments_timbre"] = np.zeros((12, 50))
    with pytest.raises(DatasetError, match=r"segments_timbre has shape \(12, 50\)"):
        read_msd_track(msd.track_file(corpus, TRACKS[0]))
    write_summary(corpus / "summary.h5")
    with pytest.raises(DatasetError, match="holds 3 songs"):
        read_msd_track(corpus / "summary.h5")


def test_allmusic_labels_have_one_column(tmp_path: Path) -> None:
    file = tmp_path / "msd-topMAGD-genreAssignment.cls"
    file.write_text(f"{TRACKS[0]}\tPop_Rock\n{TRACKS[1]}\tRnB\n")
    assert read_msd_labels(file) == {TRACKS[0]: ("Pop_Rock",), TRACKS[1]: ("RnB",)}


def test_a_published_split(corpus: Path) -> None:
    parts = corpus / "split.txt"
    parts.write_text(f"{TRACKS[0]}\tTRAIN\n{TRACKS[1]}\tTEST\n")
    assert [i.split for i in msd.load(corpus, parts=parts).items] == ["train", "test", None]
    parts.write_text(f"{TRACKS[0]}\tdev\n")
    with pytest.raises(DatasetError, match=r"split\.txt, line 1: 'dev'"):
        msd.load(corpus, parts=parts)


@pytest.fixture
def lastfm(tmp_path: Path) -> Path:
    file = tmp_path / "lastfm_tags.db"
    with closing(sqlite3.connect(file)) as database:
        database.executescript(
            "CREATE TABLE tids (tid TEXT); CREATE TABLE tags (tag TEXT);"
            "CREATE TABLE tid_tag (tid INT, tag INT, val FLOAT);"
        )
        database.executemany("INSERT INTO tids VALUES (?)", [(track,) for track in TRACKS])
        database.executemany("INSERT INTO tags VALUES (?)", [("Rock",), ("seen live",), ("jazz",)])
        rows = [(1, 1, 40.0), (1, 2, 100.0), (1, 3, 60.0), (2, 3, 5.0), (3, 2, 9.0)]
        database.executemany("INSERT INTO tid_tag VALUES (?, ?, ?)", rows)
        database.commit()
    return file


def test_lastfm_tags_of_the_database(lastfm: Path) -> None:
    assert read_msd_labels(lastfm, ["rock", "jazz"]) == {
        TRACKS[0]: ("jazz", "rock"),
        TRACKS[1]: ("jazz",),
    }
    assert read_msd_labels(lastfm, ["rock", "jazz"], min_tag=50) == {TRACKS[0]: ("jazz",)}
    dataset = msd.load(lastfm.parent, labels=lastfm, tags=("rock", "jazz"), task="multi-label")
    assert dataset.items[0].labels == ("jazz", "rock")


def test_lastfm_tags_of_the_json_files(tmp_path: Path) -> None:
    for track, tags in ((TRACKS[0], [["rock", "100"], ["Jazz", "20"]]), (TRACKS[1], [])):
        file = tmp_path / "lastfm_train" / track[2] / f"{track}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"artist": "x", "tags": tags, "track_id": track}))
    assert read_msd_labels(tmp_path / "lastfm_train", ["rock", "jazz"]) == {
        TRACKS[0]: ("rock", "jazz")
    }
    file.write_text("{")
    with pytest.raises(DatasetError, match=rf"{TRACKS[1]}\.json is not a track of Last\.fm"):
        read_msd_labels(tmp_path / "lastfm_train", ["rock"])


def test_lastfm_needs_names_of_tags(lastfm: Path) -> None:
    with pytest.raises(ConfigError, match="name those that are labels"):
        read_msd_labels(lastfm)
    lastfm.write_bytes(b"SQLite format 4" * 100)
    with pytest.raises(DatasetError, match=r"not readable as lastfm_tags\.db"):
        read_msd_labels(lastfm, ["rock"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("track,genre\nTRAAAAW128F429D538,Rock\n", r"line 1: .* is not a track"),
        (f"{TRACKS[0]}\t\n", r"line 1: the label of TRAAAAW128F429D538 is blank"),
        (f"{TRACKS[0]}\tRock\n{TRACKS[1]}\n", r"line 2: the label of TRAAABD128F429CF47 is blank"),
        (f"{TRACKS[0]}\tRock\n{TRACKS[0]}\tPop\n", r"line 2: track TRAAAAW128F429D538 is there"),
        ("# only words\n", "has no labels"),
    ],
)
def test_malformed_labels_are_placed(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.cls").write_text(text)
    with pytest.raises(DatasetError, match=message):
        msd.load(tmp_path)


def test_labels_of_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "a.cls").write_bytes(
        f"{TRACKS[0]}\tRock\n{TRACKS[1]}\tSchlager\xfc\n".encode("latin-1")
    )
    with pytest.raises(DatasetError, match="line 2: byte 0xfc is not UTF-8"):
        msd.load(tmp_path)


def test_which_labels_is_asked_where_it_is_not_clear(corpus: Path) -> None:
    (corpus / "b.cls").write_text(CLS)
    with pytest.raises(DatasetError, match=r"several label files, b\.cls, msd_tagtraum_cd1\.cls"):
        msd.load(corpus)
    assert len(msd.load(corpus, labels=corpus / "b.cls")) == 3
    with pytest.raises(DatasetError, match="is not a folder"):
        msd.load(corpus / "absent")


@pytest.mark.parametrize("options", [{"features": "audio"}, {"task": "x"}, {"files": "some"}])
def test_unknown_options(corpus: Path, options: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        msd.load(corpus, **{"features": "segments", **options})  # type: ignore[arg-type]
