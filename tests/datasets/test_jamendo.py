from __future__ import annotations

import logging
from pathlib import Path

import pytest

from genrekit.datasets import jamendo
from genrekit.errors import ConfigError, DatasetError

HEADER = "TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS\n"
ROWS = {
    "train": (
        "track_0000241\tartist_000005\talbum_000033\t41/241.mp3\t340.1\tgenre---rock\tgenre---indie\n"
        "track_0000242\tartist_000005\talbum_000033\t42/242.mp3\t248.5\tgenre---rock\n"
    ),
    "validation": "track_0000773\tartist_000104\talbum_000126\t73/773.mp3\t275.3\tgenre---pop\n",
    "test": (
        "track_0000214\tartist_000014\talbum_000031\t14/214.mp3\t124.6\tgenre---punkrock\n"
        "track_0000999\tartist_000014\talbum_000031\t99/999.mp3\t1.5\tmood/theme---happy\n"
    ),
}
NAMES = ("41/241", "42/242", "73/773", "14/214")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    split = tmp_path / "data/splits/split-0"
    split.mkdir(parents=True)
    for part, rows in ROWS.items():
        (split / f"autotagging_genre-{part}.tsv").write_text(HEADER + rows)
    (tmp_path / "data/autotagging_genre.tsv").write_text(HEADER + "".join(ROWS.values()))
    for name in NAMES:
        file = tmp_path / f"audio/{name}.mp3"
        file.parent.mkdir(parents=True)
        file.touch()
    return tmp_path


def test_tags_of_any_number_become_labels(repository: Path) -> None:
    dataset = jamendo.load(repository)
    assert dataset.task == "multi-label"
    assert dataset.labels == ("indie", "pop", "punkrock", "rock")
    first = dataset.items[0]
    assert (first.item_id, first.labels) == ("track_0000241", ("indie", "rock"))
    assert (first.artist, first.album) == ("artist_000005", "album_000033")
    assert first.path == repository / "audio/41/241.mp3"
    assert [item.split for item in dataset.items] == ["train", "train", "valid", "test"]


def test_tracks_without_a_genre_are_left_out_with_a_word(
    repository: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert len(jamendo.load(repository)) == 4
    assert "1 tracks have no genre tag" in caplog.text


def test_the_whole_table_has_no_parts(repository: Path) -> None:
    dataset = jamendo.load(repository, split=None)
    assert len(dataset) == 4
    assert {item.split for item in dataset.items} == {None}


def test_three_files_in_one_folder(repository: Path) -> None:
    folder = repository / "data/splits/split-0"
    assert len(jamendo.load(folder, audio_folder=repository / "audio")) == 4


def test_low_quality_files_are_named_otherwise(repository: Path) -> None:
    for name in NAMES:
        (repository / f"audio/{name}.mp3").rename(repository / f"audio/{name}.low.mp3")
    assert jamendo.load(repository).items[0].path == repository / "audio/41/241.low.mp3"


def test_missing_audio_is_counted(repository: Path) -> None:
    (repository / "audio/73/773.mp3").unlink()
    with pytest.raises(DatasetError, match=r"1 of 4 files are missing, such as .*773\.mp3"):
        jamendo.load(repository)
    assert jamendo.load(repository, audio="optional").items[2].path is None


def test_splits_that_are_not_there(repository: Path) -> None:
    with pytest.raises(DatasetError, match=r"split-3.autotagging_genre-train\.tsv"):
        jamendo.load(repository, split=3)
    with pytest.raises(ConfigError, match="splits 0 to 4"):
        jamendo.load(repository, split=5)
    with pytest.raises(DatasetError, match="is not a folder"):
        jamendo.load(repository / "absent")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("TRACK_ID\tARTIST_ID\tTAGS\n", r"expected the columns"),
        (HEADER + "track_1\tartist_1\talbum_1\t1/1.mp3\n", r"line 2: 4 filled cells.*cut off"),
        (HEADER + "track_1\tartist_1\talbum_1\t1/1.mp3\t9\t\n", r"line 2: 5 filled cells"),
        (HEADER + "track_1\ta\tb\t1/1.mp3\tlong\tgenre---a\n", r"line 2, column DURATION: 'long'"),
        (HEADER + "track_1\ta\tb\t1/1.mp3\t9\trock\n", r"line 2, column TAGS: 'rock' has no cat"),
    ],
)
def test_malformed_tables_are_placed(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "autotagging_genre.tsv").write_text(text)
    with pytest.raises(DatasetError, match=message):
        jamendo.load(tmp_path, split=None)


@pytest.mark.real
def test_the_real_split_keeps_artists_and_albums_apart(real_data: Path) -> None:
    dataset = jamendo.load(real_data / "other_tables/mtg_jamendo", audio="optional")
    assert (len(dataset), len(dataset.labels)) == (55094, 87)
    for owner in ("artist", "album"):
        parts: dict[str, set[str]] = {}
        for item in dataset.items:
            parts.setdefault(getattr(item, owner), set()).add(str(item.split))
        assert all(len(found) == 1 for found in parts.values())
