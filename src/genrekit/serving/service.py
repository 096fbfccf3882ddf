"""What all routes of one server share."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.requests import HTTPConnection, Request

from genrekit.bundles import Bundle
from genrekit.errors import BusyError, ConfigError, quoted
from genrekit.monitoring import Arms
from genrekit.schema import TrackPrediction
from genrekit.serving.access import RateLimiter, sender_of
from genrekit.serving.jobs import Jobs
from genrekit.serving.metrics import Metrics
from genrekit.serving.pool import RequestPool
from genrekit.serving.recorder import Recorder
from genrekit.serving.settings import Settings
from genrekit.serving.shadow import Shadows
from genrekit.serving.streams import StreamWorkers
from genrekit.serving.uploads import Body, receive_body
from genrekit.serving.work import WorkerRequest

#: The header in which a sender may say what it is to be assigned by: a user, a session.
STICKY = "X-Sticky-Key"
_STICKY_CHARACTERS = 200
_SPARE_BODIES = 4


@dataclass(slots=True, eq=False)
class Service:
    """One running server.

    Attributes
    ----------
    folder : Path
        Where uploads lie while they are worked on.
    arms : Arms
        The models by name, and who is answered by which.
    bundles, shadow_bundles : dict of str to Bundle
        The models that answer, and those that only listen, by name; for their cards only.
    draining : bool
        True from the moment it was told to stop.
    """

    settings: Settings
    folder: Path
    arms: Arms
    bundles: dict[str, Bundle]
    shadow_bundles: dict[str, Bundle]
    metrics: Metrics
    recorder: Recorder
    shadows: Shadows
    limiter: RateLimiter
    pool: RequestPool
    streams: StreamWorkers
    jobs: Jobs
    draining: bool = False
    receiving: int = 0

    @property
    def all_bundles(self) -> dict[str, Bundle]:
        """The models that answer, and those that only listen."""
        return self.bundles | self.shadow_bundles

    def model(self, wanted: str | None, sender: HTTPConnection) -> str:
        """Return the name under which workers know the model that was asked for.

        Where none was, it depends on the sender if senders are assigned among several.

        Raises
        ------
        ConfigError
            If it is not served here; paths are never looked at.
        """
        if wanted is None:
            return self.arms.choose(sticky_key(sender))
        for name, bundle in self.bundles.items():
            manifest = bundle.manifest
            if wanted in (name, manifest.name, f"{manifest.name}@{manifest.version}"):
                return name
        raise ConfigError(
            f"the model {quoted(wanted, 80)} is not served here; known: {', '.join(self.bundles)}"
        )

    def sender(self, sender: HTTPConnection) -> str:
        """How the log knows a sender; nothing where there is no log."""
        return self.recorder.sender(sticky_key(sender))

    @contextlib.asynccontextmanager
    async def receive(self, request: Request, *, most_files: int = 1) -> AsyncIterator[Body]:
        """Return the body of a request, if there is room for it; as `uploads.receive_body`.

        Under overload only a few bodies are received at once; other requests are refused before
        they cost anything.

        Raises
        ------
        BusyError
            If there is no room.
        """
        if self.pool.overloaded and self.receiving >= self.settings.worker_count + _SPARE_BODIES:
            raise self.pool.busy_error()
        self.receiving += 1
        try:
            body = await receive_body(request, self.settings, self.folder, most_files=most_files)
        finally:
            self.receiving -= 1
        try:
            yield body
        finally:
            body.delete()

    async def run(self, work: WorkerRequest, *, low_priority: bool = False) -> Any:
        """Have work done by a worker process, and count it.

        Raises
        ------
        GenreError
            As `Pool.run` does.
        """
        if self.draining and self.pool.ready == 0:
            raise BusyError("the server is shutting down; ask again soon", 5)
        if work.operation == "predict":
            return await self._predict(work, low_priority)
        return await self.pool.run(work, low_priority=low_priority)

    async def _predict(self, work: WorkerRequest, low_priority: bool) -> dict[str, Any]:
        begin = time.monotonic()
        watched = work.model_copy(update={"operation": "watch"})
        found = await self.pool.run(watched, low_priority=low_priority)
        answer: dict[str, Any] = found["prediction"]
        prediction = TrackPrediction.model_validate(answer)
        self.metrics.count_prediction(prediction)
        seconds = time.monotonic() - begin
        answer_id = self.recorder.note(work, prediction, found["inputs"], seconds)
        if answer_id is not None and self.settings.keep_audio:
            await asyncio.to_thread(self.recorder.keep, work, answer_id)
        self.shadows.offer(work, answer_id, busy=self.pool.overloaded)
        return answer if answer_id is None else answer | {"id": answer_id}

    def check_low_priority(self) -> None:
        """Refuse work of low priority while as much of it waits as may.

        Raises
        ------
        BusyError
            If there is no room.
        """
        if self.pool.low_priority >= self.settings.queue:
            raise self.pool.busy_error()

    async def run_for(
        self, request: Request, work: WorkerRequest, *, low_priority: bool = False
    ) -> Any:
        """As `run`, but given up when the sender leaves; of low priority, when it takes long."""
        running = asyncio.create_task(self.run(work, low_priority=low_priority))
        leaving = asyncio.create_task(_left(request))
        seconds = self.settings.request_seconds if low_priority else None
        try:
            await asyncio.wait(
                {running, leaving}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if running.done():
                return running.result()
            if leaving.done():
                raise BusyError("the sender has left")
            raise BusyError(f"it was not answered within {seconds:g} s; ask again later", 10)
        finally:
            running.cancel()
            leaving.cancel()
            await asyncio.gather(running, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def service_of(connection: HTTPConnection) -> Service:
    """Return the service behind a request."""
    service: Service = connection.app.state.service
    return service


def sticky_key(sender: HTTPConnection) -> str:
    """Return what stays the same of a sender: what it says itself, its API key, or its address."""
    if named := sender.headers.get(STICKY, "")[:_STICKY_CHARACTERS]:
        return f"said {named}"
    if owner := getattr(sender.state, "owner", ""):
        return f"key {owner}"
    return f"address {sender_of(sender.client.host if sender.client else '')}"
