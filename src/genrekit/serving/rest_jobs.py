"""``/api/v1/jobs``: long work with status, progress, cancel and result."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import JSONResponse

from genrekit.errors import RequestError
from genrekit.serving.analysis import BatchAnswer, charge
from genrekit.serving.examples import REFUSALS, UNKNOWN_JOB, files_body
from genrekit.serving.jobs import JobStatus
from genrekit.serving.options import PredictOptions, with_fields
from genrekit.serving.service import Service, service_of

router = APIRouter(prefix="/jobs", tags=["jobs"], responses=REFUSALS)

_Service = Annotated[Service, Depends(service_of)]
_PENDING: dict[int | str, dict[str, Any]] = {
    202: {"model": JobStatus, "description": "Not finished yet"}
}


@router.post(
    "",
    status_code=HTTPStatus.ACCEPTED,
    summary="Hand in many files",
    response_model=JobStatus,
    openapi_extra=files_body(PredictOptions),
)
async def hand_in(
    request: Request, service: _Service, query: Annotated[PredictOptions, Query()]
) -> JSONResponse:
    """Answers at once with the number of the job; the files are worked on when there is time."""
    service.jobs.check_room()
    async with service.receive(request, most_files=service.settings.job_files) as body:
        options: PredictOptions = with_fields(query, body.fields)
        model, sender = service.model(options.model, request), service.sender(request)
        if not body.files:
            raise RequestError("there is no file in the form; send files=@a.mp3")
        charge(request, service, len(body.files) - 1)
        owner = request.state.owner
        status = service.jobs.hand_in(body.files, options, model, owner, sender)
    place = f"/api/v1/jobs/{status.id}"
    return JSONResponse(status.model_dump(), HTTPStatus.ACCEPTED, {"Location": place})


@router.get("/{job_id}", summary="How far a job is", responses=UNKNOWN_JOB)
async def look(request: Request, service: _Service, job_id: str) -> JobStatus:
    """Files done, failed and in all."""
    return service.jobs.status(job_id, request.state.owner)


@router.get(
    "/{job_id}/result",
    summary="The answers of a job",
    response_model=BatchAnswer,
    responses={**UNKNOWN_JOB, **_PENDING, 207: {"model": BatchAnswer}},
)
async def fetch(request: Request, service: _Service, job_id: str) -> JSONResponse:
    """202 until all files are done; 207 if there are error records."""
    owner = request.state.owner
    status = service.jobs.status(job_id, owner)
    if status.state in ("waiting", "running"):
        return JSONResponse(status.model_dump(), HTTPStatus.ACCEPTED, {"Retry-After": "2"})
    code = HTTPStatus.MULTI_STATUS if status.failed else HTTPStatus.OK
    answers = service.jobs.results(job_id, owner)
    return JSONResponse({"predictions": answers, "failed": status.failed}, code)


@router.delete("/{job_id}", summary="Cancel a job, or forget it", responses=UNKNOWN_JOB)
async def cancel(request: Request, service: _Service, job_id: str) -> JobStatus:
    """Stop a running job after the file it is at; delete one that is over."""
    return service.jobs.cancel(job_id, request.state.owner)
