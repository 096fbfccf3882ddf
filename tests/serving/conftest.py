"""A real server on a free port, in a thread of this process; its workers are processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile

from genrekit.jukebox import synthesise
from genrekit.serving import Settings
from genrekit.serving.server import Server, bind, make_server


class Running:
    """A server, and a client for it."""

    def __init__(self, settings: Settings) -> None:
        self._listener = bind(settings)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.server: Server = make_server(settings)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self.client = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        while not self.server.started and self._thread.is_alive():
            self._thread.join(0.01)
        assert self.server.started

    def _run(self) -> None:
        self.server.run(sockets=[self._listener])

    @property
    def service(self) -> Any:
        return self.server.app.state.service

    def post(self, path: str, data: bytes, **options: Any) -> httpx.Response:
        """Send a raw body to a route under /api/v1."""
        return self.client.post(f"/api/v1{path}", content=data, **options)

    def stop(self) -> None:
        self.client.close()
        self.server.should_exit = True
        self._thread.join(30)
        assert not self._thread.is_alive()


@contextmanager
def running(**settings: Any) -> Iterator[Running]:
    server = Running(Settings(**{"port": 0, "workers": 1, **settings}))
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def serving(tiny_bundle: Path) -> Callable[..., Any]:
    """``with serving(**settings) as server``: for tests that need settings of their own."""

    def start(**settings: Any) -> Any:
        return running(**{"models": (str(tiny_bundle),), **settings})

    return start


@pytest.fixture(scope="session")
def server(serving: Callable[..., Any]) -> Iterator[Running]:
    """One server for all tests that leave it as it was."""
    with serving(
        upload_bytes=1 << 20,
        files=3,
        idle_seconds=0.5,
        streams=1,
        stream_bytes=1 << 20,
        message_bytes=600_000,
    ) as one:
        yield one


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of jukebox music."""
    path = tmp_path_factory.mktemp("clips") / "clip.flac"
    soundfile.write(path, synthesise("reggae", seconds=3.0).samples, 22050)
    return path
