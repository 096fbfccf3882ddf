"""The critical-difference diagram: which of many models cannot be told apart.

Source: J. Demšar, "Statistical comparisons of classifiers over multiple data sets", JMLR 7, 2006.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genrekit.evaluation import Friedman, cliques
from genrekit.pages.figures import COLOURS, figure_svg, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BAR = COLOURS[1]
_LINE: dict[str, Any] = {"color": "black", "linewidth": 0.8}


def plot_critical_difference(
    found: Friedman, names: Sequence[str], path: Path, *, title: str = ""
) -> Path:
    """Draw mean ranks on a line, bars over those that cannot be told apart (Demšar, 2006).

    Parameters
    ----------
    title : str
        Over the diagram: what was ranked, and whether that is leaky.

    Raises
    ------
    ConfigError
        If the suffix is none of .png, .svg, .pdf.
    MissingExtraError
        Without matplotlib.
    """
    return save_figure(_diagram(found, names, title), path)


def critical_difference_svg(found: Friedman, names: Sequence[str], title: str = "") -> str:
    """Return the diagram as text, to stand in a page."""
    text = figure_svg(_diagram(found, names, title))
    return text[text.index("<svg") :]


def _diagram(found: Friedman, names: Sequence[str], title: str) -> Figure:
    models = len(names)
    bars = cliques(found.mean_ranks, found.critical_difference)
    rows = (models + 1) // 2
    top = 0.35 * len(bars) + 0.6
    figure = new_figure(7, 0.6 + 0.28 * (rows + top) + (0.3 if title else 0))
    axes = figure.add_subplot()
    axes.set_axis_off()
    if title:
        axes.set_title(title, fontsize=10, parse_math=False)
    axes.set_xlim(0.3 - 0.35 * models, models + 0.7 + 0.35 * models)
    axes.set_ylim(-rows - 0.5, top + 1.4)
    _draw_scale(axes, models, top, found.critical_difference)
    order = sorted(range(models), key=lambda model: found.mean_ranks[model])
    for place, model in enumerate(order):
        row = min(place, models - 1 - place)
        _draw_model(axes, found.mean_ranks[model], names[model], place < rows, row, models, top)
    for number, bar in enumerate(bars, start=1):
        ranks = [found.mean_ranks[model] for model in bar]
        ends, height = [min(ranks) - 0.04, max(ranks) + 0.04], top - 0.35 * number
        axes.plot(ends, [height, height], color=_BAR, linewidth=3)
    return figure


def _draw_scale(axes: Axes, models: int, top: float, width: float) -> None:
    axes.plot([1, models], [top, top], **_LINE)
    for tick in range(1, models + 1):
        axes.plot([tick, tick], [top, top + 0.15], **_LINE)
        axes.text(tick, top + 0.25, str(tick), ha="center", va="bottom", fontsize=8)
    axes.plot([1, 1 + width], [top + 1.0, top + 1.0], color=_BAR, linewidth=3)
    axes.text(1 + width + 0.1, top + 1.0, f"critical difference {width:.2f}", va="center", size=8)


def _draw_model(
    axes: Axes, rank: float, name: str, left: bool, row: int, models: int, top: float
) -> None:
    edge, height = 0.6 if left else models + 0.4, -row - 0.5
    axes.plot([rank, rank, edge], [top, height, height], **_LINE)
    axes.text(
        edge + (-0.1 if left else 0.1),
        height,
        f"{name} ({rank:.2f})",
        ha="right" if left else "left",
        va="center",
        fontsize=8,
        parse_math=False,
    )
