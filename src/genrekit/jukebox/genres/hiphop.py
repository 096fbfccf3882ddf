"""Hip hop: boom-bap or 808 drums, a sparse looped sample, deep bass and a rapped voice."""

from __future__ import annotations

import numpy as np

from genrekit.jukebox.harmony import Chord, chords, root_near, voiced
from genrekit.jukebox.score import Clock, Master, Part, Score, Sheet, pick

_PROGRESSIONS = ("i9 i9 iv9 i9", "i9 bVImaj7 i9 v", "i9 iv9", "iim9 V13 i9 i9")
_BOOM = ("X.....x..xX.....", "X..x......X..x..", "X.x....x..X.....", "X......xx.X...o.")
_TRAP = ("X......x..X.....", "X..X......x...x.", "X.....X...x..x..")

_PARTS = {
    "kick": Part("kick", 7, 0.03),
    "deep kick": Part("deep kick", 8, 0.02),
    "snare": Part("fat snare", 7, 0.15),
    "clap": Part("clap", 6, 0.2),
    "hat": Part("closed hat", -4, 0.05),
    "open": Part("open hat", -15, 0.05),
    "bass": Part("sub bass", -8, 0.0),
    "keys": Part("electric piano", -14, 0.2),
    "piano": Part("piano", -14, 0.2),
    "strings": Part("violins", -15, 0.3),
    "brass": Part("horn section", -15, 0.2),
    "rapper": Part("rapper", 3, 0.06, 0.6),
    "sibilant": Part("sibilant", -13),
    "plosive": Part("plosive", -7),
    "crackle": Part("crackle", -26, 0.0),
}
_MASTER = Master(
    (17, 12, 6, 5, 2, 0, -1, -1, -1, -1, -1, -1, -3, -3, -5, -6, -8, -9, -13),
    rms=0.21,
    compression=1.2,
    room_seconds=0.5,
    hiss_db=-12,
    top_hz=10200.0,
)


def compose(rng: np.random.Generator, seconds: float) -> Score:
    """Write a beat at 85 to 100 beats a minute and rap over it."""
    key = int(rng.integers(12))
    form = chords(pick(rng, _PROGRESSIONS), key)
    bpm = float(rng.uniform(85, 100))
    old_school = rng.random() < 0.6
    clock = Clock(bpm, swing=0.58 if old_school else 0.5, swing_beats=0.5)
    sheet = Sheet(rng, clock, 0.006)
    beat = pick(rng, _BOOM if old_school else _TRAP)
    sample = pick(rng, ("keys", "piano", "strings", "brass"))
    stabs = sorted(rng.choice(16, 3, replace=False) / 4)
    voice = float(rng.uniform(43, 52))
    for bar in range(sheet.bars(seconds)):
        harmony = form[bar % len(form)]
        _drums(sheet, bar, beat, old_school)
        _loop(sheet, bar, harmony, sample, stabs)
        _bass(sheet, bar, harmony, beat)
        if bar % 8 != 7 or bar % 16 == 15:
            _rap(sheet, bar, voice)
    return Score(bpm, sheet.lines, _PARTS, _MASTER)


def _drums(sheet: Sheet, bar: int, beat: str, old_school: bool) -> None:
    pause = bar % 8 == 7
    sheet.drum("kick" if old_school else "deep kick", bar, "X..............." if pause else beat)
    sheet.drum(
        "snare" if old_school else "clap",
        bar,
        "....X.......X..." if bar % 4 < 3 else "....X..o....X.xo",
    )
    if old_school:
        sheet.drum("hat", bar, "x.x.x.xox.x.x.x." if not pause else "x...x...x...x...")
    else:
        sheet.drum(
            "hat", bar, "x.x.xoxox.x.xxxxx.x.x.x.xoxoxxxx" if bar % 2 else "x.x.x.x.x.xoxoxo"
        )
    sheet.drum("open", bar, "......x........." if bar % 2 else "..............x.")
    sheet.drum("crackle", bar, "".join(pick(sheet.rng, ".....xoo") for _ in range(24)))


def _loop(sheet: Sheet, bar: int, harmony: Chord, line: str, stabs: list[float]) -> None:
    tones = voiced(harmony, 62)
    for number, place in enumerate(stabs):
        if number == 0:
            sheet.strum(line, bar * 4 + place, 1.2, tones, 0.8, spread_seconds=0.005)
        else:
            sheet.play(line, bar * 4 + place, 0.6, tones[-number], 0.75)


def _bass(sheet: Sheet, bar: int, harmony: Chord, beat: str) -> None:
    root = root_near(harmony, 34)
    for step, sign in enumerate(beat):
        if sign in "Xx":
            pitch = root if sign == "X" else root + int(sheet.rng.choice((0, 7, 10)))
            sheet.play("bass", bar * 4 + step / 4, 0.5, pitch, 0.9)


def _rap(sheet: Sheet, bar: int, centre: float) -> None:
    """Syllables on sixteenths: the pitch falls along the line, a rest closes it."""
    rng = sheet.rng
    for step in range(14 if bar % 2 else 16):
        if rng.random() > (0.85 if step % 4 == 0 else 0.62):
            continue
        fall = 3.0 - 6.0 * step / 16
        pitch = round(centre + fall + 1.5 * rng.standard_normal())
        accent = 1.05 if step % 8 == 4 else 0.8
        beat = bar * 4 + step / 4
        colour = int(rng.integers(5))
        sheet.play("rapper", beat, 0.22, pitch, accent, bend=1.5, colour=colour)
        if rng.random() < 0.75:
            line = "sibilant" if rng.random() < 0.35 else "plosive"
            sheet.play(line, beat, 0.1, 60, float(rng.uniform(0.5, 1)), late_seconds=-0.035)
