"""The queue before the workers, in simulated time: who waits how long, whoever is impatient."""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from genrekit.errors import AudioError, BusyError, GenreError, WorkerLostError
from genrekit.serving import Settings
from genrekit.serving.pool import RequestPool
from genrekit.serving.process import WorkerProcess
from genrekit.serving.work import WorkerRequest

_SECONDS = 20.0
_WORK = WorkerRequest(operation="predict", path="song.mp3", model="default")


class _NoWaiting(selectors.DefaultSelector):
    """Never waits: what the loop would wait for is added to its clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready:
            self.now += timeout or 0.0
        return ready


def _simulate(
    monkeypatch: pytest.MonkeyPatch, run: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    selector = _NoWaiting()
    loop = asyncio.SelectorEventLoop(selector)
    monkeypatch.setattr(loop, "time", lambda: selector.now)
    monkeypatch.setattr("genrekit.serving.pool.time.monotonic", lambda: selector.now)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(run())


class _Worker:
    """Takes about a fifth of a second, or ends as it was told to."""

    models: Any = None

    def __init__(self, chance: random.Random, ends: list[GenreError]) -> None:
        self._chance, self._ends, self._alive = chance, ends, True

    async def ask(self, work: WorkerRequest, seconds: float) -> str:
        await asyncio.sleep(self._chance.uniform(0.15, 0.25))
        if self._ends:
            self._alive = False
            raise self._ends.pop()
        return "answer"

    def is_alive(self) -> bool:
        return self._alive

    async def kill(self) -> int:
        return 0


def _pool(monkeypatch: pytest.MonkeyPatch, ends: list[GenreError], **settings: Any) -> RequestPool:
    chance, models = random.Random(5), {"default": "somewhere"}

    async def start(*_: Any, **__: Any) -> _Worker:
        worker = _Worker(chance, ends)
        worker.models = models
        return worker

    monkeypatch.setattr(WorkerProcess, "start", start)
    return RequestPool(Settings(**{"workers": 1, **settings}), models, lambda reason: None)


def _waits(
    monkeypatch: pytest.MonkeyPatch, clients: int, *, pause: float, **settings: Any
) -> tuple[list[float], int]:
    """Seconds that clients waited for answers, each asking again at once; and how many refusals."""
    found: list[float] = []
    refused = 0

    async def ask(pool: RequestPool, loop: asyncio.AbstractEventLoop) -> None:
        nonlocal refused
        while loop.time() < _SECONDS:
            begin = loop.time()
            try:
                await pool.run(_WORK)
                found.append(loop.time() - begin)
            except BusyError:
                refused += 1
                await asyncio.sleep(pause)

    async def run() -> None:
        pool = _pool(monkeypatch, [], **settings)
        await pool.start()
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(ask(pool, loop) for _ in range(clients)))
        await pool.close()

    _simulate(monkeypatch, run)
    return found, refused


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("pause", [0.05, 1.0])
def test_however_many_are_impatient_who_is_answered_is_answered_soon(
    monkeypatch: pytest.MonkeyPatch, workers: int, pause: float
) -> None:
    alone = np.quantile(_waits(monkeypatch, 1, pause=pause)[0], 0.99)
    for clients in (4, 8, 16, 40):
        connection_counter = workers * clients
        waits, _ = _waits(monkeypatch, connection_counter, pause=pause, workers=workers)
        assert np.quantile(waits, 0.99) < 4 * alone, (clients, np.quantile(waits, 0.99) / alone)
        # And no time is lost over refusals.
        assert len(waits) > 0.8 * workers * _SECONDS / 0.2


def test_a_few_are_all_answered_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    waits, refused = _waits(monkeypatch, 3, pause=0.01)
    assert refused == 0
    assert max(waits) < 3 * 0.25


def test_who_wants_to_wait_in_order_may(monkeypatch: pytest.MonkeyPatch) -> None:
    waits, refused = _waits(monkeypatch, 8, pause=0.01, queue_times=100.0)
    assert refused == 0
    assert np.median(waits) == pytest.approx(8 * 0.2, rel=0.1)


@pytest.mark.parametrize("low_priority", [False, True])
@pytest.mark.parametrize("lost", [1, 2])
def test_work_whose_worker_is_ended_from_outside_is_done_once_more(
    monkeypatch: pytest.MonkeyPatch, low_priority: bool, lost: int
) -> None:
    ends: list[GenreError] = [WorkerLostError("killed") for _ in range(lost)]
    answers: list[Any] = []

    async def run() -> None:
        pool = _pool(monkeypatch, ends)
        await pool.start()
        answers.extend(
            await asyncio.gather(pool.run(_WORK, low_priority=low_priority), return_exceptions=True)
        )
        assert await pool.run(_WORK) == "answer"
        await pool.close()

    _simulate(monkeypatch, run)
    assert answers == ["answer"] if lost == 1 else isinstance(answers[0], BusyError)


def test_a_file_that_ends_its_worker_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        pool = _pool(monkeypatch, [AudioError("crashed")])
        await pool.start()
        with pytest.raises(AudioError):
            await pool.run(_WORK)
        await pool.close()

    _simulate(monkeypatch, run)
