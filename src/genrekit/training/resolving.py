"""What a recipe leaves open until its data and its backbone are at hand."""

from __future__ import annotations

from typing import Any

from genrekit.datasets import Dataset
from genrekit.errors import ConfigError, DatasetError
from genrekit.evaluation import find_leaks, refuse_leaks
from genrekit.features import chosen_columns
from genrekit.models.pretrained import Pretrained, PublishedConfig
from genrekit.progress import Progress, silent
from genrekit.schema import ColumnsConfig
from genrekit.training.backbone import (
    Backbone,
    Origin,
    fetched_weights,
    published_backbone,
    published_origin,
    saved_backbone,
)
from genrekit.training.fitting import checked_split
from genrekit.training.recipe import Recipe


def with_backbone(recipe: Recipe, progress: Progress = silent) -> tuple[Recipe, Backbone | None]:
    """Return the recipe with its backbone's front-ends and windows; fetch the weights.

    Parameters
    ----------
    progress : callable, optional
        Called with the bytes of weights that are here, and how many there will be.

    Raises
    ------
    ConfigError
        If the backbone cannot be had, or does not fit the windows.
    """
    config = recipe.backbone
    published = recipe.model.backbone if isinstance(recipe.model, Pretrained) else config
    weights = None
    if isinstance(published, PublishedConfig):
        weights = fetched_weights(published, progress=progress)
    if config is None:
        return recipe, None
    own = "windows" in recipe.model_fields_set
    if isinstance(config, PublishedConfig):
        backbone = published_backbone(config, recipe.windows if own else config.windows, weights)
    else:
        backbone = saved_backbone(config)
        if own and recipe.windows != backbone.windows:
            raise ConfigError(
                f"{config.bundle} describes windows of {backbone.windows.window_seconds:g} s in "
                "its own way; leave windows out"
            )
    first, *others = backbone.frontends.values()
    changes: dict[str, Any] = {
        "frontend": first,
        "more_frontends": tuple(others),
        "windows": backbone.windows,
    }
    if "excerpt" not in recipe.model_fields_set:
        changes["excerpt"] = backbone.excerpt
    return recipe.model_copy(update=changes), backbone


def with_columns(recipe: Recipe, dataset: Dataset) -> Recipe:
    """Return the recipe with the names of the table's columns that it asks for.

    Raises
    ------
    ConfigError
        If the data is not a table, or has no such columns.
    """
    if not isinstance(recipe.frontend, ColumnsConfig):
        return recipe
    if dataset.features is None:
        raise ConfigError(
            f"frontend.kind columns stands for columns of a table, and {dataset.name} is audio; "
            "choose a front-end that listens"
        )
    return recipe.model_copy(
        update={"frontend": chosen_columns(recipe.frontend, dataset.feature_names)}
    )


def origin_of(recipe: Recipe, backbone: Backbone | None) -> Origin | None:
    """Where weights come from that were there before; None if there were none."""
    if backbone is not None:
        return backbone.origin
    if isinstance(recipe.model, Pretrained):
        return published_origin(recipe.model.backbone)
    return None


def refuse_known_tracks(recipe: Recipe, dataset: Dataset, origin: Origin) -> None:
    """Let the leak detector see what a backbone was trained on, for every split there will be.

    Raises
    ------
    DatasetError
        If that is what is tested, and the protocol is not a leaky one.
    """
    for protocol in (recipe.protocol, *recipe.beside):
        split = checked_split(dataset, protocol)
        if origin.manifest is not None:
            refuse_leaks(find_leaks(dataset, split, manifest=origin.manifest), split)
        known = [corpus for corpus in origin.pretrained_on if dataset.info.is_called(corpus)]
        if known and not split.leaky:
            raise DatasetError(
                f"{origin.name} was trained on all of {known[0]}, which {dataset.name} is of; no "
                "number on it could be trusted: take another corpus or another backbone"
            )
