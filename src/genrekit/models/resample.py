"""Balancing genres by resampling the rows that an estimator is fitted on, and no others.

`Resampled` wraps an estimator inside the pipeline, behind the preparation of columns. It changes
what ``fit`` sees; prediction, and the exported graph, are those of the estimator within. Every fit
resamples anew: in a cross-validation that means inside each training fold.

Ours, as imbalanced-learn has the same three but draws other rows, and with them goes every number
that was published of these recipes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone

How = Literal["oversample", "undersample", "interpolate"]

#: Neighbours of the same genre between which rows are interpolated.
NEIGHBOURS = 5

Rows = tuple[NDArray[np.float64], NDArray[np.int64]]


class Resampled(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # sklearn has no types
    """Fit an estimator on as many rows of every genre.

    Parameters
    ----------
    estimator : scikit-learn classifier
    how : {"oversample", "undersample", "interpolate"}
        Repeat rows of the smaller genres; leave out rows of the larger ones; or add rows to the
        smaller ones that lie between two of theirs, as SMOTE does (N. V. Chawla et al., "SMOTE:
        Synthetic Minority Over-sampling Technique", JAIR 16, 2002).
    seed : int
    """

    def __init__(self, estimator: Any, how: How = "oversample", seed: int = 0) -> None:
        self.estimator = estimator
        self.how = how
        self.seed = seed

    def fit(self, x: NDArray[np.float64], y: NDArray[np.int64]) -> Resampled:
        """Fit a clone of the estimator; x (n, columns), y (n,)."""
        rows = resample(np.asarray(x, np.float64), np.asarray(y), self.how, seed=self.seed)
        self.estimator_ = clone(self.estimator).fit(*rows)
        self.classes_ = self.estimator_.classes_
        return self

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        """Most probable class of each row."""
        return np.asarray(self.estimator_.predict(x))

    def predict_proba(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities (n, classes)."""
        return np.asarray(self.estimator_.predict_proba(x))

    def decision_function(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Decision values, of estimators that have them."""
        return np.asarray(self.estimator_.decision_function(x))


def resample(x: NDArray[np.float64], y: NDArray[np.int64], how: How, *, seed: int) -> Rows:
    """As many rows of every class: of the largest, or for ``undersample`` of the smallest.

    Parameters
    ----------
    x : ndarray, shape (n, columns)
    y : ndarray of int, shape (n,)
    seed : int
        The same seed gives the same rows.

    Returns
    -------
    x, y
        What is kept in its order, what is added behind it.
    """
    generator = np.random.default_rng(seed)
    of_class = [np.flatnonzero(y == label) for label in np.unique(y)]
    sizes = [len(rows) for rows in of_class]
    if how == "undersample":
        few = [generator.choice(rows, min(sizes), replace=False) for rows in of_class]
        kept = np.sort(np.concatenate(few))
        return x[kept], y[kept]
    more = _ADDED[how]
    added = [more(x[rows], max(sizes) - len(rows), generator) for rows in of_class]
    labels = [np.full(len(new), y[rows[0]]) for new, rows in zip(added, of_class, strict=True)]
    return np.concatenate([x, *added]), np.concatenate([y, *labels])


Generator = np.random.Generator


def _repeated(x: NDArray[np.float64], wanted: int, generator: Generator) -> NDArray[np.float64]:
    return x[generator.integers(len(x), size=wanted)]


def _between(x: NDArray[np.float64], wanted: int, generator: Generator) -> NDArray[np.float64]:
    """Rows between a random one and one of its nearest neighbours."""
    if len(x) == 1:
        return np.repeat(x, wanted, axis=0)
    start = generator.integers(len(x), size=wanted)
    neighbours = _nearest(x, min(NEIGHBOURS, len(x) - 1))
    end = neighbours[start, generator.integers(neighbours.shape[1], size=wanted)]
    return np.asarray(x[start] + generator.random((wanted, 1)) * (x[end] - x[start]))


def _nearest(x: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Positions (n, k) of the nearest other rows, nearest first."""
    squares = (x**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * x @ x.T
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1, kind="stable")[:, :k]


_ADDED: dict[str, Callable[[NDArray[np.float64], int, Generator], NDArray[np.float64]]] = {
    "oversample": _repeated,
    "interpolate": _between,
}
