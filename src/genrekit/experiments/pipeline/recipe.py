"""What a pipeline does: which data and recipe, and the rule by which a model is promoted."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import Field, ValidationError, model_validator

from genrekit.audit import Severity
from genrekit.errors import ConfigError
from genrekit.evaluation import DISTORTIONS
from genrekit.schema import Contract, Probability
from genrekit.training import Recipe, load_recipe


class AuditRule(Contract):
    """Whether the data is audited, and what stops the pipeline."""

    labels: bool = Field(False, description="doubt labels too, which fits models")
    refuse: tuple[Severity, ...] = Field(
        (), description="findings of these severities end the pipeline before anything is trained"
    )


class Gate(Contract):
    """When a challenger may take the champion's place; None leaves a rule out.

    Differences are of the same test tracks, challenger minus champion.
    """

    margin: Probability = Field(
        0.02,
        description="the interval of the difference of accuracies may reach to minus this",
    )
    genre_margin: Probability | None = Field(
        None, description="recall of no genre falls by more than this"
    )
    robustness_margin: Probability | None = Field(
        None, description="accuracy under no distortion falls by more than this; audio only"
    )
    distortions: tuple[str, ...] = Field(
        ("mp3", "noise"), description="of genrekit robustness, at all levels"
    )
    least_accuracy: Probability | None = Field(
        None, description="the lower end of the challenger's own interval"
    )
    most_bytes: int | None = Field(None, ge=1, description="of the bundle")
    slower: float | None = Field(
        None, gt=0, description="a track takes at most so many times as long as by the champion"
    )

    @model_validator(mode="after")
    def _distortions_are_known(self) -> Gate:
        if unknown := sorted({*self.distortions} - {*DISTORTIONS}):
            known = ", ".join(sorted(DISTORTIONS))
            raise ValueError(f"there is no distortion {unknown[0]!r}; known: {known}")
        return self


class PipelineRecipe(Contract):
    """``genrekit pipeline RECIPE.yaml``; paths in it are relative to the file."""

    kind: str = Field("pipeline", pattern="^pipeline$")
    recipe: Path = Field(description="of the training, whose protocol has a test part")
    overrides: tuple[str, ...] = Field((), description="section.key=value, as for train --set")
    data: Path | None = Field(None, description="in place of the training recipe's")
    seeds: tuple[int, ...] = Field(
        (0,), min_length=1, description="the first is the challenger, the others show the spread"
    )
    audit: AuditRule = AuditRule()
    champion: str = Field("default@champion", description="who is challenged")
    gate: Gate = Gate()
    alias: str = Field("champion", description="of default, which a better model becomes")
    promote: bool = True
    feedback: Path | None = Field(
        None, description="log of a server that kept audio: what people said teaches too"
    )
    track: str | None = Field(None, description="address of MLflow, such as sqlite:///runs.db")


def load_pipeline(path: Path) -> PipelineRecipe:
    """Read and validate a pipeline's recipe.

    Raises
    ------
    ConfigError
        If it cannot be read, or a setting is unknown, missing or out of range.
    """
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read as YAML: {error}") from error
    if not isinstance(settings, dict):
        raise ConfigError(f"{path} holds a {type(settings).__name__}; expected settings")
    try:
        found = PipelineRecipe.model_validate(settings)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise ConfigError(f"{path}: {where}: {first['msg']}") from error
    changes = {"recipe": path.parent / found.recipe}
    for name in ("data", "feedback"):
        if (place := getattr(found, name)) is not None:
            changes[name] = path.parent / place
    return found.model_copy(update=changes)


def training_recipe(pipeline: PipelineRecipe, seed: int, *more: str) -> Recipe:
    """Return the recipe of one training, with ``more`` overrides."""
    return load_recipe(pipeline.recipe, [*pipeline.overrides, f"seed={seed}", *more])
