"""Timbre: the shape of the spectrum, whatever the notes, the loudness and the time.

References
----------
Shape of the spectrum: G. Peeters, "A large set of audio features for sound description", CUIDADO
report, IRCAM 2004. Spectral contrast: D.-N. Jiang et al., "Music type classification by spectral
contrast feature", ICME 2002. MFCC: S. Davis and P. Mermelstein, IEEE Transactions on Acoustics,
Speech and Signal Processing 28(4), 1980.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import scipy.fft
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import correlate1d

from genrekit.features.statistics import FULL, MOMENTS, Descriptor

Floats = NDArray[np.float32]

N_MFCC = 20
ROLLOFF_SHARE = 0.85
_CONTRAST_LOW_HZ = 200.0
_CONTRAST_OCTAVES = 6
_CONTRAST_QUANTILE = 0.02
_FLOOR = np.float32(1e-5)  # 100 dB below the loudest cell
_SMALLEST = np.float32(1e-15)  # its square is still a float32

# Least-squares slope, and curvature, of nine neighbouring frames.
_SLOPE = np.arange(-4, 5) / 60.0
_CURVATURE = np.array([28, 7, -8, -17, -20, -17, -8, 7, 28]) / 462.0

_CONTRAST_ROWS = {
    "_0_200hz": "below 200 Hz",
    "_200hz": "from 200 to 400 Hz",
    "_400hz": "from 400 to 800 Hz",
    "_800hz": "from 800 to 1600 Hz",
    "_1600hz": "from 1600 to 3200 Hz",
    "_3200hz": "from 3200 to 6400 Hz",
    "_6400hz": "above 6400 Hz",
}
_MFCC_ROWS = {f"{number:02d}": f"{number}" for number in range(1, N_MFCC + 1)}

DESCRIPTORS = (
    Descriptor("centroid", "Hz", "centre of gravity of the spectrum", FULL),
    Descriptor("bandwidth", "Hz", "spread of the spectrum around its centroid", FULL),
    Descriptor("rolloff", "Hz", "frequency below which 85 % of the spectrum lie", FULL),
    Descriptor(
        "flatness", "dB", "geometric above arithmetic mean of the spectrum (0 is flat)", FULL
    ),
    Descriptor("flux", "1", "distance between neighbouring spectra, both of length 1", FULL),
    Descriptor(
        "contrast", "dB", "peaks above valleys of the spectrum {row}", MOMENTS, _CONTRAST_ROWS
    ),
    Descriptor("mfcc", "dB", "mel-frequency cepstral coefficient {row}", MOMENTS, _MFCC_ROWS),
    Descriptor(
        "mfcc_delta", "dB/frame", "slope of MFCC {row} over nine frames", ("std",), _MFCC_ROWS
    ),
    Descriptor(
        "mfcc_delta2", "dB/frame²", "curvature of MFCC {row} over nine frames", ("std",), _MFCC_ROWS
    ),
)


def measure_timbre(
    shape: Mapping[str, Floats], mel_db: Floats, *, audible: NDArray[np.bool_]
) -> dict[str, ArrayLike]:
    """Compute the timbre descriptors.

    Parameters
    ----------
    shape : Mapping[str, NDArray[float32]]
        What `shape_trajectories` gives for the whole clip.
    mel_db : NDArray[float32], shape (n_mels, n_frames)
        Mel spectrogram in decibels below its loudest cell.
    audible : NDArray[bool], shape (n_frames,)
        Trajectories are summarised over these frames only.

    Returns
    -------
    dict[str, array_like]
        One entry for each of `DESCRIPTORS`.
    """
    cepstrum = mfcc(mel_db)
    # The first frame has nothing before it to differ from.
    changes = shape["flux"][1:][audible[1:]]
    return {
        **{name: trajectory[..., audible] for name, trajectory in shape.items()},
        "flux": changes,
        "mfcc": cepstrum[:, audible],
        "mfcc_delta": slope(cepstrum)[:, audible],
        "mfcc_delta2": curvature(cepstrum)[:, audible],
    }


def shape_trajectories(
    magnitude: Floats, *, before: Floats, hertz: NDArray[np.float64], loudest: np.float32
) -> dict[str, Floats]:
    """Centroid, bandwidth, rolloff, flatness, flux and contrast of each frame.

    Parameters
    ----------
    magnitude : NDArray[float32], shape (n_frames, n_bins)
    before : NDArray[float32], shape (1, n_bins) or (0, n_bins)
        The frame before the first one, if there is one.
    hertz : NDArray[float64], shape (n_bins,)
        Frequency of each bin.
    loudest : float32
        Largest magnitude of the whole clip; cells 100 dB below it are raised to that level.

    Returns
    -------
    dict[str, NDArray[float32]]
        Contrast has shape (7, n_frames), all others (n_frames,).
    """
    centroid, bandwidth = centre_and_spread(magnitude, hertz)
    raised = np.maximum(magnitude, max(loudest * _FLOOR, _SMALLEST))
    return {
        "centroid": centroid,
        "bandwidth": bandwidth,
        "rolloff": rolloff(magnitude, hertz),
        "flatness": flatness_db(raised),
        "flux": flux(magnitude, before),
        "contrast": contrast_db(raised, hertz),
    }


def centre_and_spread(magnitude: Floats, hertz: NDArray[np.float64]) -> tuple[Floats, Floats]:
    """Mean frequency of each frame and the standard deviation around it, in hertz; 0 if empty."""
    # From the middle of the range, the second moment loses no digits to cancellation.
    middle = hertz.mean()
    offsets = hertz - middle
    weights = np.stack([np.ones_like(hertz), offsets, offsets**2], axis=1)
    total, first, second = (magnitude.astype(np.float64) @ weights).T
    has_power = total > 0.0
    total[~has_power] = 1.0
    first /= total
    variance = np.maximum(second / total - first**2, 0.0)
    centroid = np.where(has_power, first + middle, 0.0)
    return centroid.astype(np.float32), np.sqrt(variance).astype(np.float32)


def rolloff(magnitude: Floats, hertz: NDArray[np.float64]) -> Floats:
    """Frequency of the bin at which 85 % of each frame's magnitude are reached; 0 if empty."""
    cumulative = np.cumsum(magnitude, axis=1)
    reached = cumulative >= ROLLOFF_SHARE * cumulative[:, -1:]
    return np.asarray(hertz[reached.argmax(axis=1)], dtype=np.float32)


