"""Robustness as Markdown and as a figure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from genrekit.evaluation import DISTORTIONS, RobustnessPoint, RobustnessResult
from genrekit.markdown import blocks, marked_table
from genrekit.pages import Curve, Curves, save_charts
from genrekit.schema import Estimate

_COLUMNS = (
    *("distortion", "level", "accuracy", "change in points"),
    *("other answers", "unknown", "refused"),
)
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
    leaky = f", LEAKY: fitted on {result.trained_on} of these tracks" if result.trained_on else ""
    charts = [replace(one, title=next(iter(one.series))) for one in distortion_charts(result)]
    return save_charts(charts, path, title=f"{result.model.name}{leaky}")


def distortion_charts(result: RobustnessResult) -> list[Curves]:
    """Accuracy against level, a chart for each distortion that was scored."""
    kinds = dict.fromkeys(point.distortion for point in result.points)
    charts = (_distortion(result, kind) for kind in kinds)
    return [chart for chart in charts if chart is not None]


def _distortion(result: RobustnessResult, kind: str) -> Curves | None:
    scored = [
        (point, point.accuracy)
        for point in result.points
        if point.distortion == kind and point.accuracy is not None
    ]
    if not scored:
        return None
    places = [float(place) for place in range(len(scored))]
    curve = Curve.of(places, [accuracy for _, accuracy in scored])
    clean = result.clean.accuracy
    known = DISTORTIONS.get(kind)
    return Curves(
        f"{result.model.name}: {known.what if known else kind}",
        {kind: curve},
        scored[0][0].unit,
        "accuracy",
        ticks=[f"{point.level:g}" for point, _ in scored],
        level=None if clean is None else clean.value,
        level_name="undistorted",
        y_range=(0.0, 1.02),
    )


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
