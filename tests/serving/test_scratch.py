"""What a server that is killed leaves behind is gone when the next one starts; the rest stays."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from genrekit.serving.jobs import Jobs
from genrekit.serving.scratch import delete_abandoned, scratch_folder

_SERVE = [sys.executable, "-m", "genrekit", "serve", "--port"]
_HEAD = (
    b"POST /api/v1/analysis/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999\r\n\r\n"
)


def _until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_a_server_that_is_killed_leaves_nothing_to_the_next(
    serving: Any, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary, folder, port = tmp_path / "tmp", tmp_path / "folder", _free_port()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    dead = temporary / "genrekit-serve-abcd1234"
    (dead / "files" / "jobs").mkdir(parents=True)
    (dead / ".genrekit-lock").touch()
    environment = os.environ | {"GENREKIT_SERVE_FOLDER": str(folder), "GENREKIT_SERVE_WORKERS": "1"}
    doomed = subprocess.Popen(
        [*_SERVE, str(port), "--model", str(tiny_bundle)],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        sender = _connected(port)
        with sender:
            sender.sendall(_HEAD + b"x" * 999)
            _until(lambda: list(folder.rglob("upload-*")))
            doomed.kill()
            doomed.wait()
    finally:
        doomed.kill()
        doomed.wait()
    assert list(folder.rglob("upload-*"))
    with serving(folder=folder):
        assert not list(folder.rglob("upload-*"))
        assert len(list(folder.glob("uploads-*"))) == 1
        assert not list(temporary.iterdir())
    assert not list(folder.glob("uploads-*"))


def _connected(port: int) -> socket.socket:
    found: list[socket.socket] = []

    def connect() -> bool:
        with suppress(OSError):
            found.append(socket.create_connection(("127.0.0.1", port)))
        return bool(found)

    _until(connect)
    return found[0]


def test_only_what_nobody_holds_is_swept(tmp_path: Path) -> None:
    with scratch_folder(tmp_path, "uploads-") as held:
        (held / "upload-1").write_text("being worked on")
        dead = Path(shutil.copytree(held.parent, tmp_path / "uploads-abcd1234"))
        yours = [tmp_path / "uploads-mine", tmp_path / "uploads-efgh5678"]
        for folder in yours:
            folder.mkdir()
            (folder / "song.mp3").write_text("of a user")
        link = tmp_path / "uploads-link5678"
        link.symlink_to(yours[0])
        delete_abandoned(tmp_path, "uploads-")
        assert (held / "upload-1").exists()
        assert not dead.exists()
        assert all((folder / "song.mp3").exists() for folder in yours)
        assert link.is_symlink()
    assert not held.parent.exists()


def test_half_made_jobs_are_swept_and_nothing_else(tmp_path: Path) -> None:
    jobs = tmp_path / "jobs"
    half = {
        "a" * 32: ["0", "1"],
        "b" * 32: [],
        "c" * 32: ["results.jsonl"],
        ".gone-" + "d" * 32: ["0"],
    }
    kept = {"e" * 32: ["0", "song.mp3"], "music": ["0"], "f" * 31: ["0"]}
    for name, names in (half | kept).items():
        (jobs / name).mkdir(parents=True)
        for one in names:
            (jobs / name / one).write_text("")
    (jobs / "a file").write_text("of a user")

    async def start() -> None:
        one = Jobs(jobs, 3, lambda work: asyncio.sleep(0))
        one.start()
        await one.close()

    asyncio.run(start())
    assert {path.name for path in jobs.iterdir()} == {*kept, "a file"}
