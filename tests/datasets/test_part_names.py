"""Parts of one recording that nobody but their names tells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from genrekit.datasets import CorpusInfo, Dataset, Item, load_dataset, make_split, mark
from genrekit.datasets.part_names import named_recordings, with_named_parts
from genrekit.datasets.relations import artist_key
from genrekit.errors import LeakError
from genrekit.evaluation import find_leaks


def items(*names: str, label: str = "rock") -> list[Item]:
    return [Item(name, (label,), name) for name in names]


def recordings(*names: str, label: str = "rock") -> set[frozenset[str]]:
    found: dict[str, set[str]] = {}
    for item, recording in named_recordings(items(*names, label=label)).items():
        found.setdefault(recording, set()).add(item)
    return {frozenset(one) for one in found.values()}


@pytest.mark.parametrize(
    "names",
    [
        ("song_part0.wav", "song_part1.wav", "song_part2.wav"),
        ("Song-Part 1.mp3", "song-part 2.mp3"),
        ("a song (part 01).flac", "a song (part 02).flac"),
        ("song_seg1", "song_seg2"),
        ("song.segment.3.wav", "song.segment.7.wav"),
        ("song_chunk_000.wav", "song_chunk_001.wav"),
        ("song_1of3.wav", "song_2of3.wav"),
        ("song_clip1.wav", "song2_clip1.wav", "song_clip2.wav", "song2_clip2.wav"),
        ("song_0-30.wav", "song_30-60.wav"),
        ("song_0s_10s.wav", "song_10s_20s.wav"),
        ("train/song_part0.wav", "test/song_part1.wav"),
    ],
)
def test_parts_are_told_by_their_names(names: Sequence[str]) -> None:
    assert frozenset.union(*recordings(*names)) == set(names)


@pytest.mark.parametrize(
    "names",
    [
        ("song.wav", "song2.wav"),
        ("rock.00001.wav", "rock.00002.wav"),
        ("rock_1.wav", "rock_2.wav"),
        ("rock_clip1.wav", "rock_clip2.wav"),
        ("part1.wav", "part2.wav"),
        ("song_part1.wav", "other_part2.wav"),
        ("song_1980-1984.wav", "song_1990-1999.wav"),
        ("song_part1.wav",),
    ],
)
def test_tracks_are_no_parts(names: Sequence[str]) -> None:
    assert not recordings(*names)


def test_parts_of_one_name_in_two_folders_are_two_recordings() -> None:
    found = recordings("a/01_part1.wav", "a/01_part2.wav", "b/01_part1.wav", "b/01_part2.wav")
    assert found == {
        frozenset({"a/01_part1.wav", "a/01_part2.wav"}),
        frozenset({"b/01_part1.wav", "b/01_part2.wav"}),
    }


def test_a_folder_keeps_parts_together_and_the_leak_detector_finds_them_apart(
    tmp_path: Path,
) -> None:
    lines = ["path,label,split"]
    for genre in ("jazz", "rock"):
        for track in range(4):
            for part in range(3):
                side = "test" if part == 2 else "train"
                lines.append(f"{genre}/{genre}{track}_part{part}.wav,{genre},{side}")
                file = tmp_path / genre / f"{genre}{track}_part{part}.wav"
                file.parent.mkdir(exist_ok=True)
                file.touch()
    folder = load_dataset("folder", tmp_path)
    assert len(set(folder.groups())) == 8
    (tmp_path / "manifest.csv").write_text("\n".join(lines), encoding="utf-8")
    data = load_dataset("manifest", tmp_path / "manifest.csv")
    with pytest.raises(LeakError, match="two sides"):
        make_split(data, "official")
    leaks = find_leaks(data, make_split(data, "official", allow_leaking=True))
    assert [leak.kind for leak in leaks] == ["segments"]
    assert len(leaks[0].items) == 8


def test_data_that_was_not_loaded_is_looked_at_too() -> None:
    info = CorpusInfo("title", "licence", "citation", "homepage")
    made = tuple(
        Item(f"{genre}/s{number}_part{part}.wav", (genre,), f"{genre}{number}{part}", split=side)
        for genre in ("jazz", "rock")
        for number in range(2)
        for part, side in enumerate(("train", "test"))
    )
    data = Dataset("made", ("jazz", "rock"), made, info)
    leaks = find_leaks(data, make_split(data, "official"))
    assert [leak.kind for leak in leaks] == ["segments"]
    assert len(set(with_named_parts(data).groups())) == 4
    assert not find_leaks(data, make_split(data, "grouped-kfold", n_folds=2))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Nina Simone", "NINA  SIMONE"),
        ("Nina Simone", "nina simone feat. Hot Chip"),
        ("Nina Simone", "Nina Simone (ft. Hot Chip)"),
        ("Nina Simone", "Nina Simone [Featuring Hot Chip]"),
        ("Nina Simone", "nina_simone"),
        ("Beyoncé", "Beyonce"),
        ("The Beatles", "Beatles, The"),
    ],
)
def test_an_artist_is_one_in_every_spelling(one: str, other: str) -> None:
    assert artist_key(one) == artist_key(other)
    assert mark(Item("a", ("x",), "a", artist=one), "artist") == artist_key(other)


def test_different_artists_stay_different() -> None:
    names = ("Simon", "Simon & Garfunkel", "Daft Punk", "Feature Kid", "The The", "Defeater")
    assert len({artist_key(name) for name in names}) == len(names)
