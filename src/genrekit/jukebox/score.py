"""What a composer writes down: notes by part, on a clock with swing, rubato and human timing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import numpy as np


class Note(NamedTuple):
    """One event of a part; drums ignore pitch, bend and colour."""

    start_seconds: float
    seconds: float
    pitch: float
    velocity: float
    bend_semitones: float = 0.0
    colour: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """How the notes of one line sound and where they stand in the mix.

    Parameters
    ----------
    sound : str
        A name of `INSTRUMENTS` or `DRUMS`.
    level_db : float
        Loudness against the other parts.
    room : float
        Share sent to the reverb.
    drive : float
        Overdrive of an amplifier: 0 is none, 3 crunch, 15 and more heavy distortion.
    """

    sound: str
    level_db: float
    room: float = 0.15
    drive: float = 0.0


@dataclass(frozen=True, slots=True)
class Master:
    """The sound of the record as a whole.

    Parameters
    ----------
    curve_db : tuple of float
        Mean level in the bands of `mastering.BANDS_HZ`, against that around 1 kHz.
    rms : float
        RMS that limiting aims for.
    compression : float
        Ratio of the compressor; 1 leaves the dynamics alone.
    room_seconds : float
        Reverberation time.
    hiss_db : float
        Level of the bed of room and tape noise against the music, in each band.
    peak_dbfs : float
        Where the highest peak ends up.
    top_hz : float
        Where the record ends; that of GTZAN's clips, which mostly lie below 10 kHz.
    """

    curve_db: tuple[float, ...]
    rms: float
    compression: float = 1.5
    room_seconds: float = 0.8
    hiss_db: float = -60.0
    peak_dbfs: float = -3.0
    top_hz: float = 9700.0


@dataclass(frozen=True, slots=True)
class Clock:
    """Where a beat falls in time.

    Parameters
    ----------
    bpm : float
        Beats a minute.
    beats_per_bar : int
    swing : float
        Where the middle of a swung unit falls: 0.5 is straight, 0.667 a triplet.
    swing_beats : float
        Length of the swung unit: 1 swings eighths, 0.5 sixteenths.
    rubato_seconds : float
        Depth of slow pushing and pulling.
    """

    bpm: float
    beats_per_bar: int = 4
    swing: float = 0.5
    swing_beats: float = 1.0
    rubato_seconds: float = 0.0

    def seconds(self, beat: float) -> float:
        """Time of ``beat`` (0 is the first) in seconds."""
        unit, part = divmod(beat / self.swing_beats, 1)
        bent = part * 2 * self.swing if part < 0.5 else 1 - (1 - part) * 2 * (1 - self.swing)
        steady = (unit + bent) * self.swing_beats * 60 / self.bpm
        breath = math.sin(beat * 0.71) + 0.6 * math.sin(beat * 0.29 + 1) - 0.6 * math.sin(1)
        return steady + self.rubato_seconds * breath


Choice = TypeVar("Choice")


def pick(rng: np.random.Generator, options: Sequence[Choice]) -> Choice:
    """One of ``options``, all equally likely."""
    return options[int(rng.integers(len(options)))]


# Velocities of a drum pattern: accent, stroke, ghost note.
_STROKES = {"X": 1.0, "x": 0.75, "o": 0.4}


@dataclass(slots=True)
class Sheet:
    """The music while it is being composed.

    Parameters
    ----------
    rng : numpy.random.Generator
        All choices come from it, bar by bar, so that a longer piece begins like a shorter one.
    clock : Clock
    looseness_seconds : float
        Standard deviation of the players' timing.
    """

    rng: np.random.Generator
    clock: Clock
    looseness_seconds: float = 0.005
    lines: dict[str, list[Note]] = field(default_factory=dict)

    def bars(self, seconds: float) -> int:
        """Bars needed to fill ``seconds``, with one to spare for notes played early."""
        return int(seconds * self.clock.bpm / 60 / self.clock.beats_per_bar) + 2

    def play(
        self,
        line: str,
        beat: float,
        beats: float,
        pitch: float,
        velocity: float = 0.8,
        *,
        bend: float = 0.0,
        colour: int = 0,
        late_seconds: float = 0.0,
    ) -> None:
        """Add a note, a little out of time and of force as a person would."""
        slip = self.looseness_seconds * self.rng.standard_normal() + late_seconds
        start = max(0.0, self.clock.seconds(beat) + slip)
        seconds = max(0.03, self.clock.seconds(beat + beats) - self.clock.seconds(beat))
        force = float(np.clip(velocity * (1 + 0.08 * self.rng.standard_normal()), 0.05, 1.2))
        self.lines.setdefault(line, []).append(Note(start, seconds, pitch, force, bend, colour))

    def strum(
        self,
        line: str,
        beat: float,
        beats: float,
        pitches: Sequence[int],
        velocity: float = 0.8,
        *,
        spread_seconds: float = 0.012,
        upward: bool = False,
    ) -> None:
        """Add a chord whose notes follow each other quickly."""
        order = sorted(pitches, reverse=upward)
        for number, pitch in enumerate(order):
            self.play(line, beat, beats, pitch, velocity, late_seconds=number * spread_seconds)

    def drum(self, line: str, bar: int, pattern: str, velocity: float = 1.0) -> None:
        """Add a bar of drum strokes: ``X`` accent, ``x`` stroke, ``o`` ghost, ``.`` rest.

        The pattern fills the bar evenly: 16 signs are sixteenths of a 4/4 bar.
        """
        step = self.clock.beats_per_bar / len(pattern)
        for number, sign in enumerate(pattern):
            if sign in _STROKES:
                beat = bar * self.clock.beats_per_bar + number * step
                self.play(line, beat, step, 60, velocity * _STROKES[sign])


@dataclass(frozen=True, slots=True)
class Score:
    """A finished piece: its lines, the part each line is played by, and the master."""

    bpm: float
    lines: dict[str, list[Note]]
    parts: dict[str, Part]
    master: Master
