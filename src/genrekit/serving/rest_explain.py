"""``/api/v1/analysis/explain``: what a genre rests on in a file that is sent."""

from __future__ import annotations

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from genrekit.serving.analysis import charge, only_file
from genrekit.serving.examples import EXPLANATION, REFUSALS, audio_body
from genrekit.serving.explaining import ExplainAnswer
from genrekit.serving.options import ExplainOptions, with_fields
from genrekit.serving.service import Service, service_of
from genrekit.serving.work import Explaining, WorkerRequest

router = APIRouter(prefix="/analysis", tags=["analysis"], responses=REFUSALS)

#: Requests that one explanation counts as: it takes as long as some predictions.
COST = 10
_PNG = "image/png"
_CONTENT: dict[str, Any] = {
    "application/json": {"example": EXPLANATION},
    _PNG: {"schema": {"type": "string", "format": "binary"}},
}


@router.post(
    "/explain",
    summary="What a genre rests on in one file",
    response_model=ExplainAnswer,
    openapi_extra=audio_body(ExplainOptions),
    responses={200: {"content": _CONTENT}},
)
async def explain(
    request: Request,
    service: Annotated[Service, Depends(service_of)],
    query: Annotated[ExplainOptions, Query()],
) -> Response:
    """Seconds and patches are hidden one at a time; what is lost without them spoke for it.

    At most a minute is explained. Predictions go first; an explanation counts as ten requests.
    """
    service.check_low_priority()
    charge(request, service, COST - 1)
    async with service.receive(request) as body:
        options: ExplainOptions = with_fields(query, body.fields)
        upload = only_file(body.files)
        picture = (options.format or _accepted(request.headers.get("accept", ""))) == "png"
        work = WorkerRequest(
            operation="explain",
            path=str(upload.path),
            name=upload.name,
            model=service.model(options.model, request),
            excerpt=options.excerpt,
            wall_seconds=service.settings.explain_seconds,
            explaining=Explaining(
                genre=options.genre,
                piece_seconds=options.seconds,
                fill=options.fill,
                spectrogram=options.spectrogram,
                time_line=options.time_line,
                picture=picture,
            ),
        )
        answer = await service.run_for(request, work, low_priority=True)
    if picture:
        return Response(base64.b64decode(answer["png"]), media_type=_PNG)
    return JSONResponse(answer)


def _accepted(header: str) -> str:
    """Return the format that ``Accept`` likes better; JSON where it does not care."""
    likes = {"application/json": 0.0, _PNG: 0.0}
    for part in header.split(","):
        kind, *parameters = (word.strip() for word in part.lower().split(";"))
        if kind in likes:
            likes[kind] = max(likes[kind], _quality(parameters))
    return "png" if likes[_PNG] > likes["application/json"] else "json"


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
