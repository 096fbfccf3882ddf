"""Risk against coverage, as a figure."""

from __future__ import annotations

from pathlib import Path

from genrekit.evaluation import Abstention
from genrekit.pages.figures import COLOURS, new_figure, save_figure


def plot_risk_coverage(found: Abstention, model: str, path: Path) -> Path:
    """Share of wrong answers against the share that is answered, with its interval.

    Raises
    ------
    ConfigError
        If the name of ``path`` does not end in .png, .svg or .pdf.
    MissingExtraError
        Without matplotlib.
    """
    figure = new_figure(6, 4)
    axes = figure.subplots()
    shares = [point.coverage.value for point in found.curve]
    errors = [point.error.value for point in found.curve]
    lows = [point.error.low for point in found.curve]
    highs = [point.error.high for point in found.curve]
    axes.fill_between(shares, lows, highs, color=COLOURS[0], alpha=0.2, label="95 % interval")
    axes.plot(shares, errors, color=COLOURS[0], label="wrong answers")
    axes.axhline(found.error, color="grey", linestyle="--", linewidth=0.8, label="asked for")
    for point, mark, name in ((found.chosen, "o", "chosen"), (found.before, "x", "before")):
        axes.plot([point.coverage.value], [point.error.value], mark, color=COLOURS[1], label=name)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("share of groups answered (coverage)")
    axes.set_ylabel("share of the answers wrong (risk)")
    axes.set_title(
        f"{model}: {found.tracks} tracks of {found.groups} groups", fontsize=10, parse_math=False
    )
    axes.legend(fontsize=8)
    return save_figure(figure, path)
