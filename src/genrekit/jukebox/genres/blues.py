"""Blues: twelve bars, shuffled; boogie bass, licks on the blues scale that answer the voice."""

from __future__ import annotations

import numpy as np

from genrekit.jukebox.harmony import Chord, chords, root_near, scale_pitches, voiced
from genrekit.jukebox.melody import consonants, invent, sing
from genrekit.jukebox.score import Clock, Master, Part, Score, Sheet, pick

_FORM = "I7 IV7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7"
_BOOGIE = (0, 0, 4, 4, 7, 7, 9, 7)

_PARTS = {
    "kick": Part("soft kick", -3),
    "snare": Part("snare", -5, 0.2),
    "hat": Part("ride", -25, 0.1),
    "stomp": Part("stomp", -5, 0.2),
    "bass": Part("upright bass", -3, 0.05),
    "rhythm": Part("electric guitar", -12, 0.15, 2.5),
    "piano": Part("piano", -21, 0.2),
    "alone": Part("electric guitar", -5, 0.2, 1.0),
    "lead": Part("lead guitar", -1, 0.25, 5.0),
    "harp": Part("harmonica", -11, 0.25, 1.5),
    "voice": Part("soft man", -3, 0.2, 0.8),
    "sibilant": Part("sibilant", -31),
    "plosive": Part("plosive", -26),
}
_MASTER = Master(
    (15, 18, 9, 6, 2, 1, -1, -1, -2, -2, -3, -3, -5, -6, -9, -10, -12, -14, -20),
    rms=0.13,
    compression=0.85,
    room_seconds=0.7,
    hiss_db=-30,
    top_hz=9300.0,
)


def compose(rng: np.random.Generator, seconds: float) -> Score:
    """Write a blues: a band, or one guitar and a stamping foot."""
    key = int(rng.integers(12))
    alone = rng.random() < 0.5
    bpm = float(rng.uniform(62, 92) if rng.random() < 0.5 else rng.uniform(100, 130))
    sheet = Sheet(rng, Clock(bpm, swing=0.66), 0.009)
    form = chords(_FORM, key)
    pitches = scale_pitches(key, "blues", 52, 76)
    answer = pick(rng, ("lead", "harp", "lead"))
    for bar in range(sheet.bars(seconds)):
        harmony = form[bar % 12]
        if alone:
            _solo_guitar(sheet, bar, harmony)
        else:
            _band(sheet, bar, harmony)
        _call_and_answer(sheet, bar, harmony, pitches, answer)
    return Score(bpm, sheet.lines, _PARTS, _MASTER)


def _band(sheet: Sheet, bar: int, harmony: Chord) -> None:
    sheet.drum("kick", bar, "X...x.o." if bar % 4 else "X..ox.x.")
    sheet.drum("snare", bar, "..X...X." if bar % 12 != 11 else "..X.x.Xx")
    sheet.drum("hat", bar, "x.xox.xo")
    root = root_near(harmony, 38)
    for step, interval in enumerate(_BOOGIE):
        sheet.play("bass", bar * 4 + step / 2, 0.5, root + interval, 0.95 - 0.25 * (step % 2))
    # The shuffle figure: fifth and sixth in turn above the root.
    low = root_near(harmony, 46)
    for step in range(8):
        top = low + (9 if step % 4 >= 2 else 7)
        sheet.strum("rhythm", bar * 4 + step / 2, 0.4, (low, top), 0.8 - 0.25 * (step % 2))
    if bar % 2:
        sheet.strum("piano", bar * 4 + 1, 0.4, voiced(harmony, 66), 0.7)
        sheet.strum("piano", bar * 4 + 2.5, 0.8, voiced(harmony, 66), 0.8)


def _solo_guitar(sheet: Sheet, bar: int, harmony: Chord) -> None:
    sheet.drum("stomp", bar, "X.x.X.x.")
    root = root_near(harmony, 42)
    for step in range(8):
        top = root + (9 if step % 4 >= 2 else 7)
        sheet.strum("alone", bar * 4 + step / 2, 0.4, (root, top), 0.95 - 0.25 * (step % 2))
    for beat in (1.5, 3.5):
        if sheet.rng.random() < 0.6:
            sheet.strum("alone", bar * 4 + beat, 0.5, voiced(harmony, 62)[-2:], 0.75)


def _call_and_answer(
    sheet: Sheet, bar: int, harmony: Chord, pitches: tuple[int, ...], answer: str
) -> None:
    """Two bars of singing, two bars of answer; every other chorus is a solo."""
    density = 0.5 if sheet.clock.bpm < 95 else 0.35
    motif = invent(sheet.rng, 3.5, 0.5, density)
    if bar % 4 < 2 and bar // 12 % 2 == 0:
        sing(sheet, "voice", bar * 4, motif, pitches, 57, harmony, bend=0.35)
        consonants(sheet, bar * 4, motif, 0.4)
    else:
        sing(sheet, answer, bar * 4 + 0.5, motif, pitches, 68, harmony, velocity=0.9, bend=0.4)
