"""A recipe of ``kind: distil``: which backbone teaches which network, on which music."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from genrekit.errors import ConfigError
from genrekit.models import NetworkConfig
from genrekit.models.pretrained.backbones import Musicnn
from genrekit.schema import Contract, MelConfig
from genrekit.training import BackboneConfig, Model, expand_backbone, expanded, noted, read_settings


class MusicFolder(Contract):
    """Audio files without labels."""

    path: Path
    name: str = Field("", description="in reports; by default that of the folder")
    include: tuple[str, ...] = Field(("**/*",), description="patterns of files, from the folder")
    exclude: tuple[str, ...] = Field((), description="patterns of files that are passed over")
    hours: float | None = Field(None, gt=0, description="at most, evenly over all files")
    copies: int = Field(1, ge=1, le=20, description="times that it is read, disturbed otherwise")


class Disturbances(Contract):
    """How often each chunk of 30 s is changed before anybody hears it; shares of the chunks."""

    speed: float = Field(0.15, ge=0, le=1, description="up to 8 % faster or slower, pitch too")
    band_limit: float = Field(0.15, ge=0, le=1, description="nothing above 2.5 to 7 kHz")
    codec: float = Field(0.1, ge=0, le=1, description="mp3 at 32 to 96 kbit/s")
    noise: float = Field(0.1, ge=0, le=1, description="white, 10 to 35 dB below")
    mixing: float = Field(0.15, ge=0, le=1, description="with another chunk of the same folder")
    short: float = Field(0.05, ge=0, le=1, description="1 to 3 s of it, repeated")
    level: float = Field(0.2, ge=0, le=1, description="up to 30 dB quieter")


class DistilRecipe(Contract):
    """What a student learns, from whom, and on what.

    Attributes
    ----------
    teacher : BackboneConfig
        A published network by its ``name``, or a saved model by ``bundle``.
    student : NetworkConfig
        Any network on one spectrogram.
    music, validation : tuple of MusicFolder
        What teaches, and what shows how well the student agrees with the teacher.
    method : {"end-to-end", "blocks"}
        ``blocks`` is for a student of the teacher's own plan: each block learns by itself first,
        then all of them together.
    leave_out : Path, optional
        Names of recordings that are passed over, one a line.
    """

    kind: Literal["distil"]
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    version: str = Field("1.0.0", pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")
    description: str = ""
    teacher: BackboneConfig
    student: Model
    frontend: MelConfig
    window_seconds: float = Field(gt=0, le=60)
    music: tuple[MusicFolder, ...] = Field(min_length=1)
    validation: tuple[MusicFolder, ...] = Field(min_length=1)
    leave_out: Path | None = None
    leave_out_because: str = ""
    licence_of_music: str = Field(description="named on the card")
    method: Literal["end-to-end", "blocks"] = "end-to-end"
    block_steps: int = Field(2500, ge=1, description="of gradient descent, for blocks")
    steps: int = Field(1000, ge=0, description="of all layers together")
    batch: int = Field(16, ge=2, le=1024, description="windows in a step of all layers")
    learning_rate: float = Field(0.0005, gt=0, le=1)
    disturb: Disturbances = Disturbances()
    seed: int = Field(0, ge=0)
    text: str = Field("", description="the file itself")

    @model_validator(mode="after")
    def _they_fit(self) -> DistilRecipe:
        if not isinstance(self.student, NetworkConfig):
            raise ValueError(f"student: {self.student.architecture} is not a network")
        if self.student.takes != ("spectrogram",):
            raise ValueError(
                f"student: {self.student.architecture} takes {' and '.join(self.student.takes)}; "
                "a student takes one spectrogram"
            )
        if self.method == "blocks":
            self._of_one_plan()
        return self

    def _of_one_plan(self) -> None:
        names = (getattr(self.teacher, "name", "a saved model"), self.student.architecture)
        if names != ("musicnn", "musicnn"):
            raise ValueError(
                f"method blocks is for a teacher and a student of one plan, which musicnn has; "
                f"here {names[0]} teaches {names[1]}: take method end-to-end"
            )
        assert isinstance(self.teacher, Musicnn)
        if self.teacher.layer != "penultimate" or self.teacher.weights == "random":
            raise ValueError(
                "method blocks teaches the layer penultimate of published weights; here the "
                f"teacher has layer {self.teacher.layer} and weights {self.teacher.weights}"
            )


def is_distil_recipe(path: Path) -> bool:
    """Whether a file is a recipe of ``kind: distil``."""
    return path.is_file() and read_settings(path)[1].get("kind") == "distil"


def load_distil_recipe(path: Path, overrides: Sequence[str] = ()) -> DistilRecipe:
    """Read a recipe; ``${NAME}`` in a path stands for an environment variable.

    Paths are relative to the recipe; so is a teacher's bundle that has a slash in it.

    Parameters
    ----------
    overrides : sequence of str
        ``"section.key=value"``.

    Raises
    ------
    ConfigError
        If it cannot be read, a setting is missing, unknown or out of range, or a folder is missing.
    """
    text, settings = read_settings(path, overrides)
    settings = _placed(_variables(settings), path.resolve().parent)
    try:
        recipe = DistilRecipe.model_validate({**settings, "text": noted(overrides) + text})
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        unknown = first["type"] == "extra_forbidden"
        what = "there is no such setting" if unknown else first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{path}: {f'{where}: ' if where else ''}{what}") from None
    places = [folder.path for folder in (*recipe.music, *recipe.validation)]
    if recipe.leave_out is not None:
        places.append(recipe.leave_out)
    for place in places:
        if not place.exists():
            raise ConfigError(
                f"{path}: {place} does not exist; expected music or a list of names there. Set the "
                "environment variable that the recipe's path names, or edit a copy of the recipe"
            )
    return recipe


def _placed(settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Settings with every path absolute; what has another form is left to be refused."""
    placed: dict[str, Any] = dict(settings)
    for part in ("music", "validation"):
        if isinstance(placed.get(part), list):
            placed[part] = [_path_in(one, "path", folder) for one in placed[part]]
    placed |= _path_in(placed, "leave_out", folder)
    expand_backbone(placed, "teacher", folder)
    return placed


def _path_in(section: Any, key: str, folder: Path) -> Any:
    if not isinstance(section, dict) or not isinstance(section.get(key), str):
        return section
    return {**section, key: expanded(section[key], folder)}


def _variables(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _variables(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_variables(one) for one in value]
    return os.path.expandvars(value) if isinstance(value, str) else value
