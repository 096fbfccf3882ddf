"""``/api/v1/learn``: genres of a visitor's own from two to ten piles of songs."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field, ValidationError, model_validator
from starlette.requests import Request

from genrekit.schema import Contract, Estimate
from genrekit.serving.analysis import only_file
from genrekit.serving.examples import REFUSALS, audio_body
from genrekit.serving.options import with_fields
from genrekit.serving.problems import explain_validation
from genrekit.serving.service import Service, service_of
from genrekit.serving.uploads import read_chunks
from genrekit.serving.work import WorkerRequest

router = APIRouter(tags=["learn"], responses=REFUSALS)

_MOST_BYTES = 8 * 2**20
#: Base64 of forty windows of a thousand columns.
_MOST_SONG_CHARACTERS = 220_000
MOST_SONGS = 200


class EmbedOptions(Contract):
    """Of one song."""

    model: str | None = Field(None, max_length=200, description="whose embedding")
    name: str | None = Field(None, max_length=1000, description="name of a raw upload")


class SongEmbedding(Contract):
    """One song in numbers; the audio is not kept."""

    path: str
    windows: int
    columns: int
    embedding: str = Field(description="base64 of float32, little-endian, windows x columns")
    not_music: tuple[float, ...] = Field(description="of each window, how probably it is not music")


class Pile(Contract):
    """Songs of one genre."""

    name: str = Field(min_length=1, max_length=60)
    songs: tuple[Annotated[str, Field(max_length=_MOST_SONG_CHARACTERS)], ...] = Field(
        min_length=2, max_length=50, description="embeddings, as /learn/embed gives them"
    )


class Piles(Contract):
    """What is to be told apart."""

    model: str | None = Field(None, max_length=200)
    piles: tuple[Pile, ...] = Field(min_length=2, max_length=10)

    @model_validator(mode="after")
    def _piles_differ(self) -> Piles:
        names = [pile.name.strip().casefold() for pile in self.piles]
        if len(set(names)) != len(names) or "unknown" in names:
            raise ValueError("piles must have different names, none of them unknown")
        songs = sum(len(pile.songs) for pile in self.piles)
        if songs > MOST_SONGS:
            raise ValueError(f"there are {songs} songs, more than {MOST_SONGS}")
        return self


class WrongSong(Contract):
    """A song that a model without it puts on another pile."""

    pile: int
    song: int
    heard: str


class LearntPiles(Contract):
    """A linear model of embeddings, and how good it is."""

    labels: tuple[str, ...]
    columns: int
    weights: str = Field(description="base64 of float32, columns x labels")
    bias: tuple[float, ...]
    temperature: float
    unknown_below: float
    songs: int
    accuracy: Estimate = Field(description="of songs that the tested model did not learn from")
    majority: float = Field(description="what always saying the largest pile would get")
    wrong: tuple[WrongSong, ...]


_EXAMPLE = {"piles": [{"name": name, "songs": ["AACAPw==", "AAAAQA=="]} for name in ("a", "b")]}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": Piles.model_json_schema(), "example": _EXAMPLE}},
    }
}
_Service = Annotated[Service, Depends(service_of)]


@router.post("/learn/embed", summary="One song in numbers", openapi_extra=audio_body(EmbedOptions))
async def embed(
    request: Request, service: _Service, query: Annotated[EmbedOptions, Query()]
) -> SongEmbedding:
    """Send audio as ``file=@song.mp3`` of a form, or as the body itself."""
    async with service.receive(request) as body:
        options: EmbedOptions = with_fields(query, body.fields)
        upload = only_file(body.files)
        work = WorkerRequest(
            operation="embed windows",
            path=str(upload.path),
            name=upload.name,
            model=service.model(options.model, request),
        )
        return SongEmbedding.model_validate(await service.run_for(request, work))


@router.post("/learn", summary="Learn to tell piles apart", openapi_extra=_BODY)
async def learn(request: Request, service: _Service) -> LearntPiles:
    """Send the embeddings of the songs on each pile; nothing of them is kept."""
    body = b"".join([chunk async for chunk in read_chunks(request, service.settings, _MOST_BYTES)])
    try:
        piles = Piles.model_validate_json(body)
    except ValidationError as error:
        raise explain_validation(error) from None
    file = service.folder / f"piles-{secrets.token_hex(8)}.json"
    try:
        file.write_bytes(body)
        work = WorkerRequest(
            operation="learn piles", path=str(file), model=service.model(piles.model, request)
        )
        return LearntPiles.model_validate(await service.run_for(request, work))
    finally:
        file.unlink(missing_ok=True)
