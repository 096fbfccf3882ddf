"""Requests that mean harm: each is refused with its status, and the next one is answered."""

from __future__ import annotations

import io
import json
import socket
import struct
import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

#: What may be answered to anything at all.
EXPECTED = {200, 202, 207, 400, 401, 404, 405, 408, 413, 415, 422, 429, 503}


@pytest.fixture(autouse=True)
def _answers_afterwards(server: Any) -> Any:
    yield
    assert server.client.get("/health/ready").status_code == 200


def _zip() -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("song.mp3", b"\0" * 1_000_000)
    return memory.getvalue()


def _wav(frames: int, channels: int = 1, rate: int = 22050, claimed: int | None = None) -> bytes:
    data = np.zeros(frames * channels, "<i2").tobytes()
    size = len(data) if claimed is None else claimed
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", min(36 + size, 2**32 - 1), b"WAVE", b"fmt ", 16, 1, channels, rate),
        *(rate * channels * 2 % 2**32, channels * 2 % 2**16, 16, b"data", size),
    )
    return head + data


def _long_flac() -> bytes:
    memory = io.BytesIO()
    soundfile.write(memory, np.zeros(22050 * 1800, "i2"), 22050, format="FLAC")
    return memory.getvalue()


BODIES: dict[str, tuple[Callable[[], bytes], str, int]] = {
    "nothing": (lambda: b"", "", 422),
    "text": (lambda: b"not music", "", 415),
    "html": (lambda: b"<!doctype html><script>alert(1)</script>", "", 415),
    "zip": (_zip, "", 415),
    "playlist": (lambda: b"#EXTM3U\nfile:///etc/passwd\n", "", 415),
    "concat": (lambda: b"ffconcat version 1.0\nfile /etc/passwd\n", "", 415),
    "too large": (lambda: b"RIFF" * (1 << 19), "", 413),
    "too long": (_long_flac, "whole=true", 413),
    "65535 channels": (lambda: _wav(2, 65535), "", 415),
    "promises 4 GB": (lambda: _wav(22050, claimed=2**32 - 1), "", 200),
    "no rate": (lambda: _wav(22050, rate=0), "", 415),
}


@pytest.mark.parametrize("name", BODIES)
def test_hostile_audio(server: Any, name: str) -> None:
    make, query, status = BODIES[name]
    response = server.post(f"/analysis/predict?{query}", make())
    assert response.status_code == status
    if status != 200:
        assert response.json()["error"]["message"]


def _form(parts: int, *, name: str = "x", filename: str | None = None) -> bytes:
    named = f'; filename="{filename}"' if filename is not None else ""
    part = f'--b\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\nx\r\n'
    return (part * parts + "--b--\r\n").encode()


FORMS: dict[str, tuple[bytes, int]] = {
    "thousands of fields": (_form(5000), 400),
    "thousands of files": (_form(5000, filename="a.mp3"), 413),
    "a huge field name": (_form(1, name="n" * 100_000), 400),
    "a huge field": (_form(1).replace(b"\r\nx\r\n", b"\r\n" + b"x" * 100_000 + b"\r\n"), 400),
    "no name": (b"--b\r\n\r\nx\r\n--b--\r\n", 400),
    "no end": (_form(1, filename="a.mp3")[:-9], 400),
    "no file": (_form(1, name="top"), 422),
    "nothing": (b"", 400),
    "noise": (bytes(range(256)) * 10, 400),
    "a form in the form": (
        _form(1, name="file", filename="a").replace(b"\r\nx\r\n", b"\r\n--c\r\n\r\n--c--\r\n"),
        415,
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_hostile_forms(server: Any, name: str) -> None:
    body, status = FORMS[name]
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    response = server.post("/analysis/predict", body, headers=kind)
    assert response.status_code == status
    assert response.json()["error"]["message"]


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=" + "b" * 999]
)
def test_forms_without_a_proper_boundary(server: Any, kind: str) -> None:
    assert server.post("/analysis/predict", b"", headers={"Content-Type": kind}).status_code == 400


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\music\\song.mp3", "song.mp3"),
        ("\u202egnp.3pm", "\u202egnp.3pm"),
        ("曲 🎵.mp3", "曲 🎵.mp3"),
        ("n" * 5000, "n" * 255),
        ("a\x00b", "a\x00b"),
    ],
)
def test_names_are_only_repeated(server: Any, clip: Path, sent: str, shown: str) -> None:
    response = server.post("/analysis/predict", clip.read_bytes(), params={"name": sent[:1000]})
    assert response.json()["path"] == shown[:1000]
    assert not list(server.service.folder.iterdir())


# --- below the level of HTTP clients ------------------------------------------------------------


