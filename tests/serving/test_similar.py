"""Similar tracks over REST: the same neighbours as the library gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import soundfile

from genrekit.audio import decode
from genrekit.batch import describe_file, read_index, update_index
from genrekit.errors import ConfigError
from genrekit.inference import Classifier
from genrekit.jukebox import synthesise
from genrekit.serving import Settings
from genrekit.serving.hot_reload import load_bundles
from genrekit.serving.similar import open_library


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    for number, genre in enumerate(("metal", "reggae", "classical")):
        samples = synthesise(genre, seconds=1.5, seed=number).samples
        soundfile.write(folder / f"{genre}.wav", samples, 22050)
    list(update_index(folder, folder / "index"))
    return folder / "index"


def test_neighbours_are_those_of_the_library(serving: Any, index: Path, clip: Path) -> None:
    library = read_index(index)
    vector = describe_file(Classifier.load("default"), clip)
    expected = [one.model_dump() for one in library.similar(vector, top=2)]
    with serving(models=("default",), index=index) as server:
        answer = server.post("/similar?top=2&name=clip.flac", clip.read_bytes()).json()
        assert answer["path"] == "clip.flac"
        assert answer["tracks"] == expected
        info = server.client.get("/api/v1/similar").json()
        assert (info["tracks"], info["playable"]) == (3, True)
        check_playing(server.client, index, expected[0]["path"])
        assert server.post("/similar", b"no audio").status_code == 415


def check_playing(client: Any, index: Path, path: str) -> None:
    """Tracks of the index can be played, and nothing else that lies there."""
    sent = client.get("/api/v1/similar/audio", params={"path": path})
    assert sent.headers["content-type"] == "audio/flac"
    assert decode(sent.content).seconds == pytest.approx(1.5, abs=0.01)
    for other in ("index/index.json", f"../{index.parent.name}/{path}", "/etc/passwd", ""):
        refused = client.get("/api/v1/similar/audio", params={"path": other})
        assert refused.status_code == 404, other
        assert "no track" in refused.json()["error"]["message"]
    hidden = index.parent / path
    moved = hidden.rename(index / "elsewhere")
    try:
        gone = client.get("/api/v1/similar/audio", params={"path": path})
        hidden.symlink_to(__file__)
        outside = client.get("/api/v1/similar/audio", params={"path": path})
    finally:
        hidden.unlink(missing_ok=True)
        moved.rename(hidden)
    for refused in (gone, outside):
        assert refused.status_code == 404
        assert "genrekit index again" in refused.json()["error"]["message"]


def test_playing_can_be_switched_off(index: Path) -> None:
    settings = Settings(models=("default",), index=index, play_similar=False)
    library = open_library(settings, load_bundles(settings.arms.models))
    assert library is not None
    assert not library.playable


def test_without_an_index_it_says_so(server: Any, clip: Path) -> None:
    assert server.client.get("/api/v1/similar").json() == {
        "tracks": 0,
        "playable": False,
        "model": None,
    }
    refused = server.post("/similar", clip.read_bytes())
    assert refused.status_code == 404
    assert "--index" in refused.json()["error"]["message"]
    without = server.client.get("/api/v1/similar/audio", params={"path": "a.wav"})
    assert without.status_code == 404
    assert "--index" in without.json()["error"]["message"]


def test_an_index_of_a_model_that_is_not_served_is_refused(index: Path, tiny_bundle: Path) -> None:
    settings = Settings(models=(str(tiny_bundle),), index=index)
    with pytest.raises(ConfigError, match="not served"):
        open_library(settings, load_bundles(settings.arms.models))
