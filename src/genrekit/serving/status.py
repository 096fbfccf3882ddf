"""What can be asked about the server itself: models, health, metrics, version."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.responses import Response

from genrekit import __version__
from genrekit.bundles import list_bundles, render_card
from genrekit.errors import BusyError
from genrekit.schema import BundleMetrics, Contract, Manifest
from genrekit.serving.examples import REFUSALS
from genrekit.serving.metrics import CONTENT_TYPE
from genrekit.serving.service import Service, service_of

router = APIRouter(tags=["status"])
catalogue = APIRouter(tags=["models"], responses=REFUSALS)

_Service = Annotated[Service, Depends(service_of)]


class ModelCard(Contract):
    """One model that answers here."""

    model: str
    name: str
    version: str
    aliases: tuple[str, ...] = ()
    sha256: str
    default: bool
    share: float = Field(description="of the senders that ask for no model")
    card: str
    manifest: Manifest
    metrics: BundleMetrics


class Version(Contract):
    """What is running."""

    genrekit: str
    models: dict[str, str]
    keeps_audio: bool = Field(False, description="what is sent is kept, to learn from feedback")


class Health(Contract):
    """Well, or there would be an error in its place."""

    status: str = "ok"


@catalogue.get("/models", summary="The models that answer, with their cards")
async def models(service: _Service) -> list[ModelCard]:
    """``model`` is what to ask for; the first one answers when none is named."""
    aliases = {(one.name, one.version): one.aliases for one in list_bundles()}
    shares = service.arms.shares
    first = next(iter(shares or service.bundles))
    return [
        ModelCard(
            model=name,
            name=bundle.manifest.name,
            version=bundle.manifest.version,
            aliases=aliases.get((bundle.manifest.name, bundle.manifest.version), ()),
            sha256=bundle.sha256,
            default=name == first,
            share=shares.get(name, 0.0) if shares else float(name == first),
            card=render_card(bundle.manifest, bundle.metrics),
            manifest=bundle.manifest,
            metrics=bundle.metrics,
        )
        for name, bundle in service.bundles.items()
    ]


@router.get("/health/live", summary="Whether the process answers")
async def live() -> Health:
    """Restart it when this fails."""
    return Health()


@router.get("/health/ready", summary="Whether requests should be sent here", responses=REFUSALS)
async def ready(service: _Service) -> Health:
    """503 while it starts, stops, or has no worker."""
    if service.draining:
        raise BusyError("the server is shutting down; ask another one", 5)
    if service.pool.ready == 0:
        raise BusyError("no worker is ready; ask again soon", 1)
    return Health()


@router.get("/metrics", summary="For Prometheus", response_class=Response)
async def metrics(service: _Service) -> Any:
    """Export requests, stages, queue, rejections, genres, confidence, models, drift."""
    service.recorder.publish()
    return Response(service.metrics.text(), headers={"Content-Type": CONTENT_TYPE})


@router.get("/version", summary="What is running")
async def version(service: _Service) -> Version:
    """Return the program and its models."""
    found = {name: bundle.manifest.version for name, bundle in service.bundles.items()}
    keeps = service.recorder.log is not None and service.settings.keep_audio
    return Version(genrekit=__version__, models=found, keeps_audio=keeps)
