"""Charts as data: drawn once for pages (Plotly) and once for papers (matplotlib)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genrekit.evaluation import Friedman
from genrekit.schema import Estimate

# Of all cells, that a region needs to be named in the picture.
_LEAST_CELLS = 0.01
_SWARM_BINS = 80
#: How strongly a chart is drawn that failed its test.
FADED = 0.25

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
    """Values over one axis, a line each; dashed where the name is in ``dashed``.

    Parameters
    ----------
    between : bool
        Fill what lies between the first line and the second, such as a waveform.
    verdict : str
        What a test says of it: stands under the title, wherever the chart goes.
    faded : bool
        Draw it pale, because the test says that there is nothing in it.
    """

    title: str
    x: Numbers
    series: Mapping[str, Numbers]
    x_title: str
    y_title: str
    dashed: frozenset[str] = frozenset()
    filled: bool = False
    between: bool = False
    verdict: str = ""
    faded: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Dots:
    """A dot in its interval for each name, the first on top; those of one group in one colour."""

    title: str
    names: Sequence[str]
    estimates: Sequence[Estimate]
    x_title: str
    groups: Sequence[str] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Values at places of the x-axis of its own; without ``low`` and ``high`` there is no band."""

    x: Numbers
    values: Numbers
    low: Numbers = ()
    high: Numbers = ()

    @classmethod
    def of(cls, x: Numbers, estimates: Sequence[Estimate]) -> Curve:
        """Estimates with their intervals."""
        return cls(
            x,
            [one.value for one in estimates],
            [one.low for one in estimates],
            [one.high for one in estimates],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Points joined by lines, each in the band of its intervals.

    Parameters
    ----------
    ticks : sequence of str
        What the places 0, 1, 2, ... of the x-axis are called, where it has no scale.
    guide : str
        ``diagonal``, or nothing.
    level : float, optional
        A dashed line across, called ``level_name``.
    mark : float, optional
        A dashed line upright at this place of the x-axis, called ``mark_name``.
    y_range : (float, float), optional
        None fits what is there.
    """

    title: str
    series: Mapping[str, Curve]
    x_title: str
    y_title: str
    ticks: Sequence[str] = ()
    guide: str = ""
    level: float | None = None
    level_name: str = ""
    mark: float | None = None
    mark_name: str = ""
    y_range: tuple[float, float] | None = None
    log_y: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Ranks:
    """A critical-difference diagram: mean ranks, and bars over what cannot be told apart."""

    title: str
    names: Sequence[str]
    found: Friedman


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """A box from quartile to quartile for each group."""

    title: str
    groups: Mapping[str, Numbers]
    y_title: str


@dataclass(frozen=True, slots=True, eq=False)
class Heatmap:
    """Cells in colour; ``centred`` gives both signs a colour and zero none.

    Parameters
    ----------
    cells : (n_rows, n_columns)
        The first row is drawn at the bottom, or on top with ``downwards``.
    x, y : sequence of str or of float
        Names or positions of columns and rows.
    notes : sequence of sequence of str
        What a cell says when it is pointed at.
    y_ticks : sequence of (float, str)
        Places on the y-axis, and what they are called; none takes what fits.
    top : float
        Of ``centred`` ones: the colours do not reach their strongest below this size.
    verdict : str
        What a test says of it: stands under the title, wherever the chart goes.
    faded : bool
        Draw it pale, because the test says that there is nothing in it.
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
    y_ticks: Sequence[tuple[float, str]] = ()
    top: float = 0.0
    verdict: str = ""
    faded: bool = False


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


@dataclass(frozen=True, slots=True, eq=False)
class Swarm:
    """A row of points for each name, the first on top, coloured from low to high.

    Parameters
    ----------
    values : (n_names, n_points)
        Where each point is.
    colours : (n_names, n_points)
        What it is coloured by; each row has a scale of its own.
    points : sequence of str
        What each is called when it is pointed at.
    """

    title: str
    names: Sequence[str]
    values: NDArray[np.floating]
    colours: NDArray[np.floating]
    points: Sequence[str]
    x_title: str


Chart = Bars | Dots | Lines | Curves | Ranks | Boxes | Heatmap | Points | Regions | Swarm


def middles(chart: Regions) -> list[tuple[str, float, float]]:
    """Return a place inside each region that has one, where its name is read: label, x and y."""
    x, y = np.asarray(chart.x, float), np.asarray(chart.y, float)
    found = []
    for number, label in enumerate(chart.labels):
        rows, columns = np.nonzero(np.asarray(chart.chosen) == number)
        if len(rows) < _LEAST_CELLS * np.size(chart.chosen):
            continue
        # The cell next to the middle: a bent region need not hold its own middle.
        away = np.square(rows - rows.mean()) + np.square(columns - columns.mean())
        nearest = int(away.argmin())
        found.append((label, float(x[columns[nearest]]), float(y[rows[nearest]])))
    return found


def swarm_heights(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """How far from the middle of its row each point of a swarm lies, -0.4 to 0.4.

    Points of about one place are stacked away from the middle in turns, so that the row is wide
    where many are.

    Parameters
    ----------
    values : (n_names, n_points)
    """
    width = float(np.ptp(values)) or 1.0
    bins = np.round((values - values.min()) / width * _SWARM_BINS).astype(np.int64)
    heights = np.zeros(values.shape)
    for row, places in enumerate(bins):
        seen: dict[int, int] = {}
        for point in np.argsort(values[row], kind="stable").tolist():
            count = seen[int(places[point])] = seen.get(int(places[point]), -1) + 1
            heights[row, point] = (count + 1) // 2 * (1 if count % 2 else -1)
    return np.asarray(0.4 * heights / max(float(np.abs(heights).max()), 6.0))


def shades(colours: NDArray[np.floating]) -> NDArray[np.float64]:
    """Ranks of each row from 0 to 1, so that one far value does not take the scale."""
    ranks = (colours[:, None, :] < colours[:, :, None]).sum(axis=2)
    ties = (colours[:, None, :] == colours[:, :, None]).sum(axis=2) - 1
    return np.asarray((ranks + ties / 2) / max(colours.shape[1] - 1, 1))


def significance_of(chart: Chart) -> str:
    """Return what a test says of a chart, or nothing."""
    return chart.verdict if isinstance(chart, Heatmap | Lines) else ""


#: Frequencies that an axis of bands names, where they are in it.
_NAMED_HZ = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
_APART = 0.06


def hertz_ticks(borders_hz: Numbers, places: Numbers) -> tuple[tuple[float, str], ...]:
    """Where round frequencies lie on an axis of bands, as far as they are told apart.

    Parameters
    ----------
    borders_hz : (n_bands + 1,)
        Rising.
    places : (n_bands + 1,)
        Of the borders, on the axis.
    """
    borders, where = np.asarray(borders_hz, float), np.asarray(places, float)
    apart = _APART * float(np.ptp(where))
    ticks: list[tuple[float, str]] = []
    for hz in reversed([hz for hz in _NAMED_HZ if borders[0] <= hz <= borders[-1]]):
        place = float(np.interp(hz, borders, where))
        if not ticks or ticks[-1][0] - place >= apart:
            ticks.append((place, hertz(hz)))
    return tuple(reversed(ticks))


def hertz(hz: float) -> str:
    """Return a frequency as it is read: 440, 2 k."""
    return f"{hz / 1000:g} k" if hz >= 1000 else f"{hz:g}"


def unique(values: Sequence[str]) -> list[str]:
    """Each value once, in order of the alphabet, so that colours agree between charts."""
    return sorted(set(values))
