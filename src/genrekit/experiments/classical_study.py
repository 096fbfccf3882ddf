"""The classical complete study: data checks, models, tests, learning curve, importance."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from genrekit.audit import run_audit
from genrekit.datasets import Dataset
from genrekit.evaluation import write_run
from genrekit.experiments.comparison import ranks_chart
from genrekit.experiments.learning_curve import plot_learning_curve
from genrekit.experiments.study import Study, StudyCell, StudyResult, run_study
from genrekit.experiments.study_parts import curve_of_best, importance_to_best, study_findings
from genrekit.experiments.study_report import render_study_markdown
from genrekit.models import ClassicalConfig
from genrekit.pages import save_chart
from genrekit.progress import Progress, silent
from genrekit.training import ProtocolConfig

logger = logging.getLogger(__name__)


def complete_study(
    dataset: Dataset,
    *,
    models: Sequence[ClassicalConfig] | None = None,
    protocols: Sequence[ProtocolConfig] | None = None,
    checks: bool = True,
    learning_curve: bool = False,
    importance: bool = True,
    seed: int = 0,
    workers: int = 1,
    keep: Path | None = None,
    progress: Progress = silent,
) -> Study:
    """Check the data, fit and test all models, and draw a learning curve of the best.

    Parameters
    ----------
    dataset, models, protocols, seed, workers, keep, progress
        As for `run_study`.
    checks : bool
        Audit the table first, doubted labels included.
    learning_curve : bool
        Fit the best models of the first protocol on growing parts of its training recordings.
    importance : bool
        Fit the best one once more, and shuffle columns of its tests.
    """
    report = None
    if checks:
        report = run_audit(
            dataset,
            corpus="table",
            data=dataset.name,
            seed=seed,
            progress=lambda stage, done, total: progress(f"Data checks: {stage}", done, total),
        )
    found = run_study(
        dataset,
        models=models,
        protocols=protocols,
        seed=seed,
        workers=workers,
        keep=keep,
        progress=progress,
    )
    result = found.result
    if report is not None:
        result = result.model_copy(update={"findings": study_findings(report)})
    if learning_curve:
        curve = curve_of_best(dataset, result, seed, workers, progress)
        result = result.model_copy(update={"learning_curve": curve})
    if importance:
        worth = importance_to_best(dataset, result, seed, progress)
        result = result.model_copy(update={"importance": worth})
    return Study(result, found.runs)


def write_study(found: Study, out: Path, name: str, command: str = "") -> Path:
    """Write a study: NAME.md, NAME.json, figures, and in NAME.runs a results file for each cell.

    Returns
    -------
    Path
        The page.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(found.result.model_dump_json(indent=1) + "\n")
    folder = out / f"{name}.runs"
    folder.mkdir(exist_ok=True)
    names = _file_names(found.result.cells)
    for file, run in zip(names, found.runs, strict=True):
        write_run(run, folder / f"{file}.json")
    if find_spec("matplotlib") is None:
        logger.warning("there are no figures, as matplotlib is not installed (genrekit[report])")
    else:
        _draw(found.result, out, name)
    page = out / f"{name}.md"
    page.write_text(render_study_markdown(found.result, command), encoding="utf-8")
    return page


def _draw(result: StudyResult, out: Path, name: str) -> None:
    for one in result.comparisons:
        comparison = one.comparison
        if comparison.friedman is not None:
            figure = out / f"{name}.{_safe(comparison.protocol)}.svg"
            save_chart(ranks_chart(comparison, comparison.friedman), figure)
    if result.learning_curve is not None:
        plot_learning_curve(result.learning_curve, out / f"{name}.learning.svg")


def _file_names(cells: Sequence[StudyCell]) -> list[str]:
    names = []
    for cell in cells:
        fitted = "" if cell.protocol.fit_on == "train" else f"-{cell.protocol.fit_on}"
        names.append(_safe(f"{cell.result.model}--{cell.result.protocol}{fitted}"))
    return [
        name if names.count(name) == 1 else f"{name}--{names[: place + 1].count(name)}"
        for place, name in enumerate(names)
    ]


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9+-]+", "-", name)
