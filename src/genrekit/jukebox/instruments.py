"""The instruments that play notes: spectra over time, attack, release, vibrato and breath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genrekit.jukebox.filters import Samples, high_pass, low_pass, resonance, shaped_noise
from genrekit.jukebox.tone import Array, Spectrum, Stroke, harmonic_tone


@dataclass(frozen=True, slots=True)
class Instrument:
    """A timbre and the way it speaks.

    Parameters
    ----------
    spectrum : Spectrum
        Amplitudes of the harmonics over time.
    attack_seconds, release_seconds : float
        Rise at the start and fall after the end of a note.
    vibrato_cents : float
        Depth of a vibrato of about 5.5 Hz, which grows over the first 0.4 s.
    unison_cents : tuple of float
        One voice for each, so many cents away from the pitch: sections, chorus.
    breath : float
        Level of the noise of bow, pick or breath, against the tone.
    breath_seconds : float
        Time in which that noise dies away; long for wind instruments.
    """

    spectrum: Spectrum
    attack_seconds: float = 0.003
    release_seconds: float = 0.05
    vibrato_cents: float = 0.0
    unison_cents: tuple[float, ...] = (0.0,)
    breath: float = 0.0
    breath_seconds: float = 0.02


def plucked(decay: float, damping: float, tilt: float, position: float = 0.18) -> Spectrum:
    """Return a string plucked at ``position``; harmonics die the faster the higher they are.

    ``decay`` is nepers a second of the fundamental, ``damping`` those added by each harmonic of
    a 220 Hz string.
    """

    def spectrum(t: Array, k: Array, stroke: Stroke) -> Array:
        comb = np.abs(np.sin(np.pi * position * k)) + 0.02
        slope = tilt - (0.25 if stroke.hard else 0.0)
        rate = decay + damping * k * np.float32(np.sqrt(stroke.pitch_hz / 220))
        return _single(comb * k**-slope * np.exp(-t * rate))

    return spectrum


def struck(decay: float, damping: float, tilt: float) -> Spectrum:
    """Return a struck string: a quick first decay into a slow second one."""

    def spectrum(t: Array, k: Array, stroke: Stroke) -> Array:
        slope = tilt - (0.3 if stroke.hard else 0.0)
        pace = np.float32((stroke.pitch_hz / 260) ** 0.4)
        rate = pace * (decay + damping * k)
        comb = np.abs(np.sin(np.pi * 0.125 * k)) + 0.15
        return _single(
            comb * k**-slope * (0.75 * np.exp(-t * rate * 2.5) + 0.25 * np.exp(-t * rate))
        )

    return spectrum


def sustained(
    tilt: float, body: Sequence[tuple[float, float, float]] = (), swell_seconds: float = 0.0
) -> Spectrum:
    """Bowed or blown: a held spectrum with body resonances (hertz, width, gain).

    With ``swell_seconds`` the high harmonics speak later, as in brass.
    """

    def spectrum(t: Array, k: Array, stroke: Stroke) -> Array:
        freqs = k * np.float32(stroke.pitch_hz)
        colour = np.ones_like(k) * 0.5
        for centre_hz, width_hz, gain in body:
            colour += gain * resonance(freqs, centre_hz, width_hz)
        held = colour * k ** -(tilt - (0.2 if stroke.hard else 0.0))
        if swell_seconds:
            held = held * (1 - np.exp(-(t + 0.004) * 6 / (swell_seconds * np.sqrt(k))))
        return _single(held * np.exp(-0.15 * t))

    return spectrum


def drawbars(levels: dict[int, float], click: float = 0.0) -> Spectrum:
    """Return an organ: a few steady harmonics and a key click."""

    def spectrum(t: Array, k: Array, stroke: Stroke) -> Array:
        steady = np.zeros_like(k)
        for number, level in levels.items():
            steady += level * (k == number)
        return _single(steady + click * k**-0.5 * np.exp(-t * 60))

    return spectrum


def filtered_saw(
    low_hz: float, high_hz: float, decay_seconds: float, tilt: float = 1.0, square: bool = False
) -> Spectrum:
    """Return a synthesiser: saw or square, its low-pass closing from ``high_hz`` to ``low_hz``."""

    def spectrum(t: Array, k: Array, stroke: Stroke) -> Array:
        opening = high_hz * (1.0 if stroke.hard else 0.7) - low_hz
        cutoff = low_hz + opening * np.exp(-t / decay_seconds)
        gains = 1 / (1 + (k * np.float32(stroke.pitch_hz) / cutoff) ** 3)
        source = k**-tilt * (k % 2 if square else 1.0)
        return _single(source * gains)

    return spectrum


# Formants F1 to F4 in hertz of a, e, i, o, u (adult male, after Peterson and Barney 1952).
_VOWELS = (
    (730, 1090, 2440, 3400),
    (530, 1840, 2480, 3500),
    (300, 2250, 3000, 3600),
    (570, 860, 2410, 3300),
    (320, 880, 2240, 3200),
)
_FORMANT_GAINS = (1.0, 0.6, 0.35, 0.25)


def sung(size: float, tilt: float, decay: float = 0.0) -> Spectrum:
    """Return a voice: the note's colour picks a vowel, which glides to its neighbour.

    ``size`` scales the formants: 1 for a man, 1.17 for a woman.
    """

    def vowel(freqs: Array, number: int) -> Array:
        gains = np.full_like(freqs, 0.006)
        for centre_hz, gain in zip(_VOWELS[number % 5], _FORMANT_GAINS, strict=True):
            gains += gain * resonance(freqs, centre_hz * size, 80 + 0.05 * centre_hz) ** 2
        return gains

    def spectrum(t: Array, k: Array, stroke: Stroke) -> Array:
        freqs = k * np.float32(stroke.pitch_hz)
        here, there = vowel(freqs, stroke.colour), vowel(freqs, stroke.colour + 1 + stroke.hard)
        way = 1 - np.exp(-t / 0.18)
        source = k ** -(tilt - (0.2 if stroke.hard else 0.0)) * np.exp(-decay * t)
        return _single(source * ((1 - way) * here + way * there))

    return spectrum


def _single(amplitudes: Array) -> Array:
    return amplitudes.astype(np.float32, copy=False)


_VIOLIN_BODY = ((280, 120, 0.8), (460, 180, 1.0), (1100, 500, 0.8), (2600, 1200, 1.2))
_CELLO_BODY = ((110, 60, 0.8), (220, 120, 1.0), (600, 300, 0.6), (1500, 900, 0.5))
_REED_BODY = ((550, 300, 1.0), (1150, 500, 1.0), (2500, 1000, 0.6))
_SECTION = (-9.0, 1.0, 8.0)

INSTRUMENTS: dict[str, Instrument] = {
    # strings that ring
    "acoustic guitar": Instrument(plucked(1.0, 0.55, 1.0, 0.21), breath=0.10, breath_seconds=0.008),
    "steel strum": Instrument(plucked(1.6, 0.45, 0.75, 0.13), breath=0.15, breath_seconds=0.01),
    "electric guitar": Instrument(plucked(0.9, 0.35, 0.95, 0.16), vibrato_cents=6),
    "lead guitar": Instrument(plucked(0.35, 0.14, 0.9, 0.14), vibrato_cents=16),
    "twang guitar": Instrument(plucked(1.1, 0.3, 0.7, 0.08), breath=0.08, breath_seconds=0.006),
    "pedal steel": Instrument(
        plucked(0.4, 0.16, 1.0, 0.11), 0.03, 0.12, vibrato_cents=13, unison_cents=(-2.0, 2.0)
    ),
    "banjo": Instrument(plucked(3.5, 0.5, 0.6, 0.1), breath=0.1, breath_seconds=0.006),
    "skank guitar": Instrument(plucked(9.0, 1.0, 0.8, 0.1), release_seconds=0.03, breath=0.1),
    "wah guitar": Instrument(plucked(7.0, 0.6, 0.55, 0.09), release_seconds=0.02, breath=0.12),
    "power guitar": Instrument(plucked(0.25, 0.05, 0.8, 0.13), unison_cents=(-5.0, 5.0)),
    "muted guitar": Instrument(plucked(7.0, 0.8, 0.75, 0.11), release_seconds=0.02),
    "upright bass": Instrument(plucked(2.2, 1.6, 1.25, 0.3), 0.006, 0.06, breath=0.06),
    "finger bass": Instrument(plucked(1.2, 0.9, 1.15, 0.25), 0.004, 0.05),
    "picked bass": Instrument(plucked(1.0, 0.5, 0.85, 0.13), 0.003, 0.04, breath=0.05),
    "dub bass": Instrument(plucked(1.3, 2.6, 1.7, 0.4), 0.008, 0.07),
    # keys
    "piano": Instrument(struck(0.5, 0.25, 1.1), 0.002, 0.12, unison_cents=(-0.8, 0.9)),
    "soft piano": Instrument(struck(0.5, 0.4, 1.55), 0.004, 0.15, unison_cents=(-0.8, 0.9)),
    "electric piano": Instrument(
        struck(0.7, 0.8, 1.6), 0.003, 0.1, vibrato_cents=4, unison_cents=(-3.0, 3.0)
    ),
    "organ": Instrument(
        drawbars({1: 0.8, 2: 1.0, 3: 0.7, 4: 0.4, 6: 0.2, 8: 0.25}, 0.1), 0.004, 0.03, 9
    ),
    # bowed
    "violins": Instrument(
        sustained(1.05, _VIOLIN_BODY), 0.09, 0.16, 10, _SECTION, breath=0.02, breath_seconds=0.3
    ),
    "violin": Instrument(
        sustained(1.0, _VIOLIN_BODY), 0.06, 0.12, 18, breath=0.02, breath_seconds=0.2
    ),
    "fiddle": Instrument(
        sustained(0.85, _VIOLIN_BODY), 0.03, 0.06, 14, breath=0.03, breath_seconds=0.1
    ),
    "cellos": Instrument(
        sustained(1.15, _CELLO_BODY), 0.1, 0.18, 8, _SECTION, breath=0.015, breath_seconds=0.3
    ),
    "disco strings": Instrument(sustained(0.75, _VIOLIN_BODY), 0.05, 0.12, 10, (-12.0, 0.0, 11.0)),
    # blown
    "flute": Instrument(
        sustained(2.2, ((600, 400, 1.0),)), 0.05, 0.1, 12, breath=0.03, breath_seconds=2
    ),
    "oboe": Instrument(sustained(0.8, ((1100, 500, 2.0), (2900, 900, 1.0))), 0.04, 0.08, 10),
    "french horn": Instrument(sustained(1.6, ((450, 300, 1.2),), 0.08), 0.06, 0.15, 4),
    "saxophone": Instrument(
        sustained(0.95, _REED_BODY, 0.04), 0.03, 0.07, 14, breath=0.03, breath_seconds=0.6
    ),
    "muted trumpet": Instrument(
        sustained(0.75, ((1700, 800, 2.0), (3200, 1000, 1.0)), 0.05), 0.03, 0.06, 9
    ),
    "horn section": Instrument(
        sustained(0.8, ((900, 600, 0.8), (1800, 1000, 0.6)), 0.09), 0.02, 0.06, 3, (-7.0, 6.0)
    ),
    "harmonica": Instrument(
        sustained(0.6, ((1000, 500, 1.0), (2200, 800, 1.2))), 0.03, 0.05, 20, breath=0.03
    ),
    # synthesisers
    "synth bass": Instrument(filtered_saw(150, 1200, 0.06), 0.003, 0.03, unison_cents=(-4.0, 4.0)),
    "sub bass": Instrument(filtered_saw(70, 260, 0.08, 1.6), 0.004, 0.08),
    "super saw": Instrument(filtered_saw(2500, 9000, 0.3, 0.8), 0.004, 0.06, 0, (-11, -1, 10)),
    "synth pluck": Instrument(filtered_saw(500, 8000, 0.1, 0.8), 0.002, 0.05, 0, (-6.0, 6.0)),
    "synth pad": Instrument(filtered_saw(900, 1800, 0.8), 0.25, 0.3, 5, (-10.0, 0.0, 9.0)),
    "square lead": Instrument(filtered_saw(1800, 6000, 0.25, 0.9, True), 0.004, 0.05, 8),
    # voices
    "man": Instrument(sung(1.0, 0.85), 0.04, 0.08, 18, breath=0.02, breath_seconds=0.5),
    "woman": Instrument(sung(1.17, 0.75), 0.04, 0.08, 22, breath=0.03, breath_seconds=0.5),
    # Recorded twice and breathy, as singers of pop records are.
    "pop singer": Instrument(
        sung(1.17, 1.25), 0.025, 0.07, 12, (-7.0, 6.0), breath=0.12, breath_seconds=1.0
    ),
    "soft man": Instrument(sung(1.0, 1.3), 0.03, 0.08, 14, breath=0.1, breath_seconds=1.0),
    "choir": Instrument(sung(1.1, 0.8), 0.07, 0.12, 14, _SECTION, breath=0.02, breath_seconds=0.5),
    "rapper": Instrument(sung(0.97, 1.2, 2.0), 0.012, 0.025, 0, breath=0.06, breath_seconds=0.2),
    "growl": Instrument(sung(0.88, 0.35), 0.02, 0.05, 60, (-30, 25), 0.5, breath_seconds=2),
}

_VIBRATO_HZ = 5.5
_BEND_SECONDS = 0.07


def sound(
    name: str, stroke: Stroke, bend_semitones: float, seconds: float, rate_hz: int, seed: int
) -> Samples:
    """One note of an instrument, without its release, at an RMS of about 1 where it is loudest."""
    instrument = INSTRUMENTS[name]
    count = max(1, int(seconds * rate_hz))
    rng = np.random.default_rng([seed, int(stroke.pitch_hz * 100)])
    tone = np.zeros(count, np.float32)
    cents = _pitch_curve(instrument, bend_semitones, count, rate_hz, rng)
    for offset in instrument.unison_cents:
        voice = stroke._replace(pitch_hz=stroke.pitch_hz * 2 ** (offset / 1200))
        tone += harmonic_tone(instrument.spectrum, voice, count, rate_hz, cents, rng.random())
    tone /= loudness(tone, rate_hz)
    if instrument.breath:
        tone += instrument.breath * _breath(instrument, stroke, count, rate_hz, rng)
    attack = min(count, max(1, int(instrument.attack_seconds * rate_hz)))
    tone[:attack] *= np.arange(attack, dtype=np.float32) / attack
    return tone


def loudness(samples: Samples, rate_hz: int) -> float:
    """RMS of the loudest 50 ms."""
    block = min(len(samples), max(1, rate_hz // 20))
    blocks = samples[: len(samples) // block * block].reshape(-1, block)
    return float(np.sqrt(np.mean(blocks * blocks, axis=1).max())) + 1e-9


def _pitch_curve(
    instrument: Instrument, bend: float, count: int, rate_hz: int, rng: np.random.Generator
) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
    if not instrument.vibrato_cents and not bend:
        return None
    t = np.arange(count) / rate_hz
    speed = 2 * np.pi * _VIBRATO_HZ * rng.uniform(0.9, 1.1)
    cents = instrument.vibrato_cents * np.minimum(t / 0.4, 1) * np.sin(speed * t)
    return cents + 100 * bend * np.exp(-t / _BEND_SECONDS)


def _breath(
    instrument: Instrument, stroke: Stroke, count: int, rate_hz: int, rng: np.random.Generator
) -> Samples:
    low_hz = min(max(800.0, stroke.pitch_hz), 0.3 * rate_hz)
    noise = shaped_noise(
        rng, count, rate_hz, lambda f: high_pass(f, low_hz, 1) * low_pass(f, 6000, 1)
    )
    fade = np.exp(-np.arange(count, dtype=np.float32) / (instrument.breath_seconds * rate_hz))
    breath: Samples = noise * fade
    return breath
