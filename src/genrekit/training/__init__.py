"""Recipes to bundles: fit, export, evaluate what was saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.training.recipe import (
        DataConfig,
        ProtocolConfig,
        Recipe,
        load_recipe,
        with_weights,
    )
    from genrekit.training.stages import train

__all__ = [
    "DataConfig",
    "ProtocolConfig",
    "Recipe",
    "load_recipe",
    "train",
    "with_weights",
]

# Resolved on first use: reading a recipe needs none of the libraries that train.
_RECIPE = "genrekit.training.recipe"
_STAGES = "genrekit.training.stages"
_HOMES = {
    "DataConfig": _RECIPE,
    "ProtocolConfig": _RECIPE,
    "Recipe": _RECIPE,
    "load_recipe": _RECIPE,
    "train": _STAGES,
    "with_weights": _RECIPE,
}

__getattr__ = resolver(__name__, _HOMES)
