"""From what the listener says to genres: one map, one logistic regression.

The head learns from published tables of far more tracks than there is audio of, and from what is
heard of those that there is. What separates a row of a table from what is heard of its track (the
crude map, an excerpt, a codec) is measured on sounds that are in both, and laid over every row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge

from genrekit.models.box import LARGEST_DEVIATIONS
from genrekit.models.listener import MEANS

Array = NDArray[np.float64]

_FOLDS = 8
# Of a covariance of 260 columns seen on 80 clips: the part that is taken from its diagonal.
_SHRINKAGE = 0.2
_WHOLE = 4.0
# Ridge on scaled columns that tells unpublished tags from all else, of some 700 tracks.
_COMPLETING = 30.0


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


def complete(published: Array, columns: Array, learnt: NDArray[np.int64]) -> Array:
    """Fill in what was not published of some tracks, from everything else that is known of them.

    Parameters
    ----------
    published : (n_tracks, 210)
        Some of its last columns are NaN in some rows, and then all of those.
    columns : (n_tracks, 50)
    learnt : (n,) int
        Rows that a ridge regression may learn from how they go together.
    """
    missing, gaps = (np.unique(places) for places in np.nonzero(np.isnan(published)))
    if not len(gaps):
        return published
    known = np.setdiff1d(learnt, missing)
    rest = np.hstack([np.delete(published, gaps, axis=1), columns])
    scaled = Scale.of(rest[known])(rest)
    model = Ridge(alpha=_COMPLETING).fit(scaled[known], published[np.ix_(known, gaps)])
    full = published.copy()
    full[np.ix_(missing, gaps)] = model.predict(scaled[missing])
    return full


@dataclass(frozen=True, slots=True)
class Translation:
    """Linear map from what the listener says to the columns of the published table."""

    weights: Array
    bias: Array

    def __call__(self, said: Array) -> Array:
        """(n, 288) to (n, 210)."""
        return said @ self.weights + self.bias


def translate(said: Array, published: Array, weights: Array, ridge: float) -> Translation:
    """Fit the map: each column by itself, then a ridge regression for what remains.

    Parameters
    ----------
    said : (n, 288)
    published : (n, 210)
        Its first `MEANS` columns correspond to those of ``said``.
    weights : (n,)
        How much each row counts.
    ridge : float
        Of the variance of a column.
    """
    shares = (weights / weights.sum())[:, None]
    centre, middle = (shares * said).sum(axis=0), (shares * published).sum(axis=0)
    deviations, wanted = said - centre, published - middle
    alike = min(MEANS, published.shape[1])
    own = np.zeros_like(wanted)
    own[:, :alike] = deviations[:, :alike]
    slopes = (shares * own * wanted).sum(axis=0) / np.maximum((shares * own**2).sum(axis=0), 1e-12)
    spread = np.sqrt((shares * deviations**2).sum(axis=0)) + 1e-9
    scaled = deviations / spread
    gram = (shares * scaled).T @ scaled + ridge * np.eye(said.shape[1])
    rest = (shares * scaled).T @ (wanted - own * slopes)
    weight = np.linalg.solve(gram, rest) / spread[:, None]
    diagonal = np.arange(alike)
    weight[diagonal, diagonal] += slopes[:alike]
    return Translation(weight, middle - centre @ weight)


@dataclass(frozen=True, slots=True)
class Sound:
    """What was heard of some tracks in one way.

    Attributes
    ----------
    said : (n, 288)
        By the listener.
    columns : (n, 50)
    tracks : (n,) int
        Row of each in the tables.
    weight : float
        Of each row in everything that is learnt from it.
    """

    said: Array
    columns: Array
    tracks: NDArray[np.int64]
    weight: float

    def select(self, chosen: NDArray[np.bool_]) -> Sound:
        """Some of the rows."""
        return Sound(self.said[chosen], self.columns[chosen], self.tracks[chosen], self.weight)


def translate_sounds(sounds: Iterable[Sound], published: Array, ridge: float) -> Translation:
    """The map that is best over all ways of hearing; ``published`` (n_tracks, 210)."""
    every = list(sounds)
    tracks = np.concatenate([one.tracks for one in every])
    weights = np.concatenate([np.full(len(one.tracks), one.weight) for one in every])
    return translate(np.concatenate([one.said for one in every]), published[tracks], weights, ridge)


def translated_apart(
    sounds: Mapping[str, Sound], published: Array, recordings: NDArray[np.int64], ridge: float
) -> dict[str, Array]:
    """Every sound by a map that was fitted without its recording.

    Parameters
    ----------
    published : (n_tracks, 210)
    recordings : (n_tracks,) int
        Number of the recording of each track.
    """
    found = {way: np.empty((len(one.said), published.shape[1])) for way, one in sounds.items()}
    for fold in range(_FOLDS):
        inside = {way: recordings[one.tracks] % _FOLDS == fold for way, one in sounds.items()}
        map_ = translate_sounds(
            (one.select(~inside[way]) for way, one in sounds.items()), published, ridge
        )
        for way, one in sounds.items():
            found[way][inside[way]] = map_(one.said[inside[way]])
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


@dataclass(frozen=True, slots=True)
class Examples:
    """What the genres are learnt from.

    Attributes
    ----------
    rows : (n, columns)
        Scaled.
    targets : (n,) int
    weights : (n,)
        A row of the table has weight 1, over all its copies.
    """

    rows: Array
    targets: NDArray[np.int64]
    weights: Array

    def columns(self, part: NDArray[np.int64]) -> Examples:
        """The same with fewer columns."""
        return Examples(self.rows[:, part], self.targets, self.weights)

    def weighed(self, factor: float) -> Examples:
        """The same with other weights."""
        return Examples(self.rows, self.targets, factor * self.weights)

    def __add__(self, other: Examples) -> Examples:
        """Both together."""
        return Examples(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.targets, other.targets]),
            np.concatenate([self.weights, other.weights]),
        )


def as_heard(
    rows: Array, targets: NDArray[np.int64], blurs: Mapping[str, Blur], *, seed: int
) -> Examples:
    """Copies of scaled rows of a table as they would be heard, one in every way, in turn.

    Hearing a whole clip counts as much as four other ways.
    """
    generator = np.random.default_rng(seed)
    copies = np.concatenate([blur(rows, generator) for blur in blurs.values()])
    counts = np.array([_WHOLE if way == "whole" else 1.0 for way in blurs])
    weights = np.repeat(counts / counts.sum(), len(rows))
    return Examples(copies, np.tile(targets, len(blurs)), weights)


def fit_genres(examples: Examples, *, c: float) -> Linear:
    """Logistic regression; ``c`` is the inverse of the regularisation as scikit-learn has it."""
    return _regression(examples.rows, examples.targets, examples.weights, c)


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
