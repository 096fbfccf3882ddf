"""Heads on embeddings, fitted with NumPy and SciPy: softmax, one against the rest, centroids.

The regressions are on windows, each track counting the same and each genre as much as the others.
Shortening the directions in which an embedding moves within a track (within-class covariance
normalisation) was tried and makes things worse: see ``docs/results/learn.md``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from genrekit.learn.embedding import Embedded
from genrekit.learn.graph import Linear

Array = NDArray[np.float64]
_ITERATIONS = 300


#: Inverse of the penalty of the regressions.
C = 0.03


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """Columns of mean 0 and deviation 1."""

    centre: Array
    spread: Array

    def __call__(self, rows: NDArray[np.floating]) -> Array:
        """(n, size) to (n, size)."""
        found: Array = (np.asarray(rows, np.float64) - self.centre) / self.spread
        return found

    def unscaled(self, weights: Array, bias: Array) -> Linear:
        """Return a linear model of scaled rows as one of the rows themselves."""
        whole = weights / self.spread[:, None]
        return Linear(whole, bias - self.centre @ whole)


def fit_scaling(examples: Embedded) -> Scaling:
    """Scale by how the means of tracks vary."""
    means = examples.means()
    variance = means.var(axis=0)
    # A column that is the same in all of a few tracks must not become the loudest of all.
    return Scaling(means.mean(axis=0), np.sqrt(variance + 1e-6 * variance.mean() + 1e-12))


def fit_softmax(
    examples: Embedded, targets: NDArray[np.int64], n_labels: int, c: float = C
) -> Linear:
    """Multinomial logistic regression on windows.

    Parameters
    ----------
    targets : (n_tracks,) int64
        Below ``n_labels``; a label of no track is never probable.
    """
    counts = np.bincount(targets, minlength=n_labels)
    share = len(targets) / max(1, int((counts > 0).sum()))
    weights = (share / np.maximum(counts, 1))[targets]
    scaling, per_window = fit_scaling(examples), window_weights(examples, weights)
    found = softmax_weights(
        scaling(examples.rows), targets[examples.owners], per_window, n_labels, c
    )
    return scaling.unscaled(found[:-1], found[-1])


def softmax_weights(
    rows: Array,
    targets: NDArray[np.int64],
    weights: Array,
    n_labels: int,
    c: float,
    *,
    fixed: int = 0,
) -> Array:
    """Weights of a multinomial regression, the bias in the last row.

    Parameters
    ----------
    rows : (n, size) float64
    targets : (n,) int64
    weights : (n,) float64
        Of each row.
    fixed : int
        So many of the first labels score zero whatever comes.

    Returns
    -------
    (size + 1, n_labels) float64
    """
    size = rows.shape[1]
    wanted = np.zeros((len(rows), n_labels))
    wanted[np.arange(len(rows)), targets] = 1

    def loss(parts: Array) -> tuple[float, Array]:
        table = parts.reshape(size + 1, n_labels)
        scores = rows @ table[:-1] + table[-1]
        scores -= scores.max(axis=1, keepdims=True)
        powers = np.exp(scores)
        sums = powers.sum(axis=1)
        missed = weights * (np.log(sums) - (scores * wanted).sum(axis=1))
        slope = c * weights[:, None] * (powers / sums[:, None] - wanted)
        gradient = np.concatenate([rows.T @ slope + table[:-1], slope.sum(axis=0)[None]])
        gradient[:, :fixed] = 0
        return c * float(missed.sum()) + 0.5 * float((table[:-1] ** 2).sum()), gradient.ravel()

    return _lowest(loss, np.zeros((size + 1) * n_labels)).reshape(size + 1, n_labels)


def fit_one_vs_rest(examples: Embedded, targets: NDArray[np.int64], c: float = C) -> Linear:
    """Return a logistic regression for each label, for tracks of several.

    Parameters
    ----------
    targets : (n_tracks, n_labels) int64
        One where a track has the label.
    """
    scaling = fit_scaling(examples)
    rows, per_window = scaling(examples.rows), window_weights(examples, np.ones(len(targets)))
    columns = [
        _binary(rows, targets[examples.owners, label].astype(np.float64), per_window, c)
        for label in range(targets.shape[1])
    ]
    found = np.stack(columns, axis=1)
    return scaling.unscaled(found[:-1], found[-1])


def _binary(rows: Array, wanted: Array, weights: Array, c: float) -> Array:
    def loss(parts: Array) -> tuple[float, Array]:
        scores = rows @ parts[:-1] + parts[-1]
        missed = weights * (np.logaddexp(0, scores) - wanted * scores)
        slope = c * weights * (0.5 * (1 + np.tanh(0.5 * scores)) - wanted)
        gradient = np.append(rows.T @ slope + parts[:-1], slope.sum())
        return c * float(missed.sum()) + 0.5 * float(parts[:-1] @ parts[:-1]), gradient

    return _lowest(loss, np.zeros(rows.shape[1] + 1))


def _lowest(loss: Callable[[Array], tuple[float, Array]], start: Array) -> Array:
    found: Any = minimize(
        loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS, "gtol": 1e-4}
    )
    return np.asarray(found.x, np.float64)


def window_weights(examples: Embedded, weights: Array) -> Array:
    """Weights of tracks, divided among their windows."""
    counts = np.bincount(examples.owners, minlength=len(weights))
    return np.asarray((weights / np.maximum(counts, 1))[examples.owners])


def nearest_centroid(
    examples: Embedded, targets: NDArray[np.int64], n_labels: int, others: Embedded
) -> NDArray[np.int64]:
    """Return the baseline: for each of ``others`` the label of the nearest mean in angle.

    Returns
    -------
    (n_tracks of others,) int64
    """
    scaling = fit_scaling(examples)
    means, asked = scaling(examples.means()), scaling(others.means())
    centroids = np.stack(
        [
            means[targets == label].mean(axis=0)
            if (targets == label).any()
            else np.zeros(means.shape[1])
            for label in range(n_labels)
        ]
    )
    lengths = np.maximum(np.linalg.norm(centroids, axis=1), 1e-12)
    cosines = asked @ centroids.T / lengths
    cosines[:, ~np.isin(np.arange(n_labels), targets)] = -np.inf
    return np.asarray(cosines.argmax(axis=1), np.int64)
