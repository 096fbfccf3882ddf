"""Workers that crash, hang or are too few: one request pays, the others are answered."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from genrekit.serving import Settings
from genrekit.serving.pool import RequestPool


@pytest.fixture(scope="module")
def long_clip() -> bytes:
    """Three minutes of noise, which keep a worker at it for a while."""
    noise = np.random.default_rng(3).normal(0, 3000, 22050 * 180).astype("i2")
    memory = io.BytesIO()
    soundfile.write(memory, noise, 22050, format="WAV")
    return memory.getvalue()


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _deaths(server: Any) -> float:
    return float(
        sum(
            float(line.rsplit(" ", 1)[1])
            for line in server.client.get("/metrics").text.splitlines()
            if line.startswith("genrekit_worker_deaths_total")
        )
    )


@pytest.fixture(scope="module")
def narrow(serving: Any) -> Iterator[Any]:
    """A server with little memory and little room."""
    with serving(memory_bytes=64 << 20, queue=2, queue_seconds=60.0) as server:
        yield server


def test_a_crash_or_want_of_memory_costs_one_request(
    narrow: Any, clip: Path, long_clip: bytes
) -> None:
    with ThreadPoolExecutor(2) as threads:
        doomed = threads.submit(narrow.post, "/analysis/predict?whole=true", long_clip)
        _until(lambda: narrow.service.pool.busy == 1)
        waiting = threads.submit(narrow.post, "/analysis/predict", clip.read_bytes())
        _until(lambda: narrow.service.pool.queued == 1)
        (worker,) = _children("genrekit.serving.worker")
        os.kill(worker, signal.SIGSEGV)
        assert doomed.result().status_code == 422
        assert "killed its process" in doomed.result().json()["error"]["message"]
        assert waiting.result().status_code == 200
        assert _deaths(narrow) == 1
        greedy = narrow.post("/analysis/features?whole=true", long_clip)
        assert greedy.status_code in (413, 422)
        assert narrow.post("/analysis/predict", clip.read_bytes()).status_code == 200


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
@pytest.mark.parametrize("kills", [1, 2])
def test_a_worker_that_is_killed_from_outside_is_no_fault_of_the_file(
    narrow: Any, long_clip: bytes, kills: int
) -> None:
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(narrow.post, "/analysis/predict?whole=true", long_clip)
        killed: set[int] = set()
        for _ in range(kills):
            _until(lambda: narrow.service.pool.busy == 1 and not killed.issuperset(_workers()))
            for worker in set(_workers()) - killed:
                killed.add(worker)
                os.kill(worker, signal.SIGKILL)
        answer = asked.result()
    assert answer.status_code == (200 if kills == 1 else 503)
    if kills == 2:
        assert answer.json()["error"]["type"] == "WorkerLostError"
        assert int(answer.headers["retry-after"]) >= 1


def _workers() -> list[int]:
    return _children("genrekit.serving.worker")


@pytest.mark.parametrize(("queue", "seconds", "room"), [(100, 2.0, 20), (8, 2.0, 8), (100, 0.1, 4)])
def test_no_more_wait_than_can_be_answered_in_time(queue: int, seconds: float, room: int) -> None:
    """Before anything is measured, a request is taken to last 0.2 s; there are two workers."""
    settings = Settings(queue=queue, queue_seconds=seconds, workers=2)
    assert RequestPool(settings, {}, lambda reason: None).room == room


def test_a_full_queue_refuses_the_oldest_and_answers_the_newest(
    narrow: Any, clip: Path, long_clip: bytes
) -> None:
    data = clip.read_bytes()
    with ThreadPoolExecutor(8) as threads:
        first = threads.submit(narrow.post, "/analysis/predict?whole=true", long_clip)
        _until(lambda: narrow.service.pool.busy == 1)
        waiting = []
        for number in range(3):
            waiting.append(threads.submit(narrow.post, f"/analysis/predict?name={number}", data))
            _until(lambda: narrow.service.pool.queued == min(len(waiting), 2))
        refused = waiting[0].result()
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert first.result().status_code == waiting[-1].result().status_code == 200
        assert waiting[1].result().status_code in (200, 503)
        # With the queue empty, the crowd is over: whoever waits is answered in order.
        calm = [threads.submit(narrow.post, "/analysis/predict", data) for _ in range(2)]
        assert [one.result().status_code for one in calm] == [200, 200]


def test_a_hang_costs_one_request_and_nobody_waits_long(
    serving: Any, clip: Path, long_clip: bytes
) -> None:
    data = clip.read_bytes()
    with serving(job_seconds=0.5, queue_seconds=0.1) as server, ThreadPoolExecutor(1) as threads:
        hung = threads.submit(server.post, "/analysis/features?whole=true", long_clip)
        _until(lambda: server.service.pool.busy == 1)
        assert server.post("/analysis/predict", data).status_code == 503
        assert hung.result().status_code == 413
        assert hung.result().json()["error"]["type"] == "AudioLimitError"
        _until(lambda: server.client.get("/health/ready").status_code == 200)
        _until(lambda: server.post("/analysis/predict", data).status_code == 200)


def test_told_to_stop_it_says_so_and_finishes_what_it_began(
    serving: Any, clip: Path, long_clip: bytes
) -> None:
    before, threads_before = _children("genrekit.serving.worker"), threading.active_count()
    with (
        serving(drain_seconds=60.0, queue_seconds=60.0) as server,
        ThreadPoolExecutor(1) as threads,
    ):
        server.server.handle_exit(signal.SIGTERM, None)
        assert server.client.get("/health/ready").status_code == 503
        assert server.client.get("/health/live").status_code == 200
        assert server.post("/analysis/predict", clip.read_bytes()).status_code == 200
        begun = threads.submit(server.post, "/analysis/predict?whole=true", long_clip)
        _until(lambda: server.service.pool.busy == 1)
        server.server.should_exit = True
        assert begun.result().status_code == 200
    assert _children("genrekit.serving.worker") == before
    assert threading.active_count() <= threads_before + 1


def _children(module: str) -> list[int]:
    """Processes that this one started to run ``module``; those of the shared server left out."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "status").read_text()
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if f"PPid:\t{os.getpid()}\n" in status and module.encode() in command:
            found.append(int(folder.name))
    return [one for one in found if one not in _SHARED]


_SHARED: set[int] = set()


@pytest.fixture(autouse=True, scope="module")
def _know_the_shared_ones() -> None:
    _SHARED.update(_children("genrekit.serving.worker"))
