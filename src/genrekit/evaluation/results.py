"""One file a run: numbers, and what they were made of, so that others can count again.

A run is one model under one protocol. Its file holds the fingerprints of dataset and split, the
hash of the bundle, versions, every metric, and the answer for every tested track.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from genrekit.datasets import Dataset, Split
from genrekit.errors import DatasetError
from genrekit.evaluation.full_metrics import Metrics, check_scores, measure_all
from genrekit.evaluation.metrics import Aggregation
from genrekit.evaluation.recount import checked_run
from genrekit.evaluation.run import Answer, FoldSize, RunResult
from genrekit.evaluation.scored import Scored, aggregate, joined
from genrekit.evaluation.scoring import score
from genrekit.schema import DeclaredStep, EvaluationResult

_DIGITS = 6


@dataclass(frozen=True, slots=True)
class ScoredFold:
    """Test scores of one fold, row by row.

    Attributes
    ----------
    items : tuple of str
        Item id of each row; windows of one item share it.
    rows : Scored
    size : FoldSize, optional
    """

    items: tuple[str, ...]
    rows: Scored
    size: FoldSize | None = None


def run_result(
    folds: Sequence[ScoredFold],
    *,
    labels: Sequence[str],
    dataset: Dataset,
    split: Split,
    model: str,
    by_rows: bool = False,
    how: Aggregation = "mean-probability",
    bundle_sha256: str | None = None,
    fitted_on: Literal["", "train", "train+valid"] = "",
    steps: Sequence[DeclaredStep] = (),
    seed: int | None = None,
) -> RunResult:
    """Everything about single-label test scores of all folds together.

    Parameters
    ----------
    folds : sequence of ScoredFold
    by_rows : bool
        Count rows and not recordings, as leaky numbers are published.
    how : {"mean-probability", "mean-logit"}
        How the rows of a recording are merged.
    seed : int, optional
        Of the model.

    Raises
    ------
    DatasetError
        If there is nothing to score, or scores are not finite.
    """
    for fold in folds:
        check_scores(fold.rows, labels)
    tracks = [fold if by_rows else _merged(fold.items, fold.rows, how, fold.size) for fold in folds]
    headline, metrics = _numbers(
        tracks, labels, dataset, split, model, "segment" if by_rows else "track", bundle_sha256
    )
    several = sum(len(fold.items) for fold in tracks) < sum(len(fold.items) for fold in folds)
    beneath = (
        _numbers(folds, labels, dataset, split, model, "segment", bundle_sha256)
        if several
        else (None, None)
    )
    declared = {"fitted_on": fitted_on, "steps": tuple(steps)}
    return RunResult(
        result=headline.model_copy(update=declared),
        metrics=metrics,
        segment_result=beneath[0] and beneath[0].model_copy(update=declared),
        segment_metrics=beneath[1],
        folds=tuple(fold.size for fold in folds if fold.size is not None),
        seed=seed,
        answers=_answers(tracks, labels),
        segments=_answers(folds, labels) if several else (),
    )


def _numbers(
    folds: Sequence[ScoredFold],
    labels: Sequence[str],
    dataset: Dataset,
    split: Split,
    model: str,
    unit: Literal["track", "segment"],
    bundle_sha256: str | None,
) -> tuple[EvaluationResult, Metrics]:
    together = joined([fold.rows for fold in folds])
    result = score(
        together,
        labels=labels,
        dataset=dataset,
        split=split,
        model=model,
        unit=unit,
        bundle_sha256=bundle_sha256,
    )
    return result, measure_all(together, labels, unit=unit)


def _merged(
    items: tuple[str, ...], rows: Scored, how: Aggregation, size: FoldSize | None
) -> ScoredFold:
    merged = aggregate(rows, how)
    alone = Counter(rows.groups)
    item_of = dict(zip(rows.groups, items, strict=True))
    names = tuple(item_of[one] if alone[one] == 1 else one for one in merged.groups)
    return ScoredFold(names, merged, size)


def _answers(folds: Sequence[ScoredFold], labels: Sequence[str]) -> tuple[Answer, ...]:
    return tuple(
        Answer(
            item=item,
            group=fold.rows.groups[row],
            true=(labels[int(fold.rows.targets[row])],),
            predicted=(labels[int(fold.rows.probabilities[row].argmax())],),
            probabilities=rounded(fold.rows.probabilities[row]),
            fold=number,
        )
        for number, fold in enumerate(folds)
        for row, item in enumerate(fold.items)
    )


def rounded(probabilities: NDArray[np.float64]) -> tuple[float, ...]:
    """Probabilities as they are kept."""
    return tuple(np.clip(probabilities, 0, 1).round(_DIGITS).tolist())


# --- what is behind a number --------------------------------------------------------------------


def confused(run: RunResult) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the tracks of each cell of the confusion matrix, largest first."""
    cells: dict[tuple[str, str], list[str]] = {}
    for answer in run.answers:
        for true in answer.true:
            for predicted in answer.predicted:
                cells.setdefault((true, predicted), []).append(answer.item)
    ordered = sorted(cells.items(), key=lambda cell: (-len(cell[1]), cell[0]))
    return {pair: tuple(items) for pair, items in ordered}


# --- files --------------------------------------------------------------------------------------


def write_run(run: RunResult, path: Path) -> Path:
    """Write a results file; equal runs give equal files."""
    path.write_text(run.model_dump_json() + "\n", encoding="utf-8")
    return path


def read_run(path: Path) -> RunResult:
    """Read a results file, and count its numbers again from its answers.

    Raises
    ------
    DatasetError
        If it is none, saying what is wrong with it, or if a number is not what its answers give.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise DatasetError(f"{path} cannot be read: {problem}") from None
    return parse_run(text, path)


def parse_run(text: str, where: object) -> RunResult:
    """Make a run of the JSON of a results file; the one way in for everybody who reads them.

    Parameters
    ----------
    where : object
        What to call it in messages: the path of the file.

    Raises
    ------
    DatasetError
        As `read_run` does.
    """
    try:
        run = RunResult.model_validate_json(text)
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DatasetError(
            f"{where} is not a results file, or it is damaged, or of another version of genrekit: "
            f"{place}: {first['msg']}; expected what genrekit evaluate -o, train --results or "
            "study writes"
        ) from None
    return checked_run(run, where)
