"""What a request may ask for beside its audio."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any, Literal

from pydantic import Field, ValidationError

from genrekit.schema import Contract, ExcerptConfig
from genrekit.serving.problems import explain_validation
from genrekit.serving.uploads import Upload
from genrekit.serving.work import WorkerRequest


class ExcerptOptions(Contract):
    """Which model, and which part of a track; in the query or as fields of the form."""

    model: str | None = Field(None, max_length=130, description="as listed by /api/v1/models")
    start: float | None = Field(None, ge=0, le=360_000, description="analyse from here on, seconds")
    duration: float | None = Field(None, gt=0, le=36_000, description="analyse this much, seconds")
    whole: bool = Field(False, description="analyse all of the track")
    name: str | None = Field(None, max_length=1000, description="name of a raw upload")

    @property
    def excerpt(self) -> ExcerptConfig | None:
        """The part; None is what the model was made for."""
        if self.whole:
            return ExcerptConfig(start_seconds=0.0, duration_seconds=None)
        if self.start is None and self.duration is None:
            return None
        default = ExcerptConfig().duration_seconds
        return ExcerptConfig(start_seconds=self.start, duration_seconds=self.duration or default)


class PredictOptions(ExcerptOptions):
    """What a prediction should be like."""

    top: int | None = Field(None, ge=1, le=1000, description="scores to send; all by default")
    segments: bool = Field(False, description="with the scores of each window")
    tags: bool = Field(False, description="with tags and wide genres, where the model has them")
    threshold: float | None = Field(
        None, ge=0, le=1, description="say unknown below this probability; else as the model does"
    )


class FeatureOptions(ExcerptOptions):
    """Which features."""

    set: Literal["descriptors", "gtzan57"] = "descriptors"


class ExplainOptions(ExcerptOptions):
    """What to explain, and how."""

    genre: str | None = Field(None, max_length=200, description="by default the most probable")
    seconds: float = Field(1.0, ge=0.1, le=30, description="hidden at once")
    fill: Literal["all", "cut", "silence", "noise"] = Field(
        "all", description="how they are hidden: in one way, or in all, which are compared"
    )
    spectrogram: bool = Field(True, description="with the decibels, in JSON")
    time_line: bool = Field(True, description="with the genres of short stretches, in JSON")
    format: Literal["json", "png"] | None = Field(None, description="by default as Accept says")


def with_fields(options: Contract, fields: Mapping[str, str]) -> Any:
    """Options from the query, with those of the form laid over them.

    Raises
    ------
    ConfigError
        If a field is unknown or makes no sense.
    """
    if not fields:
        return options
    given = options.model_dump(exclude_unset=True) | dict(fields)
    try:
        return type(options).model_validate(given)
    except ValidationError as error:
        raise explain_validation(error) from None


def predict_work(
    options: PredictOptions, upload: Upload, model: str, sender: str = ""
) -> WorkerRequest:
    """Return what a worker is to do for one file; ``sender`` is how the log knows who asks."""
    return WorkerRequest(
        operation="predict",
        path=str(upload.path),
        name=upload.name,
        model=model,
        excerpt=options.excerpt,
        segments=options.segments,
        tags=options.tags,
        unknown_below=options.threshold,
        sender=sender,
        assigned=options.model is None,
    )


def shortened(answer: dict[str, Any], top: int | None) -> dict[str, Any]:
    """Return the answer with its ``top`` best scores."""
    if top is None:
        return answer
    return answer | {"scores": dict(islice(answer["scores"].items(), top))}
