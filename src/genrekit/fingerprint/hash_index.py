"""An inverted index of constellation hashes: which recordings may share audio.

All hashes of all recordings are sorted, and equal neighbours vote for the place of one recording
in the other. The work grows with the number of hashes and of votes, not with the number of pairs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genrekit.fingerprint.constellation import WIDEST_SHIFT_SEMITONES, hashes, speed_of
from genrekit.fingerprint.landmarks import Fingerprint

#: So many equal hashes must agree about the place of one recording in the other; more in large
#: collections, see `votes_needed`.
LEAST_VOTES = 3
_FEW_RECORDINGS = 1000
# Measured: one more vote leaves about this part of the pairs that agree by chance.
_CHANCE_PER_VOTE = 1 / 4
_CELL_SECONDS = 1.0
#: Of landmarks that begin one hash, each is paired with this many that follow. It bounds the work
#: for hashes that everybody has, and leaves chains that reach through any number of copies.
MOST_FOLLOWERS = 64
_LANDMARKS_PER_BLOCK = 2_000_000
_ENTRIES_PER_BLOCK = 8_000_000
# A vote is one number: two recordings, then the place of one in the other in cells.
_OWNER_BITS = 24
_PLACE_BITS = 14
# Between recordings laid one after the other, so that no hash spans two.
_GAP_SECONDS = 10.0


class _LandmarkIndex(NamedTuple):
    """The landmarks of all recordings, one after the other."""

    owners: NDArray[np.int32]
    times: NDArray[np.float32]
    pitches: NDArray[np.float32]


class CandidatePairs(NamedTuple):
    """Which pairs are worth a comparison, and what it took to find them.

    Parameters
    ----------
    pairs : list of (int, int)
        Positions, the smaller first.
    hashes : int
        Entries of the index.
    votes : int
        Pairs of landmarks of different recordings that begin equal hashes.
    """

    pairs: list[tuple[int, int]]
    hashes: int
    votes: int


def propose(fingerprints: Sequence[Fingerprint]) -> CandidatePairs:
    """Find the pairs with enough equal hashes at one place, see `votes_needed`."""
    if not any(len(one) for one in fingerprints):
        return CandidatePairs([], 0, 0)
    landmarks = _LandmarkIndex(
        np.repeat(np.arange(len(fingerprints), dtype=np.int32), [len(o) for o in fingerprints]),
        np.concatenate([one.times_seconds.astype(np.float32) for one in fingerprints]),
        np.concatenate([one.pitches_semitones.astype(np.float32) for one in fingerprints]),
    )
    index = _index(landmarks)
    votes = np.concatenate([_places(landmarks, one, other) for one, other in _equal(index)])
    places, counts = np.unique(votes, return_counts=True)
    enough = counts >= votes_needed(len(fingerprints))
    pairs = np.unique(places[enough] >> _PLACE_BITS).tolist()
    return CandidatePairs(
        [divmod(pair, 1 << _OWNER_BITS) for pair in pairs], len(index), len(votes)
    )


def votes_needed(recordings: int) -> int:
    """Equal hashes at one place that make a pair worth a comparison.

    Every recording meets all others, so what agrees by chance grows with their number; votes are
    added to keep it the same for each recording. True excerpts of two seconds have a dozen.
    """
    times_more = max(1.0, recordings / _FEW_RECORDINGS)
    return LEAST_VOTES + int(math.log(times_more) / -math.log(_CHANCE_PER_VOTE))


def _index(landmarks: _LandmarkIndex) -> NDArray[np.uint64]:
    """All hashes in ascending order, each with the number of its first landmark below it."""
    parts = []
    begin = 0
    while begin < len(landmarks.owners):
        # A block ends where a recording does.
        last = landmarks.owners[min(begin + _LANDMARKS_PER_BLOCK, len(landmarks.owners)) - 1]
        end = int(np.searchsorted(landmarks.owners, last, side="right"))
        times = landmarks.times[begin:end].astype(np.float64)
        apart = times + (landmarks.owners[begin:end] - landmarks.owners[begin]) * (
            times.max() + _GAP_SECONDS
        )
        keys, anchors = hashes(apart, landmarks.pitches[begin:end].astype(np.float64))
        parts.append(keys << np.uint64(32) | (anchors + begin).astype(np.uint64))
        begin = end
    entries = np.concatenate(parts)
    entries.sort()
    return entries


def _equal(entries: NDArray[np.uint64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of landmarks that begin equal hashes, block by block; at least one block."""
    yield np.empty(0, np.int64), np.empty(0, np.int64)
    for begin in range(0, len(entries), _ENTRIES_PER_BLOCK):
        block = entries[begin : begin + _ENTRIES_PER_BLOCK + MOST_FOLLOWERS]
        keys = block >> np.uint64(32)
        anchors = (block & np.uint64(0xFFFFFFFF)).astype(np.int64)
        left = np.arange(min(len(block), _ENTRIES_PER_BLOCK))
        for step in range(1, MOST_FOLLOWERS + 1):
            left = left[left + step < len(block)]
            left = left[keys[left] == keys[left + step]]
            if not len(left):
                break
            yield anchors[left], anchors[left + step]


def _places(
    landmarks: _LandmarkIndex, one: NDArray[np.int64], other: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Pair and offset that each two landmarks vote for, as one number."""
    shift = landmarks.pitches[other] - landmarks.pitches[one]
    use = (landmarks.owners[one] != landmarks.owners[other]) & (
        np.abs(shift) < WIDEST_SHIFT_SEMITONES
    )
    one, other = one[use], other[use]
    offset = landmarks.times[one] - speed_of(shift[use]) * landmarks.times[other]
    place = np.floor(offset / _CELL_SECONDS).astype(np.int64) + (1 << _PLACE_BITS - 1)
    # Entries with equal hashes are in the order of their landmarks, so of their owners.
    pair = landmarks.owners[one].astype(np.int64) << _OWNER_BITS | landmarks.owners[other]
    return pair << _PLACE_BITS | place
