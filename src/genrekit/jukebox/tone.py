"""Tones with a changing spectrum: wavetable synthesis over a row of spectra.

A tone is a function that gives the amplitude of each harmonic at each moment. It is evaluated at a
few moments, turned into one cycle each by an inverse FFT, and read out at the wanted pitch while
fading from one cycle to the next. That covers plucked, struck, bowed, blown and sung sounds alike,
free of aliasing, in a fraction of a millisecond a note.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from genrekit.jukebox.filters import Samples

_CYCLE_SAMPLES = 2048
_MOMENTS = 14
_MOST_HARMONICS = 400
_HIGHEST_HZ = 16000.0


class Stroke(NamedTuple):
    """How a note is struck: its frequency, whether hard, and a colour (a vowel, say)."""

    pitch_hz: float
    hard: bool
    colour: int


Array = NDArray[np.float32]
# (moments in seconds (m, 1), harmonic numbers (1, h), stroke) -> amplitudes (m, h)
Spectrum = Callable[[Array, Array, Stroke], Array]


def harmonic_tone(
    spectrum: Spectrum,
    stroke: Stroke,
    count: int,
    rate_hz: int,
    cents: NDArray[np.float64] | None = None,
    start_cycles: float = 0.0,
) -> Samples:
    """Sound a harmonic tone.

    Parameters
    ----------
    spectrum : Spectrum
        Amplitudes of the harmonics over time.
    stroke : Stroke
        The note; its frequency is in hertz.
    count, rate_hz : int
        Samples and samples a second.
    cents : ndarray, shape (count,), optional
        Deviation from the pitch over time: vibrato, bends.
    start_cycles : float
        Phase at the start.
    """
    cycles = _cycles(spectrum, stroke, count / rate_hz, rate_hz)
    step = stroke.pitch_hz / rate_hz
    bent = np.ones(count) if cents is None else np.exp2(cents / 1200)
    phase = np.cumsum(step * bent)
    place = ((phase + start_cycles) * _CYCLE_SAMPLES).astype(np.int64) & (_CYCLE_SAMPLES - 1)
    # Moments lie closer together at the start, where sounds change fastest.
    position = np.sqrt(np.arange(count, dtype=np.float32) / count) * np.float32(_MOMENTS - 1)
    moment = position.astype(np.int64)
    place += moment * _CYCLE_SAMPLES
    flat = cycles.ravel()
    tone: Samples = flat[place]
    tone += (position - moment) * (flat[place + _CYCLE_SAMPLES] - tone)
    return tone


def _cycles(spectrum: Spectrum, stroke: Stroke, seconds: float, rate_hz: int) -> Array:
    highest = min(0.47 * rate_hz, _HIGHEST_HZ)
    harmonics = int(np.clip(highest / stroke.pitch_hz, 1, _MOST_HARMONICS))
    k = np.arange(1, harmonics + 1, dtype=np.float32)[None, :]
    moments = np.float32(seconds) * np.linspace(0, 1, _MOMENTS, dtype=np.float32) ** 2
    amplitudes = spectrum(moments[:, None], k, stroke)
    # Quadratic phases (Schroeder 1970) spread the energy of a cycle and keep its peak low.
    phases = np.exp(-1j * np.pi * k * k / harmonics).astype(np.complex64)
    bins = np.zeros((_MOMENTS, _CYCLE_SAMPLES // 2 + 1), np.complex64)
    bins[:, 1 : harmonics + 1] = amplitudes * phases
    cycles: Array = scipy.fft.irfft(bins, _CYCLE_SAMPLES, axis=1)
    return cycles
