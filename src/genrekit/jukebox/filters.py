"""Filters and noise by FFT: gains as functions of frequency, applied with zero phase."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Gains = NDArray[np.float32]
Curve = Callable[[NDArray[np.float32]], NDArray[np.float32]]

_PADDING_SECONDS = 0.02


def apply_curve(samples: Samples, rate_hz: int, curve: Curve) -> Samples:
    """Multiply the spectrum of ``samples`` (n,) by ``curve(frequencies in Hz)``."""
    size = scipy.fft.next_fast_len(len(samples) + int(_PADDING_SECONDS * rate_hz), real=True)
    spectrum = scipy.fft.rfft(samples, size)
    spectrum *= curve(frequencies(size, rate_hz))
    filtered: Samples = scipy.fft.irfft(spectrum, size)[: len(samples)]
    return filtered


def frequencies(size: int, rate_hz: int) -> NDArray[np.float32]:
    """Frequencies in Hz of the bins of an rfft of ``size`` samples, shape (size // 2 + 1,)."""
    return np.arange(size // 2 + 1, dtype=np.float32) * np.float32(rate_hz / size)


def low_pass(freqs: NDArray[np.float32], cutoff_hz: float, order: int = 2) -> Gains:
    """Gains of a Butterworth low-pass."""
    # The bound keeps steep filters within single precision.
    ratio = np.minimum(freqs / np.float32(cutoff_hz), np.float32(10 ** (18 / order)))
    gains: Gains = 1 / np.sqrt(1 + ratio ** (2 * order))
    return gains


def high_pass(freqs: NDArray[np.float32], cutoff_hz: float, order: int = 2) -> Gains:
    """Gains of a Butterworth high-pass."""
    ratio = (freqs / np.float32(cutoff_hz)) ** order
    gains: Gains = ratio / np.sqrt(1 + ratio * ratio)
    return gains


def resonance(freqs: NDArray[np.float32], centre_hz: float, width_hz: float) -> Gains:
    """Gains of a resonance: 1 at the centre, 0.7 at half its width away."""
    distance = (freqs - np.float32(centre_hz)) / np.float32(width_hz / 2)
    gains: Gains = 1 / np.sqrt(1 + distance * distance)
    return gains


def shaped_noise(rng: np.random.Generator, count: int, rate_hz: int, curve: Curve) -> Samples:
    """White noise (count,) passed through ``curve``, at a level of 1 where the gain is 1."""
    return apply_curve(rng.standard_normal(count, dtype=np.float32), rate_hz, curve)
