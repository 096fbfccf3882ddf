"""Distillation: a network learns, from music without labels, to give a backbone's embedding.

`distil` carries out a recipe of ``kind: distil`` and saves the student as a bundle with an
embedding, on which heads are trained as on any backbone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

__all__ = ["DistilRecipe", "distil", "is_distil_recipe", "load_distil_recipe"]

_HOMES = {
    "DistilRecipe": "genrekit.distil.recipe",
    "distil": "genrekit.distil.make",
    "is_distil_recipe": "genrekit.distil.recipe",
    "load_distil_recipe": "genrekit.distil.recipe",
}

if TYPE_CHECKING:
    from genrekit.distil.make import distil
    from genrekit.distil.recipe import (
        DistilRecipe,
        is_distil_recipe,
        load_distil_recipe,
    )

__getattr__ = resolver(__name__, _HOMES)
