"""Classical: counterpoint of strings, piano or winds; no drums, free tempo, wide dynamics."""

from __future__ import annotations

import math

import numpy as np

from genrekit.jukebox.harmony import Chord, chords, nearest, scale_pitches, voiced
from genrekit.jukebox.score import Clock, Master, Part, Score, Sheet, pick

_PROGRESSIONS = (
    "I V vi iii IV I ii V7",
    "I vi ii V7 I IV V7 I",
    "i iv V7 i bVI iv iio V7",
    "i V7 i bIII bVI iv V7 i",
    "I IV V7 I vi ii V7 I",
)

_ENSEMBLES = {
    "quartet": ("violin", "violins", "cello", "low cello"),
    "orchestra": ("violins", "oboe", "horn", "low cello"),
    "piano": ("piano", "piano", "piano", "piano"),
    "winds": ("flute", "oboe", "horn", "low cello"),
    "sonata": ("violin", "piano", "piano", "piano"),
}
_PARTS = {
    "violin": Part("violin", -6, 0.4),
    "violins": Part("violins", -7, 0.5),
    "cello": Part("cellos", -8, 0.4),
    "low cello": Part("cellos", -7, 0.4),
    "oboe": Part("oboe", -10, 0.5),
    "flute": Part("flute", -6, 0.5),
    "horn": Part("french horn", -9, 0.5),
    "piano": Part("soft piano", -5, 0.35),
}
_MASTER = Master(
    (8, 10, 10, 7, 4, 2, -1, -2, -3, -4, -6, -8, -11, -13, -17, -20, -23, -25, -29),
    rms=0.04,
    compression=1.0,
    room_seconds=2.2,
    hiss_db=-24,
    top_hz=10800.0,
    peak_dbfs=-8.0,
)
_CENTRES = (76, 67, 57, 45)


def compose(rng: np.random.Generator, seconds: float) -> Score:
    """Write four voices over a progression, faster in the upper ones."""
    key = int(rng.integers(12))
    form = chords(pick(rng, _PROGRESSIONS), key)
    minor = form[0].intervals[1] == 3
    bpm = float(rng.uniform(58, 108))
    clock = Clock(bpm, int(rng.choice((3, 4))), rubato_seconds=6.0 / bpm)
    sheet = Sheet(rng, clock, 0.014)
    ensemble = _ENSEMBLES[pick(rng, tuple(_ENSEMBLES))]
    pitches = scale_pitches(key, "minor" if minor else "major", 36, 90)
    melody = nearest(_CENTRES[0], pitches)
    swell = float(rng.uniform(0, 2 * math.pi))
    for bar in range(sheet.bars(seconds)):
        harmony = form[bar % len(form)]
        # Dynamics breathe over eight bars, with a quieter middle section.
        force = 0.5 + 0.32 * math.sin(2 * math.pi * bar / 8 + swell) - 0.15 * (bar // 8 % 2)
        melody = _melody(sheet, ensemble[0], bar, harmony, pitches, melody, force)
        figure = ensemble[1] == "piano" or bar // 8 % 2 == 1
        if figure:
            _arpeggio(sheet, ensemble[1], bar, harmony, force)
        else:
            _inner_voice(sheet, ensemble[1], bar, harmony, force, 1)
        _inner_voice(sheet, ensemble[2], bar, harmony, 0.8 * force, 2)
        bass = nearest(_CENTRES[3], [p for p in pitches if p % 12 == harmony.root] or pitches)
        sheet.play(ensemble[3], bar * clock.beats_per_bar, clock.beats_per_bar, bass, force)
    return Score(bpm, sheet.lines, _PARTS, _MASTER)


def _melody(
    sheet: Sheet,
    line: str,
    bar: int,
    harmony: Chord,
    pitches: tuple[int, ...],
    place: int,
    force: float,
) -> int:
    """Play a bar of tune, mostly steps, chord notes on the beat; return the last pitch."""
    rhythm = pick(
        sheet.rng, ((1.0, 0.5, 0.5), (1.5, 0.5), (0.5, 0.5, 0.5, 0.5), (2.0,), (1.0, 1.0))
    )
    beat, end = bar * sheet.clock.beats_per_bar, (bar + 1) * sheet.clock.beats_per_bar
    tones = [p for p in pitches if (p - harmony.root) % 12 in {i % 12 for i in harmony.intervals}]
    number = 0
    position = float(beat)
    while position < end:
        beats = min(rhythm[number % len(rhythm)], end - position)
        step = int(sheet.rng.choice((-2, -1, -1, 1, 1, 2)))
        step -= 2 * int(np.sign(place - _CENTRES[0])) * (abs(place - _CENTRES[0]) > 8)
        place = pitches[int(np.clip(pitches.index(place) + step, 0, len(pitches) - 1))]
        if position % 1 == 0 and tones:
            place = nearest(place, tones)
        sheet.play(line, position, 0.95 * beats, place, 1.15 * force)
        position += beats
        number += 1
    return place


def _arpeggio(sheet: Sheet, line: str, bar: int, harmony: Chord, force: float) -> None:
    """Broken chords in eighths (Alberti)."""
    tones = voiced(harmony, 62)
    order = (0, 2, 1, 2)
    for step in range(2 * sheet.clock.beats_per_bar):
        pitch = tones[order[step % 4] % len(tones)]
        sheet.play(line, bar * sheet.clock.beats_per_bar + step / 2, 0.6, pitch, 0.65 * force)


def _inner_voice(
    sheet: Sheet, line: str, bar: int, harmony: Chord, force: float, voice: int
) -> None:
    tones = voiced(harmony, _CENTRES[voice])
    beats = sheet.clock.beats_per_bar / voice if voice == 1 else sheet.clock.beats_per_bar
    first = pick(sheet.rng, tones)
    sheet.play(line, bar * sheet.clock.beats_per_bar, 0.95 * beats, first, 0.8 * force)
