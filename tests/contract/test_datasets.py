"""What every corpus in the catalog owes its users."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from genrekit.datasets import (
    DATASETS,
    PROTOCOLS,
    Dataset,
    Split,
    corpus_info,
    load_dataset,
    make_split,
    straddling,
)
from genrekit.errors import DatasetError

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


def _nothing(folder: Path) -> None:
    return None


# A small copy of each corpus; a corpus without one here fails the test below.
PLACES: dict[str, Place] = {
    "gtzan": _gtzan,
    "folder": _folder,
    "table": _table,
    "jukebox": _nothing,
}


def small(corpus: str, folder: Path) -> Dataset:
    return load_dataset(corpus, PLACES[corpus](folder))


def test_every_corpus_has_a_small_copy() -> None:
    assert set(DATASETS) == set(PLACES)


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
def test_no_recording_is_on_two_sides(corpus: str, protocol: str, tmp_path: Path) -> None:
    data = small(corpus, tmp_path)
    if protocol == "fault-filtered" and all(item.split != "test" for item in data.items):
        with pytest.raises(DatasetError, match="official test part"):
            make_split(data, protocol)
        return
    split = make_split(data, protocol, n_folds=3)
    assert split.leaky or straddling(data, split) == ()
    assert Split.model_validate_json(split.model_dump_json()) == split


@pytest.mark.parametrize("corpus", DATASETS.names())
def test_every_label_has_items_and_targets_agree(corpus: str, tmp_path: Path) -> None:
    data = small(corpus, tmp_path)
    assert [data.labels[number] for number in data.targets()] == [i.labels[0] for i in data.items]


@pytest.mark.parametrize("corpus", DATASETS.names())
def test_a_track_left_out_is_gone_with_its_group(corpus: str, tmp_path: Path) -> None:
    data = small(corpus, tmp_path)
    victim = data.items[0]
    kept = load_dataset(corpus, PLACES[corpus](tmp_path), leave_out=[victim.item_id])
    assert victim.group not in kept.groups()
    expected = [item for item in data.items if item.group != victim.group]
    assert list(kept.items) == expected
    assert replace(kept, name="x").fingerprint == kept.fingerprint
