"""Accuracy against the number of tracks that were trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import Dataset, Fold, Split
from genrekit.errors import ConfigError, DatasetError
from genrekit.evaluation import RunResult, over_seeds, share_by_group
from genrekit.models import ClassicalConfig
from genrekit.pages import Curve, Curves, save_chart
from genrekit.progress import Progress, silent
from genrekit.schema import Contract, Estimate
from genrekit.training import ProtocolConfig, Rows, Task, fold_scores, pooled_run
from genrekit.workers import WorkerDied, ordered_map

SHARES = (0.1, 0.2, 0.35, 0.5, 0.7, 1.0)
REPEATS = 3
#: Recordings of each label that a part always has: models that calibrate inside need some.
FEWEST_OF_LABEL = 6


class LearningPoint(Contract):
    """What a model scored that was fitted on so many recordings, over several draws of them."""

    model: str
    tracks: float
    share: float
    draws: int
    accuracy: Estimate


class LearningCurve(Contract):
    """All points of one protocol, model by model and growing."""

    protocol: str
    leaky: bool
    split_fingerprint: str
    seed: int
    points: tuple[LearningPoint, ...]


@dataclass(frozen=True, slots=True)
class _Draw:
    """One part of the training tracks of all folds, for one model."""

    model: ClassicalConfig
    share: float
    number: int
    folds: tuple[Fold, ...]


def learning_curve(
    dataset: Dataset,
    rows: Rows,
    split: Split,
    protocol: ProtocolConfig,
    models: Sequence[ClassicalConfig],
    *,
    shares: Sequence[float] = SHARES,
    repeats: int = REPEATS,
    seed: int = 0,
    workers: int = 1,
    progress: Progress = silent,
) -> LearningCurve:
    """Fit every model on growing parts of the training tracks, and test it on all test tracks.

    Parts are drawn by recording, label by label, and a larger one holds the smaller ones of the
    same draw. What belongs to the tests is as in the protocol, so nothing new can leak.

    Parameters
    ----------
    progress : callable
        Called after each model that is fitted.

    Raises
    ------
    ConfigError
        If a share is not above 0 and at most 1, or there is nothing to do.
    DatasetError
        If a part is too small for a model.
    """
    if not models or repeats < 1 or not shares or not all(0 < share <= 1 for share in shares):
        raise ConfigError("a learning curve needs models, draws, and shares above 0, at most 1")
    draws = [
        _Draw(model, share, number, _part(dataset, split, protocol.fit_on, share, seed + number))
        for model in models
        for share in _different(dataset, split, protocol.fit_on, shares)
        for number in range(repeats if share < 1 else 1)
    ]
    jobs = [(draw.model, fold) for draw in draws for fold in draw.folds]
    one = partial(_scores, rows=rows, dataset=dataset, seed=seed)
    scores: list[NDArray[np.float64]] = []
    stage = f"Learning curves, {protocol.name}"
    for outcome in ordered_map(one, jobs, workers=workers):
        if isinstance(outcome, WorkerDied):
            raise DatasetError(f"{stage}: fitting killed its process; is memory short?")
        scores.append(outcome)
        progress(stage, len(scores), len(jobs))
    rest = iter(scores)
    runs = [
        pooled_run(
            draw.model.architecture,
            dataset,
            split.model_copy(update={"folds": draw.folds}),
            rows,
            [next(rest) for _ in draw.folds],
            fit_on=protocol.fit_on,
        )
        for draw in draws
    ]
    return LearningCurve(
        protocol=split.protocol,
        leaky=split.leaky,
        split_fingerprint=split.fingerprint,
        seed=seed,
        points=tuple(_points(draws, runs, seed)),
    )


def learning_chart(curve: LearningCurve) -> Curves:
    """Accuracy in its interval against recordings, a line a model."""
    series = {}
    for model in dict.fromkeys(point.model for point in curve.points):
        own = [point for point in curve.points if point.model == model]
        series[model] = Curve.of([one.tracks for one in own], [one.accuracy for one in own])
    what = "Accuracy" if len(series) > 1 else f"Accuracy of {next(iter(series))}"
    title = f"{what} against recordings, {curve.protocol}{' LEAKY' if curve.leaky else ''}"
    return Curves(title, series, "recordings fitted on", "accuracy")


def plot_learning_curve(curve: LearningCurve, path: Path) -> Path:
    """Draw `learning_chart` as PNG, SVG or PDF.

    Raises
    ------
    ConfigError
        If the suffix is none of these.
    MissingExtraError
        Without matplotlib.
    """
    return save_chart(learning_chart(curve), path)


def _different(dataset: Dataset, split: Split, fit_on: str, shares: Sequence[float]) -> list[float]:
    """Shares that give parts of different sizes, growing: small ones may be as small as allowed."""
    sizes = {
        sum(len(fold.train) for fold in _part(dataset, split, fit_on, share, 0)): share
        for share in sorted(shares)
    }
    return list(sizes.values())


def _part(dataset: Dataset, split: Split, fit_on: str, share: float, seed: int) -> tuple[Fold, ...]:
    """All folds with a part of what they are fitted on."""
    return tuple(
        Fold(
            train=_drawn(dataset, fold.fitted_on(fit_on), share, seed),
            test=fold.test,
        )
        for fold in split.folds
    )


def _drawn(dataset: Dataset, item_ids: Sequence[str], share: float, seed: int) -> tuple[str, ...]:
    chosen = dataset.select(dataset.indices(item_ids))
    generator = np.random.default_rng(seed)
    kept: set[str] = set()
    for label in dataset.labels:
        groups = sorted({item.group for item in chosen.items if label in item.labels})
        count = min(len(groups), max(FEWEST_OF_LABEL, round(share * len(groups))))
        kept |= {groups[place] for place in generator.permutation(len(groups))[:count]}
    return tuple(item.item_id for item in chosen.items if item.group in kept)


def _scores(
    job: tuple[ClassicalConfig, Fold], *, rows: Rows, dataset: Dataset, seed: int
) -> NDArray[np.float64]:
    model, fold = job
    task = Task(
        model=model,
        input_name="features",
        feature_names=dataset.feature_names,
        labels=dataset.labels,
        seed=seed,
    )
    # The part is all in the training part of the fold already.
    return fold_scores(task, rows, fold, "train")


def _points(
    draws: Sequence[_Draw], runs: Sequence[RunResult], seed: int
) -> Iterator[LearningPoint]:
    together: dict[tuple[str, float], list[RunResult]] = {}
    for draw, run in zip(draws, runs, strict=True):
        together.setdefault((draw.model.architecture, draw.share), []).append(run)
    for (model, share), found in together.items():
        hits = np.array([[answer.right for answer in run.answers] for run in found], np.float64)
        groups = [answer.group for answer in found[0].answers]
        sizes = [fold.train for run in found for fold in run.folds]
        alone = found[0].result.accuracy
        if len(found) > 1:
            accuracy = over_seeds(hits, groups, seed=seed)
        elif alone.method == "wilson":
            accuracy = alone
        else:
            accuracy = share_by_group(hits[0], groups, seed=seed)
        yield LearningPoint(
            model=model,
            tracks=float(np.mean(sizes)),
            share=share,
            draws=len(found),
            accuracy=accuracy,
        )
