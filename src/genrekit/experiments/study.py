"""All classical models on one table under every protocol that fits it: one command, one report.

The same seed gives the same numbers, however many processes do the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import Dataset, Fold, Split
from genrekit.errors import ConfigError, DatasetError
from genrekit.evaluation import RunResult
from genrekit.experiments.cached_scores import kept_scores
from genrekit.experiments.comparison import Comparison, compare
from genrekit.experiments.learning_curve import LearningCurve
from genrekit.explain import Importance
from genrekit.models import MODELS, ClassicalConfig
from genrekit.progress import Progress, silent
from genrekit.schema import Contract, EvaluationResult
from genrekit.training import (
    Model,
    ProtocolConfig,
    Rows,
    Task,
    checked_split,
    fold_scores,
    pooled_run,
    table_rows,
)
from genrekit.workers import WorkerDied, ordered_map

#: Honest protocols first; a dataset without official parts skips those that need them.
STUDY_PROTOCOLS = (
    ProtocolConfig(name="fault-filtered", fit_on="train"),
    ProtocolConfig(name="fault-filtered", fit_on="train+valid"),
    ProtocolConfig(name="grouped-kfold"),
    ProtocolConfig(name="segments-leaky"),
)


class StudyCell(Contract):
    """What one model scored under one protocol.

    Parameters
    ----------
    by_rows : EvaluationResult, optional
        The same scores counted row by row, where a recording has several; None where ``result``
        is that already.
    """

    model: Model
    protocol: ProtocolConfig
    result: EvaluationResult
    by_rows: EvaluationResult | None = None


class StudyComparison(Contract):
    """Which of the models can be told apart under one protocol."""

    protocol: ProtocolConfig
    comparison: Comparison


class StudyFinding(Contract):
    """What the data checks found of one kind: how often, and the first of it."""

    kind: str
    severity: str
    title: str
    count: int
    first: str


class StudyImportance(Contract):
    """What columns and families of them are worth to the best model of the first protocol."""

    model: str
    protocol: str
    families: tuple[Importance, ...]
    columns: tuple[Importance, ...]


class StudyResult(Contract):
    """All cells, model by model and in the order of the protocols."""

    dataset: str
    dataset_fingerprint: str
    tracks: int
    rows: int
    columns: tuple[str, ...]
    seed: int
    cells: tuple[StudyCell, ...]
    comparisons: tuple[StudyComparison, ...] = ()
    findings: tuple[StudyFinding, ...] = ()
    learning_curve: LearningCurve | None = None
    importance: StudyImportance | None = None


@dataclass(frozen=True, slots=True)
class Study:
    """Everything that a study found.

    Attributes
    ----------
    result : StudyResult
        Numbers, comparisons, findings and the learning curve.
    runs : tuple of RunResult
        One for each cell of the result, in its order: what a results file holds.
    """

    result: StudyResult
    runs: tuple[RunResult, ...]


@dataclass(frozen=True, slots=True)
class _Job:
    task: Task
    fold: Fold
    fit_on: str
    stage: str
    data: str


def run_study(
    dataset: Dataset,
    *,
    models: Sequence[ClassicalConfig] | None = None,
    protocols: Sequence[ProtocolConfig] | None = None,
    seed: int = 0,
    workers: int = 1,
    keep: Path | None = None,
    progress: Progress = silent,
) -> Study:
    """Fit and score every model under every protocol.

    Parameters
    ----------
    dataset : Dataset
        A table: all of its columns are used.
    models : sequence of ClassicalConfig, optional
        None takes every classical model of `MODELS` with its default settings.
    protocols : sequence of ProtocolConfig, optional
        None takes those of `STUDY_PROTOCOLS` that fit the dataset.
    seed : int
        Of the models; protocols have their own.
    workers : int
        Processes that fit.
    keep : Path, optional
        Folder in which the scores of every fit are kept; those that are there already are read.
    progress : callable
        Called after each model that is fitted.

    Raises
    ------
    ConfigError
        If there are no models or no protocols.
    DatasetError
        If the dataset holds no features or does not fit a protocol.
    """
    if models is None:
        models = default_models()
    rows = table_rows(dataset, dataset.feature_names)
    splits = _splits(dataset, rows, protocols)
    if not models or not splits:
        raise ConfigError("a study needs at least one model and one protocol")
    data = dataset.fingerprint
    jobs = [
        _Job(
            _task(model, dataset, seed),
            fold,
            protocol.fit_on,
            _stage(model, protocol),
            data,
        )
        for model in models
        for protocol, split in splits
        for fold in split.folds
    ]
    scores: list[NDArray[np.float64]] = []
    one = partial(_run, rows=rows, keep=keep)
    for job, outcome in zip(jobs, ordered_map(one, jobs, workers=workers), strict=True):
        if isinstance(outcome, WorkerDied):
            raise DatasetError(f"{job.stage}: fitting killed its process; is memory short?")
        scores.append(outcome)
        progress(job.stage, len(scores), len(jobs))
    return Study(*_collect(dataset, rows, models, splits, scores, seed))


def default_models() -> tuple[ClassicalConfig, ...]:
    """Every classical model of the catalog with its default settings."""
    kinds = [MODELS.get(name) for name in MODELS]
    return tuple(kind() for kind in kinds if issubclass(kind, ClassicalConfig))


def _task(model: ClassicalConfig, dataset: Dataset, seed: int) -> Task:
    return Task(
        model=model,
        input_name="features",
        feature_names=dataset.feature_names,
        labels=dataset.labels,
        seed=seed,
    )


def _stage(model: ClassicalConfig, protocol: ProtocolConfig) -> str:
    return f"{model.architecture}, {protocol.name}"


def _run(job: _Job, *, rows: Rows, keep: Path | None) -> NDArray[np.float64]:
    if keep is None:
        return fold_scores(job.task, rows, job.fold, job.fit_on)
    return kept_scores(job.task, rows, job.fold, job.fit_on, data=job.data, folder=keep)


def _splits(
    dataset: Dataset, rows: Rows, protocols: Sequence[ProtocolConfig] | None
) -> list[tuple[ProtocolConfig, Split]]:
    if protocols is not None:
        return [(one, checked_split(dataset, one, rows)) for one in protocols]
    splits = []
    for protocol in STUDY_PROTOCOLS:
        if protocol.name == "segments-leaky" and len(set(dataset.groups())) == len(dataset):
            continue  # every row is a recording of its own, so rows cannot leak
        if protocol.name == "fault-filtered" and not any(i.split == "test" for i in dataset.items):
            continue
        splits.append((protocol, checked_split(dataset, protocol, rows)))
    return splits


def _collect(
    dataset: Dataset,
    rows: Rows,
    models: Sequence[ClassicalConfig],
    splits: Sequence[tuple[ProtocolConfig, Split]],
    scores: Sequence[NDArray[np.float64]],
    seed: int,
) -> tuple[StudyResult, tuple[RunResult, ...]]:
    rest = iter(scores)
    cells, runs = [], []
    for model in models:
        for protocol, split in splits:
            of_folds = [next(rest) for _ in split.folds]
            run = pooled_run(
                model.architecture,
                dataset,
                split,
                rows,
                of_folds,
                fit_on=protocol.fit_on,
                seed=seed,
            )
            runs.append(run)
            cells.append(
                StudyCell(
                    model=model,
                    protocol=protocol,
                    result=run.result,
                    by_rows=run.segment_result,
                )
            )
    result = StudyResult(
        dataset=dataset.name,
        dataset_fingerprint=dataset.fingerprint,
        tracks=len(set(dataset.groups())),
        rows=len(dataset),
        columns=dataset.feature_names,
        seed=seed,
        cells=tuple(cells),
        comparisons=_comparisons(cells, runs),
    )
    return result, tuple(runs)


def _comparisons(
    cells: Sequence[StudyCell], runs: Sequence[RunResult]
) -> tuple[StudyComparison, ...]:
    by_protocol: dict[ProtocolConfig, list[RunResult]] = {}
    for cell, run in zip(cells, runs, strict=True):
        by_protocol.setdefault(cell.protocol, []).append(run)
    return tuple(
        StudyComparison(protocol=protocol, comparison=compare(found, _names(found)))
        for protocol, found in by_protocol.items()
        if len(found) > 1
    )


def _names(runs: Sequence[RunResult]) -> list[str]:
    """Names of the models, numbered where one is there with several settings."""
    names = [run.result.model for run in runs]
    return [
        name if names.count(name) == 1 else f"{name} {names[: place + 1].count(name)}"
        for place, name in enumerate(names)
    ]
