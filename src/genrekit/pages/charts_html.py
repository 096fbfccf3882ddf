"""Charts as Plotly figures: plain data that its script draws."""

from __future__ import annotations

from functools import singledispatch
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrekit.pages.charts import (
    FADED,
    Bars,
    Boxes,
    Chart,
    Curve,
    Curves,
    Dots,
    Heatmap,
    Lines,
    Points,
    Regions,
    Swarm,
    middles,
    shades,
    swarm_heights,
    unique,
)
from genrekit.pages.figures import COLOURS

Figure = dict[str, Any]
_DIGITS = 5
#: As many as there are colours.
SYMBOLS = (
    *("circle", "square", "diamond", "triangle-up", "x"),
    *("star", "cross", "triangle-down", "pentagon", "hexagram"),
)


def figure(chart: Chart) -> Figure:
    """Return a chart's ``{"data": ..., "layout": ...}``.

    Pages have the title themselves; that of a leaky number is in the picture too, which can be
    saved alone.
    """
    traces, layout = _traces(chart)
    leaky = "LEAKY" in chart.title
    margins: Figure = {"margin": {"l": 60, "r": 20, "t": 40 if leaky else 15, "b": 50}}
    if leaky:
        margins["title"] = {"text": _plain_text(chart.title), "font": {"size": 14}}
    return {"data": traces, "layout": {**margins, "height": 420} | layout}


@singledispatch
def _traces(chart: Chart) -> tuple[list[Figure], Figure]:
    raise TypeError(type(chart).__name__)


@_traces.register(Bars)
def _bars(chart: Bars) -> tuple[list[Figure], Figure]:
    values = _rounded(chart.values)
    trace: Figure = {
        "type": "bar",
        "orientation": "h",
        "x": values,
        "y": [_plain_text(name) for name in chart.names],
        "marker": {"color": [COLOURS[0] if value >= 0 else COLOURS[1] for value in values]},
    }
    if chart.errors:
        low, high = np.abs(np.asarray(chart.errors, float)).T
        trace["error_x"] = {"type": "data", "array": _rounded(high), "arrayminus": _rounded(low)}
    height = max(200, 90 + 20 * len(values))
    names = {"autorange": "reversed", "automargin": True, "type": "category"}
    return [trace], {
        "xaxis": {"title": {"text": _plain_text(chart.x_title)}},
        "yaxis": names,
        "height": height,
    }


@_traces.register(Lines)
def _lines(chart: Lines) -> tuple[list[Figure], Figure]:
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": _plain_text(name),
            "x": _rounded(chart.x),
            "y": _rounded(values),
            "line": {
                "color": COLOURS[0 if chart.between else number % len(COLOURS)],
                "width": 1 if chart.between else 2,
                "dash": "dash" if name in chart.dashed else _dash(number),
            },
            **({"fill": "tozeroy"} if chart.filled else {}),
            **({"fill": "tonexty"} if chart.between and number == 1 else {}),
            **({"opacity": FADED} if chart.faded else {}),
        }
        for number, (name, values) in enumerate(chart.series.items())
    ]
    layout = {**_axes(chart.x_title, chart.y_title), "showlegend": len(traces) > 1}
    return traces, layout | ({"height": 200, "showlegend": False} if chart.between else {})


@_traces.register(Swarm)
def _swarm(chart: Swarm) -> tuple[list[Figure], Figure]:
    values, colours = np.asarray(chart.values, float), np.asarray(chart.colours, float)
    rows = np.arange(len(chart.names))[:, np.newaxis] + swarm_heights(values)
    notes = [
        _plain_text(f"{point}: {name} is {colour:.4g}")
        for name, row in zip(chart.names, colours, strict=True)
        for point, colour in zip(chart.points, row, strict=True)
    ]
    trace: Figure = {
        "type": "scatter",
        "mode": "markers",
        "x": _rounded(values.ravel()),
        "y": _rounded(rows.ravel()),
        "text": notes,
        "hoverinfo": "text+x",
        "marker": {
            "size": 5,
            "color": _rounded(shades(colours).ravel()),
            "colorscale": "Viridis",
            "cmin": 0,
            "cmax": 1,
            "colorbar": {
                "title": {"text": "value of the column", "side": "right"},
                "tickvals": [0, 1],
                "ticktext": ["low", "high"],
            },
        },
    }
    names = {
        "tickvals": list(range(len(chart.names))),
        "ticktext": [_plain_text(name) for name in chart.names],
        "range": [len(chart.names) - 0.5, -0.5],
        "automargin": True,
        "zeroline": False,
    }
    return [trace], {
        "xaxis": {"title": {"text": _plain_text(chart.x_title)}},
        "yaxis": names,
        "height": max(240, 110 + 28 * len(chart.names)),
    }


