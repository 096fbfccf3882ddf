"""Harmonic and percussive parts of a spectrogram, by median filtering.

Fitzgerald, Harmonic/percussive separation using median filtering, DAFx 2010; with the soft masks
of power 2 that librosa uses.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

Floats = NDArray[np.float32]

KERNEL = 31
#: Frames that the filter looks at before and after a frame.
CONTEXT_FRAMES = KERNEL // 2


def harmonic_mask(magnitude: Floats) -> Floats:
    """Share of each cell that is harmonic; the rest of it is percussive.

    Parameters
    ----------
    magnitude : (n_frames, n_bins) float32

    Returns
    -------
    (n_frames, n_bins) float32
        From 0 to 1. Silent cells give 0.5.
    """
    harmonic = _running_median(np.ascontiguousarray(magnitude.T)).T
    percussive = _running_median(magnitude)
    larger = np.maximum(harmonic, percussive)
    silent = larger < np.finfo(np.float32).tiny
    larger[silent] = 1
    harmonic = np.square(harmonic / larger)
    percussive = np.square(percussive / larger)
    total = harmonic + percussive
    total[silent] = 1
    mask = harmonic / total
    mask[silent] = 0.5
    return mask


def _running_median(rows: Floats) -> Floats:
    """Median over 31 neighbours along each row, reflected at its ends."""
    # scipy filters fast in one dimension only. Each row brings its own reflected ends, so all
    # rows can be filtered as a single long one.
    padded = np.pad(rows, ((0, 0), (CONTEXT_FRAMES, CONTEXT_FRAMES)), mode="symmetric")
    filtered = median_filter(padded.ravel(), KERNEL, mode="nearest")
    return filtered.reshape(padded.shape)[:, CONTEXT_FRAMES:-CONTEXT_FRAMES]
