"""The results file of a saved bundle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from genrekit.datasets import Dataset, Split
from genrekit.evaluation.evaluate import ItemScore, summarise
from genrekit.evaluation.results import ScoredFold, rounded, run_result
from genrekit.evaluation.run import Answer, RunResult
from genrekit.evaluation.scored import Scored
from genrekit.schema import UNKNOWN

if TYPE_CHECKING:
    from genrekit.inference import Classifier


def bundle_run(
    classifier: Classifier,
    dataset: Dataset,
    split: Split,
    scores: Sequence[ItemScore],
    *,
    by_rows: bool = False,
) -> RunResult:
    """Turn the scores of all test items into a results file's content.

    Parameters
    ----------
    scores : sequence of ItemScore
        What `score_items` gave.
    by_rows : bool
        Count items, not recordings. The answers of multi-label data are of items in any case.

    Raises
    ------
    DatasetError
        If there is nothing to score, or scores are not finite.
    """
    if classifier.bundle.manifest.task == "multi-label":
        return _multilabel(classifier, dataset, split, scores, by_rows)
    number = {label: position for position, label in enumerate(classifier.labels)}
    rows = Scored(
        targets=np.array([number[item.true] for item in scores], dtype=np.int64),
        probabilities=np.array([item.probabilities for item in scores]).reshape(-1, len(number)),
        groups=tuple(item.group for item in scores),
    )
    return run_result(
        [ScoredFold(tuple(item.item_id for item in scores), rows)],
        labels=classifier.labels,
        dataset=dataset,
        split=split,
        model=classifier.identity.name,
        by_rows=by_rows,
        how=classifier.bundle.manifest.aggregation,
        bundle_sha256=classifier.bundle.sha256,
    )


def _multilabel(
    classifier: Classifier,
    dataset: Dataset,
    split: Split,
    scores: Sequence[ItemScore],
    by_rows: bool,
) -> RunResult:
    answers = tuple(
        Answer(
            item=item.item_id,
            group=item.group,
            true=item.true_genres,
            predicted=tuple(label for label in item.predicted.split("; ") if label != UNKNOWN),
            probabilities=rounded(item.probabilities),
        )
        for item in scores
    )
    unit: Literal["segment", "track"] = "segment" if by_rows else "track"
    result = summarise(classifier, dataset, split, scores, unit=unit)
    return RunResult(result=result, answers=answers)
