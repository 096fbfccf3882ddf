"""Robustness as Markdown and as a figure."""

from __future__ import annotations

import math
from pathlib import Path

from genrekit.evaluation import DISTORTIONS, RobustnessPoint, RobustnessResult
from genrekit.markdown import blocks, marked_table
from genrekit.pages import COLOURS, draw_estimates, new_figure, save_figure
from genrekit.schema import Estimate

_COLUMNS = (
    *("distortion", "level", "accuracy", "change in points"),
    *("other answers", "unknown", "refused"),
)
_PANELS = 4
#: Losses are bold where the interval leaves no doubt that they are larger than this.
MOST_LOST = 0.05


def render_robustness_markdown(result: RobustnessResult) -> str:
    """All points as a table; equal results give equal text."""
    return blocks(
        f"Model {result.model.name} {result.model.version} (`{result.model.sha256[:16]}`), "
        f"{result.tracks} tracks, seed {result.seed}. Accuracies with Wilson's interval, changes "
        "against the same tracks undistorted with a bootstrap over recordings, both 95 %. Losses "
        f"are bold whose whole interval is beyond {100 * MOST_LOST:g} points.",
        _warning(result),
        marked_table(_COLUMNS, (_row(point) for point in (result.clean, *result.points))),
    )


def plot_robustness(result: RobustnessResult, path: Path) -> Path:
    """Accuracy against level, a panel for each distortion, as PNG, SVG or PDF.

    Raises
    ------
    ConfigError
        If the suffix is none of these.
    MissingExtraError
        Without matplotlib.
    """
    kinds = list(dict.fromkeys(point.distortion for point in result.points))
    rows = math.ceil(len(kinds) / _PANELS)
    figure = new_figure(11, 2.5 * rows)
    panels = figure.subplots(rows, min(len(kinds), _PANELS), sharey=True, squeeze=False).flatten()
    for axes, kind in zip(panels, kinds, strict=False):
        points = [one for one in result.points if one.distortion == kind]
        scored = [(point, point.accuracy) for point in points if point.accuracy is not None]
        positions = [float(place) for place in range(len(scored))]
        draw_estimates(axes, positions, [one for _, one in scored], COLOURS[0], "distorted")
        axes.set_xticks(positions, [f"{point.level:g}" for point, _ in scored], fontsize=7)
        if result.clean.accuracy is not None:
            axes.axhline(result.clean.accuracy.value, color="grey", linestyle="--", linewidth=0.8)
        axes.set_title(kind, fontsize=9)
        axes.set_xlabel(points[0].unit, fontsize=8)
        axes.set_ylim(0, 1)
    for axes in panels[len(kinds) :]:
        axes.set_axis_off()
    panels[0].set_ylabel("accuracy", fontsize=8)
    if result.trained_on:
        text = f"{result.model.name}, LEAKY: fitted on {result.trained_on} of these tracks"
        figure.suptitle(text, fontsize=10, parse_math=False)
    return save_figure(figure, path)


def _warning(result: RobustnessResult) -> str:
    if not result.trained_on:
        return ""
    return (
        f"**LEAKY**: the weights were fitted on {result.trained_on} of these {result.tracks} "
        "tracks, undistorted, so the clean accuracy flatters more than the others do."
    )


def _row(point: RobustnessPoint) -> list[str]:
    known = DISTORTIONS.get(point.distortion)
    name = f"{point.distortion} ({known.what})" if known else point.distortion
    level = f"{point.level:g} {point.unit}" if point.unit else ""
    counts = (point.changed, point.unknown, point.refused)
    return [name, level, _text_of(point.accuracy, 1, "{:.3f}"), _change(point), *map(str, counts)]


def _change(point: RobustnessPoint) -> str:
    if not point.unit or point.change is None:
        return ""
    text = _text_of(point.change, 100, "{:+.1f}")
    return f"**{text}**" if point.change.high < -MOST_LOST else text


def _text_of(estimate: Estimate | None, factor: float, form: str) -> str:
    if estimate is None:
        return "none"
    value, low, high = (
        form.format(factor * number) for number in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} [{low}, {high}]"