@_traces.register(Dots)
def _dots(chart: Dots) -> tuple[list[Figure], Figure]:
    groups = chart.groups or [""] * len(chart.names)
    traces = []
    for number, group in enumerate(dict.fromkeys(groups)):
        rows = [row for row, one in enumerate(groups) if one == group]
        found = [chart.estimates[row] for row in rows]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": _plain_text(group),
                "x": _rounded([one.value for one in found]),
                "y": [_plain_text(chart.names[row]) for row in rows],
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": _rounded([one.high - one.value for one in found]),
                    "arrayminus": _rounded([one.value - one.low for one in found]),
                    "thickness": 2,
                    "width": 0,
                },
                "text": [f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]" for one in found],
                "orientation": "h",
                "hovertemplate": "%{y}: %{text}<extra></extra>",
                "marker": {"size": 9, "color": COLOURS[number % len(COLOURS)]},
            }
        )
    names = list(dict.fromkeys(_plain_text(name) for name in chart.names))
    low, high = min(one.low for one in chart.estimates), max(one.high for one in chart.estimates)
    room = 0.06 * (high - low) or 0.01
    return traces, {
        "xaxis": {
            "title": {"text": _plain_text(chart.x_title)},
            "range": [low - room, high + room],
        },
        "yaxis": {
            "autorange": "reversed",
            "automargin": True,
            "type": "category",
            "categoryorder": "array",
            "categoryarray": names,
        },
        "height": 100 + (18 + 12 * len(traces)) * len(names),
        "showlegend": len(traces) > 1,
        "scattermode": "group",
    }


@_traces.register(Curves)
def _curves(chart: Curves) -> tuple[list[Figure], Figure]:
    traces = []
    for number, (name, curve) in enumerate(chart.series.items()):
        colour = COLOURS[number % len(COLOURS)]
        traces += _band(name, curve, colour)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": _plain_text(name),
                "legendgroup": _plain_text(name),
                "x": _rounded(curve.x),
                "y": _rounded(curve.values),
                "line": {"color": colour, "width": 2, "dash": _dash(number)},
                "marker": {"size": 6},
            }
        )
    layout = _axes(chart.x_title, chart.y_title)
    layout |= {"showlegend": len(chart.series) > 1, "shapes": _guides(chart), "height": 360}
    if chart.ticks:
        layout["xaxis"] |= {
            "tickvals": list(range(len(chart.ticks))),
            "ticktext": [_plain_text(tick) for tick in chart.ticks],
        }
    if chart.y_range is not None:
        layout["yaxis"]["range"] = list(chart.y_range)
    if chart.log_y:
        layout["yaxis"] |= {"type": "log", "exponentformat": "e", "automargin": True}
    return traces, layout


def _band(name: str, curve: Curve, colour: str) -> list[Figure]:
    if not len(curve.low):
        return []
    x, low, high = _rounded(curve.x), _rounded(curve.low), _rounded(curve.high)
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": x + x[::-1],
            "y": high + low[::-1],
            "fill": "toself",
            "fillcolor": _faint(colour, 0.16),
            "line": {"width": 0},
            "legendgroup": _plain_text(name),
            "showlegend": False,
            "hoverinfo": "skip",
        }
    ]


