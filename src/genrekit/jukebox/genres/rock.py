"""Rock: backbeat, overdriven chords, bass in eighths, a sung tune and a guitar solo."""

from __future__ import annotations

import numpy as np

from genrekit.jukebox.harmony import Chord, chords, root_near, scale_pitches, voiced
from genrekit.jukebox.melody import consonants, invent, sing
from genrekit.jukebox.score import Clock, Master, Part, Score, Sheet, pick

_PROGRESSIONS = ("I bVII IV I", "I IV V IV", "i bVII bVI bVII", "I V bVII IV", "vi IV I V")
_STRUMS = ("X.xXx.xX", "X..X.x.x", "XxXxXxXx", "X.X.X.Xx")

_PARTS = {
    "kick": Part("kick", -9, 0.05),
    "snare": Part("snare", 1, 0.2),
    "hat": Part("closed hat", -13, 0.1),
    "ride": Part("ride", -15, 0.1),
    "crash": Part("crash", -12, 0.15),
    "tom": Part("high tom", -7, 0.15),
    "bass": Part("picked bass", -4, 0.03),
    "guitar": Part("power guitar", -6, 0.12, 6.0),
    "jangle": Part("electric guitar", -5, 0.15, 2.0),
    "lead": Part("lead guitar", -8, 0.25, 8.0),
    "organ": Part("organ", -15, 0.2),
    "voice": Part("man", -3, 0.2, 0.8),
    "sibilant": Part("sibilant", -17, 0.1),
    "plosive": Part("plosive", -18, 0.15),
}
_MASTER = Master(
    (13, 14, 7, 5, 4, 3, 1, 0, 0, -2, -4, -5, -8, -10, -13, -16, -17, -19, -23),
    rms=0.125,
    compression=1.0,
    room_seconds=0.8,
    hiss_db=-47,
    top_hz=10500.0,
)


def compose(rng: np.random.Generator, seconds: float) -> Score:
    """Write verse, chorus and solo, eight bars each."""
    key = int(rng.integers(12))
    form = chords(pick(rng, _PROGRESSIONS), key)
    bpm = float(rng.uniform(96, 150))
    sheet = Sheet(rng, Clock(bpm), 0.006)
    strum = pick(rng, _STRUMS)
    chordal = pick(rng, ("guitar", "jangle", "guitar"))
    organ = rng.random() < 0.3
    pitches = scale_pitches(key, "mixolydian", 52, 86)
    licks = scale_pitches(key, "minor pentatonic", 60, 88)
    motif = invent(rng, 4, 0.5, 0.4)
    for bar in range(sheet.bars(seconds)):
        harmony = form[bar % 4]
        section = bar // 8 % 3
        _drums(sheet, bar, section)
        _bass(sheet, bar, harmony)
        _guitar(sheet, chordal, bar, harmony, strum)
        if organ:
            for pitch in voiced(harmony, 62):
                sheet.play("organ", bar * 4, 3.9, pitch, 0.7)
        if section == 2:
            lick = invent(rng, 4, 0.5, 0.65)
            sing(sheet, "lead", bar * 4, lick, licks, 74, harmony, velocity=0.9, bend=0.35)
            continue
        if rng.random() < 0.35:
            motif = invent(rng, 4, 0.5, 0.4)
        sing(sheet, "voice", bar * 4, motif, pitches, 62 + 4 * section, harmony, bend=0.15)
        consonants(sheet, bar * 4, motif, 0.5)
    return Score(bpm, sheet.lines, _PARTS, _MASTER)


def _drums(sheet: Sheet, bar: int, section: int) -> None:
    sheet.drum(
        "kick", bar, pick(sheet.rng, ("X.......X.X.....", "X.x.....X.......", "X.....x.X.x....."))
    )
    sheet.drum("snare", bar, "....X.......X..." if bar % 8 < 7 else "....X.......XXoX")
    if bar % 8 == 7:
        sheet.drum("tom", bar, "..........XX....")
    sheet.drum("ride" if section else "hat", bar, "X.x.X.x.X.x.X.x.")
    if bar % 8 == 0:
        sheet.drum("crash", bar, "X...")


def _bass(sheet: Sheet, bar: int, harmony: Chord) -> None:
    root = root_near(harmony, 38)
    for step in range(8):
        pitch = root + 7 if step == 7 and bar % 2 else root
        sheet.play("bass", bar * 4 + step / 2, 0.45, pitch, 0.9 if step % 2 == 0 else 0.75)


def _guitar(sheet: Sheet, line: str, bar: int, harmony: Chord, strum: str) -> None:
    low = root_near(harmony, 45)
    tones = (low, low + 7, low + 12) if line == "guitar" else voiced(harmony, 57)
    for step, sign in enumerate(strum):
        if sign != ".":
            held = 0.5 * (1 + len(strum[step + 1 :]) - len(strum[step + 1 :].lstrip(".")))
            velocity = 0.95 if sign == "X" else 0.7
            sheet.strum(
                line,
                bar * 4 + step / 2,
                held,
                tones,
                velocity,
                spread_seconds=0.006,
                upward=step % 2 == 1,
            )
