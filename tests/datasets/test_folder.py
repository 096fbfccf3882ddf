from __future__ import annotations

from pathlib import Path

import pytest

from genrekit.datasets import load_dataset, make_split
from genrekit.errors import DatasetError


def touch(folder: Path, *names: str) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")


def test_the_first_folder_is_the_label(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "rock/b.mp3",
        "rock/album one/a.FLAC",
        "jazz/c.ogg",
        "jazz/cover.jpg",
        "jazz/._c.ogg",
        "loose.mp3",
        "empty/notes.txt",
    )
    data = load_dataset("folder", tmp_path)
    assert data.labels == ("jazz", "rock")
    assert [(item.item_id, item.labels[0], item.group) for item in data.items] == [
        ("jazz/c.ogg", "jazz", "jazz/c"),
        ("rock/album one/a.FLAC", "rock", "rock/album one/a"),
        ("rock/b.mp3", "rock", "rock/b"),
    ]
    assert data.items[0].path == tmp_path / "jazz/c.ogg"


def test_two_encodings_of_a_file_are_one_recording(tmp_path: Path) -> None:
    touch(tmp_path, "a/x.mp3", "a/x.flac", "a/y.mp3", "b/x.mp3", "b/z.mp3")
    data = load_dataset("folder", tmp_path)
    assert data.groups() == ("a/x", "a/x", "a/y", "b/x", "b/z")


def test_gtzan_segments_are_grouped_by_track(tmp_path: Path) -> None:
    touch(
        tmp_path,
        *(
            f"{g}/{g}.0001{t}.{s}.wav"
            for g in ("blues", "rock")
            for t in (0, 1, 2)
            for s in range(10)
        ),
    )
    data = load_dataset("folder", tmp_path)
    assert len(set(data.groups())) == 6
    (fold,) = make_split(data, "fault-filtered").folds
    assert [len(side) for side in (fold.train, fold.valid, fold.test)] == [0, 20, 40]


def test_a_folder_without_two_labels_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "rock/a.mp3", "b.mp3")
    with pytest.raises(DatasetError, match=r"1 labels \['rock'\]"):
        load_dataset("folder", tmp_path)
    with pytest.raises(DatasetError, match="is not a folder"):
        load_dataset("folder", tmp_path / "absent")