def _raw(server: Any, data: bytes, *, finish: bool = False) -> bytes:
    """Everything that is answered to bytes on a socket, until the server closes it."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
        plain.sendall(data)
        if finish:
            plain.shutdown(socket.SHUT_WR)
        received = b""
        while piece := plain.recv(65536):
            received += piece
        return received


_POST = b"POST /api/v1/analysis/predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"

_TWO_LENGTHS = (
    _POST + b"Connection: close\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 408),
        (b"GET /health/li", 408),
        (b"GET /health/live HTTP/1.1\r\nX-Slow: ", 408),
        (_POST + b"Content-Length: 1000\r\n\r\nonly this", 408),
        (_POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc", 408),
        (b"\x16\x03\x01\x02\x00 TLS on a plain port\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + b"X: " + b"h" * 100_000 + b"\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (_POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde", 400),
        (_POST + b"Content-Length: -1\r\n\r\n", 400),
        (_TWO_LENGTHS, 400),
        (_POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 11_000, 400),
        (_POST + b"Connection: close\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (_POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        # More than is allowed is refused when it is there, not at its end, which never comes.
        (_POST + b"Transfer-Encoding: chunked\r\n\r\n180000\r\n" + bytes(0x180000), 413),
    ],
)
def test_hostile_heads_and_bodies(server: Any, data: bytes, status: int) -> None:
    head, _, body = _raw(server, data).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert json.loads(body.split(b"HTTP/1.1", 1)[0])["error"]["message"]


_NEXT = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 11_000 + b"0\r\n\r\n",
    ],
)
@pytest.mark.parametrize("head", [_POST, _POST.replace(b"POST", b"GET"), _POST[:-2] + b"\r\n"])
def test_nothing_is_served_behind_a_body_whose_end_is_doubtful(
    server: Any, head: bytes, body: bytes
) -> None:
    answer = _raw(server, head + body + _NEXT * 2)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"connection: close" in answer.lower()


def test_chunks_in_http_1_0_are_refused(server: Any) -> None:
    answer = _raw(
        server, _POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Content-Length" in answer.partition(b"\r\n\r\n")[2]


def test_a_sender_that_is_refused_early_still_gets_the_reason(server: Any) -> None:
    head = b"POST /api/v1/analysis/predict HTTP/1.1\r\nHost: evil\r\nConnection: close\r\n"
    body = bytes(8_000_000)
    answer = _raw(server, head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_sender_that_leaves_costs_nothing(server: Any) -> None:
    assert _raw(server, _POST + b"Content-Length: 1000\r\n\r\nabc", finish=True) == b""
    # The server clears up after it has hung up.
    _until(lambda: not list(server.service.folder.iterdir()))


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_a_full_disk_is_no_fault_of_the_sender(server: Any, clip: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        refused = server.post("/analysis/predict", clip.read_bytes())
        as_job = server.client.post(
            "/api/v1/jobs", files=[("files", ("a.flac", clip.read_bytes()))]
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [refused.status_code, as_job.status_code] == [503, 503]
    assert int(refused.headers["retry-after"]) >= 1
    assert "disk" in refused.json()["error"]["message"]
    assert not list(server.service.folder.iterdir())
    assert server.post("/analysis/predict", clip.read_bytes()).status_code == 200


def _connections(server: Any) -> int:
    return len(server.server.server_state.connections)


def test_a_body_that_only_drips_is_cut_off(serving: Any) -> None:
    with (
        serving(upload_seconds=0.6, idle_seconds=0.4) as one,
        socket.create_connection(("127.0.0.1", one.port), timeout=20) as plain,
    ):
        plain.sendall(_POST + b"Content-Length: 1000\r\n\r\n")
        received = b""
        while not received:
            plain.settimeout(0.1)
            with suppress(TimeoutError):
                received = plain.recv(65536)
            with suppress(OSError):
                plain.sendall(b"x")
        assert received.startswith(b"HTTP/1.1 408 ")


def test_who_never_reads_is_hung_up_on(server: Any) -> None:
    before = _connections(server)
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(30)
        plain.connect(("127.0.0.1", server.port))
        ask = b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        with suppress(OSError):  # it is reset in the end
            while True:
                plain.sendall(ask * 200)
    _until(lambda: _connections(server) <= before)


def _until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it never came to that")


# --- fuzz in small; benchmarks/hostile.py goes on for longer --------------------------------------

_fuzz = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@_fuzz
@given(st.binary(max_size=600), st.integers(0, 10_000))
def test_damaged_audio_never_breaks_anything(
    server: Any, clip: Path, noise: bytes, place: int
) -> None:
    data = bytearray(clip.read_bytes())
    place %= len(data)
    data[place : place + len(noise)] = noise
    assert server.post("/analysis/predict", bytes(data)).status_code in {200, 413, 415, 422}


@_fuzz
@given(
    st.sampled_from(["GET", "POST", "DELETE", "PUT"]),
    st.sampled_from(["analysis/predict", "analysis/batch", "jobs", "jobs/x/result", "models"]),
    st.dictionaries(st.sampled_from(["top", "start", "model", "x"]), st.text(max_size=20)),
    st.binary(max_size=200),
    st.sampled_from(["", "multipart/form-data; boundary=b", "application/json", "\u00e9"]),
)
def test_whatever_is_asked_the_answer_is_one_of_ours(
    server: Any, method: str, path: str, query: dict[str, str], body: bytes, kind: str
) -> None:
    response = server.client.request(
        method,
        f"/api/v1/{path}",
        params=query,
        content=body,
        headers={"Content-Type": kind.encode()},
    )
    assert response.status_code in EXPECTED
    if response.status_code >= 400:
        assert set(response.json()["error"]) == {"type", "message"}
