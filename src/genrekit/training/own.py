"""Data of one's own: a recipe pointed at it, and a recipe made for it."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

import yaml

from genrekit.datasets import DATASETS, Dataset, corpus_of, load_dataset, parse_name
from genrekit.datasets.gtzan import SUFFIXES as GTZAN_SUFFIXES
from genrekit.errors import ConfigError, DatasetError
from genrekit.features import FeatureCache, build_frontend, table_columns
from genrekit.schema import DescriptorsConfig, Gtzan57Config
from genrekit.training.recipe import DataConfig, Recipe, known_path, override, recipe_of

logger = logging.getLogger(__name__)

#: A folder that looks like one of these can be read as a plain folder too, if a recipe says so.
_FOLDERS = frozenset({"folder", "gtzan"})
_FILES = frozenset({"manifest", "table"})
#: What a recipe says of its own data, and what other data shows itself to be.
_REPLACEABLE = frozenset({*_FOLDERS, *_FILES, "fma", "ismir04", "jamendo", "msd", "pictures"})


def load_data(
    data: DataConfig, cache: FeatureCache | None = None, *, keep_missing: bool = False
) -> Dataset:
    """Return the data of a recipe.

    Parameters
    ----------
    cache : FeatureCache, optional
        For what a loader itself decodes: pictures.
    keep_missing : bool
        The model fills missing values.

    Raises
    ------
    ConfigError
        If it has neither a path nor a corpus that needs none.
    DatasetError
        If it is missing or malformed.
    """
    path = None if data.path is None else known_path(data.path)
    if data.corpus is None and path is None:
        raise ConfigError("the recipe names no data; name it with --data, or in data.path")
    corpus = data.corpus or corpus_of(path or Path())
    options = dict(data.options)
    known = signature(DATASETS.get(corpus)).parameters
    if cache is not None and "cache" in known:
        options["cache"] = cache
    if keep_missing and "keep_missing" in known:
        options["keep_missing"] = True
    return load_dataset(corpus, path, **options)


def pointed(
    recipe: Recipe,
    data: Path,
    *,
    corpus: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Recipe:
    """Return the recipe with other data in place of its own.

    Parameters
    ----------
    corpus : str, optional
        What the data is; None keeps what the recipe says wherever the path can be that, and else
        takes what it looks like.
    options : mapping, optional
        For the loader, besides those of the recipe.

    Raises
    ------
    ConfigError
        If there is no such corpus.
    DatasetError
        If there is nothing at the path, or it looks like no corpus.
    """
    name = corpus or _recognised(recipe.data.corpus, data)
    kept = recipe.data.options
    if recipe.data.corpus not in {None, name}:
        logger.info("%s is read as %s, not as %s", data, name, recipe.data.corpus)
        known = {*signature(DATASETS.get(name)).parameters, *signature(load_dataset).parameters}
        kept = {key: value for key, value in kept.items() if key in known}
    changed = recipe.data.model_copy(
        update={
            "corpus": name,
            "path": data,
            "options": {**kept, **(options or {})},
            "replaced": True,
        }
    )
    return recipe.model_copy(update={"data": changed})


def _recognised(stated: str | None, path: Path) -> str:
    """Return what a recipe says that data is, unless the path shows that it is something else."""
    if stated is None:
        return corpus_of(path)
    try:
        seen = corpus_of(path)
    except DatasetError:
        if not path.exists():
            raise
        return stated  # a corpus that is laid out in a way of its own
    if stated == "gtzan" and seen in _FOLDERS | {"pictures"} and _holds_gtzan(path):
        return stated
    if stated == "folder" and seen in _FOLDERS:
        return stated
    return seen if stated in _REPLACEABLE and seen in _REPLACEABLE else stated


def _holds_gtzan(folder: Path) -> bool:
    """Whether there are clips named like GTZAN's, however deep."""
    files = (file for file in folder.rglob("*") if file.suffix.lower() in GTZAN_SUFFIXES)
    return any(parse_name(file.name) for file in files)


# --- a recipe for whoever has none --------------------------------------------------------------

_RECIPE = """\
# What genrekit makes of data that comes without a recipe.
name: {name}
description: Logistic regression on features of audio.
data: {{corpus: {corpus}, path: {path}}}
frontend: {{kind: {frontend}}}
model: {{architecture: logistic, c: 0.1}}
"""


def is_recipe(path: Path) -> bool:
    """Whether a path is meant as a recipe, and not as data."""
    return path.suffix.lower() in {".yaml", ".yml"}


def recipe_for(
    data: Path,
    name: str,
    *,
    corpus: str | None = None,
    options: Mapping[str, Any] | None = None,
    overrides: Sequence[str] = (),
) -> Recipe:
    """Make a recipe for data without one: logistic regression, a protocol that fits.

    Audio is described by the 57 features of GTZAN's tables. A table with the columns of a front-end
    is taken as its numbers, so that the model listens to audio too; of other tables every column of
    numbers counts.

    Parameters
    ----------
    name : str
        Of the model, such as the folder that it is written to.
    overrides : sequence of str
        As for `load_recipe`.

    Raises
    ------
    ConfigError
        If the data are pictures, which this model does not take.
    DatasetError
        If there is nothing at the path, or it looks like no corpus.
    """
    stated = corpus or corpus_of(data)
    if stated == "pictures":
        raise ConfigError(
            f"{data} holds pictures, which take a network: genrekit train "
            f"recipes/networks/pictures.yaml --data {data}"
        )
    frontend = (
        _frontend(load_dataset(stated, data, **(options or {}))) if stated in _FILES else None
    )
    text = _RECIPE.format(
        name=_slug(name), corpus=stated, path=data.name or "data", frontend=frontend or "gtzan57"
    )
    settings = yaml.safe_load(text)
    settings["data"] = {
        "corpus": stated,
        "path": str(data.absolute()),
        "options": {**(options or {})},
    }
    for one in overrides:
        override(settings, one)
    noted = "".join(f"# overridden: {one}\n" for one in overrides if "/" not in one)
    return recipe_of(settings, data, source=noted + text)


def _frontend(dataset: Dataset) -> str | None:
    if dataset.features is None:
        return None
    columns = set(dataset.feature_names)
    for config in (Gtzan57Config(), DescriptorsConfig()):
        if columns >= set(table_columns(build_frontend(config))):
            return config.kind
    return "columns"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_")[:64] or "mine"
