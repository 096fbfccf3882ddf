from __future__ import annotations

import csv
import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from genrekit.datasets import fma
from genrekit.datasets.fma_tables import read_fma_tracks, read_raw
from genrekit.errors import ConfigError, DatasetError

TRACK_COLUMNS = (
    ("album", "comments"),
    ("album", "id"),
    ("album", "information"),
    ("artist", "bio"),
    ("artist", "id"),
    ("artist", "name"),
    ("set", "split"),
    ("set", "subset"),
    ("track", "duration"),
    ("track", "genre_top"),
    ("track", "genres"),
    ("track", "genres_all"),
    ("track", "title"),
)
BIO = 'She said "quoted",\nand went on,\nover lines.' * 4000
#: The cells of each row, by the number of the track.
Table = Mapping[int, tuple[object, ...]]
TRACKS = {
    2: (0, 1, "", BIO, 1, "AWOL", "training", "small", 168, "Hip-Hop", "[21]", "[21]", "Food"),
    3: (0, 1, "", BIO, 1, "AWOL", "training", "medium", 237, "Hip-Hop", "[21]", "[21]", "é"),
    5: (0, 6, "", "", 6, "Nicky", "validation", "small", 206, "Rock", "[111]", "[12, 111]", "x"),
    10: (0, -1, "", "", 6, "Nicky", "test", "large", 161, "", "[111, 21]", "[111, 12, 21]", "y"),
    20: (0, 4, "", "", 4, "Other", "test", "large", 311, "", "[]", "[]", "z"),
    98565: (0, 4, "", "", 4, "Other", "test", "small", 30, "Rock", "[12]", "[12]", "short"),
}
GENRES = """genre_id,#tracks,parent,title,top_level
12,32923,0,Rock,12
21,8389,0,Hip-Hop,21
25,9261,12,Punk,12
111,1858,25,Power-Pop,12
"""


def write_table(file: Path, levels: list[list[str]], rows: Table) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerows(levels)
        writer.writerow(["track_id", *[""] * (len(levels[0]) - 1)])
        writer.writerows([key, *cells] for key, cells in rows.items())


def write_tracks(folder: Path, rows: Table = TRACKS) -> Path:
    file = folder / "tracks.csv"
    write_table(file, [["", *column] for column in zip(*TRACK_COLUMNS, strict=True)], rows)
    return file


def write_features(folder: Path, rows: Table) -> None:
    levels = [
        ["feature", "chroma_cens", "chroma_cens", "zcr"],
        ["statistics", "kurtosis", "kurtosis", "mean"],
        ["number", "01", "02", "01"],
    ]
    write_table(folder / "features.csv", levels, rows)


def write_echonest(folder: Path) -> None:
    levels = [
        ["", *["echonest"] * 4],
        ["", "audio_features", "metadata", "social_features", "temporal_features"],
        ["", "acousticness", "artist_name", "artist_familiarity", "000"],
    ]
    rows = {2: (0.4, "AWOL, the band", "", 1.5), 10: (0.2, "N", 0.3, 2.5)}
    write_table(folder / "echonest.csv", levels, rows)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    metadata = tmp_path / "fma_metadata"
    metadata.mkdir()
    write_tracks(metadata)
    (metadata / "genres.csv").write_text(GENRES, encoding="utf-8")
    write_features(metadata, {key: (key, 0.5, -1e-3) for key in TRACKS})
    write_echonest(metadata)
    for track_id in TRACKS:
        audio = tmp_path / "fma_large" / fma.audio_name(track_id)
        audio.parent.mkdir(parents=True, exist_ok=True)
        audio.touch()
    return tmp_path


def test_small_has_official_parts_artists_and_albums(corpus: Path) -> None:
    dataset = fma.load(corpus)
    assert [item.item_id for item in dataset.items] == ["000002", "000005"]
    first, second = dataset.items
    assert (first.labels, first.artist, first.album, first.split) == (
        ("Hip-Hop",),
        "1",
        "1",
        "train",
    )
    assert (second.labels, second.split) == (("Rock",), "valid")
    assert first.path == corpus / "fma_large/000/000002.mp3"
    assert dataset.labels == ("Hip-Hop", "Rock")
    assert dataset.targets().tolist() == [0, 1]


