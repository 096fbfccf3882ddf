"""Rows of a table that are changed copies of each other: with noise, or rescaled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import Dataset
from genrekit.evaluation.leak import Leak, shown

#: Distance, in units of the usual one to the nearest row of another recording, below which two
#: rows are one sound; between different recordings of the published GTZAN tables it is never below
#: 0.18, and noise of 2 % of each number moves a row by 0.03 to 0.15.
SAME_SOUND = 0.14
#: Where so many test rows are so much nearer to one training row than to the next, they are copies
#: with more noise; of the rows of published tables that holds for one or two in a hundred.
NEAR_OF_NEXT = 0.6
#: In few dimensions chance comes that near too: so many rows may be found by it, and such a share
#: of rows may be so much nearer to one than to the next.
CHANCE_ROWS = 0.005
CHANCE_SHARE = 0.01
COPIED_SHARE = 0.05
FEWEST_COPIED = 5
#: Test rows that are looked at.
ROWS_TRIED = 4000
#: Rows that tell in how many dimensions all of them lie.
MOST_MEASURED = 1000
#: Columns of which the order of the numbers tells a row from all others.
FEWEST_ORDERED = 8
MOST_PARTNERS = 10
#: How exactly a rescaled row follows its original, as a share of the range.
FITS = 2e-3
#: And in how many columns it is the original then, as a share of how much rows differ there: a few
#: large columns alone order and range every row alike.
SAME_NUMBER = 0.05
SAME_COLUMNS = 0.7
FEWEST_SAME = 6

Matrix = NDArray[np.float64]
Rows = NDArray[np.int64]
Parts = Sequence[tuple[Rows, Rows]]


def copied_leaks(dataset: Dataset, x: Matrix, parts: Parts) -> Iterator[Leak]:
    """Yield what says that test rows have changed copies among the training rows."""
    yield from _noisy(dataset, x, parts)
    yield from _rescaled(dataset, x, parts)


def scaled(x: Matrix) -> Matrix:
    """Columns with mean 0 and deviation 1; those that never change are left out."""
    spread = x.std(axis=0)
    return np.asarray((x - x.mean(axis=0))[:, spread > 0] / spread[spread > 0])


# --- with noise ---------------------------------------------------------------------------------


def _noisy(dataset: Dataset, x: Matrix, parts: Parts) -> Iterator[Leak]:
    unit = scaled(x)
    groups = np.unique(np.array(dataset.groups(), dtype=str), return_inverse=True)[1]
    generator = np.random.default_rng(0)
    same: dict[int, int] = {}
    nearer: dict[int, int] = {}
    tried = 0
    for train, test in parts:
        some = np.sort(generator.permutation(test)[: max(1, ROWS_TRIED // len(parts))])
        tried += len(some)
        nearest, gap, beyond = _nearest(unit, groups, some, train)
        known = np.isfinite(gap)
        if not known.any():
            continue
        # Where most test rows have a copy, only their distances from each other are the usual ones.
        typical = max(float(np.median(gap[known])), _median(_nearest(unit, groups, some, some)[1]))
        dimensions = _dimensions(unit, groups, train)
        same_sound = min(SAME_SOUND, (CHANCE_ROWS / len(x)) ** (1 / dimensions))
        near_of_next = min(NEAR_OF_NEXT, CHANCE_SHARE ** (1 / dimensions))
        for row, partner, near, after in zip(some, nearest, gap, beyond, strict=True):
            if 0 < near < same_sound * typical:
                same.setdefault(int(row), int(partner))
            elif 0 < near < near_of_next * after < np.inf:
                nearer.setdefault(int(row), int(partner))
    if same:
        evidence = f"of the {tried} test rows tried equal a training row of another recording but "
        yield _leak(dataset, same, f"{evidence}for {SAME_SOUND:.0%} of the usual distance")
    elif len(nearer) >= max(FEWEST_COPIED, COPIED_SHARE * tried):
        evidence = f"of the {tried} test rows tried are far nearer to one training row than to the "
        yield _leak(dataset, nearer, f"{evidence}next, as noisy copies are")


def _dimensions(unit: Matrix, groups: Rows, rows: Rows) -> float:
    """In how many dimensions rows lie, by how much further the second neighbour is than the first.

    Source: E. Facco et al., "Estimating the intrinsic dimension of datasets by a minimal
    neighborhood information", Scientific Reports 7, 2017.
    """
    some = rows[:: 1 + (len(rows) - 1) // MOST_MEASURED]
    _, gap, beyond = _nearest(unit, groups, some, some)
    apart = np.isfinite(beyond) & (beyond > 0)
    middle = float(np.median(gap[apart] / beyond[apart])) if apart.any() else 0.0
    found = float(np.log(0.5) / np.log(middle)) if 0 < middle < 1 else 1.0
    return min(found, float(unit.shape[1]))


def _median(gaps: Matrix) -> float:
    known = gaps[np.isfinite(gaps)]
    return float(np.median(known)) if len(known) else 0.0


def _nearest(unit: Matrix, groups: Rows, rows: Rows, others: Rows) -> tuple[Rows, Matrix, Matrix]:
    """For each row the nearest of another recording, its distance, and that to a third one."""
    squares = np.maximum(_squared_distances(unit[rows], unit[others]), 0)
    squares[groups[rows][:, None] == groups[others][None]] = np.inf
    best = squares.argmin(axis=1)
    nearest = others[best]
    # The difference of two squares is too coarse for rows that are nearly equal.
    gap = np.sqrt(((unit[rows] - unit[nearest]) ** 2).sum(axis=1))
    gap[~np.isfinite(squares[np.arange(len(rows)), best])] = np.inf
    squares[groups[nearest][:, None] == groups[others][None]] = np.inf
    return nearest, gap, np.sqrt(squares.min(axis=1))


def _squared_distances(some: Matrix, others: Matrix) -> Matrix:
    squares = (some**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * some @ others.T
    return np.asarray(squares)


# --- rescaled -----------------------------------------------------------------------------------

Scale = Callable[[Matrix], Matrix]
#: What rows are rescaled by, and what takes it back; of sizes alone where the sign is lost.
_SCALES: tuple[tuple[Scale, Scale], ...] = (
    (lambda x: x, lambda x: x),
    (lambda x: np.sign(x) * np.log1p(np.abs(x)), lambda x: np.sign(x) * np.expm1(np.abs(x))),
    (lambda x: np.log1p(np.abs(x)), np.expm1),
    (lambda x: np.log(np.maximum(np.abs(x), 1e-300)), np.exp),
    (lambda x: np.sign(x) * np.sqrt(np.abs(x)), lambda x: np.sign(x) * x**2),
    (np.cbrt, lambda x: x**3),
    (lambda x: np.sign(x) * x**2, lambda x: np.sign(x) * np.sqrt(np.abs(x))),
)


def _rescaled(dataset: Dataset, x: Matrix, parts: Parts) -> Iterator[Leak]:
    """Logarithms, roots and multiples keep the order of a row's numbers."""
    groups = np.array(dataset.groups(), dtype=object)
    positive = [(x[part] > 0).all(axis=0) for part in parts[0]]
    found: dict[int, int] = {}
    for columns, values in (
        (np.ones(x.shape[1], dtype=bool), x),
        (np.ones(x.shape[1], dtype=bool), np.abs(x)),
        *((columns, x) for columns in positive),
    ):
        if columns.sum() < FEWEST_ORDERED:
            continue
        spread = _spread(x[:, columns])
        orders = [row.tobytes() for row in np.argsort(values[:, columns], axis=1, kind="stable")]
        for train, test in parts:
            of_order: dict[bytes, list[int]] = defaultdict(list)
            for row in train.tolist():
                of_order[orders[row]].append(row)
            for row in test.tolist():
                for partner in of_order.get(orders[row], ())[:MOST_PARTNERS]:
                    one, other = x[row, columns], x[partner, columns]
                    if groups[row] != groups[partner] and _follows(one, other, spread):
                        found.setdefault(row, partner)
    if found:
        yield _leak(dataset, found, "test rows are rescaled copies of training rows")