def _faint(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def _guides(chart: Curves) -> list[Figure]:
    line = {"type": "line", "line": {"color": "#888888", "width": 1, "dash": "dash"}}
    guides: list[Figure] = []
    if chart.guide == "diagonal":
        guides.append(line | {"x0": 0, "y0": 0, "x1": 1, "y1": 1})
    label = {"textposition": "top right", "font": {"size": 11}}
    if chart.mark is not None:
        named = {"label": label | {"text": _plain_text(chart.mark_name)}}
        upright = {"yref": "paper", "y0": 0, "y1": 1, "x0": chart.mark, "x1": chart.mark}
        guides.append(line | upright | named)
    if chart.level is not None:
        named = {"label": label | {"text": _plain_text(chart.level_name)}}
        across = {"xref": "paper", "x0": 0, "x1": 1, "y0": chart.level, "y1": chart.level}
        guides.append(line | across | named)
    return guides


@_traces.register(Boxes)
def _boxes(chart: Boxes) -> tuple[list[Figure], Figure]:
    traces = [
        {
            "type": "box",
            "name": _plain_text(name),
            "y": _rounded(values),
            "marker": {"color": COLOURS[0], "size": 3},
        }
        for name, values in chart.groups.items()
    ]
    return traces, {
        "yaxis": {"title": {"text": _plain_text(chart.y_title)}},
        "showlegend": False,
        "height": 300,
    }


@_traces.register(Heatmap)
def _heat(chart: Heatmap) -> tuple[list[Figure], Figure]:
    cells = np.asarray(chart.cells, float)
    top = max(float(np.abs(cells).max()), chart.top) or 1.0
    trace: Figure = {
        "type": "heatmap",
        "z": [_rounded(row) for row in cells],
        "x": _places(chart.x),
        "y": _places(chart.y),
        "colorscale": "RdBu" if chart.centred else "Viridis",
        "colorbar": {"title": {"text": _plain_text(chart.unit)}},
    }
    if chart.faded:
        trace["opacity"] = FADED
    if chart.written:
        trace |= _written(cells, chart)
    if chart.centred:
        trace |= {"zmin": -top, "zmax": top}
    if len(chart.notes):
        trace["customdata"] = [[_plain_text(note) for note in row] for row in chart.notes]
        trace["hovertemplate"] = "%{y} / %{x}: %{z}<br>%{customdata}<extra></extra>"
    layout = _axes(chart.x_title, chart.y_title)
    layout["xaxis"]["automargin"] = layout["yaxis"]["automargin"] = True
    if chart.downwards:
        layout["yaxis"]["autorange"] = "reversed"
    if chart.y_ticks:
        layout["yaxis"] |= {
            "tickvals": _rounded([place for place, _ in chart.y_ticks]),
            "ticktext": [_plain_text(name) for _, name in chart.y_ticks],
        }
    layout["xaxis"]["showgrid"] = layout["yaxis"]["showgrid"] = False
    named = isinstance(chart.x[0], str)
    return [trace], layout | {"height": max(420, 150 + 14 * len(chart.y)) if named else 280}


def _written(cells: NDArray[np.float64], chart: Heatmap) -> Figure:
    """Numbers in cells, on a scale from nothing on, that suits light pages and dark ones."""
    return {
        "text": [[f"{value:g}" if value else "" for value in row] for row in cells.tolist()],
        "texttemplate": "%{text}",
        "textfont": {"color": "#000000"},
        "colorscale": [[0, _faint(COLOURS[0], 0.05)], [1, _faint(COLOURS[0], 0.8)]],
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "hovertemplate": "%{y} / %{x}: %{z}<extra></extra>",
    }


@_traces.register(Points)
def _points(chart: Points) -> tuple[list[Figure], Figure]:
    x, y = _rounded(chart.x), _rounded(chart.y)
    traces = []
    for number, name in enumerate(unique(chart.groups)):
        rows = [row for row, group in enumerate(chart.groups) if group == name]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": _plain_text(name),
                "x": [x[row] for row in rows],
                "y": [y[row] for row in rows],
                "text": [_plain_text(chart.names[row]) for row in rows],
                "hovertemplate": "%{text}<extra>%{fullData.name}</extra>",
                "marker": {
                    "size": 6,
                    "opacity": 0.8,
                    "color": COLOURS[number % len(COLOURS)],
                    # The second cue, for those who do not tell the colours apart.
                    "symbol": SYMBOLS[number % len(SYMBOLS)],
                },
            }
        )
    return traces, {**_axes(chart.x_title, chart.y_title), "height": 520}


@_traces.register(Regions)
def _regions(chart: Regions) -> tuple[list[Figure], Figure]:
    order = unique(chart.labels)
    colours = [COLOURS[order.index(label) % len(COLOURS)] for label in chart.labels]
    steps = len(chart.labels)
    scale = [
        [(number + side) / steps, colour]
        for number, colour in enumerate(colours)
        for side in (0, 1)
    ]
    trace = {
        "type": "heatmap",
        "x": _rounded(chart.x),
        "y": _rounded(chart.y),
        "z": np.asarray(chart.chosen).tolist(),
        "text": [[_plain_text(chart.labels[cell]) for cell in row] for row in chart.chosen],
        "customdata": [_rounded(row) for row in np.asarray(chart.sure)],
        "hovertemplate": "%{text} %{customdata:.2f}<extra></extra>",
        "colorscale": scale,
        "zmin": -0.5,
        "zmax": steps - 0.5,
        "opacity": 0.35,
        "showscale": False,
    }
    traces, layout = _points(chart.points)
    return [trace, *traces], layout | {"annotations": [_named(*one) for one in middles(chart)]}


def _named(label: str, x: float, y: float) -> Figure:
    """Return a genre's name in its region, which a colour alone would not tell everybody."""
    return {"text": f"<b>{_plain_text(label)}</b>", "x": x, "y": y, "showarrow": False}


def _axes(x_title: str, y_title: str) -> Figure:
    return {
        "xaxis": {"title": {"text": _plain_text(x_title)}},
        "yaxis": {"title": {"text": _plain_text(y_title)}},
    }


def _dash(number: int) -> str:
    """Half of the colours with one line, half with another: the second cue."""
    return ("solid", "dashdot", "dot", "longdash")[number // (len(COLOURS) // 2) % 4]


def _places(values: Any) -> list[Any]:
    if len(values) and isinstance(values[0], str):
        return [_plain_text(value) for value in values]
    return _rounded(values)


def _rounded(values: Any) -> list[float]:
    """Five significant digits: what a screen shows, in half the bytes."""
    return [float(f"{value:.{_DIGITS}g}") for value in np.asarray(values, float).tolist()]


def _plain_text(text: str) -> str:
    """Escape the tags, and formulas between dollars, that Plotly reads in text."""
    return escape(text).replace("$", "&#36;")
