"""Jazz: swung ride, walking bass, seventh and ninth chords, and improvised lines."""

from __future__ import annotations

import numpy as np

from genrekit.jukebox.harmony import Chord, chords, nearest, root_near, scale_pitches, voiced
from genrekit.jukebox.melody import invent, sing
from genrekit.jukebox.score import Clock, Master, Part, Score, Sheet, pick

_PROGRESSIONS = (
    "iim9 V13 Imaj9 VI7",
    "Imaj9 VI7 iim9 V13",
    "im9 im9 iim7b5 V7",
    "iiim7 VI7 iim9 V13 Imaj9 Imaj9 iim9 V9",
    "I9 IV9 I9 I9 IV9 IV9 I9 VI7 iim9 V13 I9 V9",
)

_PARTS = {
    "ride": Part("ride", -24, 0.15),
    "pedal hat": Part("closed hat", -27, 0.1),
    "kick": Part("soft kick", -22, 0.1),
    "snare": Part("snare", -24, 0.2),
    "brush": Part("brush", -26, 0.2),
    "bass": Part("upright bass", -3, 0.08),
    "comp": Part("piano", -13, 0.2),
    "guitar": Part("electric guitar", -13, 0.2),
    "saxophone": Part("saxophone", -4, 0.3),
    "trumpet": Part("muted trumpet", -7, 0.3),
    "solo piano": Part("piano", -5, 0.2),
    "clarinet": Part("flute", -5, 0.3),
}
_MASTER = Master(
    (14, 14, 10, 7, 3, 1, -0, -1, -3, -3, -4, -5, -6, -7, -10, -12, -15, -17, -21),
    rms=0.085,
    compression=1.15,
    room_seconds=1.0,
    hiss_db=-20,
    top_hz=10200.0,
    peak_dbfs=-5.0,
)


def compose(rng: np.random.Generator, seconds: float) -> Score:
    """Write for a small group, at a medium swing, up tempo, or as a ballad with brushes."""
    key = int(rng.integers(12))
    form = chords(pick(rng, _PROGRESSIONS), key)
    bpm = float(pick(rng, (rng.uniform(70, 90), rng.uniform(120, 160), rng.uniform(160, 200))))
    ballad = bpm < 100
    sheet = Sheet(rng, Clock(bpm, swing=0.62 if bpm < 165 else 0.58), 0.009)
    lead = pick(rng, ("saxophone", "trumpet", "solo piano", "clarinet"))
    comp = "guitar" if lead == "solo piano" else pick(rng, ("comp", "comp", "guitar"))
    walk = root_near(form[0], 40)
    for bar in range(sheet.bars(seconds)):
        harmony, following = form[bar % len(form)], form[(bar + 1) % len(form)]
        _drums(sheet, bar, ballad)
        walk = _walking_bass(sheet, bar, harmony, following, walk)
        _comping(sheet, comp, bar, harmony)
        _improvise(sheet, lead, bar, harmony, ballad)
    return Score(bpm, sheet.lines, _PARTS, _MASTER)


def _drums(sheet: Sheet, bar: int, ballad: bool) -> None:
    if ballad:
        sheet.drum("brush", bar, "X.x.X.x.", 0.9)
        sheet.drum("pedal hat", bar, "..x...x.")
        return
    sheet.drum("ride", bar, "x.Xox.Xo" if bar % 2 else "x.Xox.X.")
    sheet.drum("pedal hat", bar, "..X...X.")
    sheet.drum("kick", bar, "o.o.o.o.")
    comment = "".join(pick(sheet.rng, "......ox") for _ in range(8))
    sheet.drum("snare", bar, comment)


def _walking_bass(sheet: Sheet, bar: int, harmony: Chord, following: Chord, place: int) -> int:
    """Quarter notes through the chord, with a leading note into the next root."""
    tones = [
        p for p in range(29, 55) if (p - harmony.root) % 12 in {i % 12 for i in harmony.intervals}
    ]
    first = root_near(harmony, 36 + 4 * (place > 42))
    target = root_near(following, first)
    line = [first]
    for _ in range(2):
        line.append(nearest(line[-1] + int(sheet.rng.choice((-5, -3, 3, 4, 5))), tones))
    line.append(target + int(sheet.rng.choice((-1, 1))))
    for beat, pitch in enumerate(line):
        sheet.play("bass", bar * 4 + beat, 0.92, pitch, 0.9 if beat % 2 else 0.8)
    return target


def _comping(sheet: Sheet, line: str, bar: int, harmony: Chord) -> None:
    rhythm = pick(sheet.rng, ((0.0, 1.5), (1.5, 3.5), (0.5, 2.0), (1.0,), (2.5,), (0.0, 2.5)))
    tones = voiced(harmony, 62)
    for beat in rhythm:
        length = float(sheet.rng.choice((0.3, 0.9)))
        sheet.strum(line, bar * 4 + beat, length, tones, 0.7, spread_seconds=0.006)


def _improvise(sheet: Sheet, line: str, bar: int, harmony: Chord, ballad: bool) -> None:
    """Eighth-note lines on the scale of the chord, with rests to breathe."""
    if bar % 8 == 7 or sheet.rng.random() < 0.12:
        return
    minor = 3 in harmony.intervals
    scale = "dorian" if minor else ("mixolydian" if 10 in harmony.intervals else "major")
    pitches = scale_pitches(harmony.root, scale, 56, 84)
    motif = invent(sheet.rng, 4.0, 0.5, 0.4 if ballad else 0.62, 1.4)
    centre = float(sheet.rng.choice((65, 69, 73)))
    sing(sheet, line, bar * 4, motif, pitches, centre, harmony, velocity=0.8, bend=0.12)
