"""Short-time Fourier transform, its inverse, and the mel filter bank, in single precision.

Spectrograms have one row per frame: shape (n_frames, n_bins). Frames are transformed in blocks of
one fixed size, so that a frame's values do not depend on how many frames there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Floats = NDArray[np.float32]

FRAMES_PER_BLOCK = 64


@lru_cache(maxsize=8)
def hann(window_samples: int) -> Floats:
    """Periodic Hann window, shape (window_samples,)."""
    phase = 2 * np.pi * np.arange(window_samples) / window_samples
    return (0.5 - 0.5 * np.cos(phase)).astype(np.float32)


def centred(samples: Floats, frame_samples: int) -> Floats:
    """Reflect half a frame at both ends, so that frame t is centred on sample t * hop."""
    return np.pad(samples, frame_samples // 2, mode="reflect")


def frames(samples: NDArray[np.generic], frame_samples: int, hop_samples: int) -> NDArray:  # type: ignore[type-arg]
    """View of the overlapping frames, shape (n_frames, frame_samples); nothing is copied.

    Only whole frames are given: audio shorter than one frame gives none.
    """
    if len(samples) < frame_samples:
        return np.empty((0, frame_samples), samples.dtype)
    return np.lib.stride_tricks.sliding_window_view(samples, frame_samples)[::hop_samples]


def by_block(
    rows: NDArray[np.float32], transform: Callable[[Floats], NDArray[np.generic]]
) -> NDArray[np.generic]:
    """Apply ``transform`` to blocks of `FRAMES_PER_BLOCK` rows, the last one filled with zeros."""
    blocks = []
    for start in range(0, len(rows), FRAMES_PER_BLOCK):
        block = rows[start : start + FRAMES_PER_BLOCK]
        missing = FRAMES_PER_BLOCK - len(block)
        if missing:
            filled = np.concatenate([block, np.zeros((missing, rows.shape[1]), np.float32)])
            blocks.append(transform(filled)[:-missing])
        else:
            blocks.append(transform(block))
    return (
        np.concatenate(blocks)
        if blocks
        else transform(np.zeros((1, rows.shape[1]), np.float32))[:0]
    )


def forward_stft(samples: Floats, frame_samples: int, hop_samples: int) -> NDArray[np.complex64]:
    """Short-time Fourier transform with a Hann window and without centring.

    Parameters
    ----------
    samples : (n,) float32
    frame_samples, hop_samples : int

    Returns
    -------
    (n_frames, frame_samples // 2 + 1) complex64
        ``n_frames`` is ``1 + (n - frame_samples) // hop_samples``, or 0 for shorter audio.
    """
    window = hann(frame_samples)
    return by_block(  # type: ignore[return-value]
        frames(samples, frame_samples, hop_samples),
        lambda block: scipy.fft.rfft(block * window, axis=1),
    )


def stft_blocks(
    samples: Floats,
    frame_samples: int,
    hop_samples: int,
    *,
    frames_at_once: int,
    context_frames: int = 0,
) -> Iterator[tuple[int, slice, NDArray[np.complex64]]]:
    """`forward_stft` in blocks, so that memory does not grow with the length of the audio.

    Parameters
    ----------
    samples : (n,) float32
    frame_samples, hop_samples : int
    frames_at_once : int
        Frames that are a block's own; the last block may have fewer.
    context_frames : int
        Frames given before and after them as well, fewer at the ends of the audio.

    Yields
    ------
    int, slice, (n_frames, frame_samples // 2 + 1) complex64
        Number of the block's first own frame, where its own are among those given, and all given.
    """
    n_frames = 1 + (len(samples) - frame_samples) // hop_samples
    for first in range(0, n_frames, frames_at_once):
        last = min(first + frames_at_once, n_frames)
        begin, end = max(0, first - context_frames), min(n_frames, last + context_frames)
        part = samples[begin * hop_samples : (end - 1) * hop_samples + frame_samples]
        yield (
            first,
            slice(first - begin, last - begin),
            forward_stft(part, frame_samples, hop_samples),
        )


def inverse_stft(
    spectrum: NDArray[np.complex64], frame_samples: int, hop_samples: int
) -> tuple[Floats, Floats]:
    """Overlapped and added frames, and the sum of squared windows that they must be divided by.

    Parameters
    ----------
    spectrum : (n_frames, frame_samples // 2 + 1) complex64
    frame_samples, hop_samples : int
        The hop divides the frame.

    Returns
    -------
    tuple of two (frame_samples + (n_frames - 1) * hop_samples,) float32
    """
    window = hann(frame_samples)
    pieces = frame_samples // hop_samples
    added = np.zeros((len(spectrum) + pieces - 1, hop_samples), np.float32)
    weights = np.zeros_like(added)
    windowed = scipy.fft.irfft(spectrum, frame_samples, axis=1) * window
    parts = windowed.reshape(len(spectrum), pieces, hop_samples)
    squared = (window * window).reshape(pieces, hop_samples)
    for piece in range(pieces):
        added[piece : piece + len(spectrum)] += parts[:, piece]
        weights[piece : piece + len(spectrum)] += squared[piece]
    return added.ravel(), weights.ravel()


def bin_frequencies_hz(sample_rate_hz: int, frame_samples: int) -> NDArray[np.float64]:
    """Centre of each bin in hertz, shape (frame_samples // 2 + 1,)."""
    return np.asarray(np.fft.rfftfreq(frame_samples, 1 / sample_rate_hz), np.float64)


@lru_cache(maxsize=8)
def mel_filters(
    sample_rate_hz: int, frame_samples: int, n_mels: int, low_hz: float, high_hz: float
) -> Floats:
    """Triangular filters of equal area on Slaney's mel scale, shape (n_bins, n_mels).

    The scale is linear below 1 kHz and logarithmic above (Slaney, Auditory Toolbox, 1998).
    """
    edges_hz = mel_edges_hz(n_mels, low_hz, high_hz)
    widths_hz = np.diff(edges_hz)
    slopes = edges_hz[:, np.newaxis] - bin_frequencies_hz(sample_rate_hz, frame_samples)
    rising = -slopes[:-2] / widths_hz[:-1, np.newaxis]
    falling = slopes[2:] / widths_hz[1:, np.newaxis]
    areas = 2 / (edges_hz[2:] - edges_hz[:-2])
    weights = np.maximum(0, np.minimum(rising, falling)) * areas[:, np.newaxis]
    return np.ascontiguousarray(weights.T, dtype=np.float32)


def mel_edges_hz(n_mels: int, low_hz: float, high_hz: float) -> NDArray[np.float64]:
    """Corners of the triangles, (n_mels + 2,): where band ``b`` begins, ``b + 1`` its peak."""
    return _mel_to_hz(np.linspace(_hz_to_mel(low_hz), _hz_to_mel(high_hz), n_mels + 2))


_LINEAR_HZ_PER_MEL = 200 / 3
_CORNER_HZ = 1000.0
_CORNER_MEL = _CORNER_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27


def _hz_to_mel(frequency_hz: float) -> float:
    if frequency_hz < _CORNER_HZ:
        return frequency_hz / _LINEAR_HZ_PER_MEL
    return float(_CORNER_MEL + np.log(frequency_hz / _CORNER_HZ) / _LOG_STEP)


def _mel_to_hz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    above = _CORNER_HZ * np.exp(_LOG_STEP * (mels - _CORNER_MEL))
    return np.where(mels < _CORNER_MEL, mels * _LINEAR_HZ_PER_MEL, above)
