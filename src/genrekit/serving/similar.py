"""``/api/v1/similar``: the tracks of an index that are most like one that is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from genrekit.batch import Index, Neighbour, read_index
from genrekit.bundles import Bundle
from genrekit.errors import ConfigError, UnknownResourceError
from genrekit.schema import Contract, ModelIdentity
from genrekit.serving.analysis import only_file
from genrekit.serving.examples import REFUSALS, audio_body
from genrekit.serving.listening import FLAC, excerpt_of, flac_response
from genrekit.serving.options import with_fields
from genrekit.serving.problems import Problem
from genrekit.serving.service import Service, service_of
from genrekit.serving.settings import Settings
from genrekit.serving.work import WorkerRequest

router = APIRouter(tags=["similar"], responses=REFUSALS)
#: Excerpts that are decoded at a time.
_LISTENERS = 2


@dataclass(frozen=True, slots=True)
class Library:
    """The index that is served, and which model describes what is sent."""

    index: Index
    model: str
    playable: bool = True
    listeners: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_LISTENERS))


class SimilarOptions(Contract):
    """How many."""

    top: int = Field(10, ge=1, le=1000, description="tracks to send")
    name: str | None = Field(None, max_length=1000, description="name of a raw upload")


class IndexAnswer(Contract):
    """What there is to be similar to."""

    tracks: int = Field(description="0 where no index is served")
    playable: bool = Field(False, description="whether /similar/audio plays them")
    model: ModelIdentity | None = None


class SimilarAnswer(Contract):
    """The nearest tracks, nearest first."""

    path: str
    model: ModelIdentity
    tracks: tuple[Neighbour, ...]


def open_library(settings: Settings, bundles: Mapping[str, Bundle]) -> Library | None:
    """Return the index of the settings, with the served model that made it.

    Raises
    ------
    ConfigError
        If it cannot be read, or its model is not served.
    """
    if settings.index is None:
        return None
    index = read_index(settings.index)
    made_with = index.manifest.model
    for name, bundle in bundles.items():
        if bundle.sha256 == made_with.sha256:
            return Library(index, name, settings.play_similar)
    raise ConfigError(
        f"the index in {settings.index} was made with {made_with.name} {made_with.version}, which "
        "is not served here: serve it too with --model, or run genrekit index again"
    )


def _library_of(connection: HTTPConnection) -> Library | None:
    library: Library | None = connection.app.state.library
    return library


_Library = Annotated[Library | None, Depends(_library_of)]
_Service = Annotated[Service, Depends(service_of)]


@router.get("/similar", summary="Whether there is an index")
async def look(library: _Library) -> IndexAnswer:
    """How many tracks it holds."""
    if library is None:
        return IndexAnswer(tracks=0)
    manifest = library.index.manifest
    count = len(manifest.tracks)
    return IndexAnswer(tracks=count, playable=library.playable, model=manifest.model)


@router.get(
    "/similar/audio",
    summary="Listen to a track of the index",
    response_class=Response,
    responses={
        200: {"content": {FLAC: {}}},
        404: {"model": Problem, "description": "No index, no such track, or none are played"},
    },
)
async def play(
    library: _Library,
    path: Annotated[str, Query(max_length=4000, description="as ``/similar`` names it")],
) -> Response:
    """30 seconds from the middle, mono, FLAC; never a file that is not in the index."""
    if library is None or not library.playable:
        raise UnknownResourceError(
            "this server plays no tracks; start it with --index, and without "
            "GENREKIT_SERVE_PLAY_SIMILAR=false"
        )
    async with library.listeners:
        return flac_response(await asyncio.to_thread(excerpt_of, library.index, path))


@router.post(
    "/similar",
    summary="Tracks like one file",
    openapi_extra=audio_body(SimilarOptions),
    responses={404: {"model": Problem, "description": "This server has no index"}},
)
async def similar(
    request: Request,
    service: _Service,
    library: _Library,
    query: Annotated[SimilarOptions, Query()],
) -> SimilarAnswer:
    """Send audio as ``file=@song.mp3`` of a form, or as the body itself."""
    if library is None:
        raise UnknownResourceError("this server has no index; start it with --index")
    async with service.receive(request) as body:
        options: SimilarOptions = with_fields(query, body.fields)
        upload = only_file(body.files)
        work = WorkerRequest(
            operation="describe", path=str(upload.path), name=upload.name, model=library.model
        )
        vector = np.array(await service.run_for(request, work), np.float32)
    found = library.index.similar(vector, top=options.top)
    identity = library.index.manifest.model
    return SimilarAnswer(path=upload.name, model=identity, tracks=tuple(found))
