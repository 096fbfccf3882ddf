"""Recordings that share audio: copies, excerpts, re-encodings, other speeds of one recording.

Two steps. An inverted index of constellation hashes proposes pairs: those with several equal
hashes at one place. Each proposed pair is then laid on each other, and the landmarks that fall
together are counted. No step looks at all pairs: the work grows with the number of recordings and
with the number of true matches (see docs/results/fingerprint.md).

Another performance of the same song is another recording, and no match.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genrekit.fingerprint.constellation import WIDEST_SHIFT_SEMITONES, hashes, speed_of
from genrekit.fingerprint.hash_index import LEAST_VOTES, MOST_FOLLOWERS, propose
from genrekit.fingerprint.landmarks import RANGE_SEMITONES, Fingerprint

Floats = NDArray[np.float64]

#: A pair is a match from this score on. Different pieces of the jukebox that share patterns, key
#: and tempo come close to it, copies lie well above (docs/results/fingerprint.md).
LEAST_SCORE = 0.55
#: Fewer common landmarks than this (about half a second of music) are never a match.
LEAST_COMMON = 12

# A longer stretch is scored by its best part of this length, so that a cut or another ending does
# not hide a copy.
_SCORED_SECONDS = 10.0
_CELL_SECONDS = 1.0
_FIRST_SECONDS, _FIRST_SEMITONES = 0.12, 0.4
_LAST_SECONDS, _LAST_SEMITONES = 0.03, 0.25
# Speed is measured on common audio of at least this length; shorter ones follow their pitch.
_SPEED_NEEDS_SECONDS = 6.0


@dataclass(frozen=True, slots=True)
class Match:
    """Two recordings that share audio.

    Parameters
    ----------
    first, second : str
        Their names, in the order of the mapping that was searched.
    score : float
        Share of the landmarks that both have, less what chance gives, 0 to 1, in the common
        stretch or the best ten seconds of it; the one with fewer landmarks counts.
    offset_seconds : float
        Where the beginning of ``second`` lies in ``first``; negative if before it.
    speed : float
        How much faster ``second`` plays: ``t_first = offset_seconds + speed * t_second``.
    common_seconds : float
        Length of the stretch where both sound, in the time of ``first``.
    """

    first: str
    second: str
    score: float
    offset_seconds: float
    speed: float
    common_seconds: float


def find_near_duplicates(
    fingerprints: Mapping[str, Fingerprint], *, least_score: float = LEAST_SCORE
) -> list[Match]:
    """Find all pairs that share audio, without comparing all pairs.

    Parameters
    ----------
    fingerprints : mapping of str to Fingerprint
    least_score : float
        Lower values than the default also find different recordings that share loops.

    Returns
    -------
    list of Match
        Best first. Of more than 64 copies of one recording not all pairs are listed, but a chain
        of matches connects them.
    """
    names = list(fingerprints)
    # The order of the mapping must not decide what is found.
    order = sorted(names, key=lambda name: _rank(fingerprints[name]), reverse=True)
    position = {name: number for number, name in enumerate(names)}
    matches = []
    for longer, shorter in propose([fingerprints[name] for name in order]).pairs:
        first, second = sorted((order[longer], order[shorter]), key=position.__getitem__)
        match = compare(fingerprints[first], fingerprints[second], names=(first, second))
        if match is not None and match.score >= least_score:
            matches.append(match)
    return sorted(matches, key=lambda match: (-match.score, position[match.first], match.second))


def compare(
    first: Fingerprint, second: Fingerprint, *, names: tuple[str, str] = ("first", "second")
) -> Match | None:
    """Lay two recordings on each other where most hashes agree.

    Returns
    -------
    Match or None
        Whatever the score is; None if there is no place to lay them, or hardly anything in common.
    """
    # Rounding must not depend on which of the two is called the first.
    swapped = _rank(first) < _rank(second)
    longer, shorter = (second, first) if swapped else (first, second)
    points = _points(longer), _points(shorter)
    fit = _align(*points)
    if fit is None:
        return None
    score, common_seconds = _score(*points, fit)
    if swapped:
        common_seconds /= fit.speed
        fit = _Fit(-fit.offset / fit.speed, 1 / fit.speed, -fit.shift)
    return Match(*names, score, fit.offset, fit.speed, common_seconds)


def _rank(print_: Fingerprint) -> tuple[int, bytes, float]:
    return len(print_), print_.landmarks, print_.seconds


# --- laying on each other -----------------------------------------------------------------------


class _Fit(NamedTuple):
    """Second in first: ``t_first = offset + speed * t_second``, second higher by ``shift``."""

    offset: float
    speed: float
    shift: float


class _Points(NamedTuple):
    """One recording's landmarks, unpacked, and its hashes in ascending order."""

    times: Floats
    pitches: Floats
    seconds: float
    keys: NDArray[np.uint64]
    anchors: NDArray[np.int64]


