"""Values in place of missing ones (NaN), found on the rows that a model is fitted on."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from genrekit.errors import ConfigError

How = Literal["median", "mean", "neighbours"]
Floats = NDArray[np.float64]


class Imputed(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # sklearn has no types
    """Fill what is missing.

    Parameters
    ----------
    how : {"median", "mean", "neighbours"}
        The median or mean of the column; or the mean of the nearest complete rows, by the Euclidean
        distance over the columns that are there, each in units of its standard deviation.
    neighbours : int
        How many of these; fewer where there are not so many complete rows.

    Attributes
    ----------
    values_ : (columns,) float64
        Median or mean of each column.
    offset_, scale_ : (columns,) float64
        Mean and standard deviation, that distances are measured by.
    donors_ : (n, columns) float64
        The complete rows; empty but for ``neighbours``.
    """

    def __init__(self, how: How = "median", neighbours: int = 5) -> None:
        self.how = how
        self.neighbours = neighbours

    def fit(self, x: Floats, y: Any = None) -> Imputed:
        """Find the values; x (n, columns).

        Raises
        ------
        ConfigError
            If a column has no value at all, or ``neighbours`` finds no complete row.
        """
        missing = np.isnan(x)
        if empty := np.flatnonzero(missing.all(axis=0)).tolist():
            raise ConfigError(
                f"model.prepare.impute: column {empty[0] + 1} has no value in any of {len(x)} rows "
                "that are fitted on; leave it out (--ignore, or model.prepare.drop)"
            )
        average = np.nanmedian if self.how == "median" else np.nanmean
        self.values_ = np.asarray(average(x, axis=0))
        self.offset_, deviation = np.nanmean(x, axis=0), np.nanstd(x, axis=0)
        self.scale_ = np.where(deviation > 0, deviation, 1.0)
        complete = x[~missing.any(axis=1)]
        if self.how == "neighbours" and not len(complete):
            raise ConfigError(
                f"model.prepare.impute: none of {len(x)} rows has all of its values, so there are "
                "no neighbours to take them from; take median or mean"
            )
        self.donors_ = complete if self.how == "neighbours" else complete[:0]
        self.n_nearest_ = min(self.neighbours, len(complete))
        return self

    def transform(self, x: Floats) -> Floats:
        """Return the rows (n, columns) without gaps."""
        missing = np.isnan(x)
        if self.how != "neighbours":
            return np.where(missing, self.values_, x)
        there = (~missing).astype(np.float64)
        known = np.where(missing, 0.0, (x - self.offset_) / self.scale_)
        theirs = (self.donors_ - self.offset_) / self.scale_
        # What both have alike is left out of the sum: it is the same for all donors of a row.
        distances = there @ (theirs**2).T - 2 * known @ theirs.T
        nearest = np.argsort(distances, axis=1, kind="stable")[:, : self.n_nearest_]
        return np.where(missing, self.donors_[nearest].mean(axis=1), x)
