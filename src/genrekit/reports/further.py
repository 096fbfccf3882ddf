"""Learning, training and robustness curves, importance, searches and data checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from genrekit.audit import KINDS
from genrekit.evaluation import RobustnessPoint, difference_of_shares
from genrekit.explain import Importance
from genrekit.pages import (
    Details,
    Dots,
    Row,
    Section,
    Table,
    interval,
    marked_leaky,
    points,
)
from genrekit.reports.answer import KnownLeak
from genrekit.reports.inputs import Inputs
from genrekit.reports.robustness import distortion_charts

_MOST_BLOCKS = 20
_MOST_FINDINGS = 40


def learning_sections(inputs: Inputs) -> Iterator[Section]:
    """Accuracy against the number of recordings that were fitted on."""
    for _, curve in inputs.curves:
        from genrekit.experiments import learning_chart

        rows = [
            [one.model, f"{one.tracks:.0f}", str(one.draws), interval(one.accuracy)]
            for one in curve.points
        ]
        table = Table(("model", "recordings", "draws", "accuracy"), rows)
        numbers = Details("The numbers", parts=[table])
        yield Section("Learning curve", _learnt(curve), [learning_chart(curve), numbers])


def _learnt(curve: Any) -> str:
    best = max(curve.points, key=lambda one: (one.share, one.accuracy.value))
    own = sorted((one for one in curve.points if one.model == best.model), key=lambda o: o.tracks)
    text = "Intervals cover draws of the recordings and of the tests. "
    if len(own) < 2:
        return text
    before, last = own[-2], own[-1]
    # Taken for independent, which is wider than the truth: both are of the same tests.
    gain = difference_of_shares(last.accuracy, before.accuracy)
    verdict = (
        "it still climbs, so more data would help"
        if gain.low > 0
        else "whether it still climbs cannot be told"
    )
    return text + (
        f"From {before.tracks:.0f} to {last.tracks:.0f} recordings {best.model} changes by "
        f"{points(gain)} points: {verdict}."
    )


def training_sections(inputs: Inputs) -> Iterator[Section]:
    """Loss and accuracy of a network over its epochs."""
    for path, epochs in inputs.histories:
        from genrekit.training import history_charts, lowest_loss

        name = path.parent.name or path.stem
        text = f"{len(epochs)} epochs."
        lowest = lowest_loss(epochs)
        if lowest.valid_loss is not None:
            text += (
                f" The validation loss is lowest after epoch {lowest.epoch}: "
                f"{lowest.valid_loss:.3f}."
            )
        yield Section(f"Training of {name}", text, [Row(history_charts(epochs, name))])


# --- robustness ---------------------------------------------------------------------------------


def robustness_sections(inputs: Inputs) -> Iterator[Section]:
    """Accuracy against distortion, a chart for each kind."""
    for _, result in inputs.robustness:
        text = (
            f"{result.tracks} tracks, distorted and scored by the path of a user's file; the "
            "dashed line is the accuracy of the same tracks undistorted."
        )
        if result.trained_on:
            text += (
                f"\n**LEAKY**: the weights were fitted on {result.trained_on} of these "
                f"{result.tracks} tracks, undistorted."
            )
        rows = [_point(point) for point in (result.clean, *result.points)]
        table = Table(
            ("distortion", "level", "accuracy", "points", "other answers", "unknown", "refused"),
            rows,
        )
        title = f"Robustness of {result.model.name} {result.model.version}"
        drawn = Row(distortion_charts(result))
        section = Section(title, text, [drawn, Details("The numbers", parts=[table])])
        yield from marked_leaky([section]) if result.trained_on else [section]


def _point(point: RobustnessPoint) -> list[str]:
    level = f"{point.level:g} {point.unit}" if point.unit else ""
    change = points(point.change) if point.unit and point.change is not None else ""
    accuracy = "" if point.accuracy is None else interval(point.accuracy)
    counts = (point.changed, point.unknown, point.refused)
    return [point.distortion, level, accuracy, change, *map(str, counts)]


# --- importance ---------------------------------------------------------------------------------


def importance_sections(inputs: Inputs) -> Iterator[Section]:
    """Yield what columns and families of them are worth."""
    for _, study in inputs.studies:
        worth = study.importance
        if worth is not None:
            where = f"{worth.model}, one fold of {worth.protocol}"
            section = _importance(where, worth.families, worth.columns)
            yield from marked_leaky([section]) if "leaky" in worth.protocol else [section]
    for _, one in inputs.explanations:
        if one.importance:
            where = f"{one.model.name} on {one.dataset}"
            section = _importance(where, one.family_importance, one.importance)
            yield from marked_leaky([section]) if one.trained_on else [section]


def _importance(
    where: str, families: Sequence[Importance], columns: Sequence[Importance]
) -> Section:
    text = (
        f"Accuracy that is lost ({where}) when columns are shuffled between recordings. Columns "
        "that say the same stand in for each other, so families are shuffled together as well."
    )
    charts = [
        _worth(title, found[:_MOST_BLOCKS])
        for title, found in (("Families of columns", families), ("Single columns", columns))
        if found
    ]
    return Section("What columns are worth", text, [Row(charts)])


def _worth(title: str, found: Sequence[Importance]) -> Dots:
    return Dots(title, [one.name for one in found], [one.drop for one in found], "accuracy lost")


# --- searches and data --------------------------------------------------------------------------


def searched_sections(inputs: Inputs) -> Iterator[Section]:
    """Yield what searches of settings tried."""
    if inputs.searches:
        from genrekit.experiments import search_sections

        for _, search in inputs.searches:
            yield from search_sections(search)


def data_sections(inputs: Inputs, leaks: Sequence[KnownLeak]) -> Iterator[Section]:
    """Leaks, and what audits say of the data."""
    if leaks:
        rows = [[one.where, one.kind, one.evidence] for one in leaks]
        yield Section("Leaks", "", [Table(("where", "kind", "what was seen"), rows)])
    rows = [
        [one.title, one.severity, str(one.count), one.first]
        for _, study in inputs.studies
        for one in study.findings
    ]
    for _, audit in inputs.audits:
        first = {finding.kind: finding for finding in reversed(audit.findings)}
        rows += [
            [KINDS[kind].title, KINDS[kind].severity, str(count), first[kind].message]
            for kind, count in audit.counts().items()
        ]
    if rows:
        text = "What the audit of the data found; genrekit audit shows all of it."
        table = Table(("what", "severity", "times", "the first"), rows[:_MOST_FINDINGS])
        yield Section("Data checks", text, [table])
