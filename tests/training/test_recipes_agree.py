"""Recipes of classical models are what the study measures, whose numbers the README quotes."""

from __future__ import annotations

from pathlib import Path

import pytest

from genrekit.experiments.study import STUDY_PROTOCOLS, default_models
from genrekit.models import MODELS
from genrekit.training import load_recipe

RECIPES = sorted((Path(__file__).parents[2] / "recipes" / "classical").glob("*.yaml"))


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_a_recipe_fits_the_model_that_the_study_measured(file: Path) -> None:
    recipe = load_recipe(file)
    measured = {model.architecture: model for model in default_models()}
    assert recipe.model == measured[recipe.model.architecture]
    assert (recipe.protocol.name, recipe.protocol.fit_on) in {
        (one.name, one.fit_on) for one in STUDY_PROTOCOLS
    }


def test_every_classical_model_has_a_recipe() -> None:
    assert {load_recipe(file).model.architecture for file in RECIPES} <= set(MODELS)
    assert len(RECIPES) == len(default_models())
