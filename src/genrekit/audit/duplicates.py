"""What occurs twice: exactly, nearly, and under two labels; and how much of what is known."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genrekit.audit.finding import (
    Finding,
    FoundItem,
    Kind,
    KnownRepetitions,
    found,
    make_finding,
    own_recording,
)
from genrekit.datasets import EXACT_REPETITIONS, NEAR_REPETITIONS, Dataset, parse_name
from genrekit.evaluation import wilson

#: A pair of rows is near if each is the other's nearest and less than this share as far as the
#: next one, or if it is less than `NEAR_OF_MEDIAN` of the median distance to the nearest. In few
#: dimensions chance comes that near too, and less is asked for: see `_limits`. Measured on four
#: published tables of GTZAN: every pair found so is a repetition that is known, or that another
#: table or the set of pictures shows too.
NEAR_OF_NEXT = 0.5
NEAR_OF_MEDIAN = 0.3
#: So many pairs by chance are accepted in a table.
CHANCE_PAIRS = 0.2
#: Of recordings with several rows, this share of the shorter one's has to be near the other's.
LEAST_ROWS_NEAR = 1 / 3
#: All rows are compared with all: beyond this it would take more than minutes.
MOST_ROWS = 30_000

_ROWS_AT_ONCE = 512
DUPLICATE_KINDS = (
    "exact-duplicate",
    "identical-rows",
    "near-duplicate",
    "one-recording-two-labels",
)


class NearPair(NamedTuple):
    """Two rows that are nearly the same; ``evidence`` says how nearly."""

    first: int
    second: int
    evidence: Mapping[str, float]


def near_rows(features: NDArray[np.float64], recordings: Sequence[str]) -> list[NearPair]:
    """Pairs of rows of different recordings that are suspiciously close.

    Parameters
    ----------
    features : ndarray, shape (n, columns)
        Standardised here; columns that never change are passed over.
    recordings : sequence of str
        Rows of one recording are close by nature and never paired. Of recordings with several
        rows, a third of those of the shorter one has to be near some of the other.
    """
    spread = features.std(axis=0)
    scaled = (features - features.mean(axis=0))[:, spread > 0] / spread[spread > 0]
    names, number = np.unique(np.array(recordings, dtype=object), return_inverse=True)
    if len(names) < 3 or scaled.shape[1] == 0:
        return []
    around = find_neighbours(scaled, number)
    typical = float(np.median(around.gap))
    of_next, of_median = _limits(around)
    pairs = _mutual(around, of_next)
    pairs |= _within(scaled, number, around.gap, of_median * typical)
    return [
        NearPair(row, other, {"gap_of_typical": round(gap / typical, 4) if typical else 0.0})
        for (row, other), gap in _of_whole_recordings(pairs, number)
    ]


class Neighbourhood(NamedTuple):
    """For each row the nearest one of another recording, its distance, and the next of a third."""

    nearest: NDArray[np.int64]
    gap: NDArray[np.float64]
    next_gap: NDArray[np.float64]


def _distances(
    scaled: NDArray[np.float64], number: NDArray[np.int64], rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Euclidean distances (rows, n); infinite within a recording."""
    squares = np.square(scaled).sum(axis=1)
    products = scaled[rows] @ scaled.T
    gaps: NDArray[np.float64] = np.sqrt(
        np.maximum(squares[rows, None] + squares[None] - 2 * products, 0)
    )
    gaps[number[rows, None] == number[None]] = np.inf
    return gaps


def find_neighbours(scaled: NDArray[np.float64], number: NDArray[np.int64]) -> Neighbourhood:
    """Look around each row.

    Parameters
    ----------
    scaled : ndarray, shape (n, columns)
        Compared by Euclidean distance, as they are.
    number : ndarray of int, shape (n,)
        The recording of each row; of at least three.
    """
    n = len(scaled)
    nearest, gap, next_gap = np.empty(n, np.int64), np.empty(n), np.empty(n)
    for start in range(0, n, _ROWS_AT_ONCE):
        rows = np.arange(start, min(start + _ROWS_AT_ONCE, n))
        gaps = _distances(scaled, number, rows)
        nearest[rows] = gaps.argmin(axis=1)
        gap[rows] = gaps[np.arange(len(rows)), nearest[rows]]
        gaps[number[nearest[rows], None] == number[None]] = np.inf
        next_gap[rows] = gaps.min(axis=1)
    return Neighbourhood(nearest, gap, next_gap)


