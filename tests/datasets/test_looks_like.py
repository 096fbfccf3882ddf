from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from genrekit.datasets.cells import read_cells
from genrekit.datasets.looks_like import corpus_of, find_corpora
from genrekit.errors import DatasetError

NUMBERS = "a,b,c,d,e,f,g"


def touch(root: Path, *names: str) -> Path:
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    return root


@pytest.mark.parametrize(
    ("names", "corpus"),
    [
        (("blues/blues.00000.wav", "jazz/jazz.00001.au"), "gtzan"),
        (("blues/blues.00000.0.wav", "jazz/jazz.00001.0.wav"), "folder"),
        (("calm/a.mp3", "loud/b.ogg", "loud/notes.txt"), "folder"),
        (("rock/album one/1.mp3", "jazz/another/cd 1/1.mp3"), "folder"),
        (("calm/a.png", "loud/b.png"), "pictures"),
        (("images_original/blues/blues00000.png",), "pictures"),
        (("fma_metadata/tracks.csv",), "fma"),
        (("tracks.csv", "genres.csv"), "fma"),
        (("metadata/training/tracklist.csv",), "ismir04"),
        (("autotagging_genre-train.tsv",), "jamendo"),
        (("msd_tagtraum_cd2c.cls",), "msd"),
    ],
)
def test_folders_are_known_by_what_is_in_them(
    tmp_path: Path, names: tuple[str, ...], corpus: str
) -> None:
    assert corpus_of(touch(tmp_path, *names)) == corpus


@pytest.mark.parametrize(
    ("name", "text", "corpus"),
    [
        ("t.csv", f"filename,{NUMBERS},label\n", "table"),
        ("t.tsv", "label\tx\n", "table"),
        ("t.csv", "path,label,artist\n", "manifest"),
        ("t.csv", "Path;Label\n", "manifest"),
        ("t.csv", f"path,{NUMBERS},h,label\n", "table"),
        ("t.jsonl", "{}", "manifest"),
        ("t.parquet", "PAR1", "table"),
        ("t.csv", "", "table"),
    ],
)
def test_files_are_known_by_suffix_and_header(
    tmp_path: Path, name: str, text: str, corpus: str
) -> None:
    file = tmp_path / name
    file.write_text(text)
    assert corpus_of(file) == corpus


@pytest.mark.parametrize("content", [b"a\rb", b"x" * 200_000], ids=["return", "endless"])
def test_bytes_that_no_reader_of_tables_takes_are_known_by_name(
    tmp_path: Path, content: bytes
) -> None:
    """What is not a table at all has carriage returns within lines, and endless cells."""
    file = tmp_path / "t.csv"
    file.write_bytes(content)
    assert corpus_of(file) == "table"


@pytest.fixture
def short_cells() -> Iterator[None]:
    """Readers of published lists raise the limit for the whole process."""
    before = csv.field_size_limit(1 << 17)
    yield
    csv.field_size_limit(before)


@pytest.mark.usefixtures("short_cells")
def test_an_endless_cell_is_an_error_that_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"x" * 200_000)
    with pytest.raises(DatasetError, match=r"t\.csv, line 1: field larger"):
        read_cells(tmp_path / "t.csv")


def test_one_recording_is_no_set_and_is_not_read_as_a_table(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"song\.wav is one recording"):
        corpus_of(touch(tmp_path, "song.wav") / "song.wav")


def test_all_sets_below_a_folder_are_found_and_lists_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "audio/clips/blues/a.wav", "audio/clips/jazz/b.wav")
    touch(tmp_path, "audio/snippets/blues/a.wav", "audio/snippets/jazz/b.wav", ".hidden/x/a.wav")
    touch(tmp_path, "weights/model.bin", "notes.txt")
    (tmp_path / "audio/index.csv").write_text("file,genre,seconds\na.wav,blues,30\n")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/f.csv").write_text(f"filename,{NUMBERS},label\nx,1,2,3,4,5,6,7,calm\n")
    (tmp_path / "tables/tempo.csv").write_text("track,bpm\nx,120\n")
    found = [(name, path.relative_to(tmp_path).as_posix()) for name, path in find_corpora(tmp_path)]
    assert found == [
        ("folder", "audio/clips"),
        ("folder", "audio/snippets"),
        ("table", "tables/f.csv"),
    ]


def test_nothing_there_is_an_error_that_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="neither a file nor a folder"):
        find_corpora(tmp_path / "absent")
    with pytest.raises(DatasetError, match="looks like no corpus"):
        find_corpora(touch(tmp_path, "one/a.wav", "readme.txt"))
