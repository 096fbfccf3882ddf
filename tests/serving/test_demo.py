"""Somebody without music at hand can try the server."""

from __future__ import annotations

from typing import Any

from genrekit.audio import decode
from genrekit.jukebox import JUKEBOX_GENRES


def test_each_genre_has_a_synthetic_track_that_is_named_so(server: Any) -> None:
    listed = server.client.get("/api/v1/demo").json()
    assert [one["genre"] for one in listed] == list(JUKEBOX_GENRES)
    assert all(one["name"].startswith("synthetic-") for one in listed)
    sent = server.client.get("/api/v1/demo/jazz")
    assert sent.headers["content-type"] == "audio/flac"
    assert abs(decode(sent.content).seconds - listed[0]["seconds"]) < 0.1
    refused = server.client.get("/api/v1/demo/polka")
    assert refused.status_code == 404
    assert "no synthetic track 'polka'" in refused.json()["error"]["message"]
