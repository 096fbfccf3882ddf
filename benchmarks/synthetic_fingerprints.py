"""Fingerprints of recordings that do not exist, as many as wanted, for timing the search.

A synthetic fingerprint takes its rhythm from one real fingerprint and its pitches from another,
both in shuffled blocks of a few landmarks, and plays them at a random tempo in a random key:
spacing, repeated tones and intervals stay as they are in music, and sources come back in many of
them, but no two have a stretch in common.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from genrekit.fingerprint import PITCH_STEPS, RANGE_SEMITONES, TICKS_PER_SECOND, Fingerprint

Floats = NDArray[np.float64]
#: Every so many, one is an altered copy of the one before it.
COPY_EVERY = 100


def synthetic(sources: Sequence[Fingerprint], count: int, seed: int = 0) -> list[Fingerprint]:
    """``count`` fingerprints; numbers 99, 199, ... are copies of 98, 198, ..."""
    rng = np.random.default_rng(seed)
    unpacked = [(one.times_seconds, one.pitches_semitones) for one in sources]
    made: list[Fingerprint] = []
    for number in range(count):
        if number % COPY_EVERY == COPY_EVERY - 1:
            made.append(_altered(made[-1], rng))
            continue
        rhythm, melody = rng.integers(0, len(unpacked), 2)
        made.append(_made(unpacked[rhythm][0], unpacked[melody][1], rng))
    return made


def _made(times: Floats, pitches: Floats, rng: np.random.Generator) -> Fingerprint:
    delays = _shuffled(np.diff(times, prepend=0.0), 8, rng) * rng.uniform(0.8, 1.25)
    moved = (_shuffled(pitches, 4, rng) + rng.uniform(0, RANGE_SEMITONES)) % RANGE_SEMITONES
    size = min(len(delays), len(moved))
    return _packed(np.cumsum(delays[:size]), moved[:size])


def _shuffled(values: Floats, block: int, rng: np.random.Generator) -> Floats:
    whole = values[: len(values) // block * block].reshape(-1, block)
    return whole[rng.permutation(len(whole))].ravel()


def _altered(one: Fingerprint, rng: np.random.Generator) -> Fingerprint:
    """A quarter of the landmarks lost, as many others added, the rest not quite in place."""
    begin, end = sorted(rng.uniform(0, one.seconds, 2))
    if end - begin < 5:
        begin, end = 0.0, one.seconds
    times, pitches = one.times_seconds, one.pitches_semitones
    kept = (times >= begin) & (times < end) & (rng.random(len(times)) < 0.75)
    size = int(kept.sum())
    times = times[kept] - begin + rng.normal(0, 0.003, size)
    pitches = pitches[kept] + rng.normal(0, 0.03, size)
    others = size // 4
    return _packed(
        np.concatenate([times, rng.uniform(0, end - begin, others)]),
        np.concatenate([pitches, rng.uniform(0, RANGE_SEMITONES, others)]),
    )


def _packed(times: Floats, pitches: Floats) -> Fingerprint:
    ticks = np.rint(np.maximum(times, 0) * TICKS_PER_SECOND).astype(np.int64)
    steps = np.rint(np.clip(pitches, 0, RANGE_SEMITONES) * PITCH_STEPS).astype(np.int64)
    words = np.sort(ticks << 12 | steps).astype("<u4")
    return Fingerprint(float(times.max(initial=0.0)), words.tobytes())
