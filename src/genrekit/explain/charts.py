"""Charts as data: drawn once for pages (Plotly) and once for papers (matplotlib)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = Sequence[float] | NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """A horizontal bar for each name, the first on top; errors are half-widths of intervals."""

    title: str
    names: Sequence[str]
    values: Numbers
    x_title: str
    errors: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Values over one axis, a line each; dashed where the name is in ``dashed``."""

    title: str
    x: Numbers
    series: Mapping[str, Numbers]
    x_title: str
    y_title: str
    dashed: frozenset[str] = frozenset()
    filled: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """A box from quartile to quartile for each group."""

    title: str
    groups: Mapping[str, Numbers]
    y_title: str


@dataclass(frozen=True, slots=True, eq=False)
class Heat:
    """Cells in colour; ``centred`` gives both signs a colour and zero none.

    Parameters
    ----------
    cells : (n_rows, n_columns)
        The first row is drawn at the bottom, or on top with ``downwards``.
    x, y : sequence of str or of float
        Names or positions of columns and rows.
    notes : sequence of sequence of str
        What a cell says when it is pointed at.
    """

    title: str
    cells: NDArray[np.floating]
    x: Sequence[str] | Numbers
    y: Sequence[str] | Numbers
    unit: str
    x_title: str = ""
    y_title: str = ""
    centred: bool = False
    downwards: bool = False
    notes: Sequence[Sequence[str]] = ()
    written: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points in the plane, coloured by group; names are shown when they are pointed at."""

    title: str
    x: Numbers
    y: Numbers
    groups: Sequence[str]
    names: Sequence[str]
    x_title: str
    y_title: str


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Which group a model chooses in a plane, under points that are known.

    Parameters
    ----------
    chosen : (n_rows, n_columns) int
        Positions in ``labels``.
    sure : (n_rows, n_columns)
        Probability of the chosen one.
    """

    title: str
    x: Numbers
    y: Numbers
    chosen: NDArray[np.integer]
    sure: NDArray[np.floating]
    labels: Sequence[str]
    points: Points


Chart = Bars | Lines | Boxes | Heat | Points | Regions


def unique(values: Sequence[str]) -> list[str]:
    """Each value once, in order of the alphabet, so that colours agree between charts."""
    return sorted(set(values))
