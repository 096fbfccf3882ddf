"""Worker processes for live streams: one for each, kept warm between them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence

from genrekit.errors import BusyError, RateLimitError
from genrekit.serving.access import ConnectionCounter
from genrekit.serving.process import WorkerProcess
from genrekit.serving.settings import Settings

_RETRY_SECONDS = 10
_KEPT_WARM = 2


class StreamWorkers:
    """Lends a worker process to each live stream, up to ``settings.streams`` at once.

    Parameters
    ----------
    settings : Settings
    models : mapping of str to str
        Names, and where each lies.
    """

    def __init__(self, settings: Settings, models: Mapping[str, str]) -> None:
        self._settings = settings
        self._models = models
        self._idle: list[WorkerProcess] = []
        self._connection_counter = ConnectionCounter()
        self.active = 0

    def check_room(self, senders: Sequence[str]) -> None:
        """Whether there is room for one more.

        Parameters
        ----------
        senders : sequence of str
            Whose it would be: an address, and the hash of a key.

        Raises
        ------
        BusyError
            If there are as many as allowed.
        RateLimitError
            If one of the senders has as many as one may have.
        """
        if self.active >= self._settings.streams:
            raise BusyError(
                f"{self.active} live streams are all this server takes; try again later",
                _RETRY_SECONDS,
            )

        most = self._settings.most_streams_each
        if most is not None and any(
            self._connection_counter.held(sender) >= most for sender in senders
        ):
            raise RateLimitError(
                f"{most} live streams are all that one address or key may have here; end one "
                "before you begin another",
                _RETRY_SECONDS,
            )

    @contextlib.contextmanager
    def reserved(self, senders: Sequence[str]) -> Iterator[None]:
        """Count one more stream while it lasts. Raises as `check_room` does."""
        self.check_room(senders)
        self.active += 1
        for sender in senders:
            self._connection_counter.enter(sender)
        try:
            yield
        finally:
            self.active -= 1
            for sender in senders:
                self._connection_counter.leave(sender)

    async def acquire(self) -> WorkerProcess:
        """Return a worker that loaded its models; give it back with `release`."""
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive():
                return worker
            await worker.kill()
        return await WorkerProcess.start(self._settings, self._models)

    async def release(self, worker: WorkerProcess) -> None:
        """Keep a worker that is at rest for the next stream; more than a few are not kept."""
        current = worker.models is self._models
        if current and worker.is_alive() and len(self._idle) < _KEPT_WARM:
            self._idle.append(worker)
        else:
            await worker.kill()

    async def renew(self, models: Mapping[str, str]) -> None:
        """Lend workers with other models from now on; streams that run end with theirs."""
        self._models = models
        await self.close()

    async def close(self) -> None:
        """Kill those that are idle."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(worker.kill() for worker in idle))
