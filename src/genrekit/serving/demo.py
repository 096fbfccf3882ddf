"""``/api/v1/demo``: synthetic tracks to try the server with, where nobody has music at hand."""

from __future__ import annotations

import asyncio
from functools import lru_cache

from fastapi import APIRouter
from starlette.responses import Response

from genrekit.errors import UnknownResourceError, quoted
from genrekit.schema import Contract
from genrekit.serving.listening import FLAC, flac

router = APIRouter(prefix="/demo", tags=["demo"])

_SECONDS = 20.0
_RATE_HZ = 22050


class DemoTrack(Contract):
    """A track that was composed by a program."""

    genre: str
    name: str
    seconds: float


@router.get("", summary="Synthetic tracks to try")
async def listed() -> tuple[DemoTrack, ...]:
    """One in the manner of each genre of GTZAN; no musician played them."""
    from genrekit.jukebox import JUKEBOX_GENRES

    return tuple(
        DemoTrack(genre=genre, name=f"synthetic-{genre}.flac", seconds=_SECONDS)
        for genre in JUKEBOX_GENRES
    )


@router.get("/{genre}", summary="One of them", responses={200: {"content": {FLAC: {}}}})
async def track(genre: str) -> Response:
    """FLAC, mono."""
    from genrekit.jukebox import JUKEBOX_GENRES

    if genre not in JUKEBOX_GENRES:
        raise UnknownResourceError(
            f"there is no synthetic track {quoted(genre, 40)}; there are "
            f"{', '.join(JUKEBOX_GENRES)}"
        )
    return Response(await asyncio.to_thread(_flac, genre), media_type=FLAC)


@lru_cache(maxsize=16)
def _flac(genre: str) -> bytes:
    """Made once; ten of them take a few megabytes."""
    from genrekit.jukebox import synthesise

    return flac(synthesise(genre, seconds=_SECONDS, sample_rate_hz=_RATE_HZ))
