"""Errors as answers: one shape of body, the status from the one table."""

from __future__ import annotations

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from genrekit.errors import ConfigError, GenreError, RetryError, outcome
from genrekit.inference import printable
from genrekit.schema import Contract, ErrorRecord

_log = logging.getLogger(__name__)


class Problem(Contract):
    """The body of every answer that is not a success."""

    error: ErrorRecord


def problem_of(error: GenreError) -> Problem:
    """Return the body for an error."""
    record = ErrorRecord(type=type(error).__name__, message=printable(str(error)))
    return Problem(error=record)


def problem_response(error: GenreError) -> Response:
    """Return the answer for an error: its status, when to ask again, and why."""
    headers = {}
    if isinstance(error, RetryError):
        headers["Retry-After"] = str(error.retry_after_seconds)
    status = outcome(error).http_status
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if status == HTTPStatus.REQUEST_TIMEOUT:
        headers["Connection"] = "close"
    return _response(problem_of(error), status, headers)


def explain_validation(error: RequestValidationError | ValidationError) -> ConfigError:
    """Return what is wrong with the options of a request, on one line."""
    parts = []
    for one in error.errors():
        place = ".".join(str(step) for step in one["loc"] if step not in ("query", "body"))
        # What a validator of ours says comes with the name of its Python exception.
        problem_text = (
            str(one["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
        )
        parts.append(f"{place}: {problem_text}" if place else problem_text)
    return ConfigError("; ".join(parts)[:1000])


def add_handlers(app: FastAPI) -> None:
    """Let everything that goes wrong in ``app`` be answered in the one shape."""

    async def expected(request: Request, error: Exception) -> Response:
        assert isinstance(error, GenreError)
        request.app.state.service.metrics.rejections.labels(type(error).__name__).inc()
        if outcome(error).http_status == HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.warning("%s: %s", type(error).__name__, error)
        return problem_response(error)

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return problem_response(explain_validation(error))

    async def unrouted(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        record = _unrouted(request, error)
        return _response(Problem(error=record), error.status_code, dict(error.headers or {}))

    async def unexpected(_: Request, error: Exception) -> Response:
        return problem_response(GenreError("something went wrong here; it is in the server's log"))

    app.add_exception_handler(GenreError, expected)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, unrouted)
    app.add_exception_handler(Exception, unexpected)


def _unrouted(request: Request, error: HTTPException) -> ErrorRecord:
    """Return what to say where no route was found."""
    asked = f"{request.method} {printable(request.url.path)[:200]}"
    listed = "/api/v1/openapi.json lists what there is"
    if error.status_code == HTTPStatus.NOT_FOUND:
        return ErrorRecord(
            type="UnknownResourceError", message=f"there is nothing at {asked}; {listed}"
        )
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "another method")
        return ErrorRecord(
            type="RequestError", message=f"{asked} is not how to ask; use {allowed}, {listed}"
        )
    return ErrorRecord(type="HTTPException", message=str(error.detail))


def _response(problem: Problem, status: int, headers: dict[str, str]) -> Response:
    body = problem.model_dump_json()
    return Response(body, status, headers, media_type="application/json")
