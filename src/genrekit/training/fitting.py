"""Fit a model on rows and keep only what will be shipped: its ONNX graph.

Everything that is measured here is measured on that graph, never on the object it came from.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import Dataset, Fold, Split
from genrekit.errors import DatasetError
from genrekit.evaluation import find_leaks, fit_temperature, refuse_leaks
from genrekit.export import check_agreement, export_onnx, run_onnx
from genrekit.extras import naming_extra
from genrekit.inference import calibrated
from genrekit.models import ClassicalConfig, ModelConfig, NetworkConfig, build
from genrekit.training.recipe import ProtocolConfig
from genrekit.training.rows import Rows
from genrekit.training.settings import TrainingConfig

if TYPE_CHECKING:
    from genrekit.training.loop import EpochRecord

logger = logging.getLogger(__name__)

#: Called after every epoch of a network.
EachEpoch = Callable[["EpochRecord"], None]

#: Among the files of a fit: what eight bits gained, or why floats were kept.
INT8 = "int8.json"
#: Folds of out-of-fold calibration, where a protocol has no validation part.
CALIBRATION_FOLDS = 5
#: Rows on which an exported graph is compared with its source.
_ROWS_COMPARED = 2000


@dataclass(frozen=True, slots=True)
class Task:
    """What stays the same in all fits of one model on one dataset.

    Attributes
    ----------
    input_name : str
        Name of the first front-end, and of the graph's input for it.
    feature_names, labels : tuple of str
    training : TrainingConfig
        Of networks.
    multi_label : bool
        Rows have a zero or one for each label.
    parents : mapping of str to str
        For multi-label: label to the label that it implies.
    thresholds : "per-genre", "common" or float
        For multi-label: how they are found, or what they all are.
    int8 : bool
        Ship the graph of a network in eight bits, where that helps.
    work_dir : Path, optional
        Where networks keep their checkpoints.
    """

    model: ModelConfig
    input_name: str
    feature_names: tuple[str, ...]
    labels: tuple[str, ...]
    seed: int = 0
    training: TrainingConfig = field(default_factory=TrainingConfig)
    multi_label: bool = False
    parents: Mapping[str, str] = field(default_factory=dict)
    thresholds: str | float = "per-genre"
    int8: bool = False
    work_dir: Path | None = None


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted model.

    Attributes
    ----------
    model : bytes
        The ONNX graph.
    files : mapping of str to bytes
        What else belongs into its bundle.
    validation : Rows, optional
        Rows that a network was not fitted on, but that chose its epoch.
    """

    model: bytes
    files: Mapping[str, bytes] = field(default_factory=dict)
    validation: Rows | None = None


def unheard(record: EpochRecord) -> None:
    """Let an epoch pass."""


def checked_split(dataset: Dataset, protocol: ProtocolConfig, rows: Rows | None = None) -> Split:
    """Return the split of a protocol, after the leak detector has seen it.

    Items whose rows are equal are exact duplicates, whether they come from a table or from audio;
    without rows everything else is found already.

    Raises
    ------
    DatasetError
        If the dataset does not fit the protocol, or it leaks and is not named leaky.
    """
    split = protocol.split(dataset)
    content = {} if rows is None else rows.digests()
    refuse_leaks(find_leaks(dataset, split, content=content), split)
    return split


def fit(task: Task, rows: Rows, valid: Rows | None = None, each_epoch: EachEpoch = unheard) -> Fit:
    """Fit on ``rows`` and export.

    Parameters
    ----------
    valid : Rows, optional
        Chooses the epoch of a network; None sets some of ``rows`` aside for it.
    each_epoch : callable
        Called after every epoch of a network.

    Returns
    -------
    Fit
        Its graph was checked against its source on these rows.

    Raises
    ------
    DatasetError
        If a label has no rows (for multi-label, if none has), or there are too few for a setting.
    TrainingError
        If the training of a network cannot go on.
    BundleError
        If the graph and its source differ.
    """
    _check_labels(task, rows)
    if isinstance(task.model, NetworkConfig):
        return _fit_network(task, task.model, rows, valid, each_epoch)
    assert isinstance(task.model, ClassicalConfig), "a model is a classical one or a network"
    return _fit_classical(task, task.model, rows)


def _check_labels(task: Task, rows: Rows) -> None:
    several = rows.y.ndim == 2
    counts = rows.y.sum(axis=0) if several else np.bincount(rows.y, minlength=len(task.labels))
    missing = [label for label, count in zip(task.labels, counts, strict=True) if not count]
    if not missing:
        return
    problem = f"there is nothing of {missing[0]!r} to train on; add tracks, or leave the label out"
    if not (several and counts.any()):
        raise DatasetError(problem)
    # A genre too rare for every fold must not stop all the others.
    logger.warning("%s (%d such labels, which nothing is learnt of)", problem, len(missing))


def _fit_classical(task: Task, config: ClassicalConfig, rows: Rows) -> Fit:
    seen = rows.with_copies()
    if task.multi_label:
        return _fit_one_vs_rest(task, config, seen)
    pipeline = build(
        config, seed=task.seed, feature_names=task.feature_names, groups=list(seen.groups)
    )
    try:
        pipeline.fit(np.asarray(seen.x, np.float64), seen.y)
    except ValueError as error:  # what scikit-learn raises for data that does not fit a setting
        raise DatasetError(
            f"{config.architecture} cannot be fitted on {len(rows)} rows: {error}"
        ) from error
    model = export_onnx(pipeline, input_name=task.input_name, n_columns=rows.x.shape[1])
    check_agreement(model, pipeline, rows.x[:_ROWS_COMPARED])
    return Fit(model)


