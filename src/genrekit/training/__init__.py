"""Recipes to bundles: fit, export, evaluate what was saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.training.complete_study import (
        Study,
        complete_study_steps,
        write_study,
    )
    from genrekit.training.prepare import Step
    from genrekit.training.recipe import (
        DataConfig,
        ProtocolConfig,
        Recipe,
        load_recipe,
        with_weights,
    )
    from genrekit.training.stages import train, train_steps
    from genrekit.training.study import (
        StudyCell,
        StudyResult,
        StudyStep,
        run_study,
        study_steps,
    )
    from genrekit.training.study_report import render_study_markdown
    from genrekit.training.tune import TuneStep, tune_recipe, tune_steps

__all__ = [
    "DataConfig",
    "ProtocolConfig",
    "Recipe",
    "Step",
    "Study",
    "StudyCell",
    "StudyResult",
    "StudyStep",
    "TuneStep",
    "complete_study_steps",
    "load_recipe",
    "render_study_markdown",
    "run_study",
    "study_steps",
    "train",
    "train_steps",
    "tune_recipe",
    "tune_steps",
    "with_weights",
    "write_study",
]

# Resolved on first use: reading a recipe needs none of the libraries that train.
_RECIPE = "genrekit.training.recipe"
_STUDY = "genrekit.training.study"
_STAGES = "genrekit.training.stages"
_COMPLETE = "genrekit.training.complete_study"
_TUNE = "genrekit.training.tune"
_HOMES = {
    "DataConfig": _RECIPE,
    "ProtocolConfig": _RECIPE,
    "Recipe": _RECIPE,
    "Step": "genrekit.training.prepare",
    "Study": _COMPLETE,
    "StudyCell": _STUDY,
    "StudyResult": _STUDY,
    "StudyStep": _STUDY,
    "TuneStep": _TUNE,
    "complete_study_steps": _COMPLETE,
    "load_recipe": _RECIPE,
    "render_study_markdown": "genrekit.training.study_report",
    "run_study": _STUDY,
    "study_steps": _STUDY,
    "train": _STAGES,
    "train_steps": _STAGES,
    "tune_recipe": _TUNE,
    "tune_steps": _TUNE,
    "with_weights": _RECIPE,
    "write_study": _COMPLETE,
}

__getattr__ = resolver(__name__, _HOMES)
