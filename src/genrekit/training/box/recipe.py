"""The recipe of the model in the box."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from genrekit.errors import ConfigError
from genrekit.schema import Contract
from genrekit.training.recipe import read_settings


class BoxRecipe(Contract):
    """What is taught with, and how.

    Attributes
    ----------
    music : Path
        Folder with ``clips``, GTZAN's 30 seconds, and ``snippets``, short cuts of other tracks.
    published : Path
        Table with the 160 features of Choi et al. (2017) of all tracks.
    tags : tuple of Path
        Tables with the 50 tags of MSD-musicnn (Pons and Serra, 2019), frame by frame, of some.
    columns : Path
        The Kaggle table ``features_30_sec.csv``.
    teacher : Path
        Choi's weights, as they were published.
    leave_out : Path
        Ids of tracks that the shipped weights never see.
    """

    kind: Literal["box"]
    name: str
    version: str
    description: str
    music: Path
    published: Path
    tags: tuple[Path, ...] = Field(min_length=1)
    columns: Path
    teacher: Path
    leave_out: Path
    leave_out_because: str
    steps: int = Field(900, ge=1, description="of each block of the listener")
    ridge: float = Field(0.2, gt=0, description="of the map to the published features")
    clip_weight: float = Field(2.2, gt=0, description="of all that is heard of a clip, in rows")
    snippet_weight: float = Field(0.2, gt=0, description="the same of a short cut")
    c: float = Field(0.2, gt=0, description="inverse regularisation of the genres' regression")
    guard_c: float = Field(0.1, gt=0, description="the same, of music against everything else")
    guard_bias: float = Field(2.0, description="towards what is no music: music lies far away")
    nonmusic_each: int = Field(10, ge=2, description="synthesised sounds of each kind")
    unknown_below: float = Field(0.25, ge=0, lt=1)
    folds: int = Field(4, ge=2, description="of the clips, for audio that nobody trained on")
    seeds: int = Field(5, ge=1, description="of the headline, one after another")
    ablations: bool = Field(True, description="measure heads that learn from less, too")
    text: str = Field("", description="the file itself")


def is_box_recipe(path: Path) -> bool:
    """Whether a recipe is one of the box: ``kind: box``."""
    return read_settings(path)[1].get("kind") == "box"


def load_box_recipe(path: Path, overrides: Sequence[str] = ()) -> BoxRecipe:
    """Read a recipe; ``${NAME}`` in a path stands for an environment variable.

    Parameters
    ----------
    overrides : sequence of str
        ``"setting=value"``.

    Raises
    ------
    ConfigError
        If it cannot be read, a setting is missing, unknown or out of range, or a file is not there.
    """
    text, settings = read_settings(path, overrides)
    expanded = {name: _expanded(value) for name, value in settings.items()}
    try:
        recipe = BoxRecipe.model_validate({**expanded, "text": text})
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path}: {where}: {first['msg']}") from None
    for file in (
        *(recipe.music, recipe.published, *recipe.tags),
        *(recipe.columns, recipe.teacher, recipe.leave_out),
    ):
        if not file.exists():
            raise ConfigError(
                f"{path}: {file} is not there; set GENREKIT_DATA to the folder of the data, or "
                "name the file itself in a copy of the recipe"
            )
    return recipe


def _expanded(value: Any) -> Any:
    if isinstance(value, list):
        return [_expanded(one) for one in value]
    return os.path.expandvars(value) if isinstance(value, str) else value
