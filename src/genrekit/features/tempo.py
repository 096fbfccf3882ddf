"""Onset strength and tempo, from a log-mel spectrogram.

Onset strength is the median spectral flux over the bands; tempo is the peak of the mean
autocorrelation tempogram (Grosche, Müller and Kurth, 2010) under a log-normal prior around 120
beats per minute (Ellis, Beat tracking by dynamic programming, 2007).
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from genrekit.features.stft import frames, hann

Floats = NDArray[np.float32]

_CONTEXT_SECONDS = 8.0
_MAXIMUM_BPM = 320.0
_EXPECTED_BPM = 120.0
_FRAMES_AT_ONCE = 256


def onset_strength(mel_db: Floats, delay_frames: int) -> Floats:
    """Median rise over the bands from each frame to the next.

    Parameters
    ----------
    mel_db : (n_frames, n_mels) float32
    delay_frames : int
        Leading zeros that make up for the length of a centred frame.

    Returns
    -------
    (n_frames,) float32
    """
    rise = np.maximum(0, np.diff(mel_db, axis=0))
    flux = np.median(rise, axis=1).astype(np.float32)
    return np.pad(flux, (1 + delay_frames, 0))[: len(mel_db)]


def mean_tempogram(strength: Floats, window_frames: int) -> NDArray[np.float64]:
    """Autocorrelation of onset strength by lag, averaged over time, shape (window_frames,).

    Every local autocorrelation is scaled to a peak of 1 before the mean is taken.
    """
    half = window_frames // 2
    padded = np.pad(strength.astype(np.float64), half, mode="linear_ramp", end_values=0)
    windows = frames(padded, window_frames, 1)[: len(strength)]
    length = scipy.fft.next_fast_len(2 * window_frames - 1, real=True)
    total = np.zeros(window_frames)
    window = hann(window_frames).astype(np.float64)
    for start in range(0, len(windows), _FRAMES_AT_ONCE):
        spectrum = scipy.fft.rfft(windows[start : start + _FRAMES_AT_ONCE] * window, length, axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        correlation = scipy.fft.irfft(power, length, axis=1)[:, :window_frames]
        peaks = np.abs(correlation).max(axis=1, keepdims=True)
        peaks[peaks < np.finfo(np.float64).tiny] = 1
        total += (correlation / peaks).sum(axis=0)
    return total / max(1, len(windows))


def tempo_bpm(strength: Floats, frames_per_second: float) -> float:
    """Tempo in beats per minute; 0 when there are no onsets."""
    if not strength.any():
        return 0.0
    window_frames = int(_CONTEXT_SECONDS * frames_per_second)
    with np.errstate(divide="ignore"):
        lags_bpm = 60.0 * frames_per_second / np.arange(window_frames)
    repetition = mean_tempogram(strength, window_frames)
    prior = -0.5 * np.log2(lags_bpm[1:] / _EXPECTED_BPM) ** 2
    prior[lags_bpm[1:] >= _MAXIMUM_BPM] = -np.inf
    best = 1 + int(np.argmax(np.log1p(1e6 * repetition[1:]) + prior))
    return float(lags_bpm[best])
