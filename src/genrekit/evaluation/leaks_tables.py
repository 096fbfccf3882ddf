"""What was done to the rows of a table before it was split, read from the numbers themselves.

A scaler fitted on the training rows leaves their mean at 0 and that of all rows elsewhere; one
fitted before the split does the opposite, and so do projections. Rows that were made by
interpolation (SMOTE) lie on the line between two others, which measured rows do not. Selection of
columns leaves no trace; results declare it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import Dataset, Split
from genrekit.evaluation.leak import Leak, shown

#: Mean and deviation of a scaled column, as far as rounding in a CSV leaves them alone.
SCALED = 1e-4
#: Largest correlation between columns of a projection.
UNCORRELATED = 1e-4
#: Share of the columns that must show it: tables carry a few that were not scaled.
MOST_COLUMNS = 0.5
FEWEST_COLUMNS = 3
#: Flags and counts are between 0 and 1, or 0 in the middle, without anybody's doing.
FEWEST_VALUES = 20
#: Share of rows that are copies, from which a table counts as oversampled. GTZAN's own exact
#: repetitions are 14 of 1000.
COPIED_ROWS = 0.05
#: Rows that are tried as interpolations, neighbours of each, and share that must be one.
ROWS_TRIED = 1000
NEIGHBOURS = 10
INTERPOLATED_ROWS = 0.01
#: Cosine between the ways to two neighbours, below which a row lies on the line between them.
ON_A_LINE = -1 + 1e-6
#: Distance, in units of the usual one to the nearest row, below which two rows are one sound;
#: between recordings of the published GTZAN tables it is never below 0.18.
SAME_SOUND = 0.05
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
    x = dataset.features[:, :: 1 + (dataset.features.shape[1] - 1) // MOST_LOOKED_AT]
    yield from _fitted(x, [train for train, _ in parts])
    yield from _oversampled(dataset, parts)
    yield from _interpolated(dataset, x, parts)
    yield from _same_sound(dataset, x, parts)


# --- scaled or projected over all rows ----------------------------------------------------------


def _fitted(x: Matrix, train: Sequence[NDArray[np.int64]]) -> Iterator[Leak]:
    moving = x[:, [len(np.unique(column)) >= FEWEST_VALUES for column in x.T]]
    if moving.shape[1] < FEWEST_COLUMNS:
        return
    for what, columns_of in (
        ("mean 0 and deviation 1", _standardised),
        ("minimum 0 and maximum 1", _min_maxed),
        ("median 0 and quartiles 1 apart", _robustly_scaled),
        ("mean 0 and no correlation with another", _projected),
    ):
        marked = columns_of(moving)
        if marked.sum() < max(FEWEST_COLUMNS, MOST_COLUMNS * moving.shape[1]):
            continue
        alone = min(int((columns_of(moving[rows]) & marked).sum()) for rows in train)
        if alone < marked.sum():
            yield Leak(
                kind="fitted-before-split",
                evidence=f"{marked.sum()} of {moving.shape[1]} columns have {what} over all "
                f"{len(x)} rows, test rows among them, and of these only {alone} over the training "
                "rows of a fold",
            )


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


# --- rows that were copied or made --------------------------------------------------------------


def _oversampled(
    dataset: Dataset, parts: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> Iterator[Leak]:
    """Copies that make all labels equally large, on two sides."""
    digests = list(row_digests(dataset).values())
    labels = [item.labels for item in dataset.items]
    sizes = set(Counter(labels).values())
    different = set(zip(labels, digests, strict=True))
    fewer = set(Counter(label for label, _ in different).values())
    if len(sizes) > 1 or len(fewer) == 1 or len(different) > (1 - COPIED_ROWS) * len(labels):
        return
    torn: dict[int, None] = {}
    for train, test in parts:
        trained = {digests[row] for row in train.tolist()}
        torn |= dict.fromkeys(row for row in test.tolist() if digests[row] in trained)
    if torn:
        items = tuple(dataset.items[row].item_id for row in torn)
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
    scaled = _scaled(x)
    if scaled.shape[1] < FEWEST_COLUMNS:
        return
    tried = np.random.default_rng(0).permutation(len(x))[:ROWS_TRIED]
    labels = np.array([" ".join(item.labels) for item in dataset.items])
    made = {int(row): ends for row in tried if (ends := _ends(row, x, scaled, labels)) is not None}
    if len(made) < max(3, INTERPOLATED_ROWS * len(tried)):
        return
    torn: dict[int, None] = {}
    for train, test in parts:
        trained, tested = set(train.tolist()), set(test.tolist())
        for row, ends in made.items():
            sides = {row, *ends}
            if sides & trained and sides & tested:
                torn |= dict.fromkeys(sorted(sides & tested))
    if torn:
        items = tuple(dataset.items[row].item_id for row in torn)
        yield Leak(
            kind="fitted-before-split",
            evidence=f"{len(made)} of {len(tried)} rows lie exactly between two others of their "
            "label, with one of the three tested and another trained on: rows were interpolated "
            f"before the split ({shown(items)})",
            items=items,
        )


def _ends(
    row: np.int64, x: Matrix, scaled: Matrix, labels: NDArray[np.str_]
) -> tuple[int, int] | None:
    """The two rows that ``row`` lies between; neighbours as measured and as scaled are tried."""
    same = np.flatnonzero(labels == labels[row])
    if (np.ptp(scaled[same], axis=0) > 0).sum() < FEWEST_COLUMNS:
        return None  # in so few dimensions everything lies on a line
    near: list[int] = []
    for space in (x, scaled):
        distances = ((space[same] - space[row]) ** 2).sum(axis=1)
        near += same[np.argsort(distances, kind="stable")[: NEIGHBOURS + 1]].tolist()
    ways = scaled[near] - scaled[row]
    lengths = np.sqrt((ways**2).sum(axis=1))
    there = lengths > 1e-9
    ways, ends = ways[there] / lengths[there, None], np.array(near)[there]
    if len(ends) < 2:
        return None
    cosines = ways @ ways.T
    one, other = np.unravel_index(cosines.argmin(), cosines.shape)
    return (int(ends[one]), int(ends[other])) if cosines[one, other] < ON_A_LINE else None


def _same_sound(
    dataset: Dataset, x: Matrix, parts: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> Iterator[Leak]:
    """Test rows that a training row of another recording equals but for noise."""
    scaled = _scaled(x)
    groups = np.array(dataset.groups(), dtype=object)
    generator = np.random.default_rng(0)
    found: dict[int, int] = {}
    tried = 0
    for train, test in parts:
        some = np.sort(generator.permutation(test)[: max(1, ROWS_TRIED // len(parts))])
        tried += len(some)
        nearest = train[_squared_distances(scaled[some], scaled[train]).argmin(axis=1)]
        distances = np.sqrt(((scaled[some] - scaled[nearest]) ** 2).sum(axis=1))
        limit = SAME_SOUND * float(np.median(distances))
        for row, partner, distance in zip(some, nearest, distances, strict=True):
            if 0 < distance < limit and groups[row] != groups[partner]:
                found.setdefault(int(row), int(partner))
    if found:
        ids = [item.item_id for item in dataset.items]
        examples = shown(f"{ids[row]} with {ids[partner]}" for row, partner in found.items())
        yield Leak(
            kind="near-duplicates",
            evidence=f"{len(found)} of the {tried} test rows tried equal a training row of another "
            f"recording but for {SAME_SOUND:.0%} of the usual distance ({examples})",
            items=tuple(ids[row] for row in found),
        )


def _scaled(x: Matrix) -> Matrix:
    spread = x.std(axis=0)
    return np.asarray((x - x.mean(axis=0))[:, spread > 0] / spread[spread > 0])


def _squared_distances(some: Matrix, others: Matrix) -> Matrix:
    squares = (some**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * some @ others.T
    return np.asarray(np.maximum(squares, 0.0))
