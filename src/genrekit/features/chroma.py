"""Energy of the twelve pitch classes, with the tuning estimated from the audio.

Filters and tuning follow Ellis, Chroma feature analysis and synthesis (2007), as librosa does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genrekit.features.stft import bin_frequencies_hz

Floats = NDArray[np.float32]

PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")

_A4_HZ = 440.0
_TUNING_RANGE_HZ = (150.0, 4000.0)
_PEAK_THRESHOLD = 0.1
_TUNING_STEPS = np.linspace(-0.5, 0.5, 101)
_CENTRE_OCTAVE = 5.0
_OCTAVE_WIDTH = 2.0


def chroma_filters(sample_rate_hz: int, frame_samples: int, tuning: float) -> Floats:
    """Weights from bins to pitch classes, shape (n_bins, 12), C first.

    Parameters
    ----------
    tuning : float
        Deviation from A = 440 Hz in semitones, as `tuning_of` gives it.
    """
    classes = len(PITCH_CLASSES)
    frequencies_hz = np.linspace(0, sample_rate_hz, frame_samples, endpoint=False)[1:]
    semitones = classes * octaves(frequencies_hz, tuning)
    # Bin 0 has no pitch; it is placed one and a half octaves below bin 1.
    semitones = np.concatenate([[semitones[0] - 1.5 * classes], semitones])
    widths = np.concatenate([np.maximum(np.diff(semitones), 1.0), [1.0]])
    distance = np.subtract.outer(semitones, np.arange(classes))
    half = classes // 2
    distance = np.remainder(distance + half + 10 * classes, classes) - half
    weights = np.exp(-0.5 * (2 * distance / widths[:, np.newaxis]) ** 2)
    weights /= np.sqrt(np.square(weights).sum(axis=1, keepdims=True))
    from_centre = (semitones / classes - _CENTRE_OCTAVE) / _OCTAVE_WIDTH
    weights *= np.exp(-0.5 * from_centre**2)[:, np.newaxis]
    # The scale counts from A; pitch classes count from C.
    return np.asarray(np.roll(weights, -3, axis=1)[: 1 + frame_samples // 2], np.float32)


def octaves(frequencies_hz: NDArray[np.float64], tuning: float = 0.0) -> NDArray[np.float64]:
    """Octaves above A0 (27.5 Hz), shifted by ``tuning`` semitones."""
    reference_hz = _A4_HZ * 2.0 ** (tuning / len(PITCH_CLASSES)) / 16
    return np.asarray(np.log2(frequencies_hz / reference_hz), np.float64)


def scaled_to_peak(chroma: Floats) -> Floats:
    """Each frame divided by its largest pitch class; silent frames stay as they are."""
    peaks = chroma.max(axis=1, keepdims=True)
    peaks[peaks < np.finfo(np.float32).tiny] = 1
    return np.asarray(chroma / peaks, np.float32)


def pitch_peaks(
    power: Floats, sample_rate_hz: int, frame_samples: int
) -> tuple[NDArray[np.float64], Floats]:
    """Interpolated frequencies and powers of the spectral peaks between 150 and 4000 Hz.

    Parameters
    ----------
    power : (n_frames, n_bins) float32

    Returns
    -------
    frequencies_hz, peak_power : (n_peaks,)
        Peaks above a tenth of their frame's largest bin.
    """
    frequencies_hz = bin_frequencies_hz(sample_rate_hz, frame_samples)
    low, high = np.searchsorted(frequencies_hz, _TUNING_RANGE_HZ)
    before, middle, after = (power[:, low + step : high + step] for step in (-1, 0, 1))
    threshold = np.float32(_PEAK_THRESHOLD) * power.max(axis=1, keepdims=True)
    # Bins below the threshold count as zero when neighbours are compared.
    power_before = np.where(before > threshold, before, 0)
    power_after = np.where(after > threshold, after, 0)
    is_peak = (middle > threshold) & (middle > power_before) & (middle >= power_after)
    columns = np.nonzero(is_peak)[1]
    left, here, right = before[is_peak], middle[is_peak], after[is_peak]
    curvature = left + right - 2 * here
    slope = (right - left) / 2
    inside = np.abs(slope) < np.abs(curvature)
    shift = np.divide(-slope, curvature, out=np.zeros_like(slope), where=inside)
    bins = columns + low + shift
    return bins * (sample_rate_hz / frame_samples), here + slope * shift / 2


def tuning_of(frequencies_hz: NDArray[np.float64], peak_power: Floats) -> float:
    """Deviation from A = 440 Hz, in semitones from -0.5 to 0.5; 0 when there is no pitch."""
    if not len(frequencies_hz):
        return 0.0
    strong = frequencies_hz[peak_power >= np.median(peak_power)]
    residual = np.mod(len(PITCH_CLASSES) * octaves(strong), 1.0)
    residual[residual >= 0.5] -= 1.0
    counts, edges = np.histogram(residual, _TUNING_STEPS)
    return float(edges[counts.argmax()])
