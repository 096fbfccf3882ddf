"""``/api/v1/analysis``: predictions, features and embeddings of files that are sent."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import JSONResponse

from genrekit.errors import BusyError, GenreError, RequestError
from genrekit.inference import error_record
from genrekit.schema import Contract, TrackPrediction
from genrekit.serving.access import sender_of
from genrekit.serving.examples import PREDICTION, REFUSALS, audio_body, files_body
from genrekit.serving.options import (
    ExcerptOptions,
    FeatureOptions,
    PredictOptions,
    predict_work,
    shortened,
    with_fields,
)
from genrekit.serving.service import Service, service_of
from genrekit.serving.uploads import Upload
from genrekit.serving.work import WorkerRequest

router = APIRouter(prefix="/analysis", tags=["analysis"], responses=REFUSALS)

#: The header that says which answer of the log this is.
ANSWER_ID = "X-Answer-Id"

_ID_HEADER = {
    ANSWER_ID: {
        "description": "of the answer, where a log is kept: what feedback names",
        "schema": {"type": "string"},
    }
}

_Service = Annotated[Service, Depends(service_of)]


class FeatureAnswer(Contract):
    """Named numbers of one track."""

    path: str
    set: str
    seconds: float
    features: dict[str, float]
    warnings: tuple[str, ...] = ()


class EmbeddingAnswer(Contract):
    """The vector at which a network puts one track."""

    path: str
    model: str
    embedding: tuple[float, ...]


class BatchAnswer(Contract):
    """One answer or error record for each file, in order."""

    predictions: tuple[TrackPrediction, ...]
    failed: int


@router.post(
    "/predict",
    summary="The genre of one file",
    response_model=TrackPrediction,
    openapi_extra=audio_body(PredictOptions),
    responses={
        200: {"content": {"application/json": {"example": PREDICTION}}, "headers": _ID_HEADER}
    },
)
async def predict(
    request: Request, service: _Service, query: Annotated[PredictOptions, Query()]
) -> JSONResponse:
    """Send audio as ``file=@song.mp3`` of a form, or as the body itself; any format."""
    async with service.receive(request) as body:
        options: PredictOptions = with_fields(query, body.fields)
        model, sender = service.model(options.model, request), service.sender(request)
        work = predict_work(options, only_file(body.files), model, sender)
        answer = await service.run_for(request, work)
        headers = {ANSWER_ID: answer["id"]} if "id" in answer else None
        return JSONResponse(shortened(answer, options.top), headers=headers)


@router.post(
    "/batch",
    summary="The genres of many files",
    response_model=BatchAnswer,
    openapi_extra=files_body(PredictOptions),
    responses={207: {"model": BatchAnswer, "description": "Some files could not be answered"}},
)
async def batch(
    request: Request, service: _Service, query: Annotated[PredictOptions, Query()]
) -> JSONResponse:
    """Send files as ``files=@a.mp3``, ``files=@b.mp3``; 207 says that there are error records."""
    settings = service.settings
    async with service.receive(request, most_files=settings.files) as body:
        options: PredictOptions = with_fields(query, body.fields)
        model, sender = service.model(options.model, request), service.sender(request)
        if not body.files:
            raise RequestError("there is no file in the form; send files=@a.mp3")
        charge(request, service, len(body.files) - 1)
        works = [predict_work(options, upload, model, sender) for upload in body.files]
        answers = await _answers(service, options, works)
    failed = sum(answer["error"] is not None for answer in answers)
    status = HTTPStatus.MULTI_STATUS if failed else HTTPStatus.OK
    return JSONResponse({"predictions": answers, "failed": failed}, status)


@router.post(
    "/features",
    summary="The features of one file",
    response_model=FeatureAnswer,
    openapi_extra=audio_body(FeatureOptions),
)
async def features(
    request: Request, service: _Service, query: Annotated[FeatureOptions, Query()]
) -> JSONResponse:
    """Timbre, rhythm, harmony and dynamics as named numbers."""
    async with service.receive(request) as body:
        options: FeatureOptions = with_fields(query, body.fields)
        upload = only_file(body.files)
        work = _work("features", options, upload, service, request).model_copy(
            update={"features": options.set}
        )
        return JSONResponse(await service.run_for(request, work))


@router.post(
    "/embedding",
    summary="The embedding of one file",
    response_model=EmbeddingAnswer,
    openapi_extra=audio_body(ExcerptOptions),
)
async def embedding(
    request: Request, service: _Service, query: Annotated[ExcerptOptions, Query()]
) -> JSONResponse:
    """422 where the model has none."""
    async with service.receive(request) as body:
        options: ExcerptOptions = with_fields(query, body.fields)
        work = _work("embedding", options, only_file(body.files), service, request)
        return JSONResponse(await service.run_for(request, work))


def charge(request: Request, service: Service, tokens: int) -> None:
    """Count the further files of one request against the rate of its sender.

    Raises
    ------
    RateLimitError
        If they are too many.
    """
    if tokens > 0:
        sender = sender_of(request.client.host if request.client else "")
        service.limiter.take(request.state.owner or sender, tokens)


def only_file(files: list[Upload]) -> Upload:
    """Return the one file of a request.

    Raises
    ------
    RequestError
        If there is none.
    """
    if len(files) != 1:
        raise RequestError("there is no file in the form; send one as file=@song.mp3")
    return files[0]


def _work(
    operation: str, options: ExcerptOptions, upload: Upload, service: Service, request: Request
) -> WorkerRequest:
    return WorkerRequest(
        operation=operation,
        path=str(upload.path),
        name=upload.name,
        model=service.model(options.model, request),
        excerpt=options.excerpt,
    )


async def _answers(
    service: Service, options: PredictOptions, works: list[WorkerRequest]
) -> list[dict[str, Any]]:
    """All answers in order; they wait for each other as long as a request may take."""
    service.check_low_priority()
    seconds = service.settings.request_seconds
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.gather(*(_answer(service, options, work) for work in works))
    except TimeoutError:
        raise BusyError(
            f"not all files were answered within {seconds:g} s; hand them in as a job", 10
        ) from None


async def _answer(service: Service, options: PredictOptions, work: WorkerRequest) -> dict[str, Any]:
    try:
        answer = await service.run(work, low_priority=True)
    except GenreError as error:
        return error_record(work.name, error).model_dump(mode="json")
    return shortened(answer, options.top)
