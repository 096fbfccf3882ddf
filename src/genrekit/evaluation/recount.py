"""Count the numbers of a results file again from its rows: an edited or damaged file is refused.

Rows are kept with six digits, so what depends on the last one (a tie, the edge of a bin, the
logarithm of next to nothing) is held against the range that the rounding allows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import DatasetError
from genrekit.evaluation.calibration_error import calibration_error
from genrekit.evaluation.full_metrics import TOP, Metrics
from genrekit.evaluation.intervals import wilson
from genrekit.evaluation.metrics import (
    N_BINS,
    SMALLEST_PROBABILITY,
    accuracy,
    balanced_accuracy,
    brier,
    confusion_matrix,
    macro,
    macro_f1,
    occurring,
    precision_recall_f1,
    weighted,
)
from genrekit.evaluation.multilabel import f1_scores, genre_ranking, mean_defined
from genrekit.evaluation.run import Answer, RunResult
from genrekit.schema import Estimate, EvaluationResult

#: Half of the last digit that rows are kept with.
ROUNDED = 5e-7
#: Numbers of rounded rows agree with those of the rows themselves up to this.
TOLERANCE = 1e-5
#: Numbers that are simulated are the same up to this, whatever draws the random numbers.
SIMULATED = 0.02
_SEEDS = range(1, 9)
#: Rounding makes ties, which move a mean average precision a little.
RANKING_TOLERANCE = 0.01

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Answers as arrays; ``true`` and ``predicted`` (n, n_labels) are of 0 and 1."""

    true: NDArray[np.int64]
    predicted: NDArray[np.bool_]
    probabilities: _Floats
    folds: NDArray[np.int64]
    tracks: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether all is predicted correctly, and nothing else."""
        return np.asarray((self.true == self.predicted).all(axis=1))


def checked_run(run: RunResult, where: object) -> RunResult:
    """Give back a run whose every number follows from its answers.

    Parameters
    ----------
    where : object
        What to call it in messages: the path of its file.

    Raises
    ------
    DatasetError
        If an answer is not whole (probabilities for every label, that sum to one, whose largest is
        what was told), if a number is another than the answers give, or if the protocol is named
        leaky and the result is not.
    """
    checked_result(run.result, where)
    if not run.answers:
        raise DatasetError(f"{where} has no answers, so that nothing of it can be counted again")
    predicted = _recounted(run.answers, run.result, run.metrics, where)
    _check_folds(run, predicted, where)
    if run.segments and run.segment_result is not None:
        checked_result(run.segment_result, where)
        beneath = _recounted(run.segments, run.segment_result, run.segment_metrics, where)
        if set(beneath.tracks) != set(predicted.tracks):
            strange = sorted(set(beneath.tracks) ^ set(predicted.tracks))[0][0]
            raise _edited(where, f"its answers and its segments differ in the recording {strange}")
    elif run.segment_result is not None or run.segment_metrics is not None:
        raise _edited(where, "it has numbers of segments, and no segments")
    return run


def checked_result(result: EvaluationResult, where: object) -> EvaluationResult:
    """Give back a headline whose numbers agree with each other.

    For results without answers: accuracy, F1 and the numbers of each genre follow from the
    confusion matrix.

    Raises
    ------
    DatasetError
        If they do not, or the protocol is named leaky and the result is not.
    """
    if "leaky" in result.protocol.casefold() and not result.leaky:
        raise _edited(where, f"its protocol is {result.protocol} and it says that it is not leaky")
    if result.task == "multi-label":
        return result
    counts = np.array(result.confusion, dtype=np.float64)
    if counts.shape != (len(result.labels),) * 2 or counts.sum() < result.items:
        raise _edited(
            where,
            f"its confusion matrix has the shape {counts.shape} and {counts.sum():.0f} items, and "
            f"there are {len(result.labels)} labels and {result.items} items",
        )
    _check(where, _of_confusion(counts, result))
    _check_order(where, result)
    _check_per_genre(where, counts, result)
    if result.accuracy.method == "wilson":
        interval = wilson(int(np.trace(counts)), int(counts.sum()))
        for end in ("low", "high"):
            name = f"{end} end of the interval of the accuracy"
            _check(where, [(name, getattr(result.accuracy, end), getattr(interval, end))])
    return result


def probability_problem(rows: _Floats, shape: tuple[int, int]) -> str | None:
    """Return what makes rows (n, n_labels) no single-label probabilities; None if they are.

    Parameters
    ----------
    shape : (int, int)
        As many rows and labels as there should be.
    """
    if rows.shape != shape:
        return f"holds scores of the shape {rows.shape}, expected {shape}"
    if not np.isfinite(rows).all() or (rows < 0).any() or (rows > 1).any():
        return "holds scores that are not probabilities between 0 and 1"
    off = np.abs(rows.sum(axis=1) - 1)
    if (off > _sum_tolerance(shape[1])).any():
        worst = int(off.argmax())
        return f"holds probabilities that sum to {rows[worst].sum():.4f} in row {worst}, not to one"
    return None


def _sum_tolerance(n_labels: int) -> float:
    return 1e-4 + 2 * ROUNDED * n_labels


def _edited(where: object, what: str) -> DatasetError:
    return DatasetError(f"{where}: {what}: it was edited or damaged; make it anew")


def _check(where: object, numbers: Sequence[tuple[str, float, float]]) -> None:
    """Compare (name, said, counted)."""
    for name, stated, counted in numbers:
        if not abs(stated - counted) <= TOLERANCE:
            raise DatasetError(
                f"{where} says that the {name} is {stated:.4f}, and its answers give "
                f"{counted:.4f}: it was edited or damaged; make it anew"
            )


def _check_range(where: object, name: str, stated: float, low: float, high: float) -> None:
    if not low - TOLERANCE <= stated <= high + TOLERANCE:
        _check(where, [(name, stated, (low + high) / 2)])


# --- a confusion matrix -------------------------------------------------------------------------


def _of_confusion(counts: _Floats, result: EvaluationResult) -> list[tuple[str, float, float]]:
    return [
        ("accuracy", result.accuracy.value, accuracy(counts)),
        ("macro F1", result.macro_f1.value, macro_f1(counts)),
    ]


def _check_order(where: object, result: EvaluationResult) -> None:
    """Every number lies in its own interval, and the mean over folds is theirs."""
    folds = result.accuracy_over_folds
    named = {"accuracy": result.accuracy, "macro F1": result.macro_f1, "accuracy over folds": folds}
    for name, one in named.items():
        if one is not None and not one.low - TOLERANCE <= one.value <= one.high + TOLERANCE:
            raise _edited(
                where,
                f"its {name} is {one.value:.4f}, and the interval of it {one.low:.4f} to "
                f"{one.high:.4f}",
            )
    if folds is not None and result.fold_accuracies:
        mean = float(np.mean(result.fold_accuracies))
        _check(where, [("accuracy over folds", folds.value, mean)])


def _check_per_genre(where: object, counts: _Floats, result: EvaluationResult) -> None:
    if tuple(one.genre for one in result.per_genre) != result.labels:
        raise _edited(where, "its genres are not its labels")
    by_name = dict(
        zip(("precision", "recall", "f1"), precision_recall_f1(counts), strict=True),
        tracks=counts.sum(axis=1),
    )
    for name, values in by_name.items():
        for one, counted in zip(result.per_genre, np.nan_to_num(values).tolist(), strict=True):
            # What is not defined was written as 0 before it was written as nothing.
            _check(where, [(f"{name} of {one.genre}", getattr(one, name) or 0.0, counted)])


# --- answers ------------------------------------------------------------------------------------


def _recounted(
    answers: Sequence[Answer], result: EvaluationResult, metrics: Metrics | None, where: object
) -> _Rows:
    rows = _rows(answers, result, where)
    different = len(set(rows.tracks))
    _check_items(answers, result, different, where)
    if result.task == "multi-label":
        if result.unit == "segment" or different == len(answers):
            _check_multilabel(rows, result, where)
        return rows
    targets, predicted = rows.true.argmax(axis=1), rows.predicted.argmax(axis=1)
    counts = confusion_matrix(targets, predicted, len(result.labels))
    stated = [("headline", result.confusion)]
    stated += [("metrics", metrics.confusion)] if metrics is not None else []
    for name, confusion in stated:
        if not np.array_equal(np.array(confusion, dtype=np.float64), counts):
            hits = np.trace(np.array(confusion))
            raise _edited(
                where,
                f"its answers give another confusion matrix than its {name} ({np.trace(counts):.0f}"
                f" right of {len(answers)}, and not {hits})",
            )
    _check_range(where, "log loss", result.log_loss, *_log_loss_range(targets, rows.probabilities))
    _check_calibration(rows, result, where)
    if metrics is not None:
        _check_metrics(targets, rows.probabilities, counts, metrics, where)
    return rows


def _check_calibration(rows: _Rows, result: EvaluationResult, where: object) -> None:
    """Compare the binned error; of the one without chance, what its simulation leaves open."""
    confidence = rows.probabilities[rows.predicted]
    edges = confidence * N_BINS
    moved = float((np.abs(edges - edges.round()) <= 4 * N_BINS * ROUNDED).mean())
    groups = [group for group, _ in rows.tracks]
    found = calibration_error(confidence, rows.right, groups)
    stated = result.expected_calibration_error
    spread = 2 * moved + TOLERANCE
    _check_range(
        where, "binned calibration error", stated, found.binned - spread, found.binned + spread
    )
    error = result.calibration_error
    if error is None or _nearly_equal(error, [found.error], moved):
        return
    # The last digit of a probability draws other random numbers: it matters where tracks are few.
    drawn = [found.error] + [
        calibration_error(confidence, rows.right, groups, seed=seed).error for seed in _SEEDS
    ]
    if not _nearly_equal(error, drawn, moved):
        for end in ("value", "low", "high"):
            low, high = _range(drawn, end, moved)
            _check_range(where, f"calibration error ({end})", getattr(error, end), low, high)


def _nearly_equal(error: Estimate, drawn: Sequence[Estimate], moved: float) -> bool:
    """Whether an error lies among those of other random numbers."""
    ranges = {end: _range(drawn, end, moved) for end in ("value", "low", "high")}
    return all(low <= getattr(error, end) <= high for end, (low, high) in ranges.items())


def _range(drawn: Sequence[Estimate], end: str, moved: float) -> tuple[float, float]:
    values = [float(getattr(one, end)) for one in drawn]
    return min(values) - moved - SIMULATED, max(values) + moved + SIMULATED


def _rows(answers: Sequence[Answer], result: EvaluationResult, where: object) -> _Rows:
    number = {label: place for place, label in enumerate(result.labels)}
    shape = len(answers), len(number)
    true, predicted = np.zeros(shape, np.int64), np.zeros(shape, dtype=bool)
    for row, answer in enumerate(answers):
        for problem in _problems(answer, result):
            raise _edited(where, f"the answer for {answer.item} {problem}")
        true[row, [number[label] for label in answer.true]] = 1
        predicted[row, [number[label] for label in answer.predicted]] = True
    return _Rows(
        true=true,
        predicted=predicted,
        probabilities=np.array([answer.probabilities for answer in answers]),
        folds=np.array([answer.fold for answer in answers]),
        tracks=tuple((answer.group, tuple(sorted(answer.true))) for answer in answers),
    )


def _problems(answer: Answer, result: EvaluationResult) -> Iterator[str]:
    """Yield what makes an answer no answer."""
    labels, given = result.labels, answer.probabilities
    if len(given) != len(labels):
        yield f"has {len(given)} probabilities, and there are {len(labels)} labels"
    if strange := {*answer.true, *answer.predicted} - set(labels):
        yield f"names {sorted(strange)[0]!r}, which is not a label"
    if result.task == "multi-label":
        return
    if len(answer.true) != 1 or len(answer.predicted) != 1:
        yield f"has {len(answer.true)} true and {len(answer.predicted)} told labels; expected one"
    if abs(sum(given) - 1) > _sum_tolerance(len(labels)):
        yield f"has probabilities that sum to {sum(given):.4f} and not to one"
    predicted = given[labels.index(answer.predicted[0])]
    if predicted < max(given) - 2 * ROUNDED:
        best = labels[given.index(max(given))]
        yield f"tells {answer.predicted[0]}, and {best} is more probable"


def _check_items(
    answers: Sequence[Answer], result: EvaluationResult, different: int, where: object
) -> None:
    """As many as there are answers; parts that are called tracks are a leak, and told as that."""
    called = len({answer.item for answer in answers})
    counted = len(answers) if result.unit == "segment" else different
    if result.items not in ({counted} if result.unit == "segment" else {counted, called}):
        raise _edited(where, f"it says {result.items} {result.unit}s, and answers {counted}")
    keys = Counter((one.group, one.true, one.fold) for one in answers)
    twice = next((key for key, count in keys.items() if count > 1), None)
    if result.task == "single-label" and result.items == different < called and twice:
        raise _edited(where, f"the recording {twice[0]} is answered {keys[twice]} times in a fold")


def _check_folds(run: RunResult, rows: _Rows, where: object) -> None:
    present = np.unique(rows.folds)
    stated = run.result.fold_accuracies
    if stated:
        counted = [float(rows.right[rows.folds == fold].mean()) for fold in present]
        if len(counted) != len(stated):
            raise _edited(
                where, f"it has {len(stated)} accuracies of folds, and {len(counted)} folds"
            )
        _check(where, [("accuracy of a fold", *pair) for pair in zip(stated, counted, strict=True)])
    if len(run.folds) != len(present):
        if run.folds:
            raise _edited(where, f"it has {len(run.folds)} folds, and answers of {len(present)}")
        return
    for fold, size in zip(present.tolist(), run.folds, strict=True):
        inside = rows.folds == fold
        tested = {track[0] for track, one in zip(rows.tracks, inside, strict=True) if one}
        parts = sum(one.fold == fold for one in run.segments)
        if not len(tested) <= size.test <= max(int(inside.sum()), parts):
            raise _edited(
                where, f"fold {fold} tested {size.test} recordings, and answers {len(tested)}"
            )


# --- single-label metrics -----------------------------------------------------------------------


def _log_loss_range(targets: NDArray[np.int64], probabilities: _Floats) -> tuple[float, float]:
    """Return the least and the most that rows can have lost before they were rounded."""
    true = probabilities[np.arange(len(targets)), targets]
    spread = _sum_tolerance(probabilities.shape[1])
    high = np.clip((true + ROUNDED) * (1 + spread), SMALLEST_PROBABILITY, 1)
    low = np.clip((true - ROUNDED) * (1 - spread), SMALLEST_PROBABILITY, 1)
    return float(-np.log(high).mean()), float(-np.log(low).mean())


def _check_metrics(
    targets: NDArray[np.int64],
    probabilities: _Floats,
    counts: _Floats,
    metrics: Metrics,
    where: object,
) -> None:
    precision, recall, f1 = (np.nan_to_num(one) for one in precision_recall_f1(counts))
    seen = occurring(counts)
    numbers: list[tuple[str, Estimate, float]] = [
        ("accuracy", metrics.accuracy, accuracy(counts)),
        ("balanced accuracy", metrics.balanced_accuracy, float(balanced_accuracy(counts))),
        ("brier", metrics.brier, float(brier(targets, probabilities).mean())),
    ]
    for name, values in (("precision", precision), ("recall", recall), ("f1", f1)):
        means = {"macro": macro(values, seen), "weighted": weighted(values, counts)}
        numbers += [
            (f"{name}, {kind}", getattr(metrics, f"{name}_{kind}"), float(mean))
            for kind, mean in means.items()
        ]
    _check(where, [(name, stated.value, counted) for name, stated, counted in numbers])
    loss = _log_loss_range(targets, probabilities)
    _check_range(where, "log loss", metrics.log_loss.value, *loss)
    _check_range(where, f"top-{TOP}", metrics.top3.value, *_top_range(targets, probabilities))


def _top_range(targets: NDArray[np.int64], probabilities: _Floats) -> tuple[float, float]:
    """With every tie lost, and with every tie won."""
    true = probabilities[np.arange(len(targets)), targets][:, None]
    others = np.arange(probabilities.shape[1]) != targets[:, None]
    above = ((probabilities > true + 2 * ROUNDED) & others).sum(axis=1)
    level = ((probabilities >= true - 2 * ROUNDED) & others).sum(axis=1)
    return float((level < TOP).mean()), float((above < TOP).mean())


# --- multi-label --------------------------------------------------------------------------------


def _check_multilabel(rows: _Rows, result: EvaluationResult, where: object) -> None:
    scores = f1_scores(rows.true, rows.predicted)
    numbers = [
        ("accuracy", result.accuracy.value, float(rows.right.mean())),
        ("macro F1", result.macro_f1.value, float(mean_defined(scores.f1)[0])),
    ]
    for place, one in enumerate(result.per_genre):
        f1 = float(np.nan_to_num(scores.f1[0, place]))
        numbers.append((f"F1 of {one.genre}", one.f1 or 0.0, f1))
        numbers.append((f"tracks of {one.genre}", one.tracks, int(rows.true[:, place].sum())))
    if (more := result.multi_label) is not None:
        numbers.append(("micro F1", more.micro_f1.value, float(scores.micro[0])))
        ranking = genre_ranking(rows.true, rows.probabilities)
        mean = float(mean_defined(ranking.average_precision)[0])
        stated = more.mean_average_precision.value
        spread = RANKING_TOLERANCE
        _check_range(where, "mean average precision", stated, mean - spread, mean + spread)
    _check(where, numbers)
