"""Groups of four landmarks as one number that a change of speed leaves (nearly) alone.

Playing a recording faster adds the same interval to all pitches and divides all times by the same
factor, so differences of pitches and ratios of times stay (J. Six and M. Leman, "Panako", ISMIR
2014, with three points; R. Sonnleitner and G. Widmer, "Robust quad-based audio fingerprinting",
IEEE/ACM TASLP 24(3), 2016, with four). A coarse pitch and a coarse length are added: they tell
different music apart and survive a few percent.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The first four landmarks that follow within this time and interval are combined by threes.
_SOONEST_SECONDS = 0.15
_LATEST_SECONDS = 1.2
_WIDEST_SEMITONES = 14.0
_PARTNERS = 4
_TRIED = 16

#: Two equal hashes mean the same music only if their pitches differ by less: 7 % of speed.
WIDEST_SHIFT_SEMITONES = 1.2
# Smaller shifts than this are how exact one landmark is.
_NO_SHIFT_SEMITONES = 0.12

# Widths of the cells that a hash tells apart.
_INTERVAL_SEMITONES = 0.3
_RATIO = 1 / 18
_PITCH_SEMITONES = 2.5
_LOG_LENGTH = 0.4

_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2**64 divided by the golden ratio (Knuth, TAOCP 6.4)


def hashes(
    times_seconds: NDArray[np.float64], pitches_semitones: NDArray[np.float64]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Hashes of 32 bits, and for each the position of its first landmark.

    Parameters
    ----------
    times_seconds : (n,) float64
        Ascending. Recordings more than 1.2 s apart do not mix, so several can be hashed at once.
    pitches_semitones : (n,) float64
    """
    first = np.arange(len(times_seconds))
    partners = _partners(times_seconds, pitches_semitones)
    parts: list[tuple[NDArray[np.uint64], NDArray[np.int64]]] = []
    for chosen in combinations(range(_PARTNERS), 3):
        complete = (partners[list(chosen)] >= 0).all(axis=0)
        group = np.vstack([first[complete], partners[list(chosen)][:, complete]])
        parts.append((_hash(times_seconds[group], pitches_semitones[group]), group[0]))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def speed_of(shift_semitones: NDArray[Any]) -> NDArray[np.float64]:
    """How much faster something plays that sounds higher by this."""
    small = np.abs(shift_semitones) < _NO_SHIFT_SEMITONES
    return np.where(small, 1.0, 2 ** (shift_semitones / 12))


def _partners(times: NDArray[np.float64], pitches: NDArray[np.float64]) -> NDArray[np.int64]:
    """Positions of the landmarks that each is combined with, or -1, shape (_PARTNERS, n)."""
    n = len(times)
    partners = np.full((_PARTNERS, n), -1, np.int64)
    found = np.zeros(n, np.int64)
    begin = np.searchsorted(times, times + _SOONEST_SECONDS)
    for step in range(_TRIED):
        row = np.flatnonzero((begin + step < n) & (found < _PARTNERS))
        other = begin[row] + step
        near = (times[other] < times[row] + _LATEST_SECONDS) & (
            np.abs(pitches[other] - pitches[row]) < _WIDEST_SEMITONES
        )
        row, other = row[near], other[near]
        partners[found[row], row] = other
        found[row] += 1
    return partners


def _hash(times: NDArray[np.float64], pitches: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Hash groups of four, shape (4, n), to 32 bits each."""
    delays = times[1:] - times[0]
    cells = [
        *(np.rint((pitches[1:] - pitches[0]) / _INTERVAL_SEMITONES)),
        *np.floor(delays[:2] / (delays[2] * _RATIO)),
        np.floor(pitches[0] / _PITCH_SEMITONES),
        np.floor(np.log(delays[2]) / _LOG_LENGTH),
    ]
    mixed = np.zeros(times.shape[1], np.uint64)
    for cell in cells:
        mixed = (mixed ^ cell.astype(np.int64).view(np.uint64)) * _MIX
        mixed ^= mixed >> np.uint64(32)
    return mixed & np.uint64(0xFFFFFFFF)