def _fit_one_vs_rest(task: Task, config: ClassicalConfig, rows: Rows) -> Fit:
    from genrekit.export import (
        check_one_vs_rest,
        export_one_vs_rest,
        fit_one_vs_rest,
    )

    x = np.asarray(rows.x)
    members = fit_one_vs_rest(
        config,
        x.astype(np.float64),
        rows.y,
        labels=task.labels,
        seed=task.seed,
        feature_names=task.feature_names,
        groups=list(rows.groups),
    )
    model = export_one_vs_rest(members, input_name=task.input_name, n_columns=x.shape[1])
    check_one_vs_rest(model, members, x[:_ROWS_COMPARED])
    return Fit(model)


def _fit_network(
    task: Task, config: NetworkConfig, rows: Rows, valid: Rows | None, each_epoch: EachEpoch
) -> Fit:
    with naming_extra():
        from genrekit.training.network_rows import fit_on_rows
    network, validation = fit_on_rows(
        config,
        task.training,
        rows,
        valid,
        name=task.input_name,
        n_labels=len(task.labels),
        seed=task.seed,
        work_dir=task.work_dir,
        each_epoch=each_epoch,
    )
    if not task.int8:
        return Fit(network.model, network.files, validation)
    from genrekit.export import quantise

    inputs = {task.input_name: rows.x, **rows.more}
    model, measured = quantise(network.model, inputs, n_genres=len(task.labels), seed=task.seed)
    return Fit(model, {**network.files, INT8: measured.encode()}, validation)


def logits(task: Task, model: bytes, rows: Rows) -> NDArray[np.float32]:
    """Logits (n, n_labels) that a graph gives ``rows``."""
    if isinstance(task.model, ClassicalConfig):
        return run_onnx(model, np.asarray(rows.x))
    from genrekit.export import run_network

    return run_network(model, {task.input_name: rows.x, **rows.more}, n_genres=len(task.labels))


def fit_rows(rows: Rows, fold: Fold, fit_on: str) -> Rows:
    """Return the rows of a fold that a protocol fits on."""
    return rows.of(fold.fitted_on(fit_on))


def valid_rows(rows: Rows, fold: Fold, fit_on: str) -> Rows | None:
    """Return the rows that may choose the epoch of a network; None if they are fitted on."""
    return rows.of(fold.valid) if fold.valid and fit_on == "train" else None


def temperature(task: Task, rows: Rows, fold: Fold, fitted: Fit | None = None) -> float:
    """Temperature for the scores of a model, from tracks that it was not fitted on.

    A fold with a validation part gives it from a model fitted on the training part alone: tracks
    of other artists make a model less sure than folds of the same ones do. Without one, it comes
    from the out-of-fold scores of the training part.

    Parameters
    ----------
    fitted : Fit, optional
        What was fitted for the fold. A network takes the temperature from the rows that chose its
        epoch: fitting another one would take as long again.
    """
    train = rows.of(fold.train)
    if isinstance(task.model, NetworkConfig) or not fold.valid:
        return temperature_out_of_fold(task, train, fitted)
    valid = rows.of(fold.valid)
    return fit_temperature(logits(task, fit(task, train).model, valid), valid.y)


def temperature_out_of_fold(task: Task, rows: Rows, fitted: Fit | None = None) -> float:
    """Temperature from scores of models that were fitted on the other folds of ``rows``.

    Parameters
    ----------
    fitted : Fit, optional
        As for `temperature`.
    """
    if isinstance(task.model, NetworkConfig):
        fitted = fitted or fit(task, rows)
        validation = fitted.validation
        return (
            1.0
            if validation is None
            else fit_temperature(logits(task, fitted.model, validation), validation.y)
        )
    from sklearn.model_selection import StratifiedGroupKFold

    groups = rows.groups.astype(str)
    fewest = min(len(set(groups[rows.y == label])) for label in range(len(task.labels)))
    n_folds = min(CALIBRATION_FOLDS, fewest)
    if n_folds < 2:
        logger.warning("a genre has a single recording: probabilities are as the model gives them")
        return 1.0
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=task.seed)
    scores = np.zeros((len(rows), len(task.labels)), np.float32)
    scored = np.zeros(len(rows), bool)
    for train, test in folds.split(rows.y, rows.y, groups):
        inside = np.isin(np.arange(len(rows)), train)
        if len(np.unique(rows.y[inside])) < len(task.labels):  # such a model knows fewer genres
            continue
        scores[test] = logits(task, fit(task, rows.where(inside)).model, rows.where(~inside))
        scored[test] = True
    return fit_temperature(scores[scored], rows.y[scored]) if scored.any() else 1.0


def fold_scores(
    task: Task, rows: Rows, fold: Fold, fit_on: str, each_epoch: EachEpoch = unheard
) -> NDArray[np.float64]:
    """Score a model fitted for this fold: the graph's own probabilities, (test rows, labels)."""
    valid = valid_rows(rows, fold, fit_on)
    fitted = fit(task, fit_rows(rows, fold, fit_on), valid, each_epoch)
    scores = logits(task, fitted.model, rows.of(fold.test))
    return calibrated(scores, task="single-label", temperature=1.0)
