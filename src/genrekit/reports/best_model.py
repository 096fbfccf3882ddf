"""The best model in detail: genre by genre, confusions with their tracks, calibration, coverage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from genrekit.evaluation import Answer, RunResult, confused
from genrekit.pages import (
    AudioClip,
    Curve,
    Curves,
    Details,
    Dots,
    Heatmap,
    Part,
    Row,
    Section,
    Table,
    confusion_chart,
    counted,
    interval,
    optional,
    percent,
)
from genrekit.reports.groups import Entry, Group

#: Models that share a diagram at most.
MOST_DRAWN = 4
_MOST_MISTAKES = 25
_MOST_CELLS = 500
_MOST_GENRES_DRAWN = 60
#: Fewer answers in a bin say nothing of how often they are right.
_FEWEST_IN_BIN = 5


def genre_section(entry: Entry) -> Section:
    """Precision, recall and F1 of each genre."""
    run = entry.run
    title = f"Genre by genre: {entry.name}"
    if run.result.multi_label is not None:
        return Section(title, "", [_multi_label_table(run)])
    if run.metrics is None:
        rows = [
            [
                one.genre,
                str(one.tracks),
                *("" if x is None else f"{x:.3f}" for x in (one.precision, one.recall, one.f1)),
            ]
            for one in run.result.per_genre
        ]
        return Section(title, "", [Table(_GENRE, rows)])
    found = sorted(run.metrics.per_genre, key=lambda one: -one.f1.value)
    rows = [
        [
            one.genre,
            str(one.tracks),
            optional(one.precision),
            optional(one.recall),
            interval(one.f1),
        ]
        for one in found
    ]
    best, worst = found[0], found[-1]
    text = (
        f"{best.genre} has the highest F1, {interval(best.f1)}, and {worst.genre} the lowest, "
        f"{interval(worst.f1)}. Recall: how many of a genre are found. Precision: how many that "
        "are called it are it."
    )
    parts: list[Part] = [Table(_GENRE, rows)]
    if len(found) <= _MOST_GENRES_DRAWN:
        names, scores = [one.genre for one in found], [one.f1 for one in found]
        parts.insert(0, Dots("F1 of each genre", names, scores, "F1"))
    return Section(title, text, parts)


_GENRE = ("genre", "tested", "precision", "recall", "F1")


def _multi_label_table(run: RunResult) -> Table:
    several = run.result.multi_label
    assert several is not None, "asked before"
    rows = []
    for one, ranking in zip(run.result.per_genre, several.per_genre, strict=True):
        cells = (ranking.average_precision, ranking.roc_auc, ranking.threshold)
        numbers = [one.precision, one.recall, one.f1, *cells]
        score_text = ["" if number is None else f"{number:.3f}" for number in numbers]
        rows.append([one.genre, str(one.tracks), *score_text])
    return Table((*_GENRE, "average precision", "ROC-AUC", "threshold"), rows)


def confusion_section(entry: Entry) -> Section | None:
    """Return the confusion matrix, and the tracks behind each of its cells."""
    run = entry.run
    labels = run.result.labels
    if not run.result.confusion:
        return None
    cells = confused(run)
    chart = confusion_chart(f"Confusion of {entry.name}", labels, cells, f"{run.result.unit}s")
    if not cells:
        chart = replace(chart, cells=np.array(run.result.confusion, float), notes=())
    parts: list[Part] = [chart, shares_chart(chart, entry.name)]
    text = (
        "Rows are what tracks are labelled, columns what they are told to be; once in tracks, once "
        "in per cent of the row, where the diagonal is the recall."
    )
    wrong = [(pair, items) for pair, items in cells.items() if pair[0] != pair[1]]
    if wrong:
        (true, predicted), items = wrong[0]
        times = counted(len(items), run.result.unit)
        text += f" Most often {true} is told to be {predicted}: {times}."
    if cells:
        text += " The tracks of every cell are listed below; pressing a cell shows them."
        parts.append(_tracks(cells))
    title = "Confusions, and the tracks behind them" if cells else "Confusions"
    return Section(title, text, parts)


def shares_chart(counts: Heatmap, name: str) -> Heatmap:
    """Return a confusion matrix in per cent of each row; rows without tracks are 0."""
    cells = np.asarray(counts.cells, float)
    rows = cells.sum(axis=1, keepdims=True)
    shares = np.divide(100 * cells, rows, out=np.zeros_like(cells), where=rows > 0).round()
    return replace(counts, title=f"Confusion of {name} by row", cells=shares, unit="% of the row")


def _tracks(cells: Mapping[tuple[str, str], Sequence[str]]) -> Details:
    """Return the tracks of every cell: mistakes first, the largest cell of them on top."""
    ordered = sorted(cells.items(), key=lambda cell: (cell[0][0] == cell[0][1], -len(cell[1])))
    shown = ordered[:_MOST_CELLS]
    rows = [[*pair, str(len(items)), ", ".join(sorted(items))] for pair, items in shown]
    keys = [f"{true} > {predicted}" for (true, predicted), _ in shown]
    table = Table(("labelled", "told", "tracks", "which"), rows, keys=keys)
    which = "all" if len(shown) == len(ordered) else f"the first {len(shown)} of"
    return Details(f"The tracks of {which} {len(ordered)} cells", parts=[table])


def mistakes_section(entry: Entry) -> Section | None:
    """Wrong answers that the model is surest of."""
    run = entry.run
    wrong = [one for one in run.answers if not one.right and one.probabilities]
    wrong.sort(key=lambda one: (-max(one.probabilities), one.item))
    if not wrong or run.result.task == "multi-label":
        return None
    rows = [
        [one.item, one.true[0], one.predicted[0], percent(max(one.probabilities)), _own(run, one)]
        for one in wrong[:_MOST_MISTAKES]
    ]
    table = Table(("track", "labelled", "told", "sure by", "of its label"), rows)
    text = (
        f"{len(wrong)} of {len(run.answers)} answers differ from the label. These are the surest: "
        "the model is badly wrong, or the label is."
    )
    return Section("Surest mistakes", text, [table])


def _own(run: RunResult, one: Answer) -> str:
    return percent(one.probabilities[run.result.labels.index(one.true[0])])


def examples_section(entry: Entry, sounds: Mapping[str, AudioClip]) -> Section | None:
    """Tracks to listen to, in their order: mistakes first."""
    answers = {one.item for one in entry.run.answers}
    chosen_sounds = [sound for item, sound in sounds.items() if item in answers]
    if not chosen_sounds:
        return None
    text = "The surest mistakes, then the surest right answers; ten seconds of each."
    return Section("Examples to listen to", text, [Row(chosen_sounds)])


# --- how sure -----------------------------------------------------------------------------------


def sureness_section(group: Group) -> Section | None:
    """Whether probabilities mean what they say, and what abstaining would gain."""
    drawn = [one for one in group.entries if one.run.metrics is not None][:MOST_DRAWN]
    if not drawn:
        return None
    best = drawn[0].run.metrics
    assert best is not None, "chosen so"
    error = best.expected_calibration_error
    half = next(point for point in best.coverage if point.coverage >= 0.5)
    text = (
        f"Of answers that {drawn[0].name} is 80 % sure of, 80 % should be right: the diagonal. Its "
        f"calibration error is {interval(error)}. Were it to answer only for the half that it is "
        f"surest of, {percent(half.accuracy)} of those answers would be right; for all it is "
        f"{percent(best.accuracy.value)}. Fewer than {_FEWEST_IN_BIN} answers are not drawn."
    )
    return Section(
        "How far its probabilities can be trusted", text, [_diagrams(drawn), _bins(drawn)]
    )


def _diagrams(drawn: Sequence[Entry]) -> Row:
    reliability, coverage = {}, {}
    for one in drawn:
        metrics = one.run.metrics
        assert metrics is not None, "chosen so"
        bins = [
            (at.confidence, at.accuracy)
            for at in metrics.reliability
            if at.accuracy is not None and at.items >= _FEWEST_IN_BIN
        ]
        # One band is enough to see how sure the bins are.
        curve = Curve.of([at for at, _ in bins], [accuracy for _, accuracy in bins])
        reliability[one.name] = curve if one is drawn[0] else Curve(curve.x, curve.values)
        coverage[one.name] = Curve(
            [at.coverage for at in metrics.coverage], [at.accuracy for at in metrics.coverage]
        )
    whole = (0.0, 1.02)
    return Row(
        [
            Curves(
                "Reliability: how often right, by how sure",
                reliability,
                "probability of the answer",
                "share that is right",
                guide="diagonal",
                y_range=whole,
            ),
            Curves(
                "Abstention: how often right, by how much is answered",
                coverage,
                "share of tracks answered, surest first",
                "share that is right",
                y_range=whole,
            ),
        ]
    )


def _bins(drawn: Sequence[Entry]) -> Details:
    metrics = drawn[0].run.metrics
    assert metrics is not None, "chosen so"
    rows = [
        [
            f"{one.low:.2f} to {one.high:.2f}",
            str(one.items),
            f"{one.confidence:.3f}",
            optional(one.accuracy),
        ]
        for one in metrics.reliability
        if one.items
    ]
    answered = [
        [percent(one.coverage), str(one.items), f"{one.confidence:.3f}", percent(one.accuracy)]
        for one in metrics.coverage
    ]
    return Details(
        f"The numbers of {drawn[0].name}",
        parts=[
            Table(("probability", "tracks", "mean probability", "share right"), rows),
            Table(("answered", "tracks", "least probability", "share right"), answered),
        ],
    )
