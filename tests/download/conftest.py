"""A web server on this machine that misbehaves as told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass
class Site:
    """Files by path; ``script`` holds what to do to the next requests, then all is well."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    script: list[str] = field(default_factory=list)
    seen: list[Message] = field(default_factory=list)
    etag: str = '"first"'
    server: ThreadingHTTPServer | None = None
    stalled: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def url(self, name: str) -> str:
        return f"{self.address}/{name}"

    @property
    def ranges(self) -> list[str | None]:
        return [headers.get("Range") for headers in self.seen]


class Handler(BaseHTTPRequestHandler):
    site: Site

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        site = self.site
        site.seen.append(self.headers)
        deed = site.script.pop(0) if site.script else "good"
        if deed.isdigit():
            self.answer(int(deed), b"", {"Retry-After": "0"})
        elif deed.startswith("redirect "):
            self.answer(302, b"", {"Location": deed.partition(" ")[2]})
        elif deed == "loop":
            site.script.insert(0, "loop")
            self.answer(302, b"", {"Location": self.path})
        elif self.path[1:] not in site.files:
            self.answer(404, b"", {})
        else:
            self.send_file(deed, site.files[self.path[1:]])

    def send_file(self, deed: str, content: bytes) -> None:
        if deed == "corrupt":
            content = bytes(byte ^ 1 for byte in content)
        start = self.start(deed, len(content))
        if start >= len(content) > 0:
            self.answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
            return
        body = content[start:]
        headers = {"Content-Length": str(len(body)), "Accept-Ranges": "bytes"}
        if "no validator" not in deed:
            headers["ETag"] = f"W/{self.site.etag}" if "weak" in deed else self.site.etag
        if start:
            first = start + 1 if deed == "wrong range" else start
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        headers |= {
            "html": {"Content-Type": "text/html; charset=utf-8"},
            "gzip": {"Content-Encoding": "gzip"},
            "long": {"Content-Length": str(len(body) + 1000)},
        }.get(deed, {})
        if deed in ("no length", "chunks break"):
            del headers["Content-Length"]
        if deed == "chunks break":
            headers["Transfer-Encoding"] = "chunked"
            body = f"{len(body):x}\r\n".encode() + body
        sent = len(body) // 2 if "break" in deed or deed == "stall" else len(body)
        self.answer(206 if start else 200, body[:sent], headers)
        if deed == "stall":
            self.site.stalled.set()
            self.site.released.wait(30)

    def start(self, deed: str, size: int) -> int:
        """First byte to send, as a server does that knows ranges."""
        condition = self.headers.get("If-Range", self.site.etag)
        changed = condition != self.site.etag and deed != "ignore conditions"
        if deed == "ignore ranges" or changed:
            return 0
        asked = self.headers.get("Range", "bytes=0-")
        return int(asked.removeprefix("bytes=").removesuffix("-"))

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.protocol_version = "HTTP/1.1"
        self.close_connection = True
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers and status != 200:
            self.send_header("Content-Length", "0")
        self.end_headers()
        with suppress(ConnectionError):  # the client may have seen enough
            self.wfile.write(body)
            self.wfile.flush()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server whose next answers can be scripted."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"site": site}))
    server.daemon_threads = True
    site.server = server
    site.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    site.released.set()
    server.shutdown()
    server.server_close()
    thread.join()
