"""Rows as points in the plane: principal components, t-SNE, and who is next to whom.

Sources: K. Pearson, "On lines and planes of closest fit to systems of points in space", 1901;
L. van der Maaten and G. Hinton, "Visualizing data using t-SNE", Journal of Machine Learning
Research 9, 2008. Distances between clusters of t-SNE mean nothing; who is near whom does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import DatasetError
from genrekit.extras import naming_extra

Rows = NDArray[np.float64]

_LARGEST_DEVIATIONS = 10.0
_PERPLEXITY = 30.0
#: Components that t-SNE starts from; further ones are mostly noise.
TSNE_COMPONENTS = 50


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """Columns to mean 0 and deviation 1, up to ten deviations.

    Attributes
    ----------
    centre, spread : (n_columns,) float64
    """

    centre: Rows
    spread: Rows

    def __call__(self, x: NDArray[np.floating]) -> Rows:
        """Scale rows (n, n_columns)."""
        scaled = (np.asarray(x, np.float64) - self.centre) / self.spread
        return np.clip(scaled, -_LARGEST_DEVIATIONS, _LARGEST_DEVIATIONS)


def fit_scaling(x: NDArray[np.floating]) -> Scaling:
    """Return the scaling of rows (n, n_columns); a column that never changes becomes zero."""
    rows = np.asarray(x, np.float64)
    centre, spread = rows.mean(axis=0), rows.std(axis=0)
    constant = spread <= 1e-9 * np.maximum(np.abs(centre), 1e-300)
    return Scaling(centre, np.where(constant, np.inf, spread))


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """Principal components.

    Attributes
    ----------
    axes : (n_components, n_columns) float64
        Of unit length, the largest share of the variance first.
    shares : (n_components,) float64
        Of the variance.
    centre : (n_columns,) float64
    """

    axes: Rows
    shares: Rows
    centre: Rows

    def project(self, x: Rows, count: int) -> Rows:
        """Rows (n, n_columns) to (n, count)."""
        return np.asarray((x - self.centre) @ self.axes[:count].T)


def principal_components(x: Rows) -> Components:
    """Components of scaled rows (n, n_columns), n at least 2.

    The largest weight of an axis is positive, so equal data gives equal maps.

    Raises
    ------
    DatasetError
        If there are fewer than two rows.
    """
    if len(x) < 2:
        raise DatasetError(f"a map needs at least two rows, and there are {len(x)}")
    centre = x.mean(axis=0)
    _, sizes, axes = np.linalg.svd(x - centre, full_matrices=False)
    strongest = axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)]
    axes = axes * np.where(strongest < 0, -1.0, 1.0)[:, np.newaxis]
    power = np.square(sizes)
    return Components(axes, power / max(power.sum(), np.finfo(float).tiny), centre)


def tsne(x: Rows, *, seed: int = 0) -> Rows:
    """Return a map (n, 2) of rows (n, n_columns) in which neighbours stay neighbours.

    Raises
    ------
    MissingExtraError
        Without scikit-learn.
    DatasetError
        If there are fewer than four rows.
    """
    if len(x) < 4:
        raise DatasetError(f"t-SNE needs at least four rows, and there are {len(x)}")
    with naming_extra():
        from sklearn.manifold import TSNE
    perplexity = min(_PERPLEXITY, (len(x) - 1) / 3)
    return np.asarray(
        TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(x), np.float64
    )


def neighbours(x: Rows, count: int) -> NDArray[np.int64]:
    """Return the ``count`` nearest other rows of each row, by Euclidean distance, nearest first."""
    squares = np.square(x).sum(axis=1)
    distances = squares[:, np.newaxis] + squares - 2 * x @ x.T
    np.fill_diagonal(distances, np.inf)
    count = min(count, len(x) - 1)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :count]
    return nearest.astype(np.int64)


def agreement(nearest: NDArray[np.int64], targets: NDArray[np.integer]) -> float:
    """Share of neighbours that have the row's own label."""
    return float((targets[nearest] == targets[:, np.newaxis]).mean())
