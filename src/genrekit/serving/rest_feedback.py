"""``/api/v1/feedback``: what was true of an answer."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field, ValidationError, model_validator
from starlette.requests import Request

from genrekit.errors import UnknownResourceError
from genrekit.monitoring import Feedback
from genrekit.schema import Contract
from genrekit.serving.examples import REFUSALS
from genrekit.serving.problems import Problem, explain_validation
from genrekit.serving.service import Service, service_of
from genrekit.serving.uploads import read_chunks

router = APIRouter(tags=["feedback"], responses=REFUSALS)

_MOST_BYTES = 4096
_EXAMPLE = {"id": "0" * 32, "genre": "jazz"}


class Truth(Contract):
    """The genre of a track, or only whether the answer was right."""

    id: str = Field(pattern=r"^[0-9a-f]{32}$", description="of the answer")
    genre: str | None = Field(
        None, min_length=1, max_length=100, description="one of the model's, or other"
    )
    right: bool | None = Field(None, description="where the genre is not known")

    @model_validator(mode="after")
    def _one_of_both(self) -> Truth:
        if (self.genre is None) == (self.right is None):
            raise ValueError("send either genre or right")
        return self


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["id"],
                    "properties": {
                        "id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
                        "genre": {"type": "string", "minLength": 1, "maxLength": 100},
                        "right": {"type": "boolean"},
                    },
                },
                "example": _EXAMPLE,
            }
        },
    }
}


@router.post(
    "/feedback",
    summary="What was true of an answer",
    openapi_extra=_BODY,
    responses={404: {"model": Problem, "description": "No such answer, or no log"}},
)
async def feedback(request: Request, service: Annotated[Service, Depends(service_of)]) -> Feedback:
    """Said again it changes nothing; said otherwise, the last word counts."""
    body = b"".join([chunk async for chunk in read_chunks(request, service.settings, _MOST_BYTES)])
    try:
        truth = Truth.model_validate_json(body)
    except ValidationError as error:
        raise explain_validation(error) from None
    if service.recorder.log is None:
        raise UnknownResourceError("this server keeps no log of answers; start it with --log")
    return await service.recorder.add_feedback(truth.id, truth.genre, truth.right)
