"""A search as pictures: how it went, what mattered, and the front of several objectives."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from genrekit.evaluation.figures import COLOURS, save_figure
from genrekit.training.curves import new_panels
from genrekit.training.search_space import OBJECTIVES
from genrekit.training.tune_report import TrialRecord, TuneResult, said_trials

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: What the axis of each objective says, and what its values are divided by.
AXES = {
    "accuracy": ("accuracy", 1),
    "mean_average_precision": ("mean average precision", 1),
    "log_loss": ("log loss, nats", 1),
    "latency_ms": ("latency of one window, ms", 1),
    "size_bytes": ("size of the model, kB", 1000),
}
PAGE = "report.html"
_GREY = "#8C8C8C"
_STYLE = (
    "body{font:15px sans-serif;max-width:60em;margin:2em auto;padding:0 1em}img{max-width:100%}"
    "table{border-collapse:collapse}td,th{padding:.2em .6em;text-align:left;"
    "border-bottom:1px solid #ccc}"
)


def write_charts(result: TuneResult, out: Path) -> None:
    """Write ``history.png``, ``importance.png``, ``front.png`` and a page that holds them.

    Each is written only where there is something to see: a front needs several objectives, the
    importance of settings two trials.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    pictures = {name: save_figure(drawn, out / f"{name}.png") for name, drawn in _figures(result)}
    (out / PAGE).write_text(_page(result, pictures), encoding="utf-8")


def _figures(result: TuneResult) -> Iterator[tuple[str, Figure]]:
    done = [record for record in result.trials if record.values]
    if done:
        yield "history", _history(result, done)
    if result.importance:
        yield "importance", _importance(result)
    if done and len(result.objectives) > 1:
        yield "front", _front(result, done)


def _history(result: TuneResult, done: Sequence[TrialRecord]) -> Figure:
    drawn, (axes,) = new_panels(1)
    name = result.objectives[0]
    best = max if OBJECTIVES[name] else min
    numbers = [record.number for record in done]
    values = [record.values[name] / AXES[name][1] for record in done]
    so_far = [best(values[: count + 1]) for count in range(len(values))]
    axes.scatter(numbers, values, color=COLOURS[0], s=18, label="trial")
    axes.step(numbers, so_far, where="post", color=COLOURS[1], label="best so far")
    axes.locator_params(axis="x", integer=True)
    axes.set(
        xlabel="trial", ylabel=AXES[name][0], title=f"{result.recipe}: judged on left-out folds"
    )
    axes.legend()
    return drawn


def _importance(result: TuneResult) -> Figure:
    names = list(result.importance)[::-1]
    drawn, (axes,) = new_panels(1, height_inches=1.4 + 0.35 * len(names))
    axes.barh(names, [result.importance[name] for name in names], color=COLOURS[0])
    axes.grid(visible=False, axis="y")
    axes.set(
        xlabel=f"share in what decides {result.objectives[0]}",
        title=f"{result.recipe}: importance of settings",
        xlim=(0, 1),
    )
    return drawn


def _front(result: TuneResult, done: Sequence[TrialRecord]) -> Figure:
    first, *others = result.objectives
    drawn, panels = new_panels(len(others))
    for axes, other in zip(panels, others, strict=True):
        axes.scatter(*_points(done, other, first), color=_GREY, s=18, label="trial")
        axes.scatter(
            *_points(result.front, other, first), color=COLOURS[1], s=40, marker="D", label="front"
        )
        for record in result.front:
            (x,), (y,) = _points([record], other, first)
            axes.annotate(
                str(record.number), (x, y), xytext=(5, 5), textcoords="offset points", fontsize=8
            )
        axes.set(xlabel=AXES[other][0], ylabel=AXES[first][0])
        axes.legend()
    panels[0].set_title(f"{result.recipe}: no trial beats those of the front in everything")
    return drawn


def _points(records: Sequence[TrialRecord], x: str, y: str) -> tuple[list[float], list[float]]:
    columns = ([record.values[name] / AXES[name][1] for record in records] for name in (x, y))
    return next(columns), next(columns)


def _page(result: TuneResult, pictures: Mapping[str, Path]) -> str:
    images = "".join(
        f'<h2>{name}</h2><img alt="{name}" src="data:image/png;base64,'
        f'{base64.b64encode(picture.read_bytes()).decode()}">'
        for name, picture in pictures.items()
    )
    title = escape(f"{result.recipe}: {said_trials(result.trials)}, {result.method}")
    front = {record.number for record in result.front}
    head = "".join(f"<th>{escape(name)}" for name in ("trial", "", *OBJECTIVES, "settings"))
    rows = "".join(_row(record, record.number in front) for record in result.trials)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style><h1>{title}</h1><p>Judged on folds of the training part of "
        f"{escape(result.dataset)}; no track of the test was looked at.</p>{images}"
        f"<h2>trials</h2><table><tr>{head}{rows}</table></html>\n"
    )


def _row(record: TrialRecord, on_front: bool) -> str:
    state = "<b>best</b>" if on_front else escape(record.error or record.state)
    values = "".join(f"<td>{_number(record.values.get(name))}" for name in OBJECTIVES)
    settings = ", ".join(f"{name} {value}" for name, value in record.settings.items())
    return f"<tr><td>{record.number}<td>{state}{values}<td>{escape(settings)}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