def flatness_db(magnitude: Floats) -> Floats:
    """Geometric mean of the power spectrum of each frame over its arithmetic mean, in decibels.

    ``magnitude``, shape (n_frames, n_bins), must be positive.
    """
    geometric = 20.0 * np.log10(magnitude).mean(axis=1)
    arithmetic = 10.0 * np.log10(np.einsum("tf,tf->t", magnitude, magnitude) / magnitude.shape[1])
    return np.asarray(geometric - arithmetic)


def flux(magnitude: Floats, before: Floats) -> Floats:
    """Euclidean distance of each frame from the one before, both scaled to length 1.

    ``before``, shape (1, n_bins), precedes the first frame; if it is empty, that one gets 0.
    """
    spectra = np.concatenate([before if len(before) else magnitude[:1], magnitude])
    lengths = np.sqrt(np.einsum("tf,tf->t", spectra, spectra))
    steps = np.diff(spectra / np.maximum(lengths, _SMALLEST)[:, None], axis=0)
    return np.asarray(np.sqrt(np.einsum("tf,tf->t", steps, steps)))


def contrast_db(magnitude: Floats, hertz: NDArray[np.float64]) -> Floats:
    """Level of the peaks above the valleys in octave bands.

    Bands and quantiles are those of ``librosa.feature.spectral_contrast``; the decibels are those
    of a magnitude, twice what librosa returns.

    Parameters
    ----------
    magnitude : NDArray[float32], shape (n_frames, n_bins)
        Positive.
    hertz : NDArray[float64], shape (n_bins,)

    Returns
    -------
    NDArray[float32], shape (7, n_frames)
        Below 200 Hz, five octaves, and from 6400 Hz up.
    """
    rows = []
    for band, count in _contrast_bands(hertz):
        cells = magnitude[:, band].copy()
        cells.partition([count - 1, cells.shape[1] - count], axis=1)
        rows.append(cells[:, -count:].mean(axis=1) / cells[:, :count].mean(axis=1))
    return np.asarray(20.0 * np.log10(np.stack(rows)))


def mfcc(mel_db: Floats) -> Floats:
    """Cepstral coefficients of a mel spectrogram in decibels; shape (20, n_frames)."""
    return np.asarray(scipy.fft.dct(mel_db, axis=0, norm="ortho")[:N_MFCC])


def slope(trajectories: Floats) -> Floats:
    """Slope of a straight line through the nine frames around each frame (delta)."""
    return _filter_frames(trajectories, _SLOPE)


def curvature(trajectories: Floats) -> Floats:
    """Second derivative of a parabola through the nine frames around each frame (delta-delta)."""
    return _filter_frames(trajectories, _CURVATURE)


def _filter_frames(trajectories: Floats, kernel: NDArray[np.float64]) -> Floats:
    """Zeros if there are fewer frames than the kernel has; its value is repeated at both ends."""
    reach = len(kernel) // 2
    if trajectories.shape[1] < len(kernel):
        return np.zeros_like(trajectories)
    inner = correlate1d(trajectories, kernel, axis=1)[:, reach:-reach]
    return np.pad(inner, ((0, 0), (reach, reach)), mode="edge")


def _contrast_bands(hertz: NDArray[np.float64]) -> list[tuple[slice, int]]:
    """Bins of each band, and how many of them count as peak, and as valley."""
    edges = _CONTRAST_LOW_HZ * 2.0 ** np.arange(_CONTRAST_OCTAVES)
    starts = np.concatenate([[0], np.searchsorted(hertz, edges) - 1])
    ends = np.concatenate([np.searchsorted(hertz, edges, side="right"), [None]])
    bands = []
    for start, end in zip(starts, ends, strict=True):
        size = (len(hertz) if end is None else end) - start
        count = max(int(np.rint(_CONTRAST_QUANTILE * size)), 1)
        # As in librosa, the uppermost bin counts for the size but is left to the next band.
        bands.append((slice(start, None if end is None else end - 1), count))
    return bands
