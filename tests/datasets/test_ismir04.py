from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genrekit.datasets import ismir04
from genrekit.errors import DatasetError

LISTS = {
    "training": (
        '"classical","bach_ensemble","l_album","air","1","classical/bach_ensemble/l\'album/1-air.mp3"\n'
        '"world","yakshi","yakshi","village","9","world/yakshi/yakshi/9-village.mp3"\n'
    ),
    "development": (
        '"classical","artist_1","album_1","track_1","1","artist_1_album_1_track_1.mp3"\n'
    ),
    "evaluation": '"world","yakshi","yakshi","song","5","world/yakshi/yakshi/5-song.mp3","59148"\n',
}
FEATURES = """filename,tempo,mfcc1,label
./MIR/ismir04_genre/audio/training/world/yakshi/yakshi/9-village.mp3,120.5,-3,world
./MIR/ismir04_genre/audio/training/classical/bach_ensemble/l_album/1-air.mp3,90,4.5,classical
"""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    for part, rows in LISTS.items():
        file = tmp_path / f"metadata/{part}/tracklist.csv"
        file.parent.mkdir(parents=True)
        file.write_text(rows)
        for row in rows.splitlines():
            audio = tmp_path / "audio" / part / row.split('","')[5].split('"')[0]
            audio.parent.mkdir(parents=True, exist_ok=True)
            audio.touch()
    (tmp_path / "ISMIRData.csv").write_text(FEATURES)
    return tmp_path


def test_the_lists_give_classes_parts_artists_and_albums(corpus: Path) -> None:
    dataset = ismir04.load(corpus)
    assert dataset.labels == ismir04.CLASSES
    assert [item.split for item in dataset.items] == ["train", "train", "valid", "test"]
    last = dataset.items[3]
    assert (last.labels, last.artist, last.album) == (("world",), "yakshi", "yakshi/yakshi")
    assert last.path == corpus / "audio/evaluation/world/yakshi/yakshi/5-song.mp3"
    assert len(set(dataset.groups())) == 4


def test_anonymous_artists_are_no_others(corpus: Path) -> None:
    item = ismir04.load(corpus).items[2]
    assert (item.artist, item.album) == ("development/artist_1", "development/artist_1/album_1")


def test_features_are_joined_by_path_whatever_became_of_the_apostrophes(corpus: Path) -> None:
    dataset = ismir04.load(corpus, features=True)
    assert dataset.feature_names == ("tempo", "mfcc1")
    assert [item.labels[0] for item in dataset.items] == ["classical", "world"]
    assert dataset.features is not None
    np.testing.assert_array_equal(dataset.features, [[90, 4.5], [120.5, -3]])


def test_missing_audio_is_counted(corpus: Path) -> None:
    (corpus / "audio/development/artist_1_album_1_track_1.mp3").unlink()
    with pytest.raises(DatasetError, match="1 of 4 files are missing"):
        ismir04.load(corpus)
    assert ismir04.load(corpus, audio="optional").items[2].path is None


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('"world","yakshi","yakshi","vil', r"line 1: .*cut off"),
        ('"world","yakshi","yakshi"\n', r"line 1: 3 cells, expected class, artist"),
        ('"polka","a","b","c","1","d.mp3"\n', r"line 1: 'polka' is none of"),
        ('"","a","b","c","1","d.mp3"\n', r"line 1: the class is blank"),
    ],
)
def test_malformed_lists_are_placed(corpus: Path, row: str, message: str) -> None:
    (corpus / "metadata/evaluation/tracklist.csv").write_text(row)
    with pytest.raises(DatasetError, match=rf"tracklist\.csv, {message}"):
        ismir04.load(corpus)


def test_malformed_features_are_placed(corpus: Path) -> None:
    table = corpus / "ISMIRData.csv"
    table.write_text(FEATURES.replace("4.5", "loud"))
    with pytest.raises(DatasetError, match=r"line 3, column mfcc1: 'loud'"):
        ismir04.load(corpus, features=True)
    table.write_text(FEATURES.replace("label", "genre"))
    with pytest.raises(DatasetError, match="no column label"):
        ismir04.load(corpus, features=True)
    table.write_text(FEATURES.replace("audio/", "sound/"))
    with pytest.raises(DatasetError, match="no track of the lists"):
        ismir04.load(corpus, features=True)


def test_no_lists(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no folder metadata"):
        ismir04.load(tmp_path)


@pytest.mark.real
def test_the_real_lists_and_table(real_data: Path) -> None:
    folder = real_data / "other_tables/ismir04"
    dataset = ismir04.load(folder, audio="optional")
    assert len(dataset) == 3 * 729
    artists = {
        part: {i.artist for i in dataset.items if i.split == part} for part in ("train", "test")
    }
    assert len(artists["train"] & artists["test"]) == 127
    table = ismir04.load(folder, features=True)
    assert table.features is not None
    assert table.features.shape == (729, 39)
