"""``genrekit serve``: what it refuses before it serves. Serving itself: tests/serving, surfaces."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from genrekit.serving.access import hash_key


def test_a_new_key_comes_with_its_hash(run: Any) -> None:
    made = json.loads(run("serve", "--new-key", "--json").out)
    assert hash_key(made["key"]) == made["hash"]
    shown = run("serve", "--new-key")
    assert shown.code == 0
    key, key_hash = (line.split()[-1].split("=")[-1] for line in shown.out.splitlines())
    assert hash_key(key) == key_hash


def test_what_cannot_be_served_is_reported_on_one_line(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for arguments, code, said in (
            (("--host", "0.0.0.0"), 2, "API key"),
            (("--model", "nothing-like-it"), 2, "nothing-like-it"),
            (("--split", "nobody=1"), 2, "no model is called 'nobody'"),
            (("--shadow", "default"), 2, "none answers"),
            (("--log", "/dev/null/log"), 2, "cannot be the log"),
            (("--port", str(port)), 2, "in use"),
            (("--host", "192.0.2.1", "--no-keys"), 2, "192.0.2.1"),
            (("--port", "0", "--index", "nowhere"), 2, "genrekit index"),
        ):
            refused = run("serve", *arguments)
            assert refused.code == code
            assert said in refused.err
            assert len(refused.err.splitlines()) == 1
    monkeypatch.setenv("GENREKIT_SERVE_WORKERS", "many")
    refused = run("serve")
    assert refused.code == 2
    assert "workers" in refused.err
