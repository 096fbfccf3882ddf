"""What a study says besides its numbers: of the data, of more data, and of the columns."""

from __future__ import annotations

from collections import Counter

import numpy as np

from genrekit.audit import KINDS, AuditReport
from genrekit.datasets import Dataset
from genrekit.experiments.learning_curve import LearningCurve, learning_curve
from genrekit.experiments.study import StudyFinding, StudyImportance, StudyResult
from genrekit.explain import families, permutation_importance
from genrekit.export import run_onnx
from genrekit.models import ClassicalConfig
from genrekit.progress import Progress
from genrekit.training import Task, checked_split, fit, fit_rows, table_rows

#: Models that a learning curve is drawn for: the best ones under the first protocol.
CURVE_MODELS = 3


def study_findings(report: AuditReport) -> tuple[StudyFinding, ...]:
    """How often an audit found what, and the first of each kind."""
    counts = Counter(finding.kind for finding in report.findings)
    firsts = {finding.kind: finding for finding in reversed(report.findings)}
    return tuple(
        StudyFinding(
            kind=kind,
            severity=KINDS[kind].severity,
            title=KINDS[kind].title,
            count=count,
            first=firsts[kind].message,
        )
        for kind, count in counts.items()
    )


def curve_of_best(
    dataset: Dataset,
    result: StudyResult,
    seed: int,
    workers: int,
    progress: Progress,
) -> LearningCurve:
    """Learning curves of the best models under the first protocol."""
    protocol = result.cells[0].protocol
    rows = table_rows(dataset, dataset.feature_names)
    split = checked_split(dataset, protocol, rows)
    return learning_curve(
        dataset,
        rows,
        split,
        protocol,
        _best(result)[:CURVE_MODELS],
        repeats=3 if len(split.folds) == 1 else 1,
        seed=seed,
        workers=workers,
        progress=progress,
    )


def _best(result: StudyResult) -> list[ClassicalConfig]:
    """Models by their accuracy under the first protocol, best first."""
    first = [cell for cell in result.cells if cell.protocol == result.cells[0].protocol]
    ranked = sorted(first, key=lambda cell: -cell.result.accuracy.value)
    return [cell.model for cell in ranked if isinstance(cell.model, ClassicalConfig)]


def importance_to_best(
    dataset: Dataset, result: StudyResult, seed: int, progress: Progress
) -> StudyImportance:
    """Measure what columns are worth to the best model, on the test rows of one fold.

    One fold has rows enough, and is one model to fit.
    """
    stage = "Importance of columns"
    progress(stage, 0, 1)
    protocol, model = result.cells[0].protocol, _best(result)[0]
    rows = table_rows(dataset, dataset.feature_names)
    split = checked_split(dataset, protocol, rows)
    fold = split.folds[0]
    task = Task(
        model=model,
        input_name="features",
        feature_names=dataset.feature_names,
        labels=dataset.labels,
        seed=seed,
    )
    graph = fit(task, fit_rows(rows, fold, protocol.fit_on)).model
    tested = rows.of(fold.test)
    names = dataset.feature_names
    blocks = families(names)
    found = [
        permutation_importance(
            lambda x: run_onnx(graph, x),
            np.asarray(tested.x),
            tested.y,
            [str(group) for group in tested.groups],
            one,
            columns=names,
            seed=seed,
        )
        for one in (blocks, {name: [place] for place, name in enumerate(names)})
    ]
    progress(stage, 1, 1)
    return StudyImportance(
        model=model.architecture, protocol=split.protocol, families=found[0], columns=found[1]
    )
