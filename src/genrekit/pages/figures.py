"""Figures for papers and pages, drawn by matplotlib without a window or a global state."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from genrekit.errors import ConfigError
from genrekit.extras import naming_extra

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Ten colours, as many as GTZAN has genres: the eight of Okabe and Ito (2008), which are told apart
#: with any kind of sight, and two dark ones at least as far from them as those from each other.
COLOURS = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00"),
    *("#56B4E9", "#F0E442", "#000000", "#332288", "#7A2E00"),
)
#: What stands in their place on a dark page, where they could not be seen.
ON_DARK = {"#0072B2": "#3D97D3", "#332288": "#8A5CF0", "#7A2E00": "#A03A08"}
SUFFIXES = (".png", ".svg", ".pdf")


def new_figure(width_inches: float, height_inches: float) -> Figure:
    """Return an empty figure.

    Raises
    ------
    MissingExtraError
        Without matplotlib.
    """
    with naming_extra():
        from matplotlib.figure import Figure
    return Figure(figsize=(width_inches, height_inches), layout="constrained")


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a PNG at 200 dots an inch, an SVG or a PDF; equal figures give equal files.

    Raises
    ------
    ConfigError
        If the suffix is another one.
    """
    if path.suffix not in SUFFIXES:
        raise ConfigError(
            f"{path} is not a figure; expected a name that ends in {', '.join(SUFFIXES)}"
        )
    _save(figure, path, path.suffix[1:])
    return path


def figure_svg(figure: Figure) -> str:
    """Return an SVG as text."""
    file = io.BytesIO()
    _save(figure, file, "svg")
    return file.getvalue().decode()


def _save(figure: Figure, file: Path | io.BytesIO, kind: str) -> None:
    from matplotlib import rc_context

    # No dates and no random names, so that equal figures are equal files.
    dated: dict[str, dict[str, str | None]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    with rc_context({"svg.hashsalt": "genrekit", "svg.fonttype": "none"}):
        figure.savefig(file, format=kind, dpi=200, metadata=dated.get(kind))
