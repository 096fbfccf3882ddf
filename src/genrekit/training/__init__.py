"""Recipes to bundles: fit, export, evaluate what was saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.training.backbone import fetched_weights
    from genrekit.training.curves import HISTORY, Epoch, draw_curves, lowest_loss, read_history
    from genrekit.training.distributed import train_together
    from genrekit.training.ensemble import joined, write_ensemble
    from genrekit.training.ensemble_fit import combiner_for
    from genrekit.training.estimator import GenreEstimator
    from genrekit.training.fitting import (
        Fit,
        Task,
        checked_split,
        fit,
        fit_rows,
        fold_scores,
        logits,
    )
    from genrekit.training.judging import probabilities
    from genrekit.training.loop import EpochRecord
    from genrekit.training.own import is_recipe, load_data, pointed, recipe_for
    from genrekit.training.plan import planned
    from genrekit.training.pooling import pooled_run
    from genrekit.training.preparation import check_recipe, labelled, prepare, training_for
    from genrekit.training.recipe import (
        DataConfig,
        Model,
        ProtocolConfig,
        Recipe,
        known_path,
        load_recipe,
        override,
        read_settings,
        recipe_of,
        set_setting,
        with_weights,
    )
    from genrekit.training.rows import Rows, table_rows
    from genrekit.training.saving import Run
    from genrekit.training.search_space import (
        OBJECTIVES,
        OF_TASK,
        Choices,
        Numbers,
        Objective,
        TuneConfig,
        corners,
        grid,
        walk,
    )
    from genrekit.training.stages import train
    from genrekit.training.tracking import Tracker, set_champion, tracked

__all__ = [
    "HISTORY",
    "OBJECTIVES",
    "OF_TASK",
    "Choices",
    "DataConfig",
    "Epoch",
    "EpochRecord",
    "Fit",
    "GenreEstimator",
    "Model",
    "Numbers",
    "Objective",
    "ProtocolConfig",
    "Recipe",
    "Rows",
    "Run",
    "Task",
    "Tracker",
    "TuneConfig",
    "check_recipe",
    "checked_split",
    "combiner_for",
    "corners",
    "draw_curves",
    "fetched_weights",
    "fit",
    "fit_rows",
    "fold_scores",
    "grid",
    "is_recipe",
    "joined",
    "known_path",
    "labelled",
    "load_data",
    "load_recipe",
    "logits",
    "lowest_loss",
    "override",
    "planned",
    "pointed",
    "pooled_run",
    "prepare",
    "probabilities",
    "read_history",
    "read_settings",
    "recipe_for",
    "recipe_of",
    "set_champion",
    "set_setting",
    "table_rows",
    "tracked",
    "train",
    "train_together",
    "training_for",
    "walk",
    "with_weights",
    "write_ensemble",
]

# Resolved on first use: who needs one module of this room does not import the others.
_HOMES = {
    "fetched_weights": "genrekit.training.backbone",
    "HISTORY": "genrekit.training.curves",
    "Epoch": "genrekit.training.curves",
    "draw_curves": "genrekit.training.curves",
    "lowest_loss": "genrekit.training.curves",
    "read_history": "genrekit.training.curves",
    "train_together": "genrekit.training.distributed",
    "joined": "genrekit.training.ensemble",
    "write_ensemble": "genrekit.training.ensemble",
    "combiner_for": "genrekit.training.ensemble_fit",
    "GenreEstimator": "genrekit.training.estimator",
    "Fit": "genrekit.training.fitting",
    "Task": "genrekit.training.fitting",
    "checked_split": "genrekit.training.fitting",
    "fit": "genrekit.training.fitting",
    "fit_rows": "genrekit.training.fitting",
    "fold_scores": "genrekit.training.fitting",
    "logits": "genrekit.training.fitting",
    "probabilities": "genrekit.training.judging",
    "EpochRecord": "genrekit.training.loop",
    "is_recipe": "genrekit.training.own",
    "load_data": "genrekit.training.own",
    "pointed": "genrekit.training.own",
    "recipe_for": "genrekit.training.own",
    "planned": "genrekit.training.plan",
    "pooled_run": "genrekit.training.pooling",
    "check_recipe": "genrekit.training.preparation",
    "labelled": "genrekit.training.preparation",
    "prepare": "genrekit.training.preparation",
    "training_for": "genrekit.training.preparation",
    "DataConfig": "genrekit.training.recipe",
    "Model": "genrekit.training.recipe",
    "ProtocolConfig": "genrekit.training.recipe",
    "Recipe": "genrekit.training.recipe",
    "known_path": "genrekit.training.recipe",
    "load_recipe": "genrekit.training.recipe",
    "override": "genrekit.training.recipe",
    "read_settings": "genrekit.training.recipe",
    "recipe_of": "genrekit.training.recipe",
    "set_setting": "genrekit.training.recipe",
    "with_weights": "genrekit.training.recipe",
    "Rows": "genrekit.training.rows",
    "table_rows": "genrekit.training.rows",
    "Run": "genrekit.training.saving",
    "OBJECTIVES": "genrekit.training.search_space",
    "OF_TASK": "genrekit.training.search_space",
    "Choices": "genrekit.training.search_space",
    "Numbers": "genrekit.training.search_space",
    "Objective": "genrekit.training.search_space",
    "TuneConfig": "genrekit.training.search_space",
    "corners": "genrekit.training.search_space",
    "grid": "genrekit.training.search_space",
    "walk": "genrekit.training.search_space",
    "train": "genrekit.training.stages",
    "Tracker": "genrekit.training.tracking",
    "set_champion": "genrekit.training.tracking",
    "tracked": "genrekit.training.tracking",
}

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
