from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from genrekit.download import archives
from genrekit.download import corpora as download
from genrekit.download.archives import Archive, Offer

CLIP = os.urandom(400_000)
REST = "These are labels alone."


def served_zip() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("fma_small/000/000002.mp3", CLIP)
    return target.getvalue()


class Server:
    """Serves one archive; sends only half of it and waits, if told to."""

    def __init__(self) -> None:
        self.content = served_zip()
        self.ranges: list[str | None] = []
        self.halfway = False
        self.waiting, self.release = threading.Event(), threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                asked = self.headers.get("Range")
                server.ranges.append(asked)
                start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
                size = len(server.content)
                self.send_response(206 if asked else 200)
                self.send_header("Content-Length", str(size - start))
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
                self.send_header("ETag", '"one"')
                self.end_headers()
                stop = size // 2 if server.halfway else size
                self.wfile.write(server.content[start:stop])
                if server.halfway:
                    server.waiting.set()
                    server.release.wait(30)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/fma_small.zip"

    @property
    def archive(self) -> Archive:
        return Archive(
            self.url,
            target="fma_small",
            about_bytes=len(self.content),
            checksum=f"sha1:{hashlib.sha1(self.content).hexdigest()}",
            inner="fma_small",
            unpacked_bytes=len(CLIP),
        )


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    server = Server()
    offers = {"fma": Offer({"small": (server.archive,)}, default="small", rest=REST)}
    for module in (archives, download):
        monkeypatch.setattr(module, "OFFERS", offers)
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.release.set()
    server.http.shutdown()
    server.http.server_close()
    thread.join()


def test_a_corpus_is_fetched_and_then_complete(server: Server, run: Any, tmp_path: Path) -> None:
    first = run("download", "fma", "--size", "small", "--to", tmp_path / "fma")
    assert (first.code, first.err) == (0, "")
    assert f"fma small: fma_small fetched to {tmp_path / 'fma'}" in first.out
    assert REST in first.out
    assert (tmp_path / "fma/fma_small/000/000002.mp3").read_bytes() == CLIP
    second = run("download", "fma", "--to", tmp_path / "fma")
    assert second.code == 0
    assert "complete already" in second.out
    assert server.ranges == [None]


def test_json_says_what_was_done(server: Server, run: Any) -> None:
    first, second = (json.loads(run("download", "fma", "--json").out) for _ in range(2))
    home = Path(os.environ["GENREKIT_HOME"])
    assert first["folder"] == str(home / "datasets/fma")
    assert (first["fetched"], first["there_before"]) == (["fma_small"], [])
    assert (second["fetched"], second["there_before"]) == ([], ["fma_small"])


def test_wrong_bytes_are_one_line_and_exit_code_4(server: Server, run: Any, tmp_path: Path) -> None:
    server.content = server.content[:-1] + b"x"
    ran = run("download", "fma", "--to", tmp_path)
    assert (ran.code, ran.out) == (4, "")
    assert ran.err.startswith("error: ")
    assert "published is sha1:" in ran.err
    assert "Traceback" not in ran.err


def test_an_unknown_size_lists_what_there_is(server: Server, run: Any) -> None:
    ran = run("download", "fma", "--size", "tiny")
    assert ran.code == 2
    assert "known: small" in ran.err


@pytest.mark.parametrize("corpus", ["gtzan", "ismir04", "pictures", "table"])
def test_what_is_not_free_says_where_to_get_and_put_it(
    run: Any, tmp_path: Path, corpus: str
) -> None:
    ran = run("download", corpus, "--to", tmp_path / "place")
    assert (ran.code, ran.err) == (2, "")
    for word in ("licence", "get it", "put it", "layout", str(tmp_path / "place")):
        assert word in ran.out
    assert list(tmp_path.iterdir()) == []
    answer = json.loads(run("download", corpus, "--json").out)
    assert answer["fetched"] is False
    assert answer["obtain"]


def test_an_unknown_corpus_is_refused_with_near_names(run: Any) -> None:
    ran = run("download", "gtzna")
    assert (ran.code, ran.out) == (2, "")
    assert "did you mean gtzan?" in ran.err


INTERRUPTED = """
import sys
from genrekit.download import archives, corpora as download
from genrekit.cli import main
archive = archives.Archive(sys.argv[1], target="fma_small", about_bytes=10**6,
                           checksum=sys.argv[2], inner="fma_small", unpacked_bytes=10**6)
archives.OFFERS = download.OFFERS = {"fma": archives.Offer({"small": (archive,)}, "small")}
sys.argv = ["genrekit", "download", "fma", "--to", sys.argv[3]]
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to one process there")
def test_ctrl_c_keeps_what_came_and_says_so(server: Server, run: Any, tmp_path: Path) -> None:
    server.halfway = True
    checksum = server.archive.checksum
    assert checksum is not None
    command = [sys.executable, "-c", INTERRUPTED, server.url, checksum, str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert server.waiting.wait(30)
        part = tmp_path / "fma_small.zip.part"
        while not (part.is_file() and part.stat().st_size == len(server.content) // 2):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "stopped; what has come is kept" in err
    assert "Traceback" not in err
    server.halfway = False
    assert run("download", "fma", "--to", tmp_path).code == 0
    assert server.ranges[-1] == f"bytes={len(server.content) // 2}-"
    assert (tmp_path / "fma_small/000/000002.mp3").read_bytes() == CLIP