def _spread(x: Matrix) -> Matrix:
    """How much rows usually differ in each column (n,)."""
    typical = np.median(np.abs(x - np.median(x, axis=0)), axis=0)
    deviation = x.std(axis=0)
    return np.where(typical > 0, typical, np.where(deviation > 0, deviation, 1.0))


def _follows(one: Matrix, other: Matrix, spread: Matrix) -> bool:
    """Whether one row is the other under a scale, up to a factor and an offset."""
    if np.array_equal(one, other):
        return False  # an exact duplicate, which is told as that
    pairs = ((one, other), (other, one))
    return any(_is_rescaled(a, b, scale, spread) for scale in _SCALES for a, b in pairs)


def _is_rescaled(a: Matrix, b: Matrix, scale: tuple[Scale, Scale], spread: Matrix) -> bool:
    """Whether ``b`` is a line of what the scale makes of ``a``, and ``a`` when that is undone."""
    there, back = scale
    line = _line(there(a), b)
    if line is None:
        return False
    slope, offset = line
    with np.errstate(over="ignore", invalid="ignore"):
        restored = back((b - offset) / slope)
        miss = np.minimum(np.abs(restored - a), np.abs(restored - np.abs(a))) / spread
    return int((miss < SAME_NUMBER).sum()) >= max(FEWEST_SAME, SAME_COLUMNS * len(miss))


def _line(a: Matrix, b: Matrix) -> tuple[float, float] | None:
    """Slope and offset that make ``b`` of ``a``; None where no line does."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    centred = a - a.mean()
    slope = float(centred @ b / (centred @ centred))
    miss = b - b.mean() - slope * centred
    # The largest number alone would make a line of everything: the smaller half has to follow too.
    small = np.argsort(np.abs(b - np.median(b)))[: max(FEWEST_ORDERED, len(b) // 2)]
    room = FITS * max(float(np.ptp(b[small])), 1e-12)
    if (
        slope == 0
        or np.abs(miss).max() >= FITS * np.ptp(b)
        or np.abs(miss[small]).max() >= 10 * room
    ):
        return None
    return slope, float(b.mean() - slope * a.mean())


def _leak(dataset: Dataset, found: dict[int, int], what: str) -> Leak:
    ids = [item.item_id for item in dataset.items]
    examples = shown(f"{ids[row]} with {ids[partner]}" for row, partner in found.items())
    return Leak(
        kind="near-duplicates",
        evidence=f"{len(found)} {what} ({examples})",
        items=tuple(ids[row] for row in found),
    )
