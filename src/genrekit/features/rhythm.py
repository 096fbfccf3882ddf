"""Rhythm: where the energy rises, how fast the pulse is, and how steadily it repeats.

Everything here starts from a mel spectrogram in decibels below the loudest cell of the clip.

References
----------
Tempo by autocorrelation of the onset strength under a prior around 120 bpm: D. P. W. Ellis, "Beat
tracking by dynamic programming", Journal of New Music Research 36(1), 2007. The local version over
time is the tempogram of P. Grosche, M. Müller and F. Kurth, "Cyclic tempogram", ICASSP 2010. The
fluctuation of the level in bands follows E. Pampalk, A. Rauber and D. Merkl, "Content-based
organization and visualization of music archives", ACM Multimedia 2002.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d, maximum_filter1d, uniform_filter1d

from genrekit.features.statistics import FULL, Descriptor

Array = NDArray[np.float64]

TEMPOGRAM_FRAMES = 384
_TEMPOGRAM_HOP_FRAMES = 16
_SLOWEST_BPM, _FASTEST_BPM = 30.0, 300.0
_PRIOR_BPM, _PRIOR_OCTAVES = 120.0, 1.0
# Two neighbouring lags share a peak that falls between them; this much smoothing joins them again.
_SMOOTHING_FRAMES = 1.0
_SAME_TEMPO = 0.04
_ONSET_DELTA = 0.07

# Bass, low middle, high middle and treble: about 200, 800 and 3200 Hz on 128 Slaney mel bands.
_LEVEL_BANDS = {"bass": (0, 8), "low": (8, 31), "high": (31, 82), "treble": (82, 128)}
_FLUCTUATION_EDGES_HZ = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_BEATS = {
    "_quarter": (1 / 4, "a quarter of a beat"),
    "_third": (1 / 3, "a third of a beat"),
    "_half": (1 / 2, "half a beat"),
    "_two_thirds": (2 / 3, "two thirds of a beat"),
    "_one": (1.0, "one beat"),
    "_one_and_half": (3 / 2, "one and a half beats"),
    "_two": (2.0, "two beats"),
    "_three": (3.0, "three beats"),
    "_four": (4.0, "four beats"),
}
_RANKS = {"_1": "highest", "_2": "second highest", "_3": "third highest"}
_RATES = {
    "_half_hz": "0.5 to 1 Hz",
    "_1hz": "1 to 2 Hz",
    "_2hz": "2 to 4 Hz",
    "_4hz": "4 to 8 Hz",
    "_8hz": "8 to 16 Hz",
}

DESCRIPTORS = (
    Descriptor("onset_strength", "dB", "mean rise of the mel bands from the frame before", FULL),
    Descriptor("onset_rate", "1/s", "note onsets per second"),
    Descriptor("onset_interval_mean", "s", "mean time between neighbouring onsets"),
    Descriptor(
        "onset_interval_variation",
        "1",
        "standard deviation of the time between onsets over its mean",
    ),
    Descriptor("tempo", "bpm", "strongest pulse, favouring 120 bpm; 0 without a pulse"),
    Descriptor("beat_consistency", "1", "how well the onsets repeat after one beat, at most 1"),
    Descriptor(
        "beat_consistency_deviation",
        "1",
        "standard deviation of that repetition over 9-second windows",
    ),
    Descriptor("tempo_stability", "1", "share of 9-second windows with the clip's tempo"),
    Descriptor(
        "pulse_at",
        "1",
        "autocorrelation of the onsets after {row} (1 is a perfect repetition)",
        rows={suffix: words for suffix, (_, words) in _BEATS.items()},
    ),
    Descriptor("tempogram_maximum", "1", "highest peak of the tempogram", ("mean", "std")),
    Descriptor("tempogram_entropy", "bit", "how spread out the pulse is over the tempos"),
    Descriptor("tempogram_centroid", "bpm", "mean tempo, weighted by the strength of the pulse"),
    Descriptor(
        "autocorrelation_peak_lag",
        "s",
        "lag of the {row} peak of the onsets' autocorrelation; 0 if none",
        rows=_RANKS,
    ),
    Descriptor(
        "autocorrelation_peak_height",
        "1",
        "height of the {row} peak of the onsets' autocorrelation; 0 if none",
        rows=_RANKS,
    ),
    *(
        Descriptor(
            f"fluctuation_{band}",
            "dB",
            f"size of the level changes of the {band} band at {{row}}",
            rows=_RATES,
        )
        for band in _LEVEL_BANDS
    ),
)


def measure_rhythm(
    mel_db: NDArray[np.floating], *, frames_per_second: float, seconds: float
) -> dict[str, ArrayLike]:
    """Compute the rhythm descriptors.

    Parameters
    ----------
    mel_db : NDArray, shape (128, n_frames)
        Mel spectrogram in decibels.
    frames_per_second : float
    seconds : float
        Length of the clip.

    Returns
    -------
    dict[str, array_like]
        One entry for each of `DESCRIPTORS`.
    """
    strength = onset_strength(mel_db)
    intervals = np.diff(pick_onsets(strength)) / frames_per_second
    pulse = _detrend(strength)
    repetition = autocorrelation(pulse)
    beat_lag = find_beat_lag(repetition, frames_per_second=frames_per_second)
    return {
        "onset_strength": strength,
        "onset_rate": len(pick_onsets(strength)) / seconds,
        "onset_interval_mean": intervals.mean() if len(intervals) else 0.0,
        "onset_interval_variation": (intervals.std() / intervals.mean() if len(intervals) else 0.0),
        "tempo": 60.0 * frames_per_second / beat_lag if beat_lag else 0.0,
        "pulse_at": _at_lags(
            repetition, beat_lag * np.array([beats for beats, _ in _BEATS.values()])
        ),
        **_fluctuation(mel_db, frames_per_second),
        **_peaks(repetition, frames_per_second),
        **_measure_tempogram(pulse, beat_lag, frames_per_second),
    }


def onset_strength(mel_db: NDArray[np.floating]) -> Array:
    """Rise of the level from one frame to the next, averaged over the bands; decibels.

    Parameters
    ----------
    mel_db : NDArray, shape (n_mels, n_frames)

    Returns
    -------
    NDArray[float64], shape (n_frames,)
        The first frame has no predecessor and gets 0.
    """
    rises = np.maximum(np.diff(mel_db, axis=1), 0.0)
    return np.concatenate([np.zeros(1), rises.mean(axis=0, dtype=np.float64)])[: mel_db.shape[1]]


def pick_onsets(strength: Array) -> NDArray[np.intp]:
    """Frames of note onsets: local maxima that stand out from the 0.1 s around them."""
    top = strength.max(initial=0.0)
    if top <= 0.0:
        return np.empty(0, dtype=np.intp)
    is_peak = strength == maximum_filter1d(strength, size=3, mode="constant")
    surround = uniform_filter1d(strength, size=9, mode="nearest")
    frames = np.flatnonzero(is_peak & (strength >= surround + _ONSET_DELTA * top))
    # Two equal neighbours are one onset.
    return frames[np.diff(frames, prepend=-2) > 1]


def autocorrelation(signal: Array) -> Array:
    """Autocorrelation for lags up to half of the signal, corrected for the shrinking overlap.

    Returns
    -------
    NDArray[float64], shape (n // 2 + 1,)
        1 at lag 0; all zeros for a signal without energy.
    """
    n_samples = len(signal)
    n_lags = n_samples // 2 + 1
    spectrum = scipy.fft.rfft(signal, n=scipy.fft.next_fast_len(2 * n_samples, real=True))
    raw = scipy.fft.irfft(np.abs(spectrum) ** 2)[:n_lags]
    if raw[0] <= 0.0:
        return np.zeros(n_lags)
    return np.asarray(raw / raw[0] * n_samples / (n_samples - np.arange(n_lags)))


def find_beat_lag(repetition: Array, *, frames_per_second: float) -> float:
    """Lag of the beat in frames, between frames; 0 if nothing repeats.

    Parameters
    ----------
    repetition : NDArray[float64], shape (n_lags,)
        Autocorrelation of the onset strength.
    frames_per_second : float
    """
    lags, prior = _tempo_prior(len(repetition), frames_per_second)
    weighted = repetition[lags] * prior
    if not len(lags) or weighted.max() <= 0.0:
        return 0.0
    beat_lag = _refine_peak(repetition, int(lags[weighted.argmax()]))
    # The peak after 2, 4, 8 beats tells the length of one beat 2, 4, 8 times more finely.
    for beats in (2, 4, 8):
        expected = round(beat_lag * beats)
        around = repetition[max(expected - 2, 0) : expected + 3]
        if len(around) < 5 or around.argmax() in (0, 4) or around.max() <= 0.0:
            break
        beat_lag = _refine_peak(repetition, expected - 2 + int(around.argmax())) / beats
    return beat_lag


def tempogram(strength: Array, *, hop_frames: int = 1) -> Array:
    """Autocorrelation of the onset strength in Hann windows of 384 frames.

    The same as ``librosa.feature.tempogram(center=False)``, for every ``hop_frames``-th window.

    Parameters
    ----------
    strength : NDArray[float64], shape (n_frames,)
    hop_frames : int

    Returns
    -------
    NDArray[float64], shape (n_lags, n_windows)
        At most 1 by magnitude in each window. A shorter clip is one window of its own length.
    """
    length = min(TEMPOGRAM_FRAMES, len(strength))
    windows = np.lib.stride_tricks.sliding_window_view(strength, length)[::hop_frames]
    tapered = windows * _hann(length)
    spectra = scipy.fft.rfft(tapered, n=scipy.fft.next_fast_len(2 * length, real=True), axis=1)
    raw = scipy.fft.irfft(np.abs(spectra) ** 2, axis=1)[:, :length]
    energy = raw[:, :1]
    return np.divide(raw, energy, out=np.zeros_like(raw), where=energy > 0.0).T


def _detrend(strength: Array) -> Array:
    """Take away the slow mean, so that only the pulse is left to repeat."""
    smooth = gaussian_filter1d(strength, _SMOOTHING_FRAMES, mode="nearest")
    slow = uniform_filter1d(smooth, size=TEMPOGRAM_FRAMES // 2, mode="nearest")
    pulse = smooth - slow
    return np.where(np.abs(pulse) > 1e-6, pulse, 0.0)


def _tempo_prior(n_lags: int, frames_per_second: float) -> tuple[NDArray[np.intp], Array]:
    shortest = int(np.ceil(60.0 * frames_per_second / _FASTEST_BPM))
    longest = int(60.0 * frames_per_second / _SLOWEST_BPM)
    lags = np.arange(shortest, min(longest, n_lags - 2) + 1)
    octaves = np.log2(60.0 * frames_per_second / lags / _PRIOR_BPM)
    return lags, np.exp(-0.5 * (octaves / _PRIOR_OCTAVES) ** 2)


def _refine_peak(curve: Array, index: int) -> float:
    """Vertex of the parabola through a peak and its two neighbours."""
    left, middle, right = curve[index - 1 : index + 2]
    curvature = left - 2.0 * middle + right
    shift = 0.5 * (left - right) / curvature if curvature < 0.0 else 0.0
    return index + float(np.clip(shift, -0.5, 0.5))


def _at_lags(repetition: Array, lags: Array) -> Array:
    if lags[-1] <= 0.0:
        return np.zeros(len(lags))
    return np.interp(lags, np.arange(len(repetition)), repetition, right=0.0)


def _peaks(repetition: Array, frames_per_second: float) -> dict[str, ArrayLike]:
    longest = int(60.0 * frames_per_second / _SLOWEST_BPM) * 2
    curve = repetition[:longest]
    middle = curve[1:-1]
    candidates = 1 + np.flatnonzero((middle > curve[:-2]) & (middle >= curve[2:]) & (middle > 0.0))
    ranked = candidates[np.argsort(-curve[candidates], kind="stable")][: len(_RANKS)]
    lags, heights = np.zeros(len(_RANKS)), np.zeros(len(_RANKS))
    lags[: len(ranked)] = ranked / frames_per_second
    heights[: len(ranked)] = curve[ranked]
    return {"autocorrelation_peak_lag": lags, "autocorrelation_peak_height": heights}


def _measure_tempogram(
    pulse: Array, beat_lag: float, frames_per_second: float
) -> dict[str, ArrayLike]:
    if not beat_lag:
        zeros = ("beat_consistency", "beat_consistency_deviation", "tempo_stability")
        none = dict.fromkeys((*zeros, "tempogram_entropy", "tempogram_centroid"), 0.0)
        return {**none, "tempogram_maximum": np.zeros(0)}
    local = tempogram(pulse, hop_frames=_TEMPOGRAM_HOP_FRAMES)
    # The window overlaps less and less with itself: make up for it, for the lags in use.
    n_lags = len(local) // 2 + 1
    overlap = np.correlate(_hann(len(local)), _hann(len(local)), mode="full")[len(local) - 1 :]
    local = local[:n_lags] / (overlap[:n_lags, None] / overlap[0])
    lags, prior = _tempo_prior(n_lags, frames_per_second)
    rows = local[lags]
    at_beat = np.array([np.interp(beat_lag, np.arange(n_lags), window) for window in local.T])
    strength = np.maximum(rows.mean(axis=1), 0.0)
    weights = strength / max(strength.sum(), 1e-12)
    tempos = 60.0 * frames_per_second / lags
    local_lags = lags[(rows * prior[:, None]).argmax(axis=0)]
    return {
        "beat_consistency": at_beat.mean(),
        "beat_consistency_deviation": at_beat.std(),
        "tempo_stability": _share_of_same_tempo(local_lags, beat_lag),
        "tempogram_maximum": rows.max(axis=0),
        "tempogram_entropy": -np.sum(weights * np.log2(np.maximum(weights, 1e-12))),
        "tempogram_centroid": np.sum(weights * tempos),
    }


def _share_of_same_tempo(lags: NDArray[np.intp], beat_lag: float) -> float:
    """Half and double tempo count as the same: which of them wins is an accident."""
    octaves = np.log2(lags / beat_lag)
    off = np.abs(octaves - np.clip(np.round(octaves), -1, 1))
    # A whole number of frames is as near as a local tempo can come.
    tolerance = np.maximum(np.log2(1.0 + _SAME_TEMPO), np.log2(1.0 + 0.75 / lags))
    return float((off <= tolerance).mean())


def _fluctuation(mel_db: NDArray[np.floating], frames_per_second: float) -> dict[str, ArrayLike]:
    """Level changes in each band at each rate: root mean square, decibels."""
    levels = np.stack([mel_db[low:high].mean(axis=0) for low, high in _LEVEL_BANDS.values()])
    window = _hann(levels.shape[1])
    energy = max(float(np.sum(window**2)), 1e-12) * levels.shape[1]
    centred = (levels - levels.mean(axis=1, keepdims=True)) * window
    power = 2.0 * np.abs(scipy.fft.rfft(centred, axis=1)) ** 2 / energy
    rates = np.arange(power.shape[1]) * frames_per_second / levels.shape[1]
    edges = np.searchsorted(rates, _FLUCTUATION_EDGES_HZ)
    total = np.concatenate([np.zeros((len(power), 1)), np.cumsum(power, axis=1)], axis=1)
    sizes = np.sqrt(np.maximum(np.diff(total[:, edges], axis=1), 0.0))
    return {f"fluctuation_{band}": row for band, row in zip(_LEVEL_BANDS, sizes, strict=True)}


def _hann(length: int) -> Array:
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / length)
