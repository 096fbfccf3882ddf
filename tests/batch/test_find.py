"""Which files a folder means."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from genrekit.batch import find_audio, scan_for_audio, walk_audio


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A library with everything that does not belong in one."""
    for name in (
        "b/2.mp3",
        "b/10.mp3",
        "a.FLAC",
        "c.wav",
        "cover.jpg",
        "notes.txt",
        ".hidden.mp3",
        ".cache/x.mp3",
        "b/deep/er/d.wav",
        "no_suffix",
    ):
        path = tmp_path / "music" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "music"


def _names(found: list[Path], folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in found]


def test_a_folder_is_walked_in_order(music: Path) -> None:
    assert _names(find_audio([music]), music) == [
        "a.FLAC",
        "b/10.mp3",
        "b/2.mp3",
        "b/deep/er/d.wav",
        "c.wav",
    ]


def test_named_files_are_kept_whatever_they_are(music: Path) -> None:
    named = [music / "notes.txt", music / "missing.mp3", music / ".hidden.mp3"]
    assert find_audio(named) == named
    assert find_audio([str(named[0])]) == named[:1]


def test_each_file_comes_once(music: Path) -> None:
    both = find_audio([music / "c.wav", music, music / "b"])
    assert both[0] == music / "c.wav"
    assert len(both) == len(set(both)) == 5


def test_links_are_followed_but_not_in_circles(music: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "e.mp3").touch()
    (music / "linked").symlink_to(tmp_path / "elsewhere")
    (music / "b" / "circle").symlink_to(music)
    (music / "self").symlink_to("self")
    (music / "dangling.mp3").symlink_to("nowhere.mp3")
    assert _names(find_audio([music]), music) == [
        "a.FLAC",
        "b/10.mp3",
        "b/2.mp3",
        "b/deep/er/d.wav",
        "c.wav",
        "dangling.mp3",
        "linked/e.mp3",
    ]


def test_a_deep_tree_is_no_problem(tmp_path: Path) -> None:
    here = Path.cwd()
    try:
        os.chdir(tmp_path)
        for _ in range(300):
            Path("d").mkdir()
            os.chdir("d")
        Path("song.mp3").touch()
    finally:
        os.chdir(here)
    (found,) = find_audio([tmp_path])
    assert found.name == "song.mp3"


def test_paths_that_are_too_long_for_the_system_are_found_and_no_crash(tmp_path: Path) -> None:
    (tmp_path / "song.mp3").touch()
    here, name = Path.cwd(), "d" * 200
    try:
        os.chdir(tmp_path)
        for _ in range(22):
            Path(name).mkdir()
            os.chdir(name)
    finally:
        os.chdir(here)
    found = find_audio([tmp_path, "n" * 300 + ".mp3", "a\0.mp3"])
    assert (tmp_path / "song.mp3") in found
    assert [path.name for path in found[-2:]] == ["n" * 300 + ".mp3", "a\0.mp3"]
    assert find_audio(["a\0.mp3", tmp_path])[0].name == "a\0.mp3"


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    assert find_audio([tmp_path]) == []


def test_each_file_is_found_once_and_as_soon_as_it_is_met(music: Path) -> None:
    (music / "b" / "link.mp3").symlink_to(music / "c.wav")
    named = [music / "c.wav", music, music / "b" / "2.mp3", music / "c.wav", music / "b"]
    assert sorted(find_audio(named)) == sorted(find_audio([music]))
    found = walk_audio([music], Counter())
    assert next(found) == music / "a.FLAC"
    (music / "b" / "late.mp3").touch()
    assert music / "b" / "late.mp3" in list(found)


def test_what_is_passed_over_is_counted(music: Path) -> None:
    found = scan_for_audio([music, music / "notes.txt"])
    assert found.skipped == {".jpg": 1, ".txt": 1, "": 1}
    assert music / "notes.txt" in found.files
