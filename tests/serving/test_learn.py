"""Genres of a visitor's own over REST: songs in numbers, and what is learnt from piles of them."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
import soundfile

from genrekit.jukebox import synthesise


def song(genre: str, seed: int) -> bytes:
    clip = synthesise(genre, seconds=3.1, seed=seed, sample_rate_hz=16000)
    file = io.BytesIO()
    soundfile.write(file, clip.samples, 16000, format="WAV")
    return file.getvalue()


def rows(packed: str, columns: int) -> np.ndarray[Any, Any]:
    return np.frombuffer(base64.b64decode(packed), "<f4").reshape(-1, columns)


def test_piles_are_learnt_and_others_predicted(serving: Any) -> None:
    with serving(models=("default",)) as server:
        piles = []
        for name, genre in (("calm", "classical"), ("loud", "disco")):
            analysed = [server.post("/learn/embed", song(genre, seed)).json() for seed in range(2)]
            piles.append({"name": name, "songs": [one["embedding"] for one in analysed]})
        learnt = server.client.post("/api/v1/learn", json={"piles": piles}).json()
        assert learnt["labels"] == ["calm", "loud"]
        assert 0.5 <= learnt["accuracy"]["value"] <= 1
        asked = server.post("/learn/embed", song("disco", 7)).json()
        scores = rows(asked["embedding"], asked["columns"]) @ rows(learnt["weights"], 2)
        assert (scores + learnt["bias"]).mean(axis=0).argmax() == 1
        swapped = [piles[0], {"name": "Calm ", "songs": piles[1]["songs"]}]
        refused = server.client.post("/api/v1/learn", json={"piles": swapped})
        assert refused.status_code == 422
        assert "different names" in refused.text
        for bad in ("?", base64.b64encode(b"1234").decode(), ""):
            wrong = [piles[0], {"name": "b", "songs": [bad, bad]}]
            assert server.client.post("/api/v1/learn", json={"piles": wrong}).status_code == 422
        assert server.client.post("/api/v1/learn", json={"piles": piles[:1]}).status_code == 422
        nan = base64.b64encode(np.full(asked["columns"], np.nan, "<f4").tobytes()).decode()
        wrong = [piles[0], {"name": "b", "songs": [nan, nan]}]
        assert server.client.post("/api/v1/learn", json={"piles": wrong}).status_code == 422


def test_a_model_without_an_embedding_says_so(server: Any, clip: Any) -> None:
    refused = server.post("/learn/embed", clip.read_bytes())
    assert refused.status_code == 422
    assert "no embedding" in refused.json()["error"]["message"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b'{"piles": 3}'])
def test_what_is_not_piles_is_refused(server: Any, body: bytes) -> None:
    assert server.client.post("/api/v1/learn", content=body).status_code == 422
