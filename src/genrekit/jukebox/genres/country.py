"""Country: train beat, alternating bass, strummed guitar, and a pedal steel that slides."""

from __future__ import annotations

import numpy as np

from genrekit.jukebox.harmony import Chord, chords, root_near, scale_pitches, voiced
from genrekit.jukebox.melody import consonants, invent, sing
from genrekit.jukebox.score import Clock, Master, Part, Score, Sheet, pick

_PROGRESSIONS = ("I I IV I I I V I", "I IV I V I IV V I", "I I IV IV V V I I", "I vi IV V I IV V I")

_PARTS = {
    "kick": Part("soft kick", -4),
    "snare": Part("train snare", -10, 0.1),
    "side stick": Part("rim", -7, 0.15),
    "bass": Part("finger bass", -5, 0.03),
    "strum": Part("steel strum", -7, 0.08),
    "steel": Part("pedal steel", -10, 0.25),
    "twang": Part("twang guitar", -8, 0.2, 1.0),
    "fiddle": Part("fiddle", -10, 0.2),
    "banjo": Part("banjo", -10, 0.1),
    "man": Part("man", -6, 0.15),
    "woman": Part("woman", -7, 0.15),
    "sibilant": Part("sibilant", -24),
    "plosive": Part("plosive", -22),
}
_MASTER = Master(
    (13, 16, 9, 6, 3, 1, -1, -1, -2, -2, -4, -3, -6, -7, -11, -13, -15, -16, -20),
    rms=0.125,
    compression=1.5,
    room_seconds=0.7,
    hiss_db=-24,
    top_hz=10000.0,
)


def compose(rng: np.random.Generator, seconds: float) -> Score:
    """Write a country song: eight bars sung, eight bars for an instrument."""
    key = int(rng.integers(12))
    form = chords(pick(rng, _PROGRESSIONS), key)
    fast = rng.random() < 0.55
    bpm = float(rng.uniform(104, 132) if fast else rng.uniform(72, 96))
    sheet = Sheet(rng, Clock(bpm, swing=0.5 if fast else 0.58), 0.006)
    pitches = scale_pitches(key, "major pentatonic", 50, 84)
    singer = pick(rng, ("man", "man", "woman"))
    fills = pick(rng, ("steel", "twang", "fiddle"))
    picker = rng.random() < 0.3
    motif = invent(rng, 3.5, 0.5, 0.45)
    for bar in range(sheet.bars(seconds)):
        harmony = form[bar % 8]
        _rhythm(sheet, bar, harmony, fast)
        if picker:
            _roll(sheet, bar, harmony)
        if rng.random() < 0.4:
            motif = invent(rng, 3.5, 0.5, 0.45)
        if bar // 8 % 2 == 0:
            centre = 60 if singer == "man" else 67
            sing(sheet, singer, bar * 4, motif, pitches, centre, harmony, bend=0.15)
            consonants(sheet, bar * 4, motif, 0.4)
            if bar % 2:
                _answer(sheet, fills, bar, harmony, pitches)
        else:
            sing(sheet, fills, bar * 4, motif, pitches, 66, harmony, velocity=0.9, bend=0.5)
    return Score(bpm, sheet.lines, _PARTS, _MASTER)


def _rhythm(sheet: Sheet, bar: int, harmony: Chord, fast: bool) -> None:
    root = root_near(harmony, 40)
    fifth = root - 5
    sheet.drum("kick", bar, "X...x...")
    if fast:
        sheet.drum("snare", bar, "oxXooxXooxXooxXx" if bar % 8 == 7 else "ooXoooXoooXoooXo")
    else:
        sheet.drum("side stick", bar, "..X...X.")
    for beat, pitch in ((0, root), (2, fifth)):
        sheet.play("bass", bar * 4 + beat, 1.6, pitch, 0.95)
    if bar % 4 == 3:
        sheet.play("bass", bar * 4 + 3, 0.9, root - 1, 0.8)
    for beat in range(4):
        loud = 0.85 if beat % 2 else 0.45
        sheet.strum("strum", bar * 4 + beat, 0.45, voiced(harmony, 57), loud)
        if beat % 2:
            sheet.strum("strum", bar * 4 + beat + 0.5, 0.4, voiced(harmony, 62), 0.5, upward=True)


def _answer(sheet: Sheet, line: str, bar: int, harmony: Chord, pitches: tuple[int, ...]) -> None:
    """Play a chord that slides up into place, and a short lick."""
    low, high = voiced(harmony, 63)[:2]
    for pitch in (low, high):
        sheet.play(line, bar * 4 + 1.5, 1.4, pitch, 0.75, bend=-2.0)
    lick = invent(sheet.rng, 1.0, 0.5, 0.8)
    sing(sheet, line, bar * 4 + 3, lick, pitches, 68, harmony, bend=0.5)


def _roll(sheet: Sheet, bar: int, harmony: Chord) -> None:
    """Three-finger banjo roll in eighths."""
    tones = (*voiced(harmony, 64), root_near(harmony, 74))
    for step, tone in enumerate((0, 1, 3, 0, 2, 1, 3, 2)):
        sheet.play("banjo", bar * 4 + step / 2, 0.5, tones[tone % len(tones)], 0.75)
