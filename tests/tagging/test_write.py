"""Genres are written into every container, nothing else changes, and all of it can be undone."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tagging_files import DRESSED, UNTAGGABLE, encoded, genre_frame, id3, other_frames

from genrekit.audio import decode
from genrekit.errors import TagError
from genrekit.tagging import (
    Change,
    Wanted,
    WriteOptions,
    begin_run,
    find_run,
    read_tags,
    undo,
    write_tags,
)

WANTED = Wanted(
    ("Hip-Hop", "Jazz", "Ñandú \u266b"), {"model": "box@0.5.0", "scores": "Hip-Hop 0.61; Jazz 0.3"}
)
#: Not UTF-8, where file systems have such names.
ODD = "b\udcff" if sys.platform == "linux" else "b"
Make = Callable[[str, str], bytes]
CASES = pytest.mark.parametrize(("suffix", "dress"), DRESSED, ids=str)


def others(tags: dict[str, list[str]]) -> dict[str, list[str]]:
    """What is not ours."""
    mine = ("GENRE", "GENREKIT_MODEL", "GENREKIT_SCORES")
    return {key: values for key, values in tags.items() if key not in mine}


def ignore(change: Change) -> None:
    """Keep nothing of a change."""


def written(path: Path, content: bytes, wanted: Wanted = WANTED) -> Path:
    path.write_bytes(content)
    assert write_tags(path, wanted, record=ignore) is not None
    return path


@CASES
def test_an_independent_reader_finds_every_value(
    suffix: str, dress: str, dressed: Make, tmp_path: Path
) -> None:
    taglib = pytest.importorskip("taglib")
    path = tmp_path / f"song.{suffix}"
    path.write_bytes(dressed(suffix, dress))
    if dress == "v2.3 extended":
        with taglib.File(str(path)) as file:
            assert "GENRE" not in file.tags  # it looks for frames at the wrong place
        pytest.skip("TagLib does not read such a tag at all")
    with taglib.File(str(path)) as file:
        before = others(file.tags)
    path = written(path, dressed(suffix, dress))
    with taglib.File(str(path)) as file:
        assert set(file.tags["GENRE"]) == set(WANTED.genres)
        assert others(file.tags) == before
        # It shows custom fields of all but two.
        if suffix != "wma" and dress != "v2.2":
            assert file.tags["GENREKIT_MODEL"] == ["box@0.5.0"]
    assert read_tags(path)["genre"] == WANTED.genres


@CASES
def test_audio_is_equal_and_undo_gives_back_every_byte(
    suffix: str, dress: str, dressed: Make, tmp_path: Path
) -> None:
    content = dressed(suffix, dress)
    path = tmp_path / f"song.{suffix}"
    path.write_bytes(content)
    before, time = decode(path), path.stat().st_mtime_ns
    run = begin_run()
    write_tags(path, WANTED, record=run.record)
    assert path.read_bytes() != content
    np.testing.assert_array_equal(decode(path).samples, before.samples)
    write_tags(path, Wanted(("Rock",), {"model": "other"}), record=run.record)
    assert read_tags(path)["genre"] == ("Rock",)
    answers = undo([run])
    assert [one.answer for one in answers] == ["restored", "restored"]
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(content).digest()
    assert path.stat().st_mtime_ns == time
    assert find_run("last").changes() == []


def frames_of(data: bytes) -> list[bytes]:
    """Whole frames, as they are, of a tag without unsynchronisation: simpler code than ours."""
    version, end = data[3], 10 + int("".join(f"{byte:07b}" for byte in data[6:10]), 2)
    letters, head = (3, 6) if version == 2 else (4, 10)
    position, found = 10, []
    while position < end and data[position]:
        size = data[position + letters : position + 2 * letters]
        bits = 7 if version == 4 else 8
        stop = position + head + int("".join(f"{byte:0{bits}b}" for byte in size), 2)
        found.append(data[position:stop])
        position = stop
    return found


@pytest.mark.parametrize("version", [2, 3, 4])
@pytest.mark.parametrize("padding", [0, 5000])
def test_every_other_frame_keeps_its_bytes_and_the_tag_its_version(
    version: int, padding: int, dressed: Make, tmp_path: Path
) -> None:
    tag = id3(version, other_frames(version) + genre_frame("Old", version), padding=padding)
    path = written(tmp_path / "song.mp3", tag + dressed("mp3", "bare"))
    new = path.read_bytes()
    assert new[:5] == tag[:5]
    mine = (b"TCO", b"TXXX" if version > 2 else b"TXX")
    kept = [one for one in frames_of(new) if not one.startswith(mine) or b"mood" in one]
    assert kept == [one for one in frames_of(tag) if not one.startswith(b"TCO")]
    if padding:
        assert len(new) == len(tag + dressed("mp3", "bare"))


@pytest.mark.parametrize(
    ("separator", "said"), [(None, WANTED.genres), ("; ", ("; ".join(WANTED.genres),))]
)
def test_v23_has_nuls_or_the_separator_that_was_asked_for(
    separator: str | None, said: tuple[str, ...], dressed: Make, tmp_path: Path
) -> None:
    wanted = Wanted(WANTED.genres, v23_separator=separator)
    path = written(tmp_path / "song.mp3", dressed("mp3", "v2.3"), wanted)
    assert read_tags(path)["genre"] == said


@pytest.mark.parametrize("dress", ["ape and v1", "everything"])
def test_second_places_are_refreshed(dress: str, dressed: Make, tmp_path: Path) -> None:
    path = written(tmp_path / "song.mp3", dressed("mp3", dress), Wanted(("Jazz", "Soul")))
    data = path.read_bytes()
    assert data[-1] == 8
    assert b"Genre\0Jazz\0Soul" in data
    assert b"Old" not in data


def test_second_places_are_not_made(bare: Callable[[str], bytes], tmp_path: Path) -> None:
    data = written(tmp_path / "song.mp3", bare("mp3")).read_bytes()
    assert b"APETAGEX" not in data
    assert data[-128:-125] != b"TAG"
    wav = written(tmp_path / "song.wav", bare("wav")).read_bytes()
    assert b"IGNR" not in wav


def test_list_info_is_refreshed(dressed: Make, tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", dressed("wav", "LIST INFO"), Wanted(("Jazz", "Soul")))
    assert b"IGNR\x0b\0\0\0Jazz; Soul\0\0ISFT" in path.read_bytes()


@pytest.mark.parametrize("suffix", UNTAGGABLE)
def test_what_has_no_place_for_a_genre_is_one_typed_record(suffix: str, tmp_path: Path) -> None:
    path = encoded(suffix, tmp_path / f"song.{suffix}")
    content = path.read_bytes()
    with pytest.raises(TagError) as caught:
        write_tags(path, WANTED, record=ignore)
    assert caught.value.state == "cannot_be_tagged"
    assert path.read_bytes() == content


def test_nothing_is_written_twice(dressed: Make, tmp_path: Path) -> None:
    path = written(tmp_path / "song.flac", dressed("flac", "tagged"))
    # Reading moves the time of access, which is no write.
    before = path.stat()
    assert write_tags(path, WANTED, record=ignore) is None
    after = path.stat()
    assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size)
    assert (after.st_mtime_ns, after.st_ctime_ns) == (before.st_mtime_ns, before.st_ctime_ns)


# --- files that are not plain ones ---------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_symbolic_link_stays_one(bare: Callable[[str], bytes], tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(bare("mp3"))
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.mp3"
    link.symlink_to(path)
    run = begin_run()
    write_tags(link, WANTED, record=run.record)
    assert link.is_symlink()
    assert read_tags(path)["genre"] == WANTED.genres
    assert [one.answer for one in undo([run], below=link)] == ["restored"]
    assert path.read_bytes() == bare("mp3")


def test_hard_links_ask(bare: Callable[[str], bytes], tmp_path: Path) -> None:
    path, other = tmp_path / "song.mp3", tmp_path / "other.mp3"
    path.write_bytes(bare("mp3"))
    other.hardlink_to(path)
    with pytest.raises(TagError) as caught:
        write_tags(path, WANTED, record=ignore)
    assert caught.value.state == "hard_linked"
    write_tags(path, WANTED, record=ignore, options=WriteOptions(separate_hard_links=True))
    assert other.read_bytes() == bare("mp3") != path.read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="there are no such modes")
def test_mode_attributes_and_time_stay(bare: Callable[[str], bytes], tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(bare("mp3"))
    path.chmod(0o640)
    os.utime(path, ns=(1, 10**18 + 7))
    if hasattr(os, "setxattr"):
        try:
            os.setxattr(path, "user.mine", b"value")
        except OSError:
            pytest.skip("this file system has no attributes")
    write_tags(path, WANTED, record=ignore, options=WriteOptions(keep_mtime=True))
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.stat().st_mtime_ns == 10**18 + 7
    if hasattr(os, "setxattr"):
        assert os.getxattr(path, "user.mine") == b"value"
    write_tags(path, Wanted(("Rock",)), record=ignore)
    assert path.stat().st_mtime_ns > 10**18 + 7


@pytest.mark.skipif(os.name == "nt", reason="there are no such modes")
def test_write_protected_files_are_left_alone(bare: Callable[[str], bytes], tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(bare("mp3"))
    path.chmod(0o444)
    with pytest.raises(TagError) as caught:
        write_tags(path, WANTED, record=ignore)
    assert caught.value.state == "read_only"


def test_undo_refuses_by_name_what_has_changed_since(
    bare: Callable[[str], bytes], tmp_path: Path
) -> None:
    run = begin_run()
    paths = [tmp_path / f"{name}.mp3" for name in ("a", ODD, "c")]
    for path in paths:
        path.write_bytes(bare("mp3"))
        write_tags(path, WANTED, record=run.record)
    edited = paths[0].read_bytes() + b"more"
    paths[0].write_bytes(edited)
    paths[2].unlink()
    rehearsed = undo([run], dry_run=True)
    assert [one.answer for one in rehearsed] == ["refused", "restorable", "refused"]
    assert paths[1].read_bytes() != bare("mp3")
    answers = undo([run])
    assert [one.answer for one in answers] == ["refused", "restored", "refused"]
    assert str(paths[0]) in answers[2].why
    assert paths[0].read_bytes() == edited
    assert paths[1].read_bytes() == bare("mp3")
    assert len(find_run(run.info.name).changes()) == 2


def test_undo_of_two_runs_goes_backwards(bare: Callable[[str], bytes], tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(bare("mp3"))
    first = begin_run()
    write_tags(path, WANTED, record=first.record)
    second = begin_run()
    write_tags(path, Wanted(("Rock",)), record=second.record)
    assert [one.answer for one in undo([first], dry_run=True)] == ["refused"]
    assert [one.answer for one in undo([first, second], below=tmp_path)] == ["restored"] * 2
    assert path.read_bytes() == bare("mp3")
