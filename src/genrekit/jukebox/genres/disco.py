"""Disco: four on the floor, open hats off the beat, octave bass, strings, wah guitar, brass."""

from __future__ import annotations

import numpy as np

from genrekit.jukebox.harmony import Chord, chords, root_near, scale_pitches, voiced
from genrekit.jukebox.melody import consonants, invent, sing
from genrekit.jukebox.score import Clock, Master, Part, Score, Sheet, pick

_PROGRESSIONS = ("i7 iv7 bVII bIII", "i7 i7 iv7 V7", "vi7 ii7 V7 Imaj7", "i7 bVII bVI V7")

_PARTS = {
    "kick": Part("disco kick", 0, 0.03),
    "snare": Part("snare", 1, 0.2),
    "clap": Part("clap", -6, 0.3),
    "closed": Part("closed hat", -11, 0.2),
    "open": Part("open hat", -1, 0.1),
    "tambourine": Part("tambourine", -26, 0.1),
    "conga": Part("conga", -16, 0.15),
    "bass": Part("finger bass", -6, 0.03),
    "synth bass": Part("synth bass", -8, 0.03),
    "wah": Part("wah guitar", -16, 0.1),
    "strings": Part("disco strings", -17, 0.45),
    "brass": Part("horn section", -3, 0.3),
    "keys": Part("electric piano", -15, 0.15),
    "woman": Part("woman", -8, 0.25),
    "man": Part("man", -8, 0.25),
    "choir": Part("choir", -11, 0.3),
    "sibilant": Part("sibilant", -24, 0.2),
    "plosive": Part("plosive", -23, 0.2),
}
_MASTER = Master(
    (13, 11, 6, 3, 2, 1, 0, 0, 0, -1, -1, 0, -1, -1, -3, -5, -5, -6, -10),
    rms=0.135,
    compression=1.0,
    room_seconds=1.0,
    hiss_db=-33,
    top_hz=8900.0,
)


def compose(rng: np.random.Generator, seconds: float) -> Score:
    """Write a disco tune at 118 to 126 beats a minute."""
    key = int(rng.integers(12))
    form = chords(pick(rng, _PROGRESSIONS), key)
    bpm = float(rng.uniform(118, 126))
    sheet = Sheet(rng, Clock(bpm), 0.003)
    bass = pick(rng, ("bass", "synth bass"))
    singer = pick(rng, ("woman", "woman", "man"))
    pitches = scale_pitches(key, "dorian", 55, 84)
    hook = invent(rng, 4, 0.5, 0.4)
    for bar in range(sheet.bars(seconds)):
        harmony = form[bar % 4]
        _drums(sheet, bar)
        _octaves(sheet, bass, bar, harmony)
        _wah(sheet, bar, harmony)
        _strings_and_brass(sheet, bar, harmony)
        if bar // 4 % 3 != 2:
            centre = 68 if singer == "woman" else 60
            sing(sheet, singer, bar * 4, hook, pitches, centre, harmony, bend=0.1)
            consonants(sheet, bar * 4, hook, 0.6)
            if bar % 4 == 3:
                hook = invent(rng, 4, 0.5, 0.4)
    return Score(bpm, sheet.lines, _PARTS, _MASTER)


def _drums(sheet: Sheet, bar: int) -> None:
    sheet.drum("kick", bar, "X.X.X.X.")
    sheet.drum("snare", bar, "....X.......X..." if bar % 8 < 7 else "....X..o..x.XxXX")
    sheet.drum("clap", bar, "..X...X.", 0.9)
    sheet.drum("closed", bar, "x.oxx.oxx.oxx.ox", 0.9)
    sheet.drum("open", bar, ".X.X.X.X")
    sheet.drum("tambourine", bar, "o.x.o.x.o.x.o.xo")
    if bar // 4 % 2:
        sheet.drum("conga", bar, "x..o..xo..x.x.o.")


def _octaves(sheet: Sheet, line: str, bar: int, harmony: Chord) -> None:
    root = root_near(harmony, 38)
    for step in range(8):
        pitch = root + 12 * (step % 2)
        if step == 7 and bar % 2:
            pitch = root + 10
        sheet.play(line, bar * 4 + step / 2, 0.4, pitch, 0.95 if step % 2 == 0 else 0.8)


def _wah(sheet: Sheet, bar: int, harmony: Chord) -> None:
    tones = voiced(harmony, 66)[-3:]
    for step, sign in enumerate("x.xxo.xx.oxx.ox."):
        if sign != ".":
            velocity = 0.85 if sign == "x" else 0.5
            sheet.strum("wah", bar * 4 + step / 4, 0.2, tones, velocity, spread_seconds=0.004)


def _strings_and_brass(sheet: Sheet, bar: int, harmony: Chord) -> None:
    if bar // 4 % 2 == 0:
        for pitch in voiced(harmony, 76)[-3:]:
            sheet.play("strings", bar * 4, 3.8, pitch, 0.8)
    else:
        for step, interval in enumerate((0, 2, 3, 5, 7, 5, 3, 2)):
            high = root_near(harmony, 78)
            sheet.play("strings", bar * 4 + step / 2, 0.45, high + interval, 0.8)
    if bar % 2:
        for beat in (1.5, 3.0, 3.5):
            for pitch in voiced(harmony, 67)[:3]:
                sheet.play("brass", bar * 4 + beat, 0.3, pitch, 0.9)
    if bar // 8 % 2:
        for pitch in voiced(harmony, 64):
            sheet.play("choir", bar * 4 + 2, 1.8, pitch, 0.7)
            sheet.play("keys", bar * 4 + 0.5, 1.0, pitch, 0.7)
