"""Fit a classical model on rows and keep only what will be shipped: its ONNX graph.

Everything that is measured here is measured on that graph, never on the scikit-learn object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import Dataset, Fold, Split, make_split, straddling
from genrekit.errors import DatasetError
from genrekit.evaluation import (
    Tracks,
    aggregate_by_group,
    find_leaks,
    fit_temperature,
    refuse_leaks,
    score,
)
from genrekit.inference import calibrated
from genrekit.models import ClassicalConfig, build
from genrekit.schema import EvaluationResult
from genrekit.training.export import check_agreement, export_onnx, run_onnx
from genrekit.training.recipe import ProtocolConfig
from genrekit.training.rows import Rows

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
        Name of the front-end, and of the graph's input.
    feature_names, labels : tuple of str
    """

    model: ClassicalConfig
    input_name: str
    feature_names: tuple[str, ...]
    labels: tuple[str, ...]
    seed: int = 0


def checked_split(dataset: Dataset, protocol: ProtocolConfig, rows: Rows | None = None) -> Split:
    """The split of a protocol, after the leak detector has seen it.

    Items whose rows are equal are exact duplicates, whether they come from a table or from audio;
    without rows everything else is found already.

    Raises
    ------
    DatasetError
        If the dataset does not fit the protocol, or it leaks and is not named leaky.
    """
    split = make_split(
        dataset,
        protocol.name,
        by=protocol.by,
        n_folds=protocol.n_folds,
        n_repeats=protocol.n_repeats,
        seed=protocol.seed,
    )
    content = {} if rows is None else rows.digests()
    refuse_leaks(find_leaks(dataset, split, content=content), split)
    return split


def fit(task: Task, rows: Rows) -> bytes:
    """Fit on ``rows`` and export.

    Returns
    -------
    bytes
        The ONNX graph, checked against its source on these rows.

    Raises
    ------
    DatasetError
        If a label has no rows, or there are too few for a setting.
    BundleError
        If the graph and its source differ.
    """
    counts = np.bincount(rows.y, minlength=len(task.labels))
    if not counts.all():
        missing = task.labels[int(counts.argmin())]
        raise DatasetError(
            f"there is nothing of {missing!r} to train on; add tracks, or leave the label out"
        )
    pipeline = build(
        task.model, seed=task.seed, feature_names=task.feature_names, groups=list(rows.groups)
    )
    try:
        pipeline.fit(rows.x.astype(np.float64), rows.y)
    except ValueError as error:  # what scikit-learn raises for data that does not fit a setting
        raise DatasetError(
            f"{task.model.architecture} cannot be fitted on {len(rows)} rows: {error}"
        ) from error
    model = export_onnx(pipeline, input_name=task.input_name, n_columns=rows.x.shape[1])
    check_agreement(model, pipeline, rows.x[:_ROWS_COMPARED])
    return model


def fit_rows(rows: Rows, fold: Fold, fit_on: str) -> Rows:
    """The rows of a fold that a protocol fits on."""
    return rows.of(fold.train if fit_on == "train" else fold.train + fold.valid)


def temperature(task: Task, rows: Rows, fold: Fold) -> float:
    """Temperature for the scores of a model, from tracks that it was not fitted on.

    A fold with a validation part gives it from a model fitted on the training part alone: tracks
    of other artists make a model less sure than folds of the same ones do. Without one, it comes
    from the out-of-fold scores of the training part.
    """
    train = rows.of(fold.train)
    if fold.valid:
        valid = rows.of(fold.valid)
        return fit_temperature(run_onnx(fit(task, train), valid.x), valid.y)
    return temperature_out_of_fold(task, train)


def temperature_out_of_fold(task: Task, rows: Rows) -> float:
    """Temperature from scores of models that were fitted on the other folds of ``rows``."""
    from sklearn.model_selection import StratifiedGroupKFold

    folds = StratifiedGroupKFold(CALIBRATION_FOLDS, shuffle=True, random_state=task.seed)
    logits = np.zeros((len(rows), len(task.labels)), np.float32)
    for train, test in folds.split(rows.x, rows.y, rows.groups.astype(str)):
        inside = np.isin(np.arange(len(rows)), train)
        logits[test] = run_onnx(fit(task, rows.where(inside)), rows.x[test])
    return fit_temperature(logits, rows.y)


def fold_scores(task: Task, rows: Rows, fold: Fold, fit_on: str) -> NDArray[np.float64]:
    """Probabilities (test rows, labels) of a model fitted for this fold; the graph's own."""
    model = fit(task, fit_rows(rows, fold, fit_on))
    logits = run_onnx(model, rows.of(fold.test).x)
    return calibrated(logits, task="single-label", temperature=1.0)


def pooled(
    name: str,
    dataset: Dataset,
    split: Split,
    rows: Rows,
    scores: Sequence[NDArray[np.float64]],
    *,
    by_rows: bool | None = None,
) -> EvaluationResult:
    """One result from the test scores of every fold.

    Parameters
    ----------
    by_rows : bool, optional
        Score rows, not recordings. None does so where a split tears recordings, as such numbers
        are published.
    """
    if by_rows is None:
        by_rows = bool(straddling(dataset, split))
    tested = [rows.of(fold.test) for fold in split.folds]
    parts = [
        Tracks(part.y, probabilities, tuple(map(str, part.groups)))
        for part, probabilities in zip(tested, scores, strict=True)
    ]
    if not by_rows:
        parts = [aggregate_by_group(p.targets, p.probabilities, p.groups) for p in parts]
    fold_of = np.repeat(np.arange(len(parts)), [len(part.targets) for part in parts])
    return score(
        np.concatenate([part.targets for part in parts]),
        np.concatenate([part.probabilities for part in parts]),
        labels=dataset.labels,
        groups=[group for part in parts for group in part.groups],
        dataset=dataset,
        split=split,
        model=name,
        unit="segment" if by_rows else "track",
        folds=fold_of if len(split.folds) > 1 else None,
    )
