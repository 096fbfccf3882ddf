"""Reggae: one drop on the third beat, skanks off the beat, a heavy melodic bass, organ bubble."""

from __future__ import annotations

import numpy as np

from genrekit.jukebox.harmony import Chord, chords, root_near, scale_pitches, voiced
from genrekit.jukebox.melody import Motif, consonants, invent, sing
from genrekit.jukebox.score import Clock, Master, Part, Score, Sheet, pick

_PROGRESSIONS = ("I IV I V", "i bVII i bVII", "I V vi IV", "i iv i v", "I ii I ii")

_PARTS = {
    "kick": Part("kick", 3, 0.1),
    "rim": Part("rim", -1, 0.35),
    "snare": Part("tight snare", 2, 0.35),
    "hat": Part("closed hat", -8, 0.1),
    "open": Part("open hat", -13, 0.15),
    "bass": Part("dub bass", 5, 0.02),
    "skank": Part("skank guitar", -3, 0.2),
    "piano": Part("piano", -10, 0.15),
    "organ": Part("organ", -19, 0.15),
    "melody": Part("horn section", -9, 0.4),
    "voice": Part("soft man", -8, 0.35),
    "choir": Part("choir", -13, 0.3),
    "sibilant": Part("sibilant", -20, 0.1),
    "plosive": Part("plosive", -17, 0.1),
}
_MASTER = Master(
    (17, 13, 6, 5, 2, 1, -0, -1, -1, -2, -3, -3, -5, -6, -8, -10, -11, -13, -17),
    rms=0.12,
    compression=1.15,
    room_seconds=1.0,
    hiss_db=-18,
    top_hz=10100.0,
)


def compose(rng: np.random.Generator, seconds: float) -> Score:
    """Write a reggae tune: the skank falls between the beats, the drums drop the first one."""
    key = int(rng.integers(12))
    form = chords(pick(rng, _PROGRESSIONS), key)
    minor = form[0].intervals[1] == 3
    bpm = float(rng.uniform(120, 160))
    sheet = Sheet(rng, Clock(bpm, swing=float(rng.uniform(0.52, 0.6))), 0.006)
    pitches = scale_pitches(key, "minor pentatonic" if minor else "major", 50, 80)
    bass_line = invent(rng, 8, 0.5, 0.38)
    steppers = rng.random() < 0.3
    for bar in range(sheet.bars(seconds)):
        harmony = form[bar // 2 % len(form)]
        _one_drop(sheet, bar, steppers)
        _skank(sheet, bar, harmony)
        _bass(sheet, bar, harmony, bass_line)
        _voices(sheet, bar, harmony, pitches)
    return Score(bpm, sheet.lines, _PARTS, _MASTER)


def _one_drop(sheet: Sheet, bar: int, steppers: bool) -> None:
    """At this notation a bar holds half a felt bar twice: the drop is on beat 3."""
    sheet.drum("kick", bar, "x...X..." if steppers else "....X...")
    sheet.drum("rim" if bar // 8 % 2 == 0 else "snare", bar, "....X...")
    sheet.drum("hat", bar, "x.xxx.xo")
    if bar % 4 == 3:
        sheet.drum("snare", bar, "......xx")
        sheet.drum("open", bar, ".......x")


def _skank(sheet: Sheet, bar: int, harmony: Chord) -> None:
    tones = voiced(harmony, 62)
    for beat in (1.0, 3.0):
        sheet.strum("skank", bar * 4 + beat, 0.3, tones, 0.9, spread_seconds=0.004)
        sheet.strum("piano", bar * 4 + beat, 0.25, voiced(harmony, 60), 0.8, spread_seconds=0.002)
    for beat in (0.5, 1.0, 1.5, 2.5, 3.0, 3.5):
        for pitch in voiced(harmony, 55):
            sheet.play("organ", bar * 4 + beat, 0.22, pitch, 0.6)


def _bass(
    sheet: Sheet,
    bar: int,
    harmony: Chord,
    figure: Motif,
) -> None:
    """Play a figure of two bars that leaves rests."""
    root = root_near(harmony, 35)
    tones = (root - 5, root, root, root + harmony.intervals[1], root + 7, root + 10)
    for onset, leap in zip(figure.onsets, figure.steps, strict=True):
        if onset // 4 == bar % 2:
            pitch = root if onset in (0.0, 4.0) else tones[(leap + 1) % len(tones)]
            sheet.play("bass", bar * 4 + onset % 4, 0.65, pitch, 0.95)


def _voices(sheet: Sheet, bar: int, harmony: Chord, pitches: tuple[int, ...]) -> None:
    if bar // 8 % 3 == 2:
        motif = invent(sheet.rng, 4, 1.0, 0.5)
        sing(sheet, "melody", bar * 4, motif, pitches, 62, harmony)
        return
    if bar % 4 != 3:
        motif = invent(sheet.rng, 4, 1.0, 0.5)
        sing(sheet, "voice", bar * 4, motif, pitches, 58, harmony, bend=0.2)
        consonants(sheet, bar * 4, motif, 0.6)
    else:
        for pitch in voiced(harmony, 66):
            sheet.play("choir", bar * 4, 2.5, pitch, 0.7)
