"""Melodies: short motifs that come back, laid over a scale and pulled towards the chord."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from genrekit.jukebox.harmony import Chord, nearest
from genrekit.jukebox.score import Sheet


class Motif(NamedTuple):
    """Onsets and lengths in beats, and the step of each note on the scale from the one before."""

    onsets: tuple[float, ...]
    lengths: tuple[float, ...]
    steps: tuple[int, ...]


def invent(
    rng: np.random.Generator, beats: float, grid_beats: float, density: float, leap: float = 1.6
) -> Motif:
    """Make up a motif.

    Parameters
    ----------
    beats : float
        Its length.
    grid_beats : float
        Notes start on multiples of this.
    density : float
        Probability that a place of the grid has a note.
    leap : float
        Typical size of a step on the scale.
    """
    places = np.arange(0, beats, grid_beats)
    strong = np.where(places % 1 == 0, 0.25, 0.0)
    taken = places[rng.random(len(places)) < density + strong]
    onsets = [float(place) for place in taken] or [0.0]
    ends = [*onsets[1:], beats]
    lengths = [
        max(grid_beats, (end - onset) * rng.uniform(0.55, 0.95))
        for onset, end in zip(onsets, ends, strict=True)
    ]
    steps = np.rint(rng.normal(0, leap, len(onsets))).astype(int)
    return Motif(tuple(onsets), tuple(lengths), tuple(int(step) for step in steps))


def sing(
    sheet: Sheet,
    line: str,
    beat: float,
    motif: Motif,
    pitches: Sequence[int],
    centre: float,
    harmony: Chord,
    *,
    velocity: float = 0.8,
    bend: float = 0.0,
) -> None:
    """Play a motif from ``beat`` on: notes of ``pitches`` around ``centre``.

    On full beats a note of the chord is taken where one is near. ``bend`` is the chance that a
    note is reached from below.
    """
    tones = [p for p in pitches if (p - harmony.root) % 12 in {i % 12 for i in harmony.intervals}]
    place = pitches.index(nearest(centre, pitches))
    for onset, length, step in zip(*motif, strict=True):
        place = int(np.clip(place + step, 0, len(pitches) - 1))
        pitch = pitches[place]
        if onset % 1 == 0 and tones:
            chord_tone = nearest(pitch, tones)
            pitch = chord_tone if abs(chord_tone - pitch) <= 2 else pitch
        # Far from the centre, turn back.
        place -= int(np.sign(pitch - centre)) if abs(pitch - centre) > 7 else 0
        bent = float(sheet.rng.choice((-2.0, -1.0))) if sheet.rng.random() < bend else 0.0
        sheet.play(
            line,
            beat + onset,
            length,
            pitch,
            velocity * (1.1 if onset % 1 == 0 else 0.9),
            bend=bent,
            colour=int(sheet.rng.integers(5)),
        )


def consonants(sheet: Sheet, beat: float, motif: Motif, share: float = 0.6) -> None:
    """Add the plosives and sibilants of a sung or spoken motif to lines of these names."""
    for onset in motif.onsets:
        if sheet.rng.random() < share:
            line = "sibilant" if sheet.rng.random() < 0.4 else "plosive"
            velocity = float(sheet.rng.uniform(0.5, 1.0))
            sheet.play(line, beat + onset, 0.1, 60, velocity, late_seconds=-0.03)
