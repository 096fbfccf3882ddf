"""What a results file says, as charts and tables that pages and the explorer share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from genrekit.evaluation.full_metrics import Metrics
from genrekit.evaluation.results import Answer, RunResult
from genrekit.explain.charts import Bars, Heat, Lines
from genrekit.explain.page import Sheet
from genrekit.inference import printable
from genrekit.schema import Estimate

_MOST_NAMED = 8


def interval(one: Estimate) -> str:
    """A number with its interval."""
    return f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"


def confusion_chart(
    labels: Sequence[str], cells: Mapping[tuple[str, str], Sequence[str]], unit: str = "items"
) -> Heat:
    """A confusion matrix that names the tracks behind each cell.

    Parameters
    ----------
    cells : mapping of (labelled, told) to items
        What is not among ``labels`` gets a row or column of its own.
    """
    rows = [*labels, *sorted({true for true, _ in cells} - set(labels))]
    columns = [*labels, *sorted({told for _, told in cells} - set(labels))]
    counts = np.zeros((len(rows), len(columns)))
    notes = [["" for _ in columns] for _ in rows]
    for (true, told), items in cells.items():
        row, column = rows.index(true), columns.index(told)
        counts[row, column] = len(items)
        more = f" and {len(items) - _MOST_NAMED} more" if len(items) > _MOST_NAMED else ""
        notes[row][column] = ", ".join(map(printable, items[:_MOST_NAMED])) + more
    return Heat(
        "Confusion",
        counts,
        columns,
        rows,
        unit,
        "told",
        "labelled",
        downwards=True,
        notes=notes,
        written=True,
    )


def accuracy_chart(names: Sequence[str], runs: Sequence[RunResult]) -> Bars:
    """How often each run is right, with 95 % intervals."""
    return _estimates("Accuracy", names, [run.result.accuracy for run in runs], "accuracy")


def genre_chart(metrics: Metrics) -> Bars:
    """F1 of each genre, the best told first."""
    ranked = sorted(metrics.per_genre, key=lambda one: (-one.f1.value, one.genre))
    return _estimates(
        "F1 of each genre", [one.genre for one in ranked], [one.f1 for one in ranked], "F1"
    )


def reliability_chart(metrics: Metrics) -> Lines:
    """How often answers of some confidence are right; on the dashed line they are as they say."""
    filled = [(one.confidence, one.accuracy) for one in metrics.reliability if one.accuracy]
    series = {
        "right": [accuracy.value for _, accuracy in filled],
        "as it says": [confidence for confidence, _ in filled],
        "low": [accuracy.low for _, accuracy in filled],
        "high": [accuracy.high for _, accuracy in filled],
    }
    return Lines(
        "Reliability",
        [confidence for confidence, _ in filled],
        series,
        "confidence",
        "share that is right",
        dashed=frozenset({"as it says", "low", "high"}),
    )


def coverage_chart(metrics: Metrics) -> Lines:
    """How often it is right where it answers only what it is surest of."""
    return Lines(
        "Answering only what is sure",
        [one.coverage for one in metrics.coverage],
        {"accuracy": [one.accuracy for one in metrics.coverage]},
        "share that is answered",
        "accuracy of these",
    )


def runs_sheet(names: Sequence[str], runs: Sequence[RunResult]) -> Sheet:
    """One row a run: what it is of, and its numbers with their intervals."""
    headings = ("run", "model", "data", "protocol", "tested", "accuracy", "macro F1", "log loss")
    rows = []
    for name, run in zip(names, runs, strict=True):
        one = run.result
        leaky = " LEAKY" if one.leaky else ""
        fitted = f", fitted on {one.fitted_on}" if one.fitted_on else ""
        rows.append(
            (
                printable(name),
                printable(one.model),
                printable(one.dataset),
                printable(one.protocol) + leaky + fitted,
                f"{one.items} {one.unit}s",
                interval(one.accuracy),
                interval(one.macro_f1),
                f"{one.log_loss:.3f}",
            )
        )
    return Sheet(headings, rows)


def answers_sheet(labels: Sequence[str], answers: Iterable[Answer]) -> Sheet:
    """Tested tracks, the surest answers first."""
    ranked = sorted(answers, key=lambda one: (-max(one.probabilities, default=0), one.item))
    rows = [
        (
            printable(one.item),
            ", ".join(one.true),
            ", ".join(one.predicted) or "unknown",
            f"{max(one.probabilities, default=0):.2f}",
            _probability(labels, one),
        )
        for one in ranked
    ]
    return Sheet(("item", "labelled", "told", "probability", "of its label"), rows)


def _probability(labels: Sequence[str], answer: Answer) -> str:
    known = [label for label in answer.true if label in labels]
    return ", ".join(f"{answer.probabilities[labels.index(label)]:.2f}" for label in known)


def _estimates(title: str, names: Sequence[str], found: Sequence[Estimate], x_title: str) -> Bars:
    errors = [(one.value - one.low, one.high - one.value) for one in found]
    return Bars(title, list(map(printable, names)), [one.value for one in found], x_title, errors)
