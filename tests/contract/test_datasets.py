"""What every corpus in the catalog owes its users."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from genrekit.datasets import (
    DATASETS,
    PROTOCOLS,
    Dataset,
    Split,
    corpus_info,
    leaking_groups,
    leaking_relations,
    load_dataset,
    make_split,
)
from genrekit.errors import DatasetError
from genrekit.evaluation import find_leaks

FORMS = {"folder", "manifest", "pictures", "table"}  # in which any corpus may come
Place = Callable[[Path], Path | None]


def _gtzan(folder: Path) -> Path:
    for genre in ("blues", "jazz", "rock"):
        for number in (0, 5, 11, 15, 30, 33, 51, 61, 75, 95):
            file = folder / "genres" / genre / f"{genre}.{number:05d}.wav"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"RIFF")
    return folder


def _folder(folder: Path) -> Path:
    for label in ("calm", "loud"):
        for number in range(12):
            file = folder / label / f"{number}.mp3"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"")
    return folder


def _table(folder: Path) -> Path:
    rows = [
        f"{genre}.000{track:02d}.{part}.wav,{track * part / 7},{genre}"
        for genre in ("blues", "jazz", "rock")
        for track in (0, 11, 15, 30, 61, 75)
        for part in range(4)
    ]
    file = folder / "features.csv"
    file.write_text("\n".join(["filename,f,label", *rows]), encoding="utf-8")
    return file


def _fma(folder: Path) -> Path:
    columns = (
        "set.split set.subset track.genre_top track.genres track.genres_all artist.id album.id"
    )
    groups, names = zip(*(column.split(".") for column in columns.split()), strict=True)
    rows = [
        f'{n},{part},small,{genre},"[{number}]","[{number}]",{n},{n}'
        for n in range(12)
        for genre, number in ([("Folk", 17), ("Rock", 12)][n % 2],)
        for part in (["training", "validation", "test"][n % 3],)
    ]
    header = [",".join(["", *groups]), ",".join(["", *names]), "track_id" + "," * len(names)]
    _write(folder / "fma_metadata/tracks.csv", "\n".join([*header, *rows, ""]))
    genres = "genre_id,#tracks,parent,title,top_level\n12,6,0,Rock,12\n17,6,0,Folk,17\n"
    _write(folder / "fma_metadata/genres.csv", genres)
    for n in range(12):
        _write(folder / f"fma_small/000/{n:06d}.mp3", "")
    return folder


def _msd(folder: Path) -> Path:
    rows = [f"TRAAAAW128F429D5{n:02d}\t{['Rock', 'Jazz'][n % 2]}" for n in range(12)]
    _write(folder / "msd_tagtraum_cd2c.cls", "\n".join(rows))
    return folder


def _jamendo(folder: Path) -> Path:
    header = "TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS"
    for number, part in enumerate(("train", "validation", "test")):
        rows = [header]
        for n in range(number * 4, number * 4 + 4):
            tags = ["genre---rock\tgenre---indie", "genre---pop"][n % 2]
            rows.append(f"track_{n}\tartist_{n}\talbum_{n}\t{n:02d}/{n}.mp3\t30.5\t{tags}")
            _write(folder / f"audio/{n:02d}/{n}.mp3", "")
        _write(folder / f"splits/split-0/autotagging_genre-{part}.tsv", "\n".join(rows))
    return folder


def _ismir04(folder: Path) -> Path:
    for part in ("training", "development", "evaluation"):
        rows = [
            f'"{genre}","artist_{n}","album","track","{n}","{genre}/{n}.mp3"'
            for n, genre in enumerate(["classical", "world"] * 2)
        ]
        _write(folder / f"metadata/{part}/tracklist.csv", "\n".join(rows))
        for n, genre in enumerate(["classical", "world"] * 2):
            _write(folder / f"audio/{part}/{genre}/{n}.mp3", "")
    return folder


def _pictures(folder: Path) -> Path:
    for genre in ("blues", "jazz"):
        for number in (0, 11, 15, 30, 61, 75):
            _write(folder / f"{genre}/{genre}{number:05d}.png", "")
    return folder


def _manifest(folder: Path) -> Path:
    rows = [f"{n}.wav,{['calm', 'loud'][n % 2]},{n // 2}" for n in range(12)]
    for n in range(12):
        _write(folder / f"{n}.wav", "")
    return _write(folder / "manifest.csv", "\n".join(["path,label,artist", *rows]))


def _write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def _nothing(folder: Path) -> None:
    return None


# A small copy of each corpus; a corpus without one here fails the test below.
PLACES: dict[str, Place] = {
    "gtzan": _gtzan,
    "folder": _folder,
    "table": _table,
    "jukebox": _nothing,
    "fma": _fma,
    "ismir04": _ismir04,
    "jamendo": _jamendo,
    "manifest": _manifest,
    "msd": _msd,
    "pictures": _pictures,
}


# Corpora that are made when they are loaded are made small.
OPTIONS: dict[str, dict[str, Any]] = {"jukebox": {"clips_per_genre": 3, "seconds": 0.5}}


def small(corpus: str, folder: Path, **options: Any) -> Dataset:
    return load_dataset(corpus, PLACES[corpus](folder), **OPTIONS.get(corpus, {}), **options)


@pytest.fixture(scope="module")
def copy_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Dataset]:
    """Load the small copy of a corpus, once for all tests that only look at it."""
    return cache(lambda corpus: small(corpus, tmp_path_factory.mktemp(corpus)))


def test_every_corpus_has_a_small_copy() -> None:
    assert set(DATASETS) == set(PLACES)


@pytest.mark.parametrize(
    "corpus", sorted(set(DATASETS) - {"folder", "manifest", "table", "pictures"})
)
def test_a_published_corpus_says_what_weights_call_it(corpus: str) -> None:
    info = corpus_info(corpus)
    assert info.is_called(corpus.upper())
    assert not info.is_called(corpus[:-1])


@pytest.mark.parametrize("corpus", DATASETS.names())
def test_licence_citation_and_homepage_are_stated(corpus: str) -> None:
    info = corpus_info(corpus)
    for text in (info.title, info.licence, info.citation, info.homepage, info.layout):
        assert text.strip()


@pytest.mark.parametrize("corpus", DATASETS.names())
def test_loading_twice_gives_the_same_dataset(corpus: str, tmp_path: Path) -> None:
    first, second = small(corpus, tmp_path), small(corpus, tmp_path)
    assert first.fingerprint == second.fingerprint
    assert first.items == second.items
    assert first.info.licence


@pytest.mark.parametrize("protocol", PROTOCOLS.names())
@pytest.mark.parametrize("corpus", DATASETS.names())
def test_no_recording_is_on_two_sides(
    corpus: str, protocol: str, copy_of: Callable[[str], Dataset]
) -> None:
    data = copy_of(corpus)
    official = protocol in ("fault-filtered", "official")
    if official and all(item.split != "test" for item in data.items):
        with pytest.raises(DatasetError, match="official test part"):
            make_split(data, protocol)
        return
    if protocol == "leave-one-artist-out" and not any(item.artist for item in data.items):
        with pytest.raises(DatasetError, match="0 artists"):
            make_split(data, protocol)
        return
    split = make_split(data, protocol, n_folds=3)
    assert split.leaky or leaking_groups(data, split) == ()
    if not (split.leaky or official):
        assert leaking_relations(data, split) == {}
    assert Split.model_validate_json(split.model_dump_json()) == split


@pytest.mark.parametrize("protocol", ["official", "grouped-kfold"])
@pytest.mark.parametrize("corpus", DATASETS.names())
def test_the_leak_detector_raises_no_alarm(
    corpus: str, protocol: str, copy_of: Callable[[str], Dataset]
) -> None:
    data = copy_of(corpus)
    if protocol == "official" and all(item.split != "test" for item in data.items):
        pytest.skip("there are no official parts")
    split = make_split(data, protocol, n_folds=3)
    leaks = find_leaks(data, split, content={})  # numbers of the copies are made up
    # All test tracks of the contest are by artists, and nearly all from albums, of its training.
    contest = corpus == "ismir04" and protocol == "official"
    assert {leak.kind for leak in leaks} == ({"artist", "album"} if contest else set())


@pytest.mark.parametrize("corpus", DATASETS.names())
def test_every_label_has_items_and_targets_agree(
    corpus: str, copy_of: Callable[[str], Dataset]
) -> None:
    data = copy_of(corpus)
    if data.task == "multi-label":
        assert {label for item in data.items for label in item.labels} == set(data.labels)
        return
    assert [data.labels[number] for number in data.targets()] == [i.labels[0] for i in data.items]


@pytest.mark.parametrize("corpus", DATASETS.names())
def test_a_track_left_out_is_gone_with_its_group(corpus: str, tmp_path: Path) -> None:
    data = small(corpus, tmp_path)
    victim = data.items[0]
    kept = small(corpus, tmp_path, leave_out=[victim.item_id])
    assert victim.group not in kept.groups()
    expected = [item for item in data.items if item.group != victim.group]
    assert list(kept.items) == expected
    assert replace(kept, name="x").fingerprint == kept.fingerprint
