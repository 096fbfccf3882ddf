"""The last step: tonal balance, compression, limiting and level of the finished record."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from genrekit.jukebox.filters import Samples, frequencies, low_pass
from genrekit.jukebox.score import Master

# Evenly spaced on the mel scale, so that a curve over them says what MFCCs measure.
# fmt: off
BANDS_HZ = (
    83, 250, 417, 583, 750, 917, 1090, 1294, 1537, 1825,
    2167, 2574, 3056, 3630, 4310, 5118, 6078, 7218, 8572,
)
# fmt: on

_REFERENCE_BANDS = slice(4, 9)
_MOST_CORRECTION_DB = 30.0
_FRAME_SAMPLES = 2048
_FRAMES = 300
# Levels are averaged in decibels over narrow bands: valleys between harmonics count.
_NARROW_BANDS = 5
_LOWEST_HZ = 35.0
_HIGHEST_HZ = 11000.0
_STEP_SECONDS = 0.01

Decibels = NDArray[np.float64]


def master_record(mix: Samples, master: Master, rate_hz: int, rng: np.random.Generator) -> Samples:
    """Compress, balance and limit ``mix``; its peak comes out at ``master.peak_dbfs``.

    Every record is a little different: the tonal balance and loudness vary with ``rng``.
    """
    tilt_db, bass_db, loudness, width = rng.standard_normal(4)
    top_hz = float(master.top_hz * (1 + 0.02 * width))
    wanted = np.array(master.curve_db, float)
    wanted += tilt_db * np.linspace(1.0, -1.0, len(BANDS_HZ))
    wanted[:2] += 1.5 * bass_db
    rms = float(master.rms * np.exp(0.15 * loudness))
    mix = _compress(mix, master.compression, rate_hz)
    mix = _balance(mix, wanted, top_hz, rate_hz, (master.hiss_db, rng))
    mix = _limit(mix, rms, master.peak_dbfs)
    # Clipping added overtones; balance what it did to the spectrum.
    mix = _balance(mix, wanted, top_hz, rate_hz)
    return _limit(mix, rms, master.peak_dbfs)


def _balance(
    mix: Samples,
    wanted_db: Decibels,
    top_hz: float,
    rate_hz: int,
    hiss: tuple[float, np.random.Generator] | None = None,
) -> Samples:
    """Bring the mean level of each band to the wanted one, as a matching equaliser does.

    With ``hiss`` a bed of noise of the wanted balance is added, so many decibels from the music.
    """
    wanted_db = wanted_db[np.array(BANDS_HZ) < 0.45 * rate_hz]
    measured = _band_levels_db(mix, len(wanted_db), rate_hz)
    correction = wanted_db - measured
    correction -= correction[_REFERENCE_BANDS].mean()
    correction = np.clip(correction, -_MOST_CORRECTION_DB, _MOST_CORRECTION_DB)
    size = scipy.fft.next_fast_len(len(mix) + rate_hz // 50, real=True)
    freqs = frequencies(size, rate_hz)
    spectrum = scipy.fft.rfft(mix, size)
    spectrum *= _gains(freqs, correction, top_hz)
    if hiss is not None:
        # A Hann window passes 3/8 of the power. White noise of variance v has, in a spectrum of n
        # samples, variance n v / 2 in the real and in the imaginary part.
        level_db = measured[_REFERENCE_BANDS].mean() + hiss[0]
        variance = 10 ** (level_db / 10) / (0.375 * _FRAME_SAMPLES)
        bed = _gains(freqs, wanted_db, top_hz) * np.float32(np.sqrt(variance * size / 2))
        noise = hiss[1].standard_normal((2, len(freqs)), dtype=np.float32)
        spectrum += bed * (noise[0] + 1j * noise[1])
    balanced: Samples = scipy.fft.irfft(spectrum, size)[: len(mix)]
    return balanced


def _gains(freqs: Samples, decibels: Decibels, top_hz: float) -> Samples:
    """Interpolate gains over the bands; fall away outside, where a record holds little."""
    gain_db = np.interp(freqs, BANDS_HZ[: len(decibels)], decibels)
    gain_db -= 12 * np.maximum(0, np.log2(_LOWEST_HZ / np.maximum(freqs, 1)))
    gain_db -= 12 * np.maximum(0, np.log2(np.maximum(freqs, 1) / _HIGHEST_HZ))
    limited: Samples = (10 ** (gain_db / 20)).astype(np.float32) * low_pass(freqs, top_hz, 30)
    return limited


def _band_levels_db(mix: Samples, bands: int, rate_hz: int) -> Decibels:
    """Mean over time of the level in decibels of the first ``bands`` bands."""
    mix = np.pad(mix, (0, max(0, _FRAME_SAMPLES - len(mix))))
    last = len(mix) - _FRAME_SAMPLES
    starts = np.linspace(0, last, min(_FRAMES, 1 + last // _FRAME_SAMPLES), dtype=int)
    frames = np.stack([mix[start : start + _FRAME_SAMPLES] for start in starts])
    window = np.hanning(_FRAME_SAMPLES).astype(np.float32)
    power = np.abs(scipy.fft.rfft(frames * window)) ** 2
    edges = np.interp(
        np.arange(bands * _NARROW_BANDS + 1) / _NARROW_BANDS,
        np.arange(len(BANDS_HZ) + 1),
        [_LOWEST_HZ, *(np.array(BANDS_HZ[1:]) + np.array(BANDS_HZ[:-1])) / 2, 9375],
    )
    bins = np.round(edges * _FRAME_SAMPLES / rate_hz).astype(int)
    starts = np.minimum(bins[:-1], power.shape[1] - 1)
    # Where a narrow band lies within one bin (high rates), reduceat takes that bin.
    means = np.add.reduceat(power, starts, axis=1) / np.maximum(1, np.diff([*starts, bins[-1]]))
    decibels = 10 * np.log10(means + 1e-10)
    # Silence must not count: no equaliser can fill it.
    audible = np.maximum(decibels, decibels.max() - 80).mean(axis=0)
    levels: Decibels = audible.reshape(bands, _NARROW_BANDS).mean(axis=1).astype(np.float64)
    return levels


def _compress(mix: Samples, ratio: float, rate_hz: int) -> Samples:
    step = max(1, round(_STEP_SECONDS * rate_hz))
    blocks = np.add.reduceat(mix * mix, np.arange(0, len(mix), step)) / step
    envelope = np.sqrt(uniform_filter1d(maximum_filter1d(blocks, 5), 9)) + 1e-6
    threshold = 0.7 * np.sqrt(np.mean(blocks)) + 1e-6
    gain = np.maximum(envelope / threshold, 1) ** (1 / ratio - 1)
    centres = (np.arange(len(gain)) + 0.5) * step
    compressed: Samples = mix * np.interp(np.arange(len(mix)), centres, gain).astype(np.float32)
    return compressed


def _limit(mix: Samples, rms: float, peak_dbfs: float) -> Samples:
    """Push into soft clipping until the RMS is ``rms`` at the wanted peak, then set the peak."""
    peak = 10 ** (peak_dbfs / 20)
    mix = mix / (np.abs(mix).max() + np.float32(1e-9))
    quick = mix[:: max(1, len(mix) // 50_000)]
    low, high = 0.2, 30.0
    for _ in range(8):
        push = float(np.sqrt(low * high))
        clipped = np.tanh(push * quick) / np.tanh(push)
        if np.sqrt(np.mean(clipped * clipped)) * peak < rms:
            low = push
        else:
            high = push
    limited = np.tanh(np.float32(low) * mix)
    limited *= np.float32(peak) / (np.abs(limited).max() + np.float32(1e-9))
    final: Samples = limited.astype(np.float32, copy=False)
    return final
