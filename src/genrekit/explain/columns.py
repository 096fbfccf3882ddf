"""What columns do to a model of a table: partial dependence, regions of a plane.

Source: J. H. Friedman, "Greedy function approximation: a gradient boosting machine", Annals of
Statistics 29, 2001.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from genrekit.explain.maps import fit_scaling, principal_components
from genrekit.explain.shapley import Numbers, Predict

PARTIAL_ROWS = 200
PARTIAL_POINTS = 24
REGION_POINTS = 60


def partial_dependence(
    predict: Predict, x: NDArray[np.float32], column: int
) -> tuple[Numbers, Numbers]:
    """Mean probabilities when one column is the same in every row.

    Returns
    -------
    places : (n_points,) float64
        Quantiles of the column from 1 % to 99 %, each once.
    means : (n_points, n_labels) float64
    """
    places = np.unique(
        np.quantile(x[:, column].astype(np.float64), np.linspace(0.01, 0.99, PARTIAL_POINTS))
    )
    rows = np.repeat(x[np.newaxis], len(places), axis=0)
    rows[:, :, column] = places[:, np.newaxis]
    scores = predict(rows.reshape(-1, x.shape[1]))
    return places, np.asarray(scores.reshape(len(places), len(x), -1).mean(axis=1))


def component_plane(
    predict: Predict, x: NDArray[np.float32], first: int = 0, second: int = 1
) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Return what a model says in the plane of two principal components.

    All other components are at their mean, so points off the plane can be judged otherwise.

    Parameters
    ----------
    first, second : int
        Which components, the one with the largest share of the variance being 0.

    Returns
    -------
    points : (n, 2)
        The rows in the plane.
    across, up : (`REGION_POINTS`,)
    scores : (`REGION_POINTS`, `REGION_POINTS`, n_labels)
        The first axis goes up.
    """
    scaling = fit_scaling(x)
    scaled = scaling(x)
    parts = principal_components(scaled)
    points = parts.project(scaled, max(first, second) + 1)[:, [first, second]]
    across, up = (_range(points[:, axis]) for axis in (0, 1))
    grid = np.stack(np.meshgrid(across, up), axis=2).reshape(-1, 2)
    spread = np.where(np.isfinite(scaling.spread), scaling.spread, 0)
    rows = (grid @ parts.axes[[first, second]] + parts.centre) * spread + scaling.centre
    return points, across, up, _on_grid(predict, rows)


def component_number(name: str) -> int | None:
    """Place of the component that ``component-3`` names, 2; None for any other name."""
    found = re.fullmatch(r"component-([1-9]\d*)", name)
    return None if found is None else int(found[1]) - 1


def column_plane(
    predict: Predict, x: NDArray[np.float32], first: int, second: int
) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """As `component_plane`, for two columns, with the others at their medians."""
    points = x[:, [first, second]].astype(np.float64)
    across, up = (_range(points[:, axis]) for axis in (0, 1))
    rows = np.repeat(np.median(x, axis=0)[np.newaxis].astype(np.float64), REGION_POINTS**2, axis=0)
    rows[:, [first, second]] = np.stack(np.meshgrid(across, up), axis=2).reshape(-1, 2)
    return points, across, up, _on_grid(predict, rows)


def _on_grid(predict: Predict, rows: Numbers) -> Numbers:
    return predict(rows.astype(np.float32)).reshape(REGION_POINTS, REGION_POINTS, -1)


def _range(values: Numbers) -> Numbers:
    low, high = float(values.min()), float(values.max())
    margin = 0.05 * (high - low) or 0.5
    return np.linspace(low - margin, high + margin, REGION_POINTS)
