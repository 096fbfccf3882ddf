"""Scales, chords by Roman numeral, and voicings. Pitches are MIDI note numbers (60 is middle C)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from genrekit.errors import ConfigError

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
}

_QUALITIES: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "5": (0, 7, 12),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
    "9": (0, 4, 10, 14),
    "m9": (0, 3, 10, 14),
    "maj9": (0, 4, 11, 14),
    "13": (0, 4, 10, 21),
    "o": (0, 3, 6),
    "m7b5": (0, 3, 6, 10),
    "sus4": (0, 5, 7),
}
_DEGREES = {"I": 0, "II": 2, "III": 4, "IV": 5, "V": 7, "VI": 9, "VII": 11}
_ROMAN = re.compile(r"(b?)([IV]+|[iv]+)(.*)")


class Chord(NamedTuple):
    """A root pitch class (0 to 11) and the intervals above it in semitones."""

    root: int
    intervals: tuple[int, ...]


def chord(roman: str, key: int) -> Chord:
    """Read ``"I"``, ``"vi7"``, ``"bVII"``, ``"V9"`` in the key with tonic pitch class ``key``.

    Lower case is minor; a degree is counted on the major scale, ``b`` lowers it.

    Raises
    ------
    ConfigError
        If the numeral cannot be read.
    """
    found = _ROMAN.fullmatch(roman)
    degree = _DEGREES.get(found[2].upper()) if found else None
    if found is None or degree is None:
        raise ConfigError(f"{roman!r} is not a chord; write it like 'I', 'vi7' or 'bVII'")
    quality = found[3]
    if found[2].islower() and not quality.startswith(("m", "o")):
        quality = "m" + quality
    if quality not in _QUALITIES:
        raise ConfigError(f"chord quality {quality!r} is unknown; known: {sorted(_QUALITIES)}")
    return Chord((key + degree - bool(found[1])) % 12, _QUALITIES[quality])


def chords(romans: str, key: int) -> tuple[Chord, ...]:
    """Read several chords separated by spaces."""
    return tuple(chord(roman, key) for roman in romans.split())


def voiced(harmony: Chord, centre: int) -> tuple[int, ...]:
    """Return the chord's notes as pitches, each in the octave nearest to ``centre``, sorted."""
    nearest = {centre + (harmony.root + step - centre + 6) % 12 - 6 for step in harmony.intervals}
    return tuple(sorted(nearest))


def root_near(harmony: Chord, centre: int) -> int:
    """Return the chord's root as the pitch nearest to ``centre``."""
    return centre + (harmony.root - centre + 6) % 12 - 6


def scale_pitches(key: int, scale: str, low: int, high: int) -> tuple[int, ...]:
    """All pitches of a scale from ``low`` to ``high``."""
    steps = {(key + step) % 12 for step in SCALES[scale]}
    return tuple(pitch for pitch in range(low, high + 1) if pitch % 12 in steps)


def nearest(pitch: float, pitches: Sequence[int]) -> int:
    """Return the member of ``pitches`` nearest to ``pitch``, the lower one when two are as near."""
    return min(pitches, key=lambda candidate: (abs(candidate - pitch), candidate))
