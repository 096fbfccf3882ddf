"""From what the listener says to genres: one map, one logistic regression.

The head learns from published tables of far more tracks than there is audio of. What separates a
row of a table from what is heard of its track (the crude map, an excerpt, a codec) is measured on
the clips that are in both, and laid over every row that the head learns from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from genrekit.models.box import LARGEST_DEVIATIONS

Array = NDArray[np.float64]

_FOLDS = 8
# Of a covariance of 210 columns seen on 80 clips: the part that is taken from its diagonal.
_SHRINKAGE = 0.2
_COPIES, _WHOLE = 3, 4.0


@dataclass(frozen=True, slots=True)
class Scale:
    """Columns to mean 0 and deviation 1, cut at `LARGEST_DEVIATIONS`."""

    centre: Array
    spread: Array

    @classmethod
    def of(cls, rows: Array) -> Scale:
        """From rows (n, columns)."""
        return cls(rows.mean(axis=0), rows.std(axis=0))

    def __call__(self, rows: Array) -> Array:
        """Scale rows (n, columns)."""
        scaled: Array = (rows - self.centre) / self.spread
        return scaled.clip(-LARGEST_DEVIATIONS, LARGEST_DEVIATIONS)


@dataclass(frozen=True, slots=True)
class Translation:
    """Linear map from what the listener says to the columns of the published table."""

    weights: Array
    bias: Array

    def __call__(self, said: Array) -> Array:
        """(n, 288) to (n, 160)."""
        return said @ self.weights + self.bias


def translate(said: Array, published: Array, ridge: float) -> Translation:
    """Fit the map on clips: each column by itself, then a ridge regression for what remains.

    Parameters
    ----------
    said : (n, 288)
        Its first columns correspond to those of ``published``.
    published : (n, 160)
    """
    own = said[:, : published.shape[1]]
    centre, spread = said.mean(axis=0), said.std(axis=0) + 1e-9
    deviations = own - own.mean(axis=0)
    middle = published.mean(axis=0)
    slopes = (deviations * (published - middle)).sum(axis=0) / np.maximum(
        (deviations**2).sum(axis=0), 1e-12
    )
    rest = published - middle - deviations * slopes
    scaled = (said - centre) / spread
    gram = scaled.T @ scaled + ridge * np.eye(said.shape[1])
    weights = np.linalg.solve(gram, scaled.T @ rest) / spread[:, None]
    diagonal = np.arange(published.shape[1])
    weights[diagonal, diagonal] += slopes
    return Translation(weights, middle - centre @ weights)


def translated_apart(said: Mapping[str, Array], published: Array, ridge: float) -> dict[str, Array]:
    """Each clip, in each way of hearing it, by a map that was fitted without it.

    Parameters
    ----------
    said : mapping of str to (n, 288)
        The way "whole" is what the maps are fitted on.
    """
    folds = np.arange(len(published)) % _FOLDS
    found = {way: np.empty_like(published) for way in said}
    for fold in range(_FOLDS):
        inside = folds == fold
        map_ = translate(said["whole"][~inside], published[~inside], ridge)
        for way, rows in said.items():
            found[way][inside] = map_(rows[inside])
    return found


@dataclass(frozen=True, slots=True)
class Blur:
    """What one way of hearing does to a scaled row: a line a column, and correlated noise."""

    slopes: Array
    shifts: Array
    noise: Array

    @classmethod
    def between(cls, rows: Array, heard: Array) -> Blur:
        """From scaled rows of a table (n, columns) and what was heard of the same tracks."""
        deviations = rows - rows.mean(axis=0)
        # Pulled towards 1 as if by ten more clips that were heard as they are.
        slopes = ((deviations * heard).sum(axis=0) + 10) / ((deviations**2).sum(axis=0) + 10)
        shifts = heard.mean(axis=0) - slopes * rows.mean(axis=0)
        rest = heard - rows * slopes - shifts
        covariance = rest.T @ rest / len(rest)
        diagonal = np.diag(np.diag(covariance))
        shrunk = (1 - _SHRINKAGE) * covariance + _SHRINKAGE * diagonal
        noise = np.linalg.cholesky(shrunk + 1e-6 * np.eye(len(shrunk)))
        return cls(slopes, shifts, noise)

    @classmethod
    def none(cls, n_columns: int) -> Blur:
        """Rows are heard as they are."""
        return cls(np.ones(n_columns), np.zeros(n_columns), np.zeros((n_columns, n_columns)))

    def __call__(self, rows: Array, generator: np.random.Generator) -> Array:
        """Scaled rows as they would be heard."""
        noise = generator.standard_normal((len(rows), self.noise.shape[1])) @ self.noise.T
        heard: Array = rows * self.slopes + self.shifts + noise
        return heard.clip(-LARGEST_DEVIATIONS, LARGEST_DEVIATIONS)


@dataclass(frozen=True, slots=True)
class Linear:
    """Scores of a linear model: ``rows @ weights + bias``."""

    weights: Array
    bias: Array

    def __call__(self, rows: Array) -> Array:
        """(n, columns) to (n, scores)."""
        return rows @ self.weights + self.bias


def heard_rows(rows: Array, blurs: Mapping[str, Blur], *, seed: int) -> tuple[Array, Array]:
    """Copies of scaled rows as they would be heard, three in every way, and their weights.

    Returns
    -------
    rows : (3 n_ways n, columns)
        All rows in the first way, then all in the next, and so on, three times.
    weights : (3 n_ways n,)
        Summing to ``n``; hearing a whole clip counts as much as four other ways.
    """
    generator = np.random.default_rng(seed)
    ways = [way for _ in range(_COPIES) for way in blurs]
    copies = np.concatenate([blurs[way](rows, generator) for way in ways])
    counts = np.array([_WHOLE if way == "whole" else 1.0 for way in ways])
    return copies, np.repeat(counts / counts.sum(), len(rows))


def fit_genres(
    rows: Array, targets: NDArray[np.int64], blurs: Mapping[str, Blur], *, c: float, seed: int
) -> Linear:
    """Logistic regression on rows as they would be heard.

    Parameters
    ----------
    rows : (n, columns)
        Scaled rows of the published tables.
    c : float
        Inverse of the regularisation, as scikit-learn has it, for one copy of the rows.
    """
    copies, weights = heard_rows(rows, blurs, seed=seed)
    repeated = np.tile(targets, len(copies) // len(rows))
    return _regression(copies, repeated, weights, c)


def fit_guard(music: Array, nonmusic: Array, *, c: float) -> Linear:
    """Tell what is no music: logistic regression on scaled columns and their squares.

    Squares, because what is no music lies on all sides of what is. Both classes count the same.

    Parameters
    ----------
    music, nonmusic : (n, columns)
        Scaled rows as they would be heard.
    """
    rows = np.concatenate([music, nonmusic])
    targets = np.repeat([0, 1], [len(music), len(nonmusic)])
    weights = len(rows) / 2 / np.where(targets == 1, len(nonmusic), len(music))
    return _regression(np.hstack([rows, rows**2]), targets, weights, c)


def _regression(rows: Array, targets: NDArray[np.int64], weights: Array, c: float) -> Linear:
    model = LogisticRegression(C=c, max_iter=1000).fit(rows, targets, sample_weight=weights)
    return Linear(model.coef_.T, model.intercept_)
