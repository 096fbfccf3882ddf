"""What was done to the rows of a table before it was split, read from the numbers themselves.

What was fitted before the split is in `leaks_fitted`. Rows that were made by interpolation (SMOTE)
lie on the line between two others, which measured rows do not. Copies of a row that were scaled
keep the order of its numbers, and noisy ones stay nearer than other recordings ever are. Selection
of columns leaves no trace; results declare it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import Dataset, Split
from genrekit.evaluation.leak import Leak, shown
from genrekit.evaluation.leaks_copies import copied_leaks, scaled
from genrekit.evaluation.leaks_fitted import FEWEST_COLUMNS, fitted_leaks

#: Share of rows that are copies, from which a table counts as oversampled. GTZAN's own exact
#: repetitions are 14 of 1000.
COPIED_ROWS = 0.05
#: Rows that are tried as interpolations, neighbours of each, and share that must be one.
ROWS_TRIED = 1000
NEIGHBOURS = 10
INTERPOLATED_ROWS = 0.01
#: Cosine between the ways to two neighbours, below which a row lies on the line between them.
ON_A_LINE = -1 + 1e-6
#: Columns that are looked at: pictures have tens of thousands, and what was done to rows was done
#: to all of them.
MOST_LOOKED_AT = 1024

Matrix = NDArray[np.float64]


def row_digests(dataset: Dataset) -> dict[str, str]:
    """Digest of each row's numbers, by item id; nothing for audio."""
    if dataset.features is None:
        return {}
    return {
        item.item_id: hashlib.sha256(row.tobytes()).hexdigest()
        for item, row in zip(dataset.items, dataset.features, strict=True)
    }


def table_leaks(dataset: Dataset, split: Split) -> Iterator[Leak]:
    """Yield what the rows say was fitted, made or copied before the split."""
    parts = [
        (dataset.indices(fold.train), dataset.indices(fold.test))
        for fold in split.folds
        if fold.train
    ]
    if dataset.features is None or not parts:
        return
    step = 1 + (dataset.features.shape[1] - 1) // MOST_LOOKED_AT
    x = _without_gaps(dataset.features[:, ::step])
    if not x.size:
        return
    yield from fitted_leaks(x, parts)
    yield from _oversampled(dataset, parts)
    yield from _interpolated(dataset, x, parts)
    yield from copied_leaks(dataset, x, parts)


def _without_gaps(x: Matrix) -> Matrix:
    """Fill missing values with the mean of their column; columns without any value are left out."""
    gaps = np.isnan(x)
    if not gaps.any():
        return x
    known = (~gaps).any(axis=0)
    return np.where(gaps[:, known], np.nanmean(x[:, known], axis=0), x[:, known])


# --- rows that were copied or made --------------------------------------------------------------


def _oversampled(
    dataset: Dataset, parts: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> Iterator[Leak]:
    """Find copies that make all labels equally large, on two sides."""
    digests = list(row_digests(dataset).values())
    labels = [item.labels for item in dataset.items]
    sizes = set(Counter(labels).values())
    different = set(zip(labels, digests, strict=True))
    fewer = set(Counter(label for label, _ in different).values())
    if len(sizes) > 1 or len(fewer) == 1 or len(different) > (1 - COPIED_ROWS) * len(labels):
        return
    leaking: dict[int, None] = {}
    for train, test in parts:
        trained = {digests[row] for row in train.tolist()}
        leaking |= dict.fromkeys(row for row in test.tolist() if digests[row] in trained)
    if leaking:
        items = tuple(dataset.items[row].item_id for row in leaking)
        yield Leak(
            kind="fitted-before-split",
            evidence=f"{len(labels) - len(different)} of {len(labels)} rows are copies that make "
            f"all labels equally large, and {len(items)} test items have a copy that is trained "
            f"on: rows were oversampled before the split ({shown(items)})",
            items=items,
        )


def _interpolated(
    dataset: Dataset, x: Matrix, parts: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> Iterator[Leak]:
    """Rows between two others of their label, on two sides (SMOTE, Chawla et al., JAIR 2002)."""
    unit = scaled(x)
    if unit.shape[1] < FEWEST_COLUMNS:
        return
    tried = np.random.default_rng(0).permutation(len(x))[:ROWS_TRIED]
    labels = np.array([" ".join(item.labels) for item in dataset.items])
    made = {int(row): ends for row in tried if (ends := _ends(row, x, unit, labels)) is not None}
    if len(made) < max(3, INTERPOLATED_ROWS * len(tried)):
        return
    leaking: dict[int, None] = {}
    for train, test in parts:
        trained, tested = set(train.tolist()), set(test.tolist())
        for row, ends in made.items():
            sides = {row, *ends}
            if sides & trained and sides & tested:
                leaking |= dict.fromkeys(sorted(sides & tested))
    if leaking:
        items = tuple(dataset.items[row].item_id for row in leaking)
        yield Leak(
            kind="fitted-before-split",
            evidence=f"{len(made)} of {len(tried)} rows lie exactly between two others of their "
            "label, with one of the three tested and another trained on: rows were interpolated "
            f"before the split ({shown(items)})",
            items=items,
        )


def _ends(
    row: np.int64, x: Matrix, unit: Matrix, labels: NDArray[np.str_]
) -> tuple[int, int] | None:
    """Return the two rows that ``row`` lies between, as measured or as scaled."""
    same = np.flatnonzero(labels == labels[row])
    if (np.ptp(unit[same], axis=0) > 0).sum() < FEWEST_COLUMNS:
        return None  # in so few dimensions everything lies on a line
    near: list[int] = []
    for space in (x, unit):
        distances = ((space[same] - space[row]) ** 2).sum(axis=1)
        near += same[np.argsort(distances, kind="stable")[: NEIGHBOURS + 1]].tolist()
    ways = unit[near] - unit[row]
    lengths = np.sqrt((ways**2).sum(axis=1))
    there = lengths > 1e-9
    ways, ends = ways[there] / lengths[there, None], np.array(near)[there]
    if len(ends) < 2:
        return None
    cosines = ways @ ways.T
    one, other = np.unravel_index(cosines.argmin(), cosines.shape)
    return (int(ends[one]), int(ends[other])) if cosines[one, other] < ON_A_LINE else None
