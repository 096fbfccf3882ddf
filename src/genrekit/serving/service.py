"""What all routes of one server share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.requests import HTTPConnection, Request

from genrekit.bundles import Bundle, load_bundle
from genrekit.errors import BusyError, ConfigError
from genrekit.schema import TrackPrediction
from genrekit.serving.access import RateLimiter
from genrekit.serving.jobs import Jobs
from genrekit.serving.metrics import Metrics
from genrekit.serving.pool import Pool
from genrekit.serving.settings import Settings
from genrekit.serving.streams import StreamWorkers
from genrekit.serving.uploads import Body, receive_body
from genrekit.serving.worker import Work

_SPARE_BODIES = 4


@dataclass(slots=True, eq=False)
class Service:
    """One running server.

    Attributes
    ----------
    folder : Path
        Where uploads lie while they are worked on.
    bundles : dict of str to Bundle
        The models that answer, by the names they were asked for; for their cards only.
    draining : bool
        True from the moment it was told to stop.
    """

    settings: Settings
    folder: Path
    bundles: dict[str, Bundle]
    metrics: Metrics
    limiter: RateLimiter
    pool: Pool
    streams: StreamWorkers
    jobs: Jobs
    draining: bool = False
    receiving: int = 0

    def model(self, wanted: str | None) -> str:
        """The name under which workers know the model that was asked for.

        Raises
        ------
        ConfigError
            If it is not served here; paths are never looked at.
        """
        if wanted is None:
            return self.settings.models[0]
        for name, bundle in self.bundles.items():
            manifest = bundle.manifest
            if wanted in (name, manifest.name, f"{manifest.name}@{manifest.version}"):
                return name
        raise ConfigError(
            f"the model {wanted[:80]!r} is not served here; known: {', '.join(self.bundles)}"
        )

    @contextlib.asynccontextmanager
    async def receive(self, request: Request, *, most_files: int = 1) -> AsyncIterator[Body]:
        """The body of a request, if there is room for it; as `uploads.receive_body`.

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

    async def run(self, work: Work, *, patient: bool = False) -> Any:
        """Have work done by a worker process, and count it.

        Raises
        ------
        GenreError
            As `Pool.run` does.
        """
        if self.draining and self.pool.ready == 0:
            raise BusyError("the server is shutting down; ask again soon", 5)
        answer = await self.pool.run(work, patient=patient)
        if work.operation == "predict":
            self.metrics.count_prediction(TrackPrediction.model_validate(answer))
        return answer

    def check_patience(self) -> None:
        """Refuse patient work while as much of it waits as may.

        Raises
        ------
        BusyError
            If there is no room.
        """
        if self.pool.patient >= self.settings.queue:
            raise self.pool.busy_error()

    async def run_for(self, request: Request, work: Work, *, patient: bool = False) -> Any:
        """As `run`, but given up when the sender leaves; patient work, when it takes too long."""
        running = asyncio.create_task(self.run(work, patient=patient))
        leaving = asyncio.create_task(_left(request))
        seconds = self.settings.request_seconds if patient else None
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
    """The service behind a request."""
    service: Service = connection.app.state.service
    return service


def load_cards(settings: Settings) -> dict[str, Bundle]:
    """The bundles that are served; workers load and check their own.

    Raises
    ------
    ConfigError, BundleError
        If one cannot be read.
    """
    return {name: load_bundle(name, verify=False) for name in settings.models}
