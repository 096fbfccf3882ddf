"""What the benchmarks of the server share: start it, send to it, watch it, write about it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import soundfile

from genrekit.jukebox import synthesise

PREDICT = "/api/v1/analysis/predict"


@dataclass(frozen=True)
class Served:
    """A server in a process of its own."""

    process: subprocess.Popen[str]
    port: int

    def processes(self) -> list[int]:
        """The server first, then its workers."""
        found = [self.process.pid]
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                text = status.read_text()
            except OSError:
                continue
            if f"PPid:\t{self.process.pid}\n" in text:
                found.append(int(status.parent.name))
        return found

    def memory_mib(self, field: str = "VmRSS") -> float:
        """Of the server and its workers together."""
        return sum(_status_kib(pid, field) for pid in self.processes()) / 1024

    def reset_peak(self) -> None:
        """Let VmHWM begin anew."""
        for pid in self.processes():
            try:
                Path(f"/proc/{pid}/clear_refs").write_text("5")
            except OSError:
                continue


def _status_kib(pid: int, field: str) -> int:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(rf"{field}:\s+(\d+)", text)
    return int(found[1]) if found else 0


@contextmanager
def genrekit_server(**settings: object) -> Iterator[Served]:
    """``genrekit serve`` on a free port, until SIGTERM; it must end well."""
    environment = {f"GENREKIT_SERVE_{name.upper()}": str(value) for name, value in settings.items()}
    command = [sys.executable, "-m", "genrekit", "serve", "--port", "0"]
    with started(command, environment) as served:
        yield served
    if served.process.returncode != 0:
        raise SystemExit(f"the server ended with {served.process.returncode}")


@contextmanager
def started(command: list[str], environment: dict[str, str]) -> Iterator[Served]:
    """A server that says ``http://host:port`` on its first line of stderr."""
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    ) as process:
        assert process.stderr is not None
        port = 0
        while not port:
            line = process.stderr.readline()
            if not line:
                raise SystemExit(f"{' '.join(command)} did not start")
            found = re.search(r"http://[^:]+:(\d+)", line)
            port = int(found[1]) if found else 0
        # What else it says must not fill the pipe.
        drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
        try:
            yield Served(process, port)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
            drain.wait(10)


def write_clip(path: Path, seconds: float) -> bytes:
    """Jukebox music in the format of the suffix."""
    soundfile.write(path, synthesise("rock", seconds=seconds, seed=5).samples, 22050)
    return path.read_bytes()


def request_bytes(body: bytes, *, path: str = PREDICT, form: bool = True) -> bytes:
    """A whole HTTP request; a form, as browsers and curl send it."""
    kind = "application/octet-stream"
    if form:
        kind = "multipart/form-data; boundary=boundary"
        part = b'Content-Disposition: form-data; name="file"; filename="song.mp3"\r\n\r\n'
        body = b"--boundary\r\n" + part + body + b"\r\n--boundary--\r\n"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


@dataclass(frozen=True)
class Reply:
    """What one request got, and after how long."""

    status: int
    seconds: float
    body: bytes = b""

    def json(self) -> dict[str, object]:
        """The body."""
        found: dict[str, object] = json.loads(self.body)
        return found


async def send(port: int, request: bytes, timeout_seconds: float = 120.0) -> Reply:
    """One request on a connection of its own; status 0 if there was no answer."""
    begin = time.perf_counter()
    received = b""
    try:
        async with asyncio.timeout(timeout_seconds):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(request)
                received = await reader.read(-1)
            finally:
                writer.close()
    except (OSError, TimeoutError):
        pass
    seconds = time.perf_counter() - begin
    head, _, body = received.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    return Reply(int(words[1]) if len(words) > 1 else 0, seconds, body)


def quantile(values: list[float], share: float) -> float:
    """The value that ``share`` of all do not pass."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def put_section(page: Path, name: str, text: str) -> None:
    """Put ``text`` between the page's markers of this name, which must be there."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    before = page.read_text(encoding="utf-8")
    after, count = pattern.subn(lambda found: found[1] + text + found[2], before)
    if count != 1:
        raise SystemExit(f"{page} has {count} sections {name!r}, expected one")
    page.write_text(after, encoding="utf-8")
