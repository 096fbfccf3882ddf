"""What a fitted graph is worth: tuned on tracks it was not fitted on, scored on those of a test."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import Dataset, Fold, Split, leaking_groups
from genrekit.evaluation import (
    UNTUNED,
    Scored,
    aggregate,
    fit_binary_temperature,
    joined,
    score,
    tune_thresholds,
)
from genrekit.inference import calibrated, chosen, consistent, edges
from genrekit.models import NetworkConfig
from genrekit.schema import EvaluationResult
from genrekit.schema import Task as LabelTask
from genrekit.training.fitting import (
    CALIBRATION_FOLDS,
    EachEpoch,
    Fit,
    Task,
    fit,
    fit_rows,
    fold_scores,
    logits,
    temperature,
    temperature_out_of_fold,
    unheard,
    valid_rows,
)
from genrekit.training.rows import Rows

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tuned:
    """What turns logits into an answer; ``thresholds`` is empty for single-label."""

    temperature: float
    thresholds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class FoldScores:
    """Probabilities (n_rows, n_labels) of the test rows of a fold, and its thresholds."""

    probabilities: NDArray[np.float64]
    thresholds: tuple[float, ...]


def probabilities(
    task: Task, scores: NDArray[np.float32], temperature: float
) -> NDArray[np.float64]:
    """As `Classifier.predict_features` gives them: calibrated, and consistent with the tree."""
    kind: LabelTask = "multi-label" if task.multi_label else "single-label"
    plain = calibrated(scores, task=kind, temperature=temperature)
    return consistent(plain, edges(task.labels, task.parents))


def tuned(
    task: Task,
    rows: Rows,
    fitted: Fit,
    *,
    fold: Fold | None = None,
    fit_on: str = "train",
    calibrate: bool = True,
) -> Tuned:
    """Temperature, and for multi-label thresholds, from tracks that were not fitted on.

    For single-label see `fit.temperature`. For multi-label a network takes those that chose its
    epoch. A classical model takes the validation part, scored by a model that was fitted on the
    training part alone, or else out-of-fold scores of what it was fitted on. Where there are no
    such tracks, thresholds are 0.5.

    Parameters
    ----------
    rows : Rows
        What the fold is of; without a fold, what was fitted on.
    """
    if not task.multi_label:
        if not calibrate:
            return Tuned(1.0)
        if fold is None:
            return Tuned(temperature_out_of_fold(task, rows, fitted))
        return Tuned(temperature(task, rows, fold, fitted))
    if isinstance(task.thresholds, float) and not calibrate:
        return Tuned(1.0, (task.thresholds,) * len(task.labels))
    unseen = _unseen(task, rows, fitted, fold, fit_on)
    if unseen is None:
        heat, values = 1.0, (UNTUNED,) * len(task.labels)
        if not isinstance(task.thresholds, float):
            logger.warning("no tracks are left to tune thresholds on; all are %g", UNTUNED)
    else:
        scores, seen = unseen
        heat = fit_binary_temperature(scores, seen.y) if calibrate else 1.0
        values = _thresholds(task, probabilities(task, scores, heat), seen)
    if isinstance(task.thresholds, float):
        values = (task.thresholds,) * len(task.labels)
    return Tuned(heat, values)


def _thresholds(task: Task, scores: NDArray[np.float64], rows: Rows) -> tuple[float, ...]:
    tracks = aggregate(Scored(rows.y, scores, tuple(map(str, rows.groups))))
    found = tune_thresholds(
        tracks.targets, tracks.probabilities, labels=task.labels, parents=task.parents
    )
    if task.thresholds == "common":
        return (found.common,) * len(task.labels)
    rare = [label for label, enough in zip(task.labels, found.tuned, strict=True) if not enough]
    if rare:
        logger.info(
            "%d genres are too rare in validation for a threshold of their own: %s",
            *(len(rare), ", ".join(rare)),
        )
    return found.values


def _unseen(
    task: Task, rows: Rows, fitted: Fit, fold: Fold | None, fit_on: str
) -> tuple[NDArray[np.float32], Rows] | None:
    if isinstance(task.model, NetworkConfig):
        validation = fitted.validation
        return None if validation is None else (logits(task, fitted.model, validation), validation)
    train = rows if fold is None else rows.of(fold.train)
    if fold is None or not fold.valid:
        return _out_of_fold(task, train)
    valid = rows.of(fold.valid)
    alone = fitted if fit_on == "train" else fit(task, train)
    return logits(task, alone.model, valid), valid


def _out_of_fold(task: Task, rows: Rows) -> tuple[NDArray[np.float32], Rows] | None:
    from sklearn.model_selection import GroupKFold

    groups = rows.groups.astype(str)
    n_folds = min(CALIBRATION_FOLDS, len(np.unique(groups)))
    if n_folds < 2:
        return None
    scores = np.zeros((len(rows), len(task.labels)), np.float32)
    folds = GroupKFold(n_folds, shuffle=True, random_state=task.seed)
    for train, test in folds.split(rows.y, groups=groups):
        inside = np.isin(np.arange(len(rows)), train)
        scores[test] = logits(task, fit(task, rows.where(inside)).model, rows.where(~inside))
    return scores, rows


# --- numbers ------------------------------------------------------------------------------------


def score_fold(
    task: Task,
    rows: Rows,
    fold: Fold,
    fit_on: str,
    *,
    calibrate: bool = True,
    each_epoch: EachEpoch = unheard,
) -> FoldScores:
    """Fit a model for this fold, tune its thresholds without the test part, and score that.

    For single-label the probabilities are the graph's own; see `fit.fold_scores`.
    """
    if not task.multi_label:
        return FoldScores(fold_scores(task, rows, fold, fit_on, each_epoch), ())
    valid = valid_rows(rows, fold, fit_on)
    fitted = fit(task, fit_rows(rows, fold, fit_on), valid, each_epoch)
    found = tuned(task, rows, fitted, fold=fold, fit_on=fit_on, calibrate=calibrate)
    return score_rows(task, fitted.model, rows.of(fold.test), found)


def score_rows(task: Task, model: bytes, rows: Rows, found: Tuned) -> FoldScores:
    """Return what a graph says of rows."""
    scores = probabilities(task, logits(task, model, rows), found.temperature)
    return FoldScores(scores, found.thresholds)


def pooled_scores(
    task: Task, name: str, dataset: Dataset, split: Split, rows: Rows, scores: Sequence[FoldScores]
) -> EvaluationResult:
    """Return one result from the test scores of every fold.

    Rows are scored, not recordings, where a split has leaking groups, as such numbers are
    published.
    """
    by_rows = bool(leaking_groups(dataset, split))
    parts = []
    for fold, found in zip(split.folds, scores, strict=True):
        tested = rows.of(fold.test)
        part = Scored(tested.y, found.probabilities, tuple(map(str, tested.groups)))
        parts.append(part if by_rows else aggregate(part))
    choice = None
    if task.multi_label:
        tree = edges(task.labels, task.parents)
        pairs = zip(parts, scores, strict=True)
        choice = np.concatenate(
            [chosen(part.probabilities, found.thresholds, tree) for part, found in pairs]
        )
    alone = task.multi_label and len(parts) == 1
    return score(
        joined(parts),
        labels=dataset.labels,
        dataset=dataset,
        split=split,
        model=name,
        unit="segment" if by_rows else "track",
        choice=choice,
        thresholds=scores[0].thresholds if alone else None,
    )
