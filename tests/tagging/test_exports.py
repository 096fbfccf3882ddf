"""Exports are what other programs expect."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from genrekit.batch.index import Index
from genrekit.batch.index_store import IndexedTrack, IndexManifest
from genrekit.errors import ConfigError
from genrekit.schema import ModelIdentity, TrackPrediction
from genrekit.tagging import Naming, Rules, load_taxonomy
from genrekit.tagging.exporting import track_of
from genrekit.tagging.exports import Track, export_documents, export_table
from genrekit.tagging.playlists import export_playlists, play_on

MODEL = ModelIdentity(name="box", version="1", sha256="0" * 64)
SCORES = {"jazz": 0.6, "hiphop": 0.4}


@pytest.fixture
def tracks(dressed: Callable[[str, str], bytes], tmp_path: Path) -> list[Track]:
    found = []
    for name in ("one.flac", "two?.flac"):
        path = tmp_path / name
        path.write_bytes(dressed("flac", "tagged"))
        answer = TrackPrediction(path=str(path), genre="jazz", scores=SCORES, model=MODEL)
        found.append(track_of(path, answer, Rules(), Naming(load_taxonomy("box"))))
    return found


def test_tables(tracks: list[Track], tmp_path: Path) -> None:
    export_table(tracks, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    assert (first["title"], first["genres"], first["score: jazz"]) == (
        *("Title", "Jazz; Hip Hop", "0.6"),
    )
    export_table(tracks, tmp_path / "out.jsonl")
    line = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])
    assert line.pop("names") == {"Jazz": 0.6, "Hip Hop": 0.4}
    assert TrackPrediction.model_validate_json(json.dumps(line)) == tracks[0].answer
    parquet = pytest.importorskip("pyarrow.parquet")
    export_table(tracks, tmp_path / "out.parquet")
    assert parquet.read_table(tmp_path / "out.parquet").to_pylist()[0]["score: hiphop"] == 0.4
    with pytest.raises(ConfigError, match=r"\.parquet"):
        export_table(tracks, tmp_path / "out.xlsx")


def test_documents(tracks: list[Track], tmp_path: Path) -> None:
    first, second = export_documents(tracks, "jams", tmp_path / "jams")
    assert (first.name, second.name) == ("one.flac.jams", "two_.flac.jams")
    found = json.loads(first.read_text())
    assert found["file_metadata"]["duration"] == pytest.approx(1.2, abs=0.05)
    assert [one["value"] for one in found["annotations"][0]["data"]] == ["Jazz", "Hip Hop"]
    (first, _) = export_documents(tracks, "acousticbrainz", tmp_path / "ab")
    found = json.loads(first.read_text())["highlevel"]["genre_box"]
    assert (found["value"], found["probability"], found["all"]) == ("jazz", 0.6, SCORES)


def test_a_playlist_for_each_genre(tracks: list[Track], tmp_path: Path) -> None:
    made = export_playlists(tracks, tmp_path / "lists")
    assert [one.name for one in made] == ["Hip Hop.m3u8", "Jazz.m3u8"]
    lines = made[0].read_text("utf-8").splitlines()
    assert lines[:3] == ["#EXTM3U", "#EXTINF:1,Title", "../one.flac"]


def test_play_on_has_no_artist_twice_in_a_row() -> None:
    names = ["seed", "a1", "a2", "b1", "x1", "x2", "a3"]
    manifest = IndexManifest(
        folder="/music",
        asked_for="box",
        model=MODEL,
        kind="embedding",
        tracks=tuple(IndexedTrack(path=name, size_bytes=0, modified_ns=0) for name in names),
        vectors_sha256="0" * 64,
    )
    angles = np.arange(len(names)) / 10
    index = Index(manifest, np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32))
    near = index.similar(index.vectors[0], top=10, without="seed")
    artists = {"s": "a", "a": "a", "b": "b", "x": ""}
    found = play_on(
        index, near, Path("/music/seed"), length=9, artist_of=lambda path: artists[path.name[0]]
    )
    assert [path.name for path in found] == ["seed", "b1", "a1", "x1", "a2", "x2", "a3"]
