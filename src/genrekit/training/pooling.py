"""The test scores of all folds of a protocol as one results file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import Dataset, Fold, Split, leaking_groups
from genrekit.evaluation import FoldSize, RunResult, Scored, ScoredFold, run_result
from genrekit.schema import DeclaredStep
from genrekit.training.rows import Rows


def pooled_run(
    name: str,
    dataset: Dataset,
    split: Split,
    rows: Rows,
    scores: Sequence[NDArray[np.float64]],
    *,
    fit_on: Literal["train", "train+valid"] = "train",
    steps: Sequence[DeclaredStep] = (),
    seed: int | None = None,
) -> RunResult:
    """One single-label run from the test scores (n_rows, n_labels) of every fold.

    Rows are counted, not recordings, where a split tears recordings, as such numbers are published.
    """
    folds = [
        _scored(rows.of(fold.test), probabilities, _size(dataset, fold, fit_on))
        for fold, probabilities in zip(split.folds, scores, strict=True)
    ]
    return run_result(
        folds,
        labels=dataset.labels,
        dataset=dataset,
        split=split,
        model=name,
        by_rows=bool(leaking_groups(dataset, split)),
        fitted_on=fit_on,
        steps=steps,
        seed=seed,
    )


def _scored(tested: Rows, probabilities: NDArray[np.float64], size: FoldSize) -> ScoredFold:
    groups = tuple(map(str, tested.groups))
    return ScoredFold(tuple(map(str, tested.items)), Scored(tested.y, probabilities, groups), size)


def _size(dataset: Dataset, fold: Fold, fit_on: str) -> FoldSize:
    fitted = fold.fitted_on(fit_on)
    return FoldSize(train=_recordings(dataset, fitted), test=_recordings(dataset, fold.test))


def _recordings(dataset: Dataset, item_ids: Sequence[str]) -> int:
    groups = dataset.groups()
    return len({groups[row] for row in dataset.indices(item_ids)})