def test_the_subset_has_its_own_audio_folder_where_it_is_there(corpus: Path) -> None:
    audio = corpus / "fma_small" / "000"
    audio.mkdir(parents=True)
    for name in ("000002.mp3", "000005.mp3"):
        (audio / name).touch()
    assert fma.load(corpus).items[0].path == audio / "000002.mp3"


def test_full_never_takes_clips_for_whole_tracks(corpus: Path) -> None:
    with pytest.raises(DatasetError, match=r"4 of 4 files are missing.*fma_full/000/000002\.mp3"):
        fma.load(corpus, subset="full")


def test_clips_are_never_taken_from_the_whole_tracks(corpus: Path) -> None:
    (corpus / "fma_large").rename(corpus / "fma_full")
    with pytest.raises(DatasetError, match="2 of 2 files are missing"):
        fma.load(corpus)
    assert len(fma.load(corpus, audio_folder=corpus / "fma_full")) == 2


def test_larger_subsets_contain_the_smaller_ones(corpus: Path) -> None:
    sizes = [len(fma.load(corpus, subset=name)) for name in ("small", "medium", "large")]
    assert sizes == [2, 3, 3]
    assert len(fma.load(corpus, subset="full", audio="optional")) == 4


def test_clips_known_to_be_short_are_left_out_of_clips_only(corpus: Path) -> None:
    assert len(fma.load(corpus, drop_short=False)) == 3
    full = fma.load(corpus, subset="full", audio="optional")
    assert "098565" in {item.item_id for item in full.items}
    assert len(fma.SHORT_CLIPS) == 21
    assert sum(seconds == 0 for seconds in fma.SHORT_CLIPS.values()) == 15


def test_children_imply_their_parents(corpus: Path) -> None:
    dataset = fma.load(corpus, subset="large", labels="genres")
    labels = {item.item_id: item.labels for item in dataset.items}
    assert dataset.task == "multi-label"
    assert labels["000010"] == ("Hip-Hop", "Power-Pop", "Punk", "Rock")
    assert "000020" not in labels
    # The published genres_all of this track lacks Punk; the tree adds it.
    every = fma.load(corpus, subset="large", labels="genres_all")
    assert labels == {item.item_id: item.labels for item in every.items}


def test_an_absent_album_is_none(corpus: Path) -> None:
    dataset = fma.load(corpus, subset="large", labels="genres_all")
    assert {item.item_id: item.album for item in dataset.items}["000010"] is None


def test_the_tree(corpus: Path) -> None:
    tree = fma.taxonomy(corpus / "fma_metadata")
    assert tree.roots == ("Hip-Hop", "Rock")
    assert tree.ancestors("Power-Pop") == ("Punk", "Rock")
    assert tree.root("Power-Pop") == "Rock"
    assert tree.children("Rock") == ("Punk",)


def test_librosa_statistics_become_features(corpus: Path) -> None:
    dataset = fma.load(corpus / "fma_metadata", features="librosa")
    assert dataset.feature_names == (
        "chroma_cens.kurtosis.01",
        "chroma_cens.kurtosis.02",
        "zcr.mean.01",
    )
    assert dataset.features is not None
    np.testing.assert_array_equal(dataset.features, [[2, 0.5, -1e-3], [5, 0.5, -1e-3]])


def test_echonest_keeps_what_describes_the_sound_and_the_tracks_it_covers(corpus: Path) -> None:
    dataset = fma.load(corpus, features="echonest")
    assert [item.item_id for item in dataset.items] == ["000002"]
    assert dataset.feature_names == (
        "echonest.audio_features.acousticness",
        "echonest.temporal_features.000",
    )
    assert dataset.features is not None
    np.testing.assert_array_equal(dataset.features, [[0.4, 1.5]])


def test_audio_is_counted_where_it_is_missing(corpus: Path) -> None:
    (corpus / "fma_large/000/000005.mp3").unlink()
    with pytest.raises(DatasetError, match=r"1 of 2 files are missing, such as .*000005\.mp3"):
        fma.load(corpus)
    assert [item.path is None for item in fma.load(corpus, audio="optional").items] == [False, True]