def _limits(around: Neighbourhood) -> tuple[float, float]:
    """Return the two shares below which no more than `CHANCE_PAIRS` pairs come by chance.

    Among points without duplicates in D dimensions, the nearest is less than a share r as far as
    the second with a probability of r**D; the median of that share tells D. Source: E. Facco et
    al., "Estimating the intrinsic dimension of datasets by a minimal neighborhood information",
    Scientific Reports 7, 2017.
    """
    apart = np.isfinite(around.next_gap) & (around.next_gap > 0)
    share = around.gap[apart] / around.next_gap[apart]
    middle = float(np.median(share)) if len(share) else 1.0
    if not 0 < middle < 1:
        return 0.0, 0.0
    dimensions = math.log(0.5) / math.log(middle)
    chance = (CHANCE_PAIRS / len(around.gap)) ** (1 / dimensions)
    return min(NEAR_OF_NEXT, chance), min(NEAR_OF_MEDIAN, chance)


def _mutual(around: Neighbourhood, of_next: float) -> dict[tuple[int, int], float]:
    pairs = {}
    for row, other in enumerate(around.nearest.tolist()):
        if row < other and around.nearest[other] == row:
            beyond = min(around.next_gap[row], around.next_gap[other])
            if around.gap[row] < of_next * beyond:
                pairs[row, other] = float(around.gap[row])
    return pairs


def _within(
    scaled: NDArray[np.float64],
    number: NDArray[np.int64],
    gap: NDArray[np.float64],
    limit: float,
) -> dict[tuple[int, int], float]:
    pairs = {}
    close = np.flatnonzero(gap < limit)
    for start in range(0, len(close), _ROWS_AT_ONCE):
        rows = close[start : start + _ROWS_AT_ONCE]
        gaps = _distances(scaled, number, rows)
        for position, other in np.argwhere(gaps < limit).tolist():
            row = int(rows[position])
            pairs[min(row, other), max(row, other)] = float(gaps[position, other])
    return pairs


def _of_whole_recordings(
    pairs: Mapping[tuple[int, int], float], number: NDArray[np.int64]
) -> list[tuple[tuple[int, int], float]]:
    """Pairs of recordings that are near in enough of their rows: one alike is not repetition."""
    sizes = np.bincount(number)
    rows_near: dict[tuple[int, int], set[int]] = defaultdict(set)
    for pair in pairs:
        for row, other in (pair, pair[::-1]):
            rows_near[int(number[row]), int(number[other])].add(row)

    def enough(one: int, other: int) -> bool:
        # The same number of rows on either side: one row that is near to many says little.
        near = min(len(rows_near[one, other]), len(rows_near[other, one]))
        shorter = int(min(sizes[one], sizes[other]))
        return near >= max(1, round(LEAST_ROWS_NEAR * shorter))

    return [
        (pair, gap)
        for pair, gap in sorted(pairs.items())
        if enough(int(number[pair[0]]), int(number[pair[1]]))
    ]


# --- findings -----------------------------------------------------------------------------------


def duplicate_findings(
    dataset: Dataset,
    contents: Mapping[int, str],
    pairs: Sequence[NearPair],
    *,
    exact_kind: Kind,
    root: str = "",
    best: Mapping[int, float] | None = None,
) -> Iterator[Finding]:
    """Everything that occurs twice; what is under several labels is told as that.

    Parameters
    ----------
    contents : Mapping[int, str]
        Row to a hash of its content: equal content, equal hash.
    pairs : sequence of Near
        Rows that are nearly the same.
    exact_kind : {"exact-duplicate", "identical-rows"}
    best : Mapping[int, float], optional
        Row to how good it is: the best of a cluster comes first, which is the one to keep.
    """
    rank = best or {}
    copies: dict[str, list[int]] = defaultdict(list)
    for row, content in contents.items():
        copies[content].append(row)
    exact = [rows for rows in copies.values() if len(rows) > 1]
    for rows in exact:
        items = found(dataset, sorted(rows, key=lambda row: (-rank.get(row, 0.0), row)), root)
        yield _repeated(dataset, items, exact_kind, {"copies": float(len(items))})
    yield from _near_findings(dataset, exact, pairs, rank, root)


