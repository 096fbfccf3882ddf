"""Timbre: the shape of the spectrum, whatever the notes, the loudness and the time.

References
----------
Shape of the spectrum: G. Peeters, "A large set of audio features for sound description", CUIDADO
report, IRCAM 2004. Spectral contrast: D.-N. Jiang et al., "Music type classification by spectral
contrast feature", ICME 2002. MFCC: S. Davis and P. Mermelstein, IEEE Transactions on Acoustics,
Speech and Signal Processing 28(4), 1980.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import correlate1d

from genrekit.features.statistics import FULL, MOMENTS, Descriptor

Array = NDArray[np.float32]

N_MFCC = 20
ROLLOFF_SHARE = 0.85
_CONTRAST_LOW_HZ = 200.0
_CONTRAST_OCTAVES = 6
_CONTRAST_QUANTILE = 0.02
# Cells this far below the loudest one of the clip are taken for this loud.
_FLOOR_DB = -100.0

# Least-squares slope, and curvature, of nine neighbouring frames.
_SLOPE = np.arange(-4, 5) / 60.0
_CURVATURE = np.array([28, 7, -8, -17, -20, -17, -8, 7, 28]) / 462.0

_CONTRAST_ROWS = ("_0_200hz", "_200hz", "_400hz", "_800hz", "_1600hz", "_3200hz", "_6400hz")
_MFCC_ROWS = tuple(f"{number:02d}" for number in range(1, N_MFCC + 1))

DESCRIPTORS = (
    Descriptor("centroid", "Hz", "centre of gravity of the spectrum", FULL),
    Descriptor("bandwidth", "Hz", "spread of the spectrum around its centroid", FULL),
    Descriptor("rolloff", "Hz", "frequency below which 85 % of the spectrum lie", FULL),
    Descriptor(
        "flatness", "dB", "geometric below arithmetic mean: 0 is noise, less is tonal", FULL
    ),
    Descriptor("flux", "1", "distance between neighbouring spectra, both of length 1", FULL),
    Descriptor(
        "contrast", "dB", "peaks above valleys of the octave from {row}", MOMENTS, _CONTRAST_ROWS
    ),
    Descriptor("mfcc", "dB", "mel-frequency cepstral coefficient {row}", MOMENTS, _MFCC_ROWS),
    Descriptor(
        "mfcc_delta", "dB/frame", "slope of MFCC {row} over nine frames", ("std",), _MFCC_ROWS
    ),
    Descriptor(
        "mfcc_delta2", "dB/frame²", "curvature of MFCC {row} over nine frames", ("std",), _MFCC_ROWS
    ),
)


def measure(
    magnitude: Array,
    mel_db: Array,
    *,
    frequencies_hz: NDArray[np.floating],
    audible: NDArray[np.bool_],
) -> dict[str, ArrayLike]:
    """Compute the timbre descriptors.

    Parameters
    ----------
    magnitude : NDArray[float32], shape (n_frames, n_bins)
        Magnitude spectrogram.
    mel_db : NDArray[float32], shape (n_mels, n_frames)
        Mel spectrogram in decibels below its loudest cell.
    frequencies_hz : NDArray, shape (n_bins,)
    audible : NDArray[bool], shape (n_frames,)
        Trajectories are summarised over these frames only.

    Returns
    -------
    dict[str, array_like]
        One entry for each of `DESCRIPTORS`.
    """
    heard = magnitude[audible]
    cepstrum = mfcc(mel_db)
    return {
        **spectral_shape(heard, frequencies_hz),
        "flatness": flatness_db(heard),
        "flux": flux(heard),
        "contrast": contrast_db(heard, frequencies_hz),
        "mfcc": cepstrum[:, audible],
        "mfcc_delta": slope(cepstrum)[:, audible],
        "mfcc_delta2": curvature(cepstrum)[:, audible],
    }


def spectral_shape(magnitude: Array, frequencies_hz: NDArray[np.floating]) -> dict[str, ArrayLike]:
    """Centroid, bandwidth and roll-off of each frame, in hertz; 0 for an empty spectrum.

    Parameters
    ----------
    magnitude : NDArray[float32], shape (n_frames, n_bins)
    frequencies_hz : NDArray, shape (n_bins,)
    """
    hertz = frequencies_hz.astype(np.float32)
    # From a reference frequency, the second moment loses no digits to cancellation.
    total = np.maximum(magnitude @ np.ones_like(hertz), np.float32(1e-20))
    centroid = (magnitude @ hertz) / total
    reference = np.float32(centroid.mean()) if centroid.size else np.float32(0.0)
    spread = (magnitude @ (hertz - reference) ** 2) / total
    variance = np.maximum(spread - (centroid - reference) ** 2, 0.0)
    cumulative = np.cumsum(magnitude, axis=1)
    below = np.count_nonzero(cumulative < ROLLOFF_SHARE * cumulative[:, -1:], axis=1)
    return {"centroid": centroid, "bandwidth": np.sqrt(variance), "rolloff": hertz[below]}


def flatness_db(magnitude: Array) -> Array:
    """Geometric mean of the power spectrum of each frame over its arithmetic mean, in decibels."""
    power = np.maximum(magnitude**2, _floor(magnitude) ** 2)
    ratio_log10 = np.log10(power).mean(axis=1) - np.log10(power.mean(axis=1))
    return np.asarray(10.0 * ratio_log10, dtype=np.float32)


def flux(magnitude: Array) -> Array:
    """Euclidean distance between neighbouring frames of length 1; shape (n_frames - 1,)."""
    lengths = np.sqrt(np.einsum("tf,tf->t", magnitude, magnitude))
    steps = np.diff(magnitude / np.maximum(lengths, np.float32(1e-20))[:, None], axis=0)
    return np.asarray(np.sqrt(np.einsum("tf,tf->t", steps, steps)))


def contrast_db(magnitude: Array, frequencies_hz: NDArray[np.floating]) -> Array:
    """Level of the peaks above the valleys in octave bands.

    Bands and quantiles are those of ``librosa.feature.spectral_contrast``; the decibels are those
    of a magnitude, twice what librosa returns.

    Returns
    -------
    NDArray[float32], shape (7, n_frames)
        Below 200 Hz, five octaves, and from 6400 Hz up.
    """
    rows = []
    for band, count in _contrast_bands(frequencies_hz):
        cells = magnitude[:, band].copy()
        cells.partition([count - 1, cells.shape[1] - count], axis=1)
        rows.append((cells[:, -count:].mean(axis=1), cells[:, :count].mean(axis=1)))
    peaks, valleys = np.maximum(np.stack(rows, axis=1), _floor(magnitude))
    return np.asarray(20.0 * np.log10(peaks / valleys))


def mfcc(mel_db: Array) -> Array:
    """Cepstral coefficients of a mel spectrogram in decibels; shape (20, n_frames)."""
    return np.asarray(scipy.fft.dct(mel_db, axis=0, norm="ortho")[:N_MFCC])


def slope(trajectories: Array) -> Array:
    """Slope of a straight line through the nine frames around each frame (delta)."""
    return _filter_frames(trajectories, _SLOPE)


def curvature(trajectories: Array) -> Array:
    """Second derivative of a parabola through the nine frames around each frame (delta-delta)."""
    return _filter_frames(trajectories, _CURVATURE)


def _filter_frames(trajectories: Array, kernel: NDArray[np.float64]) -> Array:
    """Zeros if there are fewer frames than the kernel has; its value is repeated at both ends."""
    reach = len(kernel) // 2
    if trajectories.shape[1] < len(kernel):
        return np.zeros_like(trajectories)
    inner = correlate1d(trajectories, kernel, axis=1)[:, reach:-reach]
    return np.pad(inner, ((0, 0), (reach, reach)), mode="edge")


def _contrast_bands(frequencies_hz: NDArray[np.floating]) -> list[tuple[slice, int]]:
    """Bins of each band, and how many of them count as peak, and as valley."""
    edges = _CONTRAST_LOW_HZ * 2.0 ** np.arange(_CONTRAST_OCTAVES)
    starts = np.concatenate([[0], np.searchsorted(frequencies_hz, edges) - 1])
    ends = np.concatenate([np.searchsorted(frequencies_hz, edges, side="right"), [None]])
    bands = []
    for start, end in zip(starts, ends, strict=True):
        size = (len(frequencies_hz) if end is None else end) - start
        count = max(int(np.rint(_CONTRAST_QUANTILE * size)), 1)
        # As in librosa, the uppermost bin counts for the size but is left to the next band.
        bands.append((slice(start, None if end is None else end - 1), count))
    return bands


def _floor(magnitude: Array) -> np.float32:
    loudest = float(magnitude.max(initial=0.0))
    return np.float32(max(loudest * 10.0 ** (_FLOOR_DB / 20.0), 1e-15))
