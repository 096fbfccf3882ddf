"""What a server says is for people: no names of Python, no bytes as code, sizes with units."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from genrekit.serving import Settings
from genrekit.serving.access import new_key

PYTHON = re.compile(
    r"\bb['\"]|<class|object at 0x|\w(?:Error|Exception)\b|Traceback|\bNone\b|\bTrue\b|__"
    r"|\b(?:int|str|tuple|dict|list)\b\(|[a-z]+_(?:bytes|seconds|hz)\b|\\x[0-9a-f]{2}|\bValue error"
)
RIFF = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0"


def _form(field: str, data: bytes) -> dict[str, Any]:
    body = b'--x\r\nContent-Disposition: form-data; name="' + field.encode() + b'"; filename="a"'
    body += b"\r\n\r\n" + data + b"\r\n--x--\r\n"
    return {"data": body, "headers": {"Content-Type": "multipart/form-data; boundary=x"}}


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "a web page": ("/analysis/predict", {"data": b"<!doctype html><html>" * 40}),
    "text": ("/analysis/predict", {"data": b"just words\n" * 40}),
    "noise": ("/analysis/predict", {"data": bytes(range(255, 0, -1)) * 9}),
    "a cut off header": ("/analysis/predict", {"data": RIFF}),
    "nothing": ("/analysis/predict", {"data": b""}),
    "too many bytes": ("/analysis/predict", {"data": bytes((1 << 20) + 9)}),
    "a strange option": ("/analysis/predict?top=many", {"data": b"x"}),
    "an option out of range": ("/analysis/predict?threshold=7", {"data": b"x"}),
    "an unknown option": ("/analysis/predict?colour=red", {"data": b"x"}),
    "an unknown model": ("/analysis/predict?model=%00%ff", {"data": b"x"}),
    "an unknown set": ("/analysis/features?set=all", {"data": b"x"}),
    "a form that is cut off": ("/analysis/predict", _form("file", b"x") | {"data": b"--x\r\nbad"}),
    "a form of another field": ("/analysis/predict", _form("song", b"x")),
    "too many files": (
        "/analysis/batch",
        {
            "data": _form("files", b"x")["data"].replace(b"--x--\r\n", b"") * 4 + b"--x--\r\n",
            "headers": {"Content-Type": "multipart/form-data; boundary=x"},
        },
    ),
    "no index": ("/similar", {"data": b"x"}),
    "no such way": ("/nothing", {"data": b"x"}),
    "a strange fill": ("/analysis/explain?fill=water", {"data": b"x"}),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refusals_are_reported_in_words(server: Any, what: str) -> None:
    path, options = REFUSED[what]
    answer = server.post(path, **options)
    assert answer.status_code >= 400
    message = answer.json()["error"]["message"]
    assert message
    assert not PYTHON.search(message), message


def test_sizes_have_units(server: Any) -> None:
    message = server.post("/analysis/predict", bytes((1 << 20) + 9)).json()["error"]["message"]
    assert "more than the limit of 1 MiB" in message


def test_what_a_file_looks_like_is_reported(server: Any) -> None:
    said = server.post("/analysis/predict", b"<!doctype html><html>" * 40).json()["error"]
    assert "it looks like a web page" in said["message"]


@pytest.mark.parametrize(
    "first",
    [
        "{}",
        "[",
        json.dumps({"type": "hello", "format": "pcm_s16le"}),
        json.dumps({"type": "hello", "format": "tape"}),
        json.dumps({"type": "hello", "format": "pcm_s16le", "sample_rate_hz": 1}),
        json.dumps({"type": "hello", "format": "container", "every_seconds": 0.001}),
        json.dumps({"type": "hello", "format": "container", "model": "other"}),
    ],
)
def test_sockets_say_it_in_words_too(server: Any, first: str) -> None:
    url = f"ws://127.0.0.1:{server.port}/api/v1/stream"
    with connect(url, proxy=None) as socket:
        socket.send(first)
        message = json.loads(socket.recv())["error"]["message"]
        assert not PYTHON.search(message.replace("sample_rate_hz", "").replace("every_seconds", ""))
        with pytest.raises(ConnectionClosed):
            socket.recv()
        assert not PYTHON.search(socket.close_reason or "")


@pytest.fixture(scope="module")
def keyed(serving: Any) -> Iterator[tuple[Any, str]]:
    key, hashed = new_key()
    with serving(key_hashes=(hashed,)) as one:
        yield one, key


def test_a_wrong_key_is_reported_to_be_wrong_and_a_missing_one_to_be_wanted(
    keyed: tuple[Any, str], clip: Path
) -> None:
    server, key = keyed
    data = clip.read_bytes()
    missing = server.post("/analysis/predict", data)
    wrong = server.post("/analysis/predict", data, headers={"X-API-Key": key[:-1]})
    assert (missing.status_code, wrong.status_code) == (401, 401)
    assert "wants an API key" in missing.json()["error"]["message"]
    assert "this key is not known here" in wrong.json()["error"]["message"]
    assert server.post("/analysis/predict", data, headers={"X-API-Key": key}).status_code == 200


def test_a_cd_track_of_a_quarter_of_an_hour_may_be_sent() -> None:
    assert Settings().upload_bytes == 200 << 20
    assert Settings().request_bytes >= Settings().upload_bytes