# A recording with many copies is compared with one after the other.
@lru_cache(maxsize=256)
def _points(one: Fingerprint) -> _Points:
    times, pitches = one.times_seconds, one.pitches_semitones
    keys, anchors = hashes(times, pitches)
    order = np.argsort(keys, kind="stable")
    return _Points(times, pitches, one.seconds, keys[order], anchors[order])


def _align(first: _Points, second: _Points) -> _Fit | None:
    """Return the place that most hashes vote for, made exact with the landmarks themselves."""
    one, other = _equal_between(first, second)
    shift = second.pitches[other] - first.pitches[one]
    use = np.abs(shift) < WIDEST_SHIFT_SEMITONES
    one, other, shift = one[use], other[use], shift[use]
    if len(one) < LEAST_VOTES:
        return None
    offset = first.times[one] - speed_of(shift) * second.times[other]
    order = np.argsort(offset, kind="stable")
    until = np.searchsorted(offset[order], offset[order] + _CELL_SECONDS)
    most = int(np.argmax(until - np.arange(len(order))))
    agree = order[most : until[most]]
    fit = _fitted(first, second, one[agree], other[agree])
    for _ in range(2):
        one, other = _common(first, second, fit, _FIRST_SECONDS, _FIRST_SEMITONES)
        if len(one) < LEAST_COMMON:
            return None
        fit = _fitted(first, second, one, other)
    return fit


def _equal_between(first: _Points, second: _Points) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of landmarks, one of each recording, that begin equal hashes."""
    begin = np.searchsorted(first.keys, second.keys)
    end = np.searchsorted(first.keys, second.keys, side="right")
    counts = np.minimum(end - begin, MOST_FOLLOWERS)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return first.anchors[np.repeat(begin, counts) + within], np.repeat(second.anchors, counts)


def _fitted(
    first: _Points, second: _Points, one: NDArray[np.int64], other: NDArray[np.int64]
) -> _Fit:
    """Return the line through pairs of landmarks."""
    t_first, t_second = first.times[one], second.times[other]
    shift = float(np.median(second.pitches[other] - first.pitches[one]))
    if np.ptp(t_second) < _SPEED_NEEDS_SECONDS:
        speed = float(speed_of(np.array(shift)))
    else:
        centred = t_second - t_second.mean()
        # Chance alone could put the line askew; nothing plays backwards.
        speed = max(0.5, float(centred @ t_first / (centred @ centred)))
    return _Fit(float(np.median(t_first - speed * t_second)), speed, shift)


def _common(
    first: _Points, second: _Points, fit: _Fit, seconds: float, semitones: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of landmarks that fall together within a tolerance."""
    times = fit.offset + fit.speed * second.times
    pitches = second.pitches - fit.shift
    begin = np.searchsorted(first.times, times - seconds)
    counts = np.searchsorted(first.times, times + seconds, side="right") - begin
    other = np.repeat(np.arange(len(times)), counts)
    one = np.arange(len(other)) + np.repeat(begin - (np.cumsum(counts) - counts), counts)
    near = np.abs(first.pitches[one] - pitches[other]) <= semitones
    return one[near], other[near]


def _score(first: _Points, second: _Points, fit: _Fit) -> tuple[float, float]:
    """Share of common landmarks beyond chance, and seconds of the common stretch."""
    begin = max(0.0, fit.offset)
    seconds = min(first.seconds, fit.offset + fit.speed * second.seconds) - begin
    if seconds <= 0:
        return 0.0, 0.0
    one, other = _common(first, second, fit, _LAST_SECONDS, _LAST_SEMITONES)
    scored = min(seconds, _SCORED_SECONDS)
    in_first = fit.offset + fit.speed * second.times
    begins = np.arange(begin, begin + seconds - scored + 1e-6)
    counts = _counts(first.times, begins, scored), _counts(in_first, begins, scored)
    common = np.minimum(
        _counts(first.times[np.unique(one)], begins, scored),
        _counts(in_first[np.unique(other)], begins, scored),
    )
    fewer, more = np.minimum(*counts), np.maximum(*counts)
    # A landmark meets another one by chance as often as their tolerances cover the plane.
    covered = 4 * _LAST_SECONDS * _LAST_SEMITONES / (scored * RANGE_SEMITONES)
    chance = 1 - np.exp(-more * covered)
    shares = np.where(common >= LEAST_COMMON, common / np.maximum(fewer, 1), 0.0)
    # In next to no time it is certain to.
    left = np.maximum(1 - chance, np.finfo(np.float64).eps)
    return float(np.clip((shares - chance) / left, 0, 1).max()), seconds


def _counts(times: Floats, begins: Floats, seconds: float) -> NDArray[np.int64]:
    """Of ascending times, how many lie in each stretch."""
    return np.searchsorted(times, begins + seconds, side="right") - np.searchsorted(times, begins)
