"""Pop: a bright synthesiser hook and a voice over I-V-vi-IV, with electronic drums."""

from __future__ import annotations

import numpy as np

from genrekit.jukebox.harmony import Chord, chords, root_near, scale_pitches, voiced
from genrekit.jukebox.melody import consonants, invent, sing
from genrekit.jukebox.score import Clock, Master, Part, Score, Sheet, pick

_PROGRESSIONS = ("I V vi IV", "I V vi IV", "vi IV I V", "IV I V vi")
_KICKS = ("X.....x.X.x.....", "X..x..x...x.....", "X.x...x...x.....", "X.x.....X.x...x.")

_PARTS = {
    "kick": Part("kick", 6, 0.03),
    "snare": Part("fat snare", 3, 0.2),
    "clap": Part("clap", 2, 0.25),
    "hat": Part("closed hat", -7, 0.05),
    "shaker": Part("shaker", -10, 0.05),
    "crash": Part("crash", -14, 0.2),
    "bass": Part("synth bass", -8, 0.0),
    "pad": Part("synth pad", -18, 0.3),
    "hook": Part("super saw", -15, 0.25),
    "pluck": Part("synth pluck", -14, 0.25),
    "arpeggio": Part("synth pluck", -22, 0.2),
    "woman": Part("pop singer", 3, 0.2),
    "man": Part("soft man", 2, 0.2),
    "choir": Part("choir", -3, 0.3),
    "sibilant": Part("sibilant", 0, 0.1),
    "plosive": Part("plosive", -2, 0.1),
}
_MASTER = Master(
    (13, 10, 6, 3, 3, 1, -0, -2, -2, -2, -3, -4, -5, -5, -6, -9, -10, -9, -9),
    rms=0.22,
    compression=1.1,
    room_seconds=0.4,
    hiss_db=-32,
    top_hz=14000.0,
)


def compose(rng: np.random.Generator, seconds: float) -> Score:
    """Write verse and chorus, eight bars each; the hook belongs to the chorus."""
    key = int(rng.integers(12))
    form = chords(pick(rng, _PROGRESSIONS), key)
    bpm = float(rng.uniform(92, 124))
    sheet = Sheet(rng, Clock(bpm), 0.002)
    kick = pick(rng, _KICKS)
    hook_line = pick(rng, ("hook", "pluck"))
    singer = pick(rng, ("woman", "woman", "man"))
    pitches = scale_pitches(key, "major", 52, 88)
    hook = invent(rng, 4, 0.5, 0.5, 1.5)
    verse = invent(rng, 4, 0.25, 0.35, 1.2)
    for bar in range(sheet.bars(seconds)):
        harmony = form[bar % 4]
        chorus = bar // 8 % 2 == 1
        _drums(sheet, bar, kick, chorus)
        _harmony(sheet, bar, harmony, chorus)
        if chorus or bar % 8 < 2:
            sing(sheet, hook_line, bar * 4, hook, pitches, 76, harmony, velocity=0.9)
        tune = hook if chorus else verse
        centre = (70 if singer == "woman" else 60) + 3 * chorus
        sing(sheet, singer, bar * 4, tune, pitches, centre, harmony, bend=0.1)
        consonants(sheet, bar * 4, tune, 0.75)
    return Score(bpm, sheet.lines, _PARTS, _MASTER)


def _drums(sheet: Sheet, bar: int, kick: str, chorus: bool) -> None:
    sheet.drum("kick", bar, kick)
    sheet.drum("snare", bar, "....X.......X..." if bar % 8 < 7 else "....X.......XoXX")
    sheet.drum("hat", bar, "x.x.x.x.x.x.x.x." if not chorus else "xoxoxoxoxoxoxoxo")
    if chorus:
        sheet.drum("clap", bar, "..X...X.")
        sheet.drum("shaker", bar, "oxoxoxoxoxoxoxox")
    if bar % 8 == 0:
        sheet.drum("crash", bar, "X...")


def _harmony(sheet: Sheet, bar: int, harmony: Chord, chorus: bool) -> None:
    root = root_near(harmony, 38)
    tones = voiced(harmony, 64)
    for pitch in tones:
        sheet.play("pad", bar * 4, 3.9, pitch, 0.7)
    if chorus:
        for step in range(8):
            sheet.play("bass", bar * 4 + step / 2, 0.4, root, 0.9)
            sheet.play("choir", bar * 4 + step / 2, 0.45, tones[step % len(tones)], 0.6)
    else:
        for beat, beats in ((0, 1.4), (1.5, 1.4), (3, 0.9)):
            sheet.play("bass", bar * 4 + beat, beats, root, 0.9)
        for step in range(16):
            pitch = tones[(0, 1, 2, 1)[step % 4] % len(tones)] + 12 * (step % 8 == 6)
            sheet.play("arpeggio", bar * 4 + step / 4, 0.2, pitch, 0.9 - 0.3 * (step % 2))
