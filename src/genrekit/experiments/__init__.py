"""Many fits with one question: study, tune, learning curve, compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.experiments.classical_study import complete_study, write_study
    from genrekit.experiments.comparison import Comparison, PairTest, compare, refuse_unlike
    from genrekit.experiments.pipeline.labelling import Proposals, proposals_csv, propose_labels
    from genrekit.experiments.pipeline.recipe import PipelineRecipe, load_pipeline
    from genrekit.experiments.pipeline.report import PipelineReport, render_pipeline
    from genrekit.experiments.pipeline.run import run_pipeline
    from genrekit.experiments.study import Study, StudyCell, StudyResult, run_study
    from genrekit.experiments.study_report import render_study_markdown
    from genrekit.experiments.tune import tune_recipe
    from genrekit.experiments.tune_charts import search_sections, write_charts
    from genrekit.experiments.tune_report import BEST, TuneResult, trials_text, values_text

__all__ = [
    "BEST",
    "Comparison",
    "PairTest",
    "PipelineRecipe",
    "PipelineReport",
    "Proposals",
    "Study",
    "StudyCell",
    "StudyResult",
    "TuneResult",
    "compare",
    "complete_study",
    "load_pipeline",
    "proposals_csv",
    "propose_labels",
    "refuse_unlike",
    "render_pipeline",
    "render_study_markdown",
    "run_pipeline",
    "run_study",
    "search_sections",
    "trials_text",
    "tune_recipe",
    "values_text",
    "write_charts",
    "write_study",
]

_HOMES = {
    "load_pipeline": "genrekit.experiments.pipeline.recipe",
    "run_pipeline": "genrekit.experiments.pipeline.run",
    "PipelineReport": "genrekit.experiments.pipeline.report",
    "render_pipeline": "genrekit.experiments.pipeline.report",
    "propose_labels": "genrekit.experiments.pipeline.labelling",
    "proposals_csv": "genrekit.experiments.pipeline.labelling",
    "Proposals": "genrekit.experiments.pipeline.labelling",
    "PipelineRecipe": "genrekit.experiments.pipeline.recipe",
    "Comparison": "genrekit.experiments.comparison",
    "PairTest": "genrekit.experiments.comparison",
    "compare": "genrekit.experiments.comparison",
    "refuse_unlike": "genrekit.experiments.comparison",
    "Study": "genrekit.experiments.study",
    "complete_study": "genrekit.experiments.classical_study",
    "write_study": "genrekit.experiments.classical_study",
    "StudyCell": "genrekit.experiments.study",
    "StudyResult": "genrekit.experiments.study",
    "run_study": "genrekit.experiments.study",
    "render_study_markdown": "genrekit.experiments.study_report",
    "tune_recipe": "genrekit.experiments.tune",
    "search_sections": "genrekit.experiments.tune_charts",
    "write_charts": "genrekit.experiments.tune_charts",
    "BEST": "genrekit.experiments.tune_report",
    "TuneResult": "genrekit.experiments.tune_report",
    "trials_text": "genrekit.experiments.tune_report",
    "values_text": "genrekit.experiments.tune_report",
}

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