def test_a_copy_with_fewer_tracks_than_published_is_worth_a_word(
    corpus: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        fma.load(corpus)
    assert "has 3 tracks of small; 8000 are published" in caplog.text


@pytest.mark.parametrize("missing_bytes", [3, 60, 3000])
def test_a_table_cut_off_in_the_middle(corpus: Path, missing_bytes: int) -> None:
    file = corpus / "fma_metadata/tracks.csv"
    whole = file.read_bytes()
    end = whole.index(b"168,Hip-Hop") if missing_bytes == 3000 else len(whole)
    file.write_bytes(whole[: end - missing_bytes])
    with pytest.raises(DatasetError, match=r"tracks\.csv, (last line|line \d+): .*cut off"):
        fma.load(corpus)


def test_missing_columns_are_named(corpus: Path) -> None:
    file = corpus / "fma_metadata/tracks.csv"
    file.write_text(file.read_text("utf-8").replace("genre_top", "top", 1), encoding="utf-8")
    with pytest.raises(DatasetError, match=r"no column track\.genre_top"):
        fma.load(corpus)


def test_a_flat_table_is_not_the_published_one(corpus: Path) -> None:
    (corpus / "fma_metadata/tracks.csv").write_text("track_id,genre\n2,Rock\n3,Pop\n4,Pop\n")
    with pytest.raises(DatasetError, match="header rows"):
        fma.load(corpus)


def test_wrong_encodings_are_placed(corpus: Path) -> None:
    file = corpus / "fma_metadata/tracks.csv"
    text = file.read_text("utf-8")
    file.write_bytes(text.encode("latin-1"))
    line = text[: text.index("é")].count("\n") + 1
    with pytest.raises(DatasetError, match=f"line {line}: byte 0xe9 is not UTF-8"):
        fma.load(corpus)
    file.write_bytes(text.encode("utf-16"))
    with pytest.raises(DatasetError, match="UTF-16"):
        fma.load(corpus)


def test_a_byte_order_mark_is_skipped(corpus: Path) -> None:
    for name in ("tracks.csv", "genres.csv"):
        file = corpus / "fma_metadata" / name
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert len(fma.load(corpus)) == 2


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (6, "train", r"column set\.split: 'train'"),
        (11, "[12", r"column track\.genres_all: '\[12' is not a list"),
    ],
)
def test_wrong_cells_are_placed(corpus: Path, column: int, value: str, message: str) -> None:
    cells = list(TRACKS[5])
    cells[column] = value
    write_tracks(corpus / "fma_metadata", {5: tuple(cells)})
    with pytest.raises(DatasetError, match=rf"tracks\.csv, line 4, {message}"):
        fma.load(corpus)


def test_a_track_twice(corpus: Path) -> None:
    file = corpus / "fma_metadata/tracks.csv"
    file.write_text(file.read_text("utf-8") + file.read_text("utf-8").splitlines()[-1] + "\n")
    with pytest.raises(DatasetError, match="track 98565 is there twice"):
        list(read_fma_tracks(file))


def test_features_that_are_no_numbers_are_placed(corpus: Path) -> None:
    write_features(corpus / "fma_metadata", {2: (1, 2, 3), 5: (1, "", 3)})
    with pytest.raises(
        DatasetError, match=r"features\.csv, line 6, column chroma_cens\.kurtosis\.02: a blank cell"
    ):
        fma.load(corpus, features="librosa")


def test_a_genre_table_without_a_parent(corpus: Path) -> None:
    (corpus / "fma_metadata/genres.csv").write_text(GENRES.replace("25,9261,12,Punk,12\n", ""))
    with pytest.raises(DatasetError, match="genre 111 has the parent 25"):
        fma.load(corpus)


def test_raw_tables_stream(corpus: Path) -> None:
    raw = corpus / "fma_metadata/raw_genres.csv"
    raw.write_text("genre_id,genre_title\n1,Avant-Garde\n")
    assert list(read_raw(raw.parent, "genres")) == [{"genre_id": "1", "genre_title": "Avant-Garde"}]
    with pytest.raises(ConfigError, match="no raw table 'songs'"):
        next(read_raw(raw.parent, "songs"))


@pytest.mark.parametrize(
    "options", [{"subset": "tiny"}, {"labels": "mood"}, {"features": "x"}, {"audio": "yes"}]
)
def test_unknown_options(corpus: Path, options: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        fma.load(corpus, **options)  # type: ignore[arg-type]


def test_no_metadata(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no fma_metadata/tracks\.csv"):
        fma.load(tmp_path)
