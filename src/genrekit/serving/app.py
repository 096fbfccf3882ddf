"""The ASGI application: rooms, routes, beginning and end."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from genrekit import __version__
from genrekit.errors import ConfigError, GenreError
from genrekit.files import shipped
from genrekit.serving import (
    analysis,
    demo,
    live_socket,
    rest_explain,
    rest_feedback,
    rest_jobs,
    rest_learn,
    similar,
    status,
)
from genrekit.serving.access import RateLimiter
from genrekit.serving.access_middleware import AccessMiddleware
from genrekit.serving.analysis import ANSWER_ID
from genrekit.serving.hot_reload import HotReload, load_bundles, places, store_stamp
from genrekit.serving.jobs import Jobs
from genrekit.serving.metrics import Metrics
from genrekit.serving.pool import RequestPool
from genrekit.serving.problems import add_handlers
from genrekit.serving.recorder import Recorder
from genrekit.serving.scratch import delete_abandoned, scratch_folder
from genrekit.serving.service import STICKY, Service
from genrekit.serving.settings import Settings
from genrekit.serving.shadow import Shadows
from genrekit.serving.streams import StreamWorkers
from genrekit.serving.work import WorkerRequest

_log = logging.getLogger(__name__)
_SCRATCH, _UPLOADS = "genrekit-serve-", "uploads-"
_DESCRIPTION = "Tells the genre of music. Every answer comes from the one prediction path."


class Page(StaticFiles):
    """The page at ``/``; a browser asks each time whether it has changed."""

    def __init__(self) -> None:
        super().__init__(directory=shipped("genrekit.serving", "static"), html=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a socket that no route wanted is refused."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
            return
        await super().__call__(scope, receive, send)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file of the page.

        Raises
        ------
        HTTPException
            404 if there is none, whatever the method is.
        """
        if scope["method"] not in ("GET", "HEAD") and not self.lookup_path(path)[1]:
            raise HTTPException(404)
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def create_app(settings: Settings) -> FastAPI:
    """Return an application that serves the models of ``settings``.

    Raises
    ------
    ConfigError, BundleError
        When it starts, if a model cannot be loaded.
    """
    app = FastAPI(
        title="genrekit",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=_lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # their pages load scripts from other hosts
        redoc_url=None,
    )
    app.state.settings = settings
    add_handlers(app)
    app.include_router(analysis.router, prefix="/api/v1")
    app.include_router(rest_explain.router, prefix="/api/v1")
    app.include_router(rest_jobs.router, prefix="/api/v1")
    app.include_router(similar.router, prefix="/api/v1")
    app.include_router(rest_learn.router, prefix="/api/v1")
    app.include_router(demo.router, prefix="/api/v1")
    app.include_router(rest_feedback.router, prefix="/api/v1")
    app.include_router(live_socket.router, prefix="/api/v1")
    app.include_router(status.catalogue, prefix="/api/v1")
    app.include_router(status.router)
    app.include_router(status.router, prefix="/api/v1", include_in_schema=False)
    # Not mounted: a mount would take wrong methods of other routes for files that are not there.
    app.router.default = Page()
    app.add_middleware(AccessMiddleware)
    if settings.cors_origins:  # around it, so that pages may read refusals too
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "X-API-Key", "Content-Type", STICKY],
            expose_headers=[ANSWER_ID],
        )
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(_opened(app))
        except (GenreError, OSError) as problem:
            app.state.problem = problem  # for whoever started it; uvicorn only logs it
            raise
        yield


@asynccontextmanager
async def _opened(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    async with AsyncExitStack() as stack:
        home = _home(settings, stack)
        # Beside the jobs, so that an upload becomes part of one by its name alone.
        uploads = stack.enter_context(scratch_folder(home, _UPLOADS))
        metrics = Metrics()
        arms, seen = settings.arms, store_stamp()
        bundles, shadow_bundles = load_bundles(arms.models), load_bundles(arms.shadows)
        recorder = Recorder(settings, metrics)
        stack.callback(recorder.close)
        recorder.follow(bundles | shadow_bundles, arms)
        shadows = Shadows(settings, places(shadow_bundles), uploads, metrics, recorder)
        pool = RequestPool(
            settings,
            places(bundles),
            lambda reason: metrics.worker_deaths.labels(reason).inc(),
        )
        streams = StreamWorkers(settings, places(bundles))

        async def run_in_background(work: WorkerRequest) -> object:
            return await service.run(work, low_priority=True)

        service = Service(
            settings=settings,
            folder=uploads,
            arms=arms,
            bundles=bundles,
            shadow_bundles=shadow_bundles,
            metrics=metrics,
            recorder=recorder,
            shadows=shadows,
            limiter=RateLimiter(settings.rate_per_minute, settings.burst),
            pool=pool,
            streams=streams,
            jobs=Jobs(home / "jobs", settings.jobs, run_in_background),
        )
        metrics.queued.set_function(lambda: pool.queued)
        metrics.busy.set_function(lambda: pool.busy)
        metrics.ready.set_function(lambda: pool.ready)
        metrics.streams.set_function(lambda: streams.active)
        app.state.service = service
        app.state.library = similar.open_library(settings, service.bundles)
        stack.push_async_callback(pool.close)
        await pool.start()
        stack.push_async_callback(shadows.close)
        await shadows.start()
        stack.push_async_callback(streams.close)
        service.jobs.start()
        stack.push_async_callback(service.jobs.close)
        hot_reload = HotReload(service, seen, lambda: _find_library(app))
        hot_reload.start()
        stack.push_async_callback(hot_reload.close)
        yield


def _home(settings: Settings, stack: AsyncExitStack) -> Path:
    """Where uploads and jobs lie, swept of what servers that were killed have left there."""
    temporary = Path(tempfile.gettempdir())
    delete_abandoned(temporary, _SCRATCH)
    if settings.folder is None:
        return stack.enter_context(scratch_folder(temporary, _SCRATCH))
    settings.folder.mkdir(parents=True, exist_ok=True)
    delete_abandoned(settings.folder, _UPLOADS)
    return settings.folder


def _find_library(app: FastAPI) -> None:
    """Another model may not be the one that made the index."""
    try:
        app.state.library = similar.open_library(app.state.settings, app.state.service.bundles)
    except ConfigError as error:
        _log.error("no similar tracks from now on: %s", error)
        app.state.library = None
