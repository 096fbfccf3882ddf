"""Drift: whether what a model is given and answers still looks as where it was measured.

Each number is compared bin by bin with the reference in the model's bundle. Two things must hold
before anything is called drift: the change is large by the usual measure, and chance alone would
hardly ever make it so large with as few tracks.

Sources
-------
N. Siddiqi, "Credit risk scorecards", Wiley 2006: the population stability index (PSI), and that
below 0.1 nothing has changed and from 0.25 on much has; B. Yurdakul and J. Naranjo, "Statistical
properties of the population stability index", Journal of Risk Model Validation 14(4), 2020: of n
and m values in B bins it is about (1/n + 1/m) times a chi-squared of B - 1 degrees of freedom where
nothing changed; J. Lin, "Divergence measures based on the Shannon entropy", IEEE Transactions on
Information Theory 37(1), 1991: the Jensen-Shannon divergence, which lies between 0 and 1.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from genrekit.schema import Contract, Reference

#: PSI from which on something, and much, has changed.
SOME, LARGE = 0.1, 0.25
#: How often one look at all numbers together calls chance a drift, at most.
FALSE_ALARMS = 0.01
#: Tracks below which nothing is said.
FEWEST = 50
#: Bins in which fewer tracks are expected are counted together.
_FEWEST_IN_BIN = 5
_ELSE = ""

Level = Literal["too few", "none", "some", "large"]
LEVELS: tuple[Level, ...] = ("too few", "none", "some", "large")
Counts = NDArray[np.float64]


class Shift(Contract):
    """How far one number has moved.

    Parameters
    ----------
    of : str
        ``"genre"``, ``"confidence"``, or a number of the input.
    psi, js : float
        Population stability index; Jensen-Shannon divergence in bits.
    noise : float
        PSI that chance alone passes once in 100 looks at all numbers together, or less often.
    """

    of: str
    psi: float
    js: float
    noise: float
    level: Level


class Drift(Contract):
    """How far all numbers have moved, the furthest first."""

    tracks: int
    level: Level
    shifts: tuple[Shift, ...] = ()

    @property
    def moved(self) -> tuple[Shift, ...]:
        """Those that drifted."""
        return tuple(shift for shift in self.shifts if shift.level in ("some", "large"))


class Tally:
    """Counts answers, and compares them with the reference.

    Parameters
    ----------
    reference : Reference
    most : int, optional
        Only so many of the latest answers count; None counts all.
    """

    def __init__(self, reference: Reference, most: int | None = None) -> None:
        self._reference = reference
        self._genres = (*reference.genres, _ELSE)
        self._edges = {"confidence": reference.confidence.edges} | {
            name: spread.edges for name, spread in reference.inputs.items()
        }
        self._counts = {"genre": np.zeros(len(self._genres))} | {
            name: np.zeros(len(edges) + 1) for name, edges in self._edges.items()
        }
        self._latest: deque[dict[str, int]] = deque()
        self._most = most
        self.tracks = 0

    def add(self, genre: str, confidence: float, inputs: Mapping[str, float]) -> None:
        """Count one answer; ``inputs`` may lack numbers."""
        known = genre if genre in self._reference.genres else _ELSE
        bins = {"genre": self._genres.index(known)}
        for name, edges in self._edges.items():
            value = confidence if name == "confidence" else inputs.get(name)
            if value is not None:
                bins[name] = bisect_right(edges, value)
        self._count(bins, 1)
        if self._most is not None:
            self._latest.append(bins)
            if len(self._latest) > self._most:
                self._count(self._latest.popleft(), -1)

    def drift(self) -> Drift:
        """Return what the counts so far say."""
        if self.tracks < FEWEST:
            return Drift(tracks=self.tracks, level="too few")
        spreads = {"confidence": self._reference.confidence, **self._reference.inputs}
        expected = {"genre": (np.array([*self._reference.genres.values(), 0.0]), self._tracks)}
        expected |= {name: (np.array(one.shares), one.tracks) for name, one in spreads.items()}
        seen = {name: counts for name, counts in self._counts.items() if counts.sum() >= FEWEST}
        found = [_shift(name, counts, *expected[name], len(seen)) for name, counts in seen.items()]
        found.sort(key=lambda shift: (-LEVELS.index(shift.level), -shift.psi))
        return Drift(tracks=self.tracks, level=found[0].level, shifts=tuple(found))

    @property
    def _tracks(self) -> int:
        return self._reference.tracks

    def _count(self, bins: Mapping[str, int], times: int) -> None:
        self.tracks += times
        for name, place in bins.items():
            self._counts[name][place] += times


def _shift(name: str, counts: Counts, shares: Counts, tracks: int, looks: int) -> Shift:
    seen, expected = _together(counts, shares * tracks)
    p, q = _smoothed(seen), _smoothed(expected)
    psi = float(((p - q) * np.log(p / q)).sum())
    middle = (p + q) / 2
    js = float((p * np.log2(p / middle) + q * np.log2(q / middle)).sum() / 2)
    spread = (1 / counts.sum() + 1 / tracks) * _quantile(len(p) - 1, FALSE_ALARMS / looks)
    level: Level = "none"
    if psi > spread and psi >= SOME:
        level = "large" if psi >= LARGE else "some"
    return Shift(of=name, psi=psi, js=max(0.0, js), noise=spread, level=level)


def _together(seen: Counts, expected: Counts) -> tuple[Counts, Counts]:
    """Bins with enough tracks for a chi-squared, and all others as one."""
    scale = min(1.0, seen.sum() / max(expected.sum(), 1.0))
    enough = expected * scale >= _FEWEST_IN_BIN
    if enough.all():
        return seen, expected
    return (
        np.append(seen[enough], seen[~enough].sum()),
        np.append(expected[enough], expected[~enough].sum()),
    )


def _smoothed(counts: Counts) -> Counts:
    """Shares, with half a track more in each bin, so that none is empty."""
    return np.asarray((counts + 0.5) / (counts.sum() + 0.5 * len(counts)))


@lru_cache(maxsize=256)
def _quantile(degrees: int, tail: float) -> float:
    """Of the chi-squared distribution; one bin never moves."""
    from scipy.special import chdtri

    return float(chdtri(degrees, tail)) if degrees else 0.0
