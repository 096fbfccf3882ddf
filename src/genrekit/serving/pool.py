"""The bounded queue in front of the worker processes, which may die."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from genrekit.errors import AudioLimitError, BusyError, GenreError, WorkerLostError
from genrekit.serving.process import WorkerProcess
from genrekit.serving.settings import Settings
from genrekit.serving.work import WorkerRequest

_log = logging.getLogger(__name__)
_PAUSE_SECONDS = 1.0
_OVERLOAD_SHARE = 0.5
_LEAST_ROOM = 4


@dataclass(slots=True, eq=False)
class _QueueEntry:
    """Work that waits for a worker; ``lost`` once one was taken from it."""

    work: WorkerRequest
    answer: asyncio.Future[Any]
    low_priority: bool
    since: float = field(default_factory=lambda: time.monotonic())
    lost: bool = False


class RequestPool:
    """Runs work in a fixed number of worker processes.

    Requests that somebody waits for go first, in order. From the moment the queue overflows, or one
    has waited for ``settings.queue_times`` as long as a request takes while others wait behind it,
    until it is empty again, the newest goes first, and those that wait for longer than half of what
    a request takes are refused: then some are answered at nearly the speed of an idle server and
    the others learn at once to come back, where in order all would be answered late. Work of
    low priority (of batches and jobs) is done when nobody waits.

    Work whose worker is ended from outside is done once more.

    Parameters
    ----------
    settings : Settings
    models : mapping of str to str
        Names, and where each lies.
    on_death : callable
        Called with the reason whenever a worker had to be replaced.
    niceness : int
        How far other processes go before the workers.
    """

    def __init__(
        self,
        settings: Settings,
        models: Mapping[str, str],
        on_death: Callable[[str], None],
        *,
        niceness: int = 0,
    ) -> None:
        self._settings = settings
        self._models = models
        self._on_death = on_death
        self._niceness = niceness
        self._new_workers: deque[WorkerProcess] = deque()
        self._renewal: asyncio.Task[None] | None = None
        self._waiting: deque[_QueueEntry] = deque()
        self._low_priority: deque[_QueueEntry] = deque()
        self._wake = asyncio.Condition()
        self._slots: list[asyncio.Task[None]] = []
        self._seconds = 0.2  # a running mean of what one piece of work takes
        self._closing = False
        self.overloaded = False
        self.ready = 0
        self.busy = 0

    async def start(self) -> None:
        """Start all workers; the first is waited for.

        Raises
        ------
        GenreError
            If a model cannot be loaded.
        """
        first = await self._start_worker()
        self.ready = 1
        self._slots = [asyncio.create_task(self._run_slot(first))]
        self._slots += [
            asyncio.create_task(self._run_slot(None))
            for _ in range(self._settings.worker_count - 1)
        ]

    async def renew(self, models: Mapping[str, str]) -> None:
        """Work with other models from now on; what is being worked on is finished by the old ones.

        The first new worker is waited for. If it does not start, nothing changes.

        Raises
        ------
        GenreError
            If a model cannot be loaded.
        """
        first = await WorkerProcess.start(self._settings, models, niceness=self._niceness)
        await self._discard_new_workers()
        self._models = models
        self._new_workers.append(first)
        await self._notify_all()
        self._renewal = asyncio.create_task(self._renew_others(len(self._slots) - 1))

    async def _renew_others(self, count: int) -> None:
        for _ in range(count):
            self._new_workers.append(await self._start_with_retries())
            await self._notify_all()

    async def _discard_new_workers(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)
        while self._new_workers:
            await self._new_workers.popleft().kill()

    async def _notify_all(self) -> None:
        async with self._wake:
            self._wake.notify_all()

    def _is_outdated(self, worker: WorkerProcess) -> bool:
        """Whether another worker stands ready to take the place of this one."""
        return worker.models is not self._models and bool(self._new_workers)

    async def close(self) -> None:
        """Kill the workers; whoever still waits is told that the server is busy."""
        self._closing = True
        for entry in (*self._waiting, *self._low_priority):
            _refuse(entry, BusyError("the server is shutting down; ask again soon", 5))
        for slot in self._slots:
            slot.cancel()
        await asyncio.gather(*self._slots, return_exceptions=True)
        await self._discard_new_workers()

    @property
    def queued(self) -> int:
        """Requests that wait for a worker."""
        return len(self._waiting)

    @property
    def low_priority(self) -> int:
        """Requests of low priority that wait."""
        return len(self._low_priority)

    @property
    def room(self) -> int:
        """Requests that may wait: no more than can be answered before their time is over."""
        settings = self._settings
        in_time = settings.queue_seconds * settings.worker_count / self._seconds
        return min(settings.queue, max(_LEAST_ROOM, int(in_time)))

    def busy_error(self) -> BusyError:
        """Return what to tell those there is no room for."""
        seconds = self._seconds * (1 + self.queued) / self._settings.worker_count
        return BusyError(
            "the server has more requests than it can answer now; ask again later",
            max(1, math.ceil(seconds)),
        )

    async def run(self, work: WorkerRequest, *, low_priority: bool = False) -> Any:
        """Have ``work`` done by the next free worker.

        Raises
        ------
        BusyError
            If there is no room, or no worker in time.
        GenreError
            As `WorkerProcess.ask` does.
        """
        if self._closing:
            raise self.busy_error()
        entry = _QueueEntry(work, asyncio.get_running_loop().create_future(), low_priority)
        if low_priority:
            self._low_priority.append(entry)
        else:
            if len(self._waiting) >= self.room:
                self.overloaded = True
                _refuse(self._waiting.popleft(), self.busy_error())
            self._waiting.append(entry)
        async with self._wake:
            self._wake.notify()
        expiry = None if low_priority else self._expire_later(entry)
        try:
            return await entry.answer
        finally:
            if expiry is not None:
                expiry.cancel()
            self._forget(entry)

    def _expire_later(self, entry: _QueueEntry) -> asyncio.TimerHandle:
        def expire() -> None:
            if entry in self._waiting:
                self._waiting.remove(entry)
                _refuse(entry, self.busy_error())

        return asyncio.get_running_loop().call_later(self._settings.queue_seconds, expire)

    def _forget(self, entry: _QueueEntry) -> None:
        for line in (self._waiting, self._low_priority):
            with contextlib.suppress(ValueError):
                line.remove(entry)

    async def _next(self, worker: WorkerProcess) -> _QueueEntry | None:
        """Return the next entry; None once another worker is to have it."""
        async with self._wake:
            if not self._waiting:
                self.overloaded = False
            await self._wake.wait_for(
                lambda: self._waiting or self._low_priority or self._is_outdated(worker)
            )
        if self._is_outdated(worker):
            return None
        if not self._waiting:
            return self._low_priority.popleft()
        if not self.overloaded and not self._waits_too_long():
            return self._waiting.popleft()
        self.overloaded = True
        newest = self._waiting.pop()
        since = time.monotonic() - _OVERLOAD_SHARE * self._seconds
        while self._waiting and self._waiting[0].since < since:
            _refuse(self._waiting.popleft(), self.busy_error())
        return newest

    def _waits_too_long(self) -> bool:
        """Whether in order all would be answered late, and not only because of one long piece."""
        if len(self._waiting) <= self._settings.worker_count:
            return False
        waited = time.monotonic() - self._waiting[0].since
        return waited > self._settings.queue_times * self._seconds

    def _put_back(self, entry: _QueueEntry) -> None:
        """Let it be the next, as if it came now: it is not its fault that it is not done."""
        entry.since = time.monotonic()
        (self._low_priority if entry.low_priority else self._waiting).appendleft(entry)

    async def _run_slot(self, worker: WorkerProcess | None) -> None:
        """Keep one worker alive and give it work, until cancelled."""
        try:
            while True:
                if worker is None:
                    worker = await self._replace()
                await self._work_once(worker)
                if self._is_outdated(worker):
                    old, worker = worker, self._new_workers.popleft()
                    await old.kill()
                if not worker.is_alive():
                    self.ready -= 1
                    worker = None
        finally:
            if worker is not None:
                await worker.kill()

    async def _replace(self) -> WorkerProcess:
        worker = (
            self._new_workers.popleft() if self._new_workers else await self._start_with_retries()
        )
        self.ready += 1
        return worker

    async def _start_with_retries(self) -> WorkerProcess:
        while True:
            try:
                return await self._start_worker()
            except GenreError as error:
                _log.error("no new worker: %s", error)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _start_worker(self) -> WorkerProcess:
        return await WorkerProcess.start(self._settings, self._models, niceness=self._niceness)

    async def _work_once(self, worker: WorkerProcess) -> None:
        entry = await self._next(worker)
        if entry is None or entry.answer.done():  # whoever asked has left
            return
        if not worker.is_alive():  # it died while it was idle, which is not this entry's fault
            self._put_back(entry)
            return
        self.busy += 1
        begin = time.monotonic()
        try:
            seconds = entry.work.wall_seconds or self._settings.job_seconds
            answer = await worker.ask(entry.work, seconds)
        except WorkerLostError as error:
            self._note_death("killed", error)
            if entry.lost or entry.answer.done():
                _refuse(entry, error)
            else:
                entry.lost = True
                self._put_back(entry)
                await self._notify_all()
        except GenreError as error:
            _refuse(entry, error)
            if not worker.is_alive():
                self._note_death("time" if isinstance(error, AudioLimitError) else "crash", error)
        else:
            if not entry.answer.done():
                entry.answer.set_result(answer)
        finally:
            self.busy -= 1
            self._seconds += 0.1 * (time.monotonic() - begin - self._seconds)

    def _note_death(self, reason: str, error: GenreError) -> None:
        _log.warning("a worker died: %s", error)
        self._on_death(reason)


def _refuse(entry: _QueueEntry, error: GenreError) -> None:
    if not entry.answer.done():
        entry.answer.set_exception(error)
