"""Charts drawn by matplotlib, for papers and for pages that are printed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import singledispatch
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

from genrekit.pages.charts import (
    FADED,
    Bars,
    Boxes,
    Chart,
    Curves,
    Dots,
    Heatmap,
    Lines,
    Numbers,
    Points,
    Ranks,
    Regions,
    Swarm,
    middles,
    shades,
    significance_of,
    swarm_heights,
    unique,
)
from genrekit.pages.critical_difference import plot_critical_difference
from genrekit.pages.figures import COLOURS, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKERS = "osD^vP*X<>"
_MOST_NAMED = 40
_TITLE_CHARACTERS = 90


def save_chart(chart: Chart, path: Path) -> Path:
    """Write a chart as a PNG, SVG or PDF.

    Raises
    ------
    MissingExtraError
        Without matplotlib.
    """
    if isinstance(chart, Ranks):
        names = [_plain_text(name) for name in chart.names]
        return plot_critical_difference(chart.found, names, path, title=_plain_text(chart.title))
    figure = new_figure(*_size(chart))
    axes = figure.add_subplot()
    _draw(chart, axes)
    axes.set_title(_titled(chart), fontsize=10)
    return save_figure(figure, path)


def save_charts(charts: Sequence[Chart], path: Path, *, title: str = "", columns: int = 4) -> Path:
    """Write several charts side by side, as `save_chart` does."""
    rows = math.ceil(len(charts) / columns)
    figure = new_figure(max(7.0, 2.75 * columns), 2.5 * rows)
    panels = figure.subplots(rows, min(len(charts), columns), squeeze=False).flatten()
    for axes, chart in zip(panels, charts, strict=False):
        _draw(chart, axes)
        axes.set_title(_titled(chart), fontsize=9)
    for axes in panels[len(charts) :]:
        axes.set_axis_off()
    figure.suptitle(_plain_text(title), fontsize=10)
    return save_figure(figure, path)


def _titled(chart: Chart) -> str:
    lines = [chart.title, *wrap(significance_of(chart), _TITLE_CHARACTERS)]
    return "\n".join(_plain_text(line) for line in lines if line)


def _size(chart: Chart) -> tuple[float, float]:
    if isinstance(chart, Bars):
        return 7.0, 1.2 + 0.22 * len(chart.names)
    if isinstance(chart, Swarm):
        return 7.5, 1.2 + 0.34 * len(chart.names)
    if isinstance(chart, Dots):
        groups = len(set(chart.groups))
        rows = (0.16 + 0.1 * max(1, groups)) * len(set(chart.names))
        return 7.0, 1.0 + rows + (0.18 * groups if groups > 1 else 0)
    if isinstance(chart, Heatmap):
        return (8.0, 7.0) if isinstance(chart.x[0], str) else (8.0, 3.6)
    return (7.0, 5.5) if isinstance(chart, Points | Regions) else (7.0, 3.6)


@singledispatch
def _draw(chart: Chart, axes: Axes) -> None:
    raise TypeError(type(chart).__name__)


@_draw.register(Bars)
def _bars(chart: Bars, axes: Axes) -> None:
    values = np.asarray(chart.values, float)
    errors = np.abs(np.asarray(chart.errors, float)).T if chart.errors else None
    colours = [COLOURS[0] if value >= 0 else COLOURS[1] for value in values]
    axes.barh(range(len(values)), values, xerr=errors, color=colours, error_kw={"lw": 0.8})
    axes.set_yticks(range(len(values)), [_plain_text(name) for name in chart.names], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(chart.x_title)
    axes.spines[["top", "right"]].set_visible(False)


@_draw.register(Lines)
def _lines(chart: Lines, axes: Axes) -> None:
    for (name, values), (colour, style) in zip(
        chart.series.items(), _styles(len(chart.series)), strict=True
    ):
        dash = "--" if name in chart.dashed else style
        colour = COLOURS[0] if chart.between else colour
        strength = FADED if chart.faded else 1.0
        axes.plot(
            chart.x, values, dash, color=colour, lw=1.4, label=_plain_text(name), alpha=strength
        )
        if chart.filled:
            axes.fill_between(
                np.asarray(chart.x), np.asarray(values), color=colour, alpha=0.2 * strength
            )
    if chart.between:
        first, second, *_ = (np.asarray(one) for one in chart.series.values())
        axes.fill_between(np.asarray(chart.x), first, second, color=COLOURS[0], alpha=0.5)
    axes.set(xlabel=chart.x_title, ylabel=chart.y_title)
    axes.margins(x=0)
    axes.spines[["top", "right"]].set_visible(False)
    if len(chart.series) > 1 and not chart.between:
        axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))


@_draw.register(Swarm)
def _swarm(chart: Swarm, axes: Axes) -> None:
    values = np.asarray(chart.values, float)
    rows = np.arange(len(chart.names))[:, np.newaxis] + swarm_heights(values)
    drawn = axes.scatter(
        values.ravel(), rows.ravel(), c=shades(np.asarray(chart.colours, float)).ravel(), s=7, lw=0
    )
    drawn.set_clim(0, 1)
    axes.axvline(0, color="#888888", lw=0.8)
    axes.set_yticks(
        range(len(chart.names)), [_plain_text(name) for name in chart.names], fontsize=8
    )
    axes.set_ylim(len(chart.names) - 0.5, -0.5)
    axes.set_xlabel(_plain_text(chart.x_title))
    axes.spines[["top", "right"]].set_visible(False)
    assert axes.figure is not None
    bar = axes.figure.colorbar(drawn, ax=axes, label="value of the column", ticks=[0, 1])
    bar.set_ticklabels(["low", "high"])


@_draw.register(Dots)
def _dots(chart: Dots, axes: Axes) -> None:
    names = list(dict.fromkeys(chart.names))
    groups = chart.groups or [""] * len(chart.names)
    different = list(dict.fromkeys(groups))
    for number, group in enumerate(different):
        rows = [row for row, one in enumerate(groups) if one == group]
        found = [chart.estimates[row] for row in rows]
        shift = 0.5 * ((number + 0.5) / len(different) - 0.5)
        axes.errorbar(
            [one.value for one in found],
            [names.index(chart.names[row]) + shift for row in rows],
            xerr=np.abs([[one.value - one.low, one.high - one.value] for one in found]).T,
            fmt="o",
            markersize=4,
            linewidth=1.2,
            color=COLOURS[number % len(COLOURS)],
            label=_plain_text(group),
        )
    axes.set_yticks(range(len(names)), [_plain_text(name) for name in names], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(chart.x_title)
    axes.grid(axis="x", linewidth=0.4, alpha=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if len(different) > 1:
        assert axes.figure is not None
        axes.figure.legend(fontsize=7, loc="outside lower center", frameon=False)


@_draw.register(Curves)
def _curves(chart: Curves, axes: Axes) -> None:
    styles = _styles(len(chart.series))
    for (name, curve), (colour, dash) in zip(chart.series.items(), styles, strict=True):
        x = np.asarray(curve.x, float)
        axes.plot(x, curve.values, f"o{dash}", color=colour, ms=3, lw=1.4, label=_plain_text(name))
        if len(curve.low):
            low, high = np.asarray(curve.low), np.asarray(curve.high)
            axes.fill_between(x, low, high, color=colour, alpha=0.16, lw=0)
    if chart.guide == "diagonal":
        axes.plot([0, 1], [0, 1], "--", color="#888888", lw=0.8)
    if chart.level is not None:
        axes.axhline(chart.level, ls="--", color="#888888", lw=0.8)
    if chart.mark is not None:
        axes.axvline(chart.mark, ls="--", color="#888888", lw=0.8, label=chart.mark_name)
    if chart.ticks:
        axes.set_xticks(
            range(len(chart.ticks)), [_plain_text(one) for one in chart.ticks], fontsize=8
        )
    elif all(float(x).is_integer() for curve in chart.series.values() for x in curve.x):
        axes.locator_params(axis="x", integer=True)
    if chart.y_range is not None:
        axes.set_ylim(*chart.y_range)
    axes.set_yscale("log" if chart.log_y else "linear")
    axes.set(xlabel=chart.x_title, ylabel=chart.y_title)
    axes.grid(axis="y", linewidth=0.4, alpha=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if len(chart.series) > 1:
        axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))


@_draw.register(Boxes)
def _boxes(chart: Boxes, axes: Axes) -> None:
    drawn = axes.boxplot(
        [np.asarray(values, float) for values in chart.groups.values()],
        tick_labels=[_plain_text(name) for name in chart.groups],
        patch_artist=True,
        flierprops={"markersize": 2},
        medianprops={"color": "black"},
    )
    for box in drawn["boxes"]:
        box.set_facecolor(COLOURS[5])
    axes.tick_params(axis="x", labelrotation=30, labelsize=8)
    axes.set_ylabel(chart.y_title)
    axes.spines[["top", "right"]].set_visible(False)


@_draw.register(Heatmap)
def _heat(chart: Heatmap, axes: Axes) -> None:
    cells = np.asarray(chart.cells, float)
    top = max(float(np.abs(cells).max()), chart.top) or 1.0
    mesh = axes.imshow(
        cells,
        cmap=_colour_map(chart),
        aspect="auto",
        origin="upper" if chart.downwards else "lower",
        extent=_extent(chart),
        interpolation="nearest",
        vmin=-top if chart.centred else None,
        vmax=top if chart.centred else None,
        alpha=FADED if chart.faded else None,
    )
    if chart.y_ticks:
        axes.set_yticks([at for at, _ in chart.y_ticks], [name for _, name in chart.y_ticks])
    if _named(chart.x):
        axes.set_xticks(
            range(len(chart.x)), [_plain_text(str(one)) for one in chart.x], fontsize=7, rotation=90
        )
    if _named(chart.y):
        axes.set_yticks(range(len(chart.y)), [_plain_text(str(one)) for one in chart.y], fontsize=7)
    if chart.written:
        _write_cells(axes, cells, top)
    axes.set(xlabel=chart.x_title, ylabel=chart.y_title)
    if not chart.written:
        assert axes.figure is not None
        axes.figure.colorbar(mesh, ax=axes, label=chart.unit)


def _colour_map(chart: Heatmap) -> str:
    if chart.centred:
        return "RdBu_r"
    return "Blues" if chart.written else "viridis"


def _write_cells(
    axes: Axes, cells: np.ndarray[tuple[int, ...], np.dtype[np.float64]], top: float
) -> None:
    for (row, column), value in np.ndenumerate(cells):
        if value:
            colour = "white" if value > top / 2 else "black"
            axes.text(column, row, f"{value:g}", ha="center", va="center", color=colour, fontsize=7)


def _named(places: Sequence[str] | Numbers) -> bool:
    return 0 < len(places) <= _MOST_NAMED and isinstance(places[0], str)


def _extent(chart: Heatmap) -> tuple[float, float, float, float] | None:
    """Edges of the picture where columns or rows have positions in place of names."""
    if isinstance(chart.x[0], str) and isinstance(chart.y[0], str):
        return None
    (left, right), (bottom, top) = _ends(chart.x), _ends(chart.y)
    return left, right, bottom, top


def _ends(places: Sequence[str] | Numbers) -> tuple[float, float]:
    if isinstance(places[0], str):
        return -0.5, len(places) - 0.5
    x = np.asarray(places, float)
    half = float(x[1] - x[0]) / 2 if len(x) > 1 else 0.5
    return float(x[0]) - half, float(x[-1]) + half


@_draw.register(Points)
def _points(chart: Points, axes: Axes) -> None:
    x, y, groups = np.asarray(chart.x), np.asarray(chart.y), np.asarray(chart.groups)
    for number, name in enumerate(unique(chart.groups)):
        rows = groups == name
        axes.scatter(
            x[rows],
            y[rows],
            s=12,
            color=COLOURS[number % len(COLOURS)],
            marker=_MARKERS[number % len(_MARKERS)],
            label=_plain_text(name),
            alpha=0.75,
            linewidths=0,
        )
    axes.set(xlabel=chart.x_title, ylabel=chart.y_title)
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))


@_draw.register(Regions)
def _regions(chart: Regions, axes: Axes) -> None:
    from matplotlib.colors import to_rgb

    order = unique(chart.labels)
    palette = [to_rgb(COLOURS[order.index(label) % len(COLOURS)]) for label in chart.labels]
    strength = 0.15 + 0.45 * np.asarray(chart.sure)[..., np.newaxis]
    picture = 1 - strength * (1 - np.array(palette)[chart.chosen])
    x, y = np.asarray(chart.x, float), np.asarray(chart.y, float)
    axes.imshow(
        picture,
        origin="lower",
        aspect="auto",
        extent=(float(x[0]), float(x[-1]), float(y[0]), float(y[-1])),
    )
    _points(chart.points, axes)
    for label, across, up in middles(chart):
        axes.text(
            across, up, _plain_text(label), ha="center", va="center", fontsize=8, weight="bold"
        )
    axes.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))


def _styles(count: int) -> list[tuple[str, str]]:
    kinds = ["-", "-.", ":", "--"]
    half = len(COLOURS) // 2  # half of the colours with one line, half with another
    return [
        (COLOURS[number % len(COLOURS)], kinds[number // half % len(kinds)])
        for number in range(count)
    ]


def _plain_text(text: str) -> str:
    """Text that matplotlib does not read as a formula, and a font can draw."""
    return "".join(one if one.isprintable() else "?" for one in text).replace("$", r"\$")
