"""A search as a page and pictures: how it went, what mattered, and the front of several aims."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from genrekit.experiments.tune_report import TrialRecord, TuneResult, trials_text
from genrekit.pages import Bars, Chart, Document, Points, Section, Table, save_chart, save_document
from genrekit.training import OBJECTIVES

#: What the axis of each objective says, and what its values are divided by.
AXES = {
    "accuracy": ("accuracy", 1),
    "mean_average_precision": ("mean average precision", 1),
    "log_loss": ("log loss, nats", 1),
    "latency_ms": ("latency of one window, ms", 1),
    "size_bytes": ("size of the model, kB", 1000),
}
PAGE = "report.html"


def write_charts(result: TuneResult, out: Path) -> None:
    """Write ``history.png``, ``importance.png``, ``front.png``, and with plotly a page of them.

    Each is written only where there is something to see: a front needs several objectives, the
    importance of settings two trials.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    for name, chart in _charts(result):
        save_chart(chart, out / f"{name}.png")
    if find_spec("plotly") is not None:
        title = f"A search of settings: {result.recipe}"
        save_document(Document(title, sections=search_sections(result)), out / PAGE)


def search_sections(result: TuneResult) -> list[Section]:
    """Return what a search tried, how it went, and what mattered."""
    title = f"Search of {result.recipe}: {trials_text(result.trials)}, {result.method}"
    text = (
        f"Judged on folds of the training part of {result.dataset}; no track of the test was "
        "looked at."
    )
    front = {record.number for record in result.front}
    rows = [_row(record, record.number in front) for record in result.trials]
    charts = [chart for _, chart in _charts(result)]
    table = Table(("trial", "", *OBJECTIVES, "settings"), rows, "Trials")
    return [Section(title, text, [*charts, table])]


def _charts(result: TuneResult) -> Iterator[tuple[str, Chart]]:
    done = [record for record in result.trials if record.values]
    if done:
        yield "history", _history(result, done)
    if result.importance:
        title = f"Share of each setting in what decides {result.objectives[0]}"
        names, shares = list(result.importance), list(result.importance.values())
        yield "importance", Bars(title, names, shares, "share")
    if done and len(result.objectives) > 1:
        for place, other in enumerate(result.objectives[1:]):
            name = "front" if place == 0 else f"front-{other}"
            yield name, _front(result, done, other)


def _history(result: TuneResult, done: Sequence[TrialRecord]) -> Points:
    aim = result.objectives[0]
    best = max if OBJECTIVES[aim] else min
    values = [record.values[aim] for record in done]
    so_far = [best(values[: count + 1]) == value for count, value in enumerate(values)]
    groups = ["best so far" if reached else "trial" for reached in so_far]
    return _points("Trials, one after another", done, groups, "", aim)


def _front(result: TuneResult, done: Sequence[TrialRecord], other: str) -> Points:
    front = {record.number for record in result.front}
    groups = ["front" if record.number in front else "trial" for record in done]
    title = f"No trial beats those of the front in everything: {AXES[other][0]}"
    return _points(title, done, groups, other, result.objectives[0])


def _points(
    title: str, done: Sequence[TrialRecord], groups: Sequence[str], x: str, y: str
) -> Points:
    """Return a point for each trial; without ``x`` in their order."""
    return Points(
        title,
        [record.values[x] / AXES[x][1] if x else float(record.number) for record in done],
        [record.values[y] / AXES[y][1] for record in done],
        groups,
        [f"{record.number}: {_settings(record)}" for record in done],
        AXES[x][0] if x else "trial",
        AXES[y][0],
    )


def _row(record: TrialRecord, on_front: bool) -> list[str]:
    state = "**best**" if on_front else record.error or record.state
    values = [_number(record.values.get(name)) for name in OBJECTIVES]
    return [str(record.number), state, *values, _settings(record)]


def _settings(record: TrialRecord) -> str:
    return ", ".join(f"{name} {value}" for name, value in record.settings.items())


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
