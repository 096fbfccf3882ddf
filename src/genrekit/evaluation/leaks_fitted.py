"""A scaler or projection that has seen test rows, read from the numbers of a table.

One fitted on the training rows leaves their mean at 0 and that of all rows elsewhere; one fitted
before the split does the opposite, be it on all rows or on most of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from genrekit.evaluation.leak import Leak

#: Mean and deviation of a scaled column, as far as rounding in a CSV leaves them alone.
SCALED = 1e-4
#: Largest correlation between columns of a projection.
UNCORRELATED = 1e-4
#: Share of the columns that must show it: tables carry a few that were not scaled.
MOST_COLUMNS = 0.5
FEWEST_COLUMNS = 3
#: Flags and counts are between 0 and 1, or 0 in the middle, without anybody's doing.
FEWEST_VALUES = 20
#: Misses below this share of what test rows would add by chance say that they were fitted on.
TOO_CLOSE = 0.6
#: Mean squared misses of a fit on these very rows, in units of chance.
EXACT = 1e-3
#: Standard errors within which a column counts as scaled at all.
FAR = 4.0
#: How far test rows reach beyond 0 and 1 where a scaler has not seen all of them.
END_ROOM = 1.0

Matrix = NDArray[np.float64]


def fitted_leaks(
    x: Matrix, parts: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> Iterator[Leak]:
    """Yield what rows (n, columns) say was fitted before the split; ``parts`` are (train, test)."""
    moving = x[:, [len(np.unique(column)) >= FEWEST_VALUES for column in x.T]]
    if moving.shape[1] < FEWEST_COLUMNS:
        return
    predicted = False
    for what, columns_of in (
        ("mean 0 and deviation 1", _standardised),
        ("minimum 0 and maximum 1", _min_maxed),
        ("median 0 and quartiles 1 apart", _robustly_scaled),
        ("mean 0 and no correlation with another", _projected),
    ):
        marked = columns_of(moving)
        if marked.sum() < max(FEWEST_COLUMNS, MOST_COLUMNS * moving.shape[1]):
            continue
        alone = min(int((columns_of(moving[rows]) & marked).sum()) for rows, _ in parts)
        if alone < marked.sum():
            predicted = True
            yield Leak(
                kind="fitted-before-split",
                evidence=f"{marked.sum()} of {moving.shape[1]} columns have {what} over all "
                f"{len(x)} rows, test rows among them, and of these only {alone} over the training "
                "rows of a fold",
            )
    if not predicted:
        yield from _fitted_on_most(moving, parts)


def _fitted_on_most(
    x: Matrix, parts: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> Iterator[Leak]:
    """Find a scaler that was fitted on most rows, test rows among them, but not on all.

    Where test rows had no part in a fit, the mean of a scaled column over all rows misses 0 by at
    least what the test rows add by chance, a variance of their share divided by the number of
    rows. A fit on the share f of all rows leaves only (1 - f) / f of it.
    """
    share = min(len(test) / (len(train) + len(test)) for train, test in parts if len(test))
    for what, misses_of in (
        ("mean 0 and deviation 1", _standard_misses),
        ("mean 0 and no correlation with another", _projection_misses),
    ):
        misses = misses_of(x)
        if not _too_close(misses, share):
            continue
        alone = [misses_of(x[train]) for train, _ in parts]
        if all(_exact(one) for one in alone):
            continue  # fitted on what is trained on, as it should be
        yield Leak(
            kind="fitted-before-split",
            evidence=f"{len(misses)} of {x.shape[1]} columns have {what} over all {len(x)} rows, "
            "more exactly than could be if test rows had not been among those that this was "
            "fitted on, and not over the training rows",
        )
        return
    yield from _min_maxed_on_test(x, parts)


def _too_close(misses: Matrix, share: float) -> bool:
    """Whether squared misses, in units of chance, are smaller than test rows allow."""
    return len(misses) >= FEWEST_COLUMNS and float(misses.mean()) < TOO_CLOSE * share


def _exact(misses: Matrix) -> bool:
    return len(misses) >= FEWEST_COLUMNS and float(misses.mean()) < EXACT


def _standard_misses(x: Matrix) -> Matrix:
    """How far columns are from mean 0 and deviation 1: squared, chance is 1; empty if most are."""
    mean = np.asarray(x.mean(axis=0), np.float64)
    spread = np.asarray(x.std(axis=0), np.float64)
    near = (np.abs(mean) < FAR / np.sqrt(len(x))) & (np.abs(spread - 1) < FAR / np.sqrt(len(x)))
    if near.sum() < max(FEWEST_COLUMNS, MOST_COLUMNS * x.shape[1]):
        return np.zeros(0)
    squares: Matrix = len(x) * mean**2
    return np.compress(near, squares)


def _projection_misses(x: Matrix) -> Matrix:
    spread = x.std(axis=0)
    if len(x) <= 2 * x.shape[1] or not spread.all():
        return np.zeros(0)
    correlations = np.asarray(np.corrcoef(x, rowvar=False))[np.triu_indices(x.shape[1], 1)]
    misses = len(x) * np.concatenate([(x.mean(axis=0) / spread) ** 2, correlations**2])
    return misses if (misses < FAR**2).all() else np.zeros(0)


def _min_maxed_on_test(
    x: Matrix, parts: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> Iterator[Leak]:
    """Values of exactly 0 and 1 are the ends of a scaler's rows; some of these rows are tested."""
    ends = (np.abs(x) < 1e-9, np.abs(x - 1) < 1e-9)
    marked = ends[0].any(axis=0) & ends[1].any(axis=0)
    inside = ((x > -END_ROOM) & (x < 1 + END_ROOM)).all(axis=0)
    marked &= inside
    if marked.sum() < max(FEWEST_COLUMNS, MOST_COLUMNS * x.shape[1]):
        return
    for train, _ in parts:
        alone = ends[0][train].any(axis=0) & ends[1][train].any(axis=0)
        if missing := int((marked & ~alone).sum()):
            yield Leak(
                kind="fitted-before-split",
                evidence=f"{marked.sum()} of {x.shape[1]} columns reach exactly from 0 to 1, and "
                f"{missing} of them only with test rows: these were among the rows that they were "
                "scaled by",
            )
            return


def _standardised(x: Matrix) -> NDArray[np.bool_]:
    one = [np.abs(x.std(axis=0, ddof=lost) - 1) < SCALED for lost in (0, 1) if len(x) > 1]
    return np.asarray((np.abs(x.mean(axis=0)) < SCALED) & np.any(one, axis=0))


def _min_maxed(x: Matrix) -> NDArray[np.bool_]:
    return np.asarray((np.abs(x.min(axis=0)) < 1e-9) & (np.abs(x.max(axis=0) - 1) < 1e-9))


def _robustly_scaled(x: Matrix) -> NDArray[np.bool_]:
    low, middle, high = np.quantile(x, [0.25, 0.5, 0.75], axis=0)
    return np.asarray((np.abs(middle) < SCALED) & (np.abs(high - low - 1) < SCALED))


def _projected(x: Matrix) -> NDArray[np.bool_]:
    spread = x.std(axis=0)
    if len(x) <= x.shape[1] or not spread.all():
        return np.zeros(x.shape[1], dtype=bool)
    correlations = np.corrcoef(x, rowvar=False) - np.eye(x.shape[1])
    centred = np.abs(x.mean(axis=0)) < SCALED * spread
    return np.asarray(centred & (np.abs(correlations).max(axis=0) < UNCORRELATED))
