"""The jukebox corpus: clips are written once, listed ever after, and never mixed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from genrekit.datasets import load_dataset, make_split
from genrekit.errors import ConfigError, DatasetError
from genrekit.jukebox import JUKEBOX_GENRES, synthesise


def test_writes_clips_that_are_what_the_synthesiser_gives(tmp_path: Path) -> None:
    dataset = load_dataset("jukebox", tmp_path / "new", clips_per_genre=2, seconds=0.5, seed=3)
    assert dataset.labels == JUKEBOX_GENRES
    assert len(dataset) == 20
    assert dataset.items[1].item_id == "jukebox-blues-00004"
    assert len(set(dataset.groups())) == 20
    path = dataset.items[1].path
    assert path is not None
    samples, rate_hz = soundfile.read(path, dtype="float32")
    assert rate_hz == 22050
    np.testing.assert_allclose(
        samples, synthesise("blues", seconds=0.5, seed=4).samples, atol=2 / 2**15
    )


def test_listing_again_leaves_files_alone_and_adds_what_is_missing(tmp_path: Path) -> None:
    first = load_dataset("jukebox", tmp_path, clips_per_genre=1, seconds=0.2)
    times = [item.path.stat().st_mtime_ns for item in first.items if item.path]
    more = load_dataset("jukebox", tmp_path, clips_per_genre=2, seconds=0.2)
    assert [item.path.stat().st_mtime_ns for item in first.items if item.path] == times
    assert len(more) == 20
    assert all(item.path is not None and item.path.is_file() for item in more.items)
    again = load_dataset("jukebox", tmp_path, clips_per_genre=1, seconds=0.2)
    assert again.fingerprint == first.fingerprint != more.fingerprint
    assert not list(tmp_path.rglob("*.part"))


def test_without_a_path_it_lives_in_the_users_folder() -> None:
    from genrekit.files import home

    dataset = load_dataset("jukebox", clips_per_genre=1, seconds=0.1)
    assert all(item.path is not None and home() in item.path.parents for item in dataset.items)


def test_it_splits_by_recording(tmp_path: Path) -> None:
    dataset = load_dataset("jukebox", tmp_path, clips_per_genre=3, seconds=0.1)
    split = make_split(dataset, "grouped-kfold", n_folds=3)
    assert not split.leaky
    for fold in split.folds:
        assert not set(fold.train) & set(fold.test)


def test_folders_with_other_contents_are_refused(tmp_path: Path) -> None:
    jukebox, music = tmp_path / "jukebox", tmp_path / "music"
    load_dataset("jukebox", jukebox, clips_per_genre=1, seconds=0.1)
    with pytest.raises(DatasetError, match="name another folder"):
        load_dataset("jukebox", jukebox, clips_per_genre=1, seconds=0.2)
    music.mkdir()
    (music / "song.mp3").write_bytes(b"mine")
    with pytest.raises(DatasetError, match="not a jukebox"):
        load_dataset("jukebox", music, clips_per_genre=1, seconds=0.1)
    assert [file.name for file in music.iterdir()] == ["song.mp3"]
    (jukebox / "jukebox.json").write_text("{", encoding="utf-8")
    with pytest.raises(DatasetError, match="unreadable"):
        load_dataset("jukebox", jukebox, clips_per_genre=1, seconds=0.1)


def test_a_place_that_cannot_be_a_folder_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    with pytest.raises(DatasetError, match="cannot write"):
        load_dataset("jukebox", file / "below", clips_per_genre=1, seconds=0.1)


@pytest.mark.parametrize(
    "options", [{"clips_per_genre": 0}, {"seconds": -1.0}, {"seed": -1}, {"sample_rate_hz": 1}]
)
def test_bad_numbers_are_refused_before_anything_is_written(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        load_dataset("jukebox", tmp_path, **options)
    assert not list(tmp_path.iterdir())