def _near_findings(
    dataset: Dataset,
    exact: Sequence[Sequence[int]],
    pairs: Sequence[NearPair],
    rank: Mapping[int, float],
    root: str,
) -> Iterator[Finding]:
    """One finding for each set of recordings that hang together by near pairs."""
    recordings = [own_recording(item) for item in dataset.items]
    groups_found = clusters(
        (recordings[rows[0]], recordings[row]) for rows in exact for row in rows[1:]
    )
    known = {name: number for number, cluster in enumerate(groups_found) for name in cluster}
    fresh = [
        pair
        for pair in pairs
        if recordings[pair.first] != recordings[pair.second]
        and known.get(recordings[pair.first], -1) != known.get(recordings[pair.second], -2)
    ]
    for cluster in clusters((recordings[one.first], recordings[one.second]) for one in fresh):
        rows = [row for row, name in enumerate(recordings) if name in cluster]
        inside = [pair.evidence for pair in fresh if recordings[pair.first] in cluster]
        items = found(dataset, sorted(rows, key=lambda row: (-rank.get(row, 0.0), row)), root)
        evidence = {"pairs": float(len(inside))} | dict(inside[0])
        yield _repeated(dataset, items, "near-duplicate", evidence)


def _repeated(
    dataset: Dataset, items: Sequence[FoundItem], kind: Kind, evidence: Mapping[str, float]
) -> Finding:
    near = kind == "near-duplicate"
    how = "nearly the same" if near else "the same"
    names = _listed(list(dict.fromkeys(item.recording if near else item.item_id for item in items)))
    labels = [set(item.labels) for item in items]
    union = sorted(set().union(*labels))
    contradictory = not set.intersection(*labels) if labels else False
    if contradictory:
        message = f"{names} are {how}, under the labels {_listed(union)}"
        return make_finding("one-recording-two-labels", message, items, evidence=evidence)
    return make_finding(kind, f"{names} are {how}", items, evidence=evidence)


def _listed(names: Sequence[str], most: int = 6) -> str:
    shown = list(names[:most])
    rest = len(names) - len(shown)
    return (
        f"{', '.join(shown)} and {rest} more"
        if rest
        else " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
    )


def clusters(pairs: Iterable[tuple[str, str]]) -> list[set[str]]:
    """Names that hang together by pairs, each set once, in the order of their first pair."""
    representative: dict[str, str] = {}

    def lead(name: str) -> str:
        representative.setdefault(name, name)
        while representative[name] != name:
            representative[name] = representative[representative[name]]
            name = representative[name]
        return name

    for one, other in pairs:
        representative[lead(other)] = lead(one)
    sets: dict[str, set[str]] = defaultdict(set)
    for name in list(representative):
        sets[lead(name)].add(name)
    return list(sets.values())


# --- what is known ------------------------------------------------------------------------------


def known_repetitions(dataset: Dataset, findings: Iterable[Finding]) -> KnownRepetitions | None:
    """Hold the duplicates found against the known ones of GTZAN; None for other corpora."""
    names = [parse_name(item.item_id) for item in dataset.items]
    tracks = {name.track for name in names if name}
    if len(tracks) < 2 or not all(names):
        return None
    seen: set[tuple[str, ...]] = set()
    for finding in findings:
        if finding.kind in DUPLICATE_KINDS:
            recordings = sorted({item.recording for item in finding.items})
            seen.update(combinations(recordings, 2))
    exact = [pair for pair in EXACT_REPETITIONS if tracks.issuperset(pair)]
    near = [pair for pair in NEAR_REPETITIONS if tracks.issuperset(pair)]
    hits = [pair for pair in exact + near if tuple(sorted(pair)) in seen]
    listed = {tuple(sorted(pair)) for pair in EXACT_REPETITIONS + NEAR_REPETITIONS}
    return KnownRepetitions(
        exact_known=len(exact),
        exact_found=len([pair for pair in exact if pair in hits]),
        near_known=len(near),
        near_found=len([pair for pair in near if pair in hits]),
        recall=wilson(len(hits), len(exact + near)) if exact + near else None,
        missed=tuple(pair for pair in exact + near if pair not in hits),
        further=tuple((pair[0], pair[1]) for pair in sorted(seen - listed)),
    )
