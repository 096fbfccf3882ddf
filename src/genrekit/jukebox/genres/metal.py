"""Metal: palm-muted power chords on a low string, double kick, crashes, growl and fast leads."""

from __future__ import annotations

import numpy as np

from genrekit.jukebox.harmony import SCALES, chord, scale_pitches
from genrekit.jukebox.melody import invent, sing
from genrekit.jukebox.score import Clock, Master, Part, Score, Sheet, pick

# Steps on the scale for each sixteenth; "-" holds on, "." is silent.
_RIFFS = (
    "00.000.000.01-3-",
    "0-00100-00103-2-",
    "000000010000005-",
    "0--00-0--01-3--2",
    "00001000300010-5",
    "0-0-0-0-1-1-3-1-",
)

_PARTS = {
    "kick": Part("hard kick", -1, 0.03),
    "snare": Part("tight snare", 0, 0.15),
    "hat": Part("closed hat", -18, 0.05),
    "crash": Part("crash", -17, 0.15),
    "ride": Part("ride", -20, 0.1),
    "tom": Part("low tom", -8, 0.1),
    "bass": Part("picked bass", -7, 0.0, 2.5),
    "muted": Part("muted guitar", -8, 0.05, 25.0),
    "power": Part("power guitar", -9, 0.05, 25.0),
    "lead": Part("lead guitar", -11, 0.2, 18.0),
    "growl": Part("growl", -8, 0.1, 2.5),
    "scream": Part("man", -7, 0.2, 4.0),
}
_MASTER = Master(
    (13, 11, 4, 3, 2, 0, -1, -1, -0, -0, 1, 2, 0, -1, -3, -6, -8, -11, -17),
    rms=0.155,
    compression=1.3,
    room_seconds=0.6,
    hiss_db=-45,
    top_hz=9400.0,
)


def compose(rng: np.random.Generator, seconds: float) -> Score:
    """Write riffs, four bars each, with and without a voice, and a solo."""
    key = int(rng.choice((1, 2, 3, 4, 6, 9, 11)))
    scale = pick(rng, ("minor", "phrygian", "minor"))
    bpm = float(rng.uniform(100, 165))
    sheet = Sheet(rng, Clock(bpm), 0.003)
    riffs = [pick(rng, _RIFFS) for _ in range(3)]
    low = 36 + (key - 36 + 8) % 12 - 4
    voice = pick(rng, ("growl", "scream"))
    for bar in range(sheet.bars(seconds)):
        section = bar // 4 % 4
        _drums(sheet, bar, section)
        if section == 2:
            _open_chords(sheet, bar, low, scale)
        else:
            _riff(sheet, bar, riffs[section % 3], low, scale)
        if section in (1, 2):
            _shout(sheet, voice, bar, key, scale)
        elif section == 3:
            _solo(sheet, bar, key, scale)
    return Score(bpm, sheet.lines, _PARTS, _MASTER)


def _drums(sheet: Sheet, bar: int, section: int) -> None:
    sheet.drum("kick", bar, "XxxxXxxxXxxxXxxx" if section != 1 else "X.xxX.xxX.xxXxxx")
    sheet.drum("snare", bar, "....X.......X..." if section != 3 else "..X...X...X...X.")
    if bar % 4 == 0:
        sheet.drum("crash", bar, "X...")
    if bar % 4 == 3:
        sheet.drum("tom", bar, "............XXXX")
    if section % 2:
        sheet.drum("ride", bar, "X.x.X.x.")
        sheet.drum("crash", bar, "x.x.x.x.", 0.6)
    else:
        sheet.drum("hat", bar, "X.x.X.x.")


def _riff(sheet: Sheet, bar: int, riff: str, low: int, scale: str) -> None:
    """Repeated sixteenths on the tonic are muted; accents on other steps ring."""
    for step, sign in enumerate(riff):
        if sign in "-.":
            continue
        held = len(riff[step + 1 :]) - len(riff[step + 1 :].lstrip("-"))
        beats = 0.25 * (1 + held)
        pitch = low + SCALES[scale][int(sign) % 7]
        line = "muted" if sign == "0" and held == 0 else "power"
        for interval in (0, 7, 12):
            sheet.play(line, bar * 4 + step / 4, beats, pitch + interval, 0.9)
        sheet.play("bass", bar * 4 + step / 4, beats, pitch - 12 if pitch > 40 else pitch, 0.9)


def _open_chords(sheet: Sheet, bar: int, low: int, scale: str) -> None:
    degree = (0, 5, 3, 6)[bar % 4]
    pitch = low + SCALES[scale][degree] - (12 if degree > 4 else 0)
    for beat in (0.0, 1.5, 3.0):
        for interval in (0, 7, 12):
            sheet.play("power", bar * 4 + beat, 1.4, pitch + interval, 0.95)
    for step in range(8):
        sheet.play("bass", bar * 4 + step / 2, 0.45, pitch, 0.9)


def _shout(sheet: Sheet, line: str, bar: int, key: int, scale: str) -> None:
    centre = 45 if line == "growl" else 66
    pitches = scale_pitches(key, scale, centre - 7, centre + 7)
    motif = invent(sheet.rng, 3.5, 0.5, 0.5, 0.8)
    sing(sheet, line, bar * 4, motif, pitches, centre, chord("i", key), velocity=0.95)


def _solo(sheet: Sheet, bar: int, key: int, scale: str) -> None:
    pitches = scale_pitches(key, scale, 64, 93)
    motif = invent(sheet.rng, 4.0, 0.25, 0.75, 1.3)
    sing(sheet, "lead", bar * 4, motif, pitches, 79, chord("i", key), velocity=0.95, bend=0.15)
