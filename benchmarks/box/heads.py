"""Heads on an embedding: genres, what is not music, and tags.

Genres are predicted by one multinomial logistic regression on windows. Directions in which white
noise moves an embedding are made short first, as within-class covariance normalisation does for
speakers (A. Hatch, S. Kajarekar, A. Stolcke, *Within-class covariance normalization for SVM-based
speaker recognition*, Interspeech 2006): such directions differ between collections too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import special
from sklearn.linear_model import LogisticRegression, Ridge
from sounds import GENRES, Embedded, Sound

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
_ITERATIONS, _TOLERANCE = 300, 1e-3
#: Rows that sum to one.
softmax = partial(special.softmax, axis=1)


@dataclass(frozen=True, slots=True)
class Settings:
    """Of the genre head.

    Attributes
    ----------
    c : float
        Inverse of the penalty of the regression.
    noise : float
        How much the covariance of noise counts against that of everything, which is 1.
    outside, snippets : float
        Weight of a clip of other collections, and of a snippet, against one of GTZAN's clips.
    cut : float
        Weight of a copy with nothing above 4 kHz that trains beside each sound.
    """

    c: float = 0.1
    noise: float = 3.0
    outside: float = 1.0
    snippets: float = 1.0
    cut: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """Scores of a linear model on scaled columns: ``(rows - centre) / spread @ weights + bias``."""

    centre: Array
    spread: Array
    weights: Array
    bias: Array

    def scaled(self, rows: Array) -> Array:
        """Columns of mean 0 and deviation 1."""
        found: Array = (rows - self.centre) / self.spread
        return found

    def __call__(self, rows: Array) -> Array:
        """(n, columns) to (n, scores)."""
        return self.scaled(rows) @ self.weights + self.bias


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Everything that heads learn from.

    Attributes
    ----------
    whole, noisy, cut : Embedded
        The same sounds as they are, in noise, and with nothing above 4 kHz.
    genres : (n,) int
    kinds : (n,) str
    """

    whole: Embedded
    noisy: Embedded
    genres: Rows
    kinds: NDArray[np.str_]
    cut: Embedded | None = None

    @property
    def means(self) -> Array:
        """Mean over the windows of each sound."""
        return self.whole.means(len(self.genres))


def examples_of(
    sounds: Sequence[Sound], whole: Embedded, noisy: Embedded, cut: Embedded | None = None
) -> Examples:
    """Sounds with their genres, as heads learn from them."""
    genres = np.array([GENRES.index(one.genre) for one in sounds])
    return Examples(whole, noisy, genres, np.array([one.kind for one in sounds]), cut)


def fit_genres(examples: Examples, learnt: Rows, settings: Settings) -> Linear:
    """Fit the genre head on some of the sounds."""
    means = examples.means[learnt]
    centre, spread = means.mean(axis=0), means.std(axis=0) + 1e-9
    moved = (examples.noisy.means(len(examples.genres))[learnt] - means) / spread
    covariance = np.eye(len(centre)) + settings.noise * moved.T @ moved / len(moved)
    values, vectors = np.linalg.eigh(covariance)
    shorten = vectors / np.sqrt(values) @ vectors.T
    weights = _weights(examples, learnt, settings)
    rows, owners, per_window = [], [], []
    for copies, share in _copies(examples, settings):
        inside = np.isin(copies.owners, learnt)
        of_copy = copies.owners[inside]
        rows.append((copies.rows[inside] - centre) / spread @ shorten)
        owners.append(of_copy)
        windows = np.bincount(of_copy, minlength=len(weights))
        per_window.append(share * weights[of_copy] / windows[of_copy])
    model = LogisticRegression(C=settings.c, max_iter=_ITERATIONS, tol=_TOLERANCE)
    model.fit(
        np.concatenate(rows),
        examples.genres[np.concatenate(owners)],
        np.concatenate(per_window),
    )
    assert len(model.classes_) == len(GENRES)
    return Linear(centre, spread, shorten @ model.coef_.T, model.intercept_)


def _copies(examples: Examples, settings: Settings) -> list[tuple[Embedded, float]]:
    """What stands for each sound, and with which share of its weight."""
    if examples.cut is None or settings.cut == 0:
        return [(examples.whole, 1.0)]
    whole = 1 / (1 + settings.cut)
    return [(examples.whole, whole), (examples.cut, 1 - whole)]


def _weights(examples: Examples, learnt: Rows, settings: Settings) -> Array:
    """Weight of each sound: by its kind, and every genre as much as the others."""
    by_kind = {"clips": 1.0, "snippets": settings.snippets, "outside": settings.outside}
    weights = np.zeros(len(examples.genres))
    weights[learnt] = [by_kind[kind] for kind in examples.kinds[learnt]]
    sums = np.bincount(examples.genres, weights, len(GENRES))
    balanced: Array = weights * (sums.mean() / sums)[examples.genres]
    return balanced


def fit_out_of_domain(
    genres: Linear, music: Array, other: Array, *, c: float
) -> tuple[Array, float]:
    """Logistic regression of what is not music on scaled columns and their squares.

    Returns
    -------
    (2 * columns,) and float
        Weights, and bias.
    """
    rows = genres.scaled(np.concatenate([music, other]))
    targets = np.repeat([0, 1], [len(music), len(other)])
    model = LogisticRegression(C=c, max_iter=2000, class_weight="balanced")
    model.fit(np.hstack([rows, rows**2]), targets)
    return model.coef_[0], float(model.intercept_[0])


def out_of_domain(genres: Linear, weights: Array, bias: float, rows: Array) -> Array:
    """Probability that windows are not music."""
    scaled = genres.scaled(rows)
    found: Array = special.expit(np.hstack([scaled, scaled**2]) @ weights + bias)
    return found


def window_logits(genres: Linear, detector: tuple[Array, float] | None, rows: Array) -> Array:
    """Logarithms of probabilities of windows, as the saved graph gives them."""
    probabilities = softmax(genres(rows))
    if detector is not None:
        other = out_of_domain(genres, *detector, rows)[:, None]
        probabilities = (1 - other) * probabilities + other / probabilities.shape[1]
    logits: Array = np.log(np.maximum(probabilities, 1e-4))
    return logits


def track_logits(windows: Array, owners: Rows, tracks: Rows) -> Array:
    """Mean over the windows of each track."""
    return np.stack([windows[owners == track].mean(axis=0) for track in tracks])


def fit_tags(genres: Linear, rows: Array, logits: Array) -> tuple[Array, Array]:
    """Ridge regression from scaled columns to the teacher's logits (n, tags): weights and bias."""
    model = Ridge(alpha=1.0).fit(genres.scaled(rows), logits)
    return model.coef_.T, model.intercept_
