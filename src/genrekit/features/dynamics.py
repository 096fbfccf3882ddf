"""Dynamics: level, loud against soft, the distribution of the samples, attack and decay.

References
----------
Attack from the envelope's rise between two shares of its peak, and the other descriptors of the
envelope: G. Peeters, "A large set of audio features for sound description", CUIDADO report, IRCAM
2004. Share of low-energy frames: G. Tzanetakis and P. Cook, "Musical genre classification of audio
signals", IEEE Transactions on Speech and Audio Processing 10(5), 2002.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genrekit.features.statistics import FULL, Descriptor
from genrekit.features.stft import frames

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

SILENCE_DBFS = -120.0
_ENVELOPE_HOP_SAMPLES = 128
# Long enough to smooth over the waves of a 43 Hz bass; attacks shorter than half of it look alike.
_ENVELOPE_WINDOW_HOPS = 8
_ENVELOPE_FLOOR_DB = -60.0
_TURN_DB = 3.0
_LOW, _HIGH = 0.1, 0.9

_SPREAD = ("mean", "std", "q10", "q50", "q90")

DESCRIPTORS = (
    Descriptor("level", "dBFS", "root mean square of the audible frames", FULL),
    Descriptor("loudness", "dBFS", "root mean square of the whole clip"),
    Descriptor("peak", "dBFS", "largest sample"),
    Descriptor("dynamic_range", "dB", "95 % above 10 % quantile of the audible frames' levels"),
    Descriptor("crest_factor", "1", "peak over root mean square of the whole clip"),
    Descriptor("crest", "dB", "peak over root mean square of each frame", ("mean", "std")),
    Descriptor("low_energy_share", "1", "share of frames with less than the mean RMS"),
    Descriptor("silence_share", "1", "share of frames 60 dB or more below the loudest"),
    Descriptor("amplitude_mean", "FS", "mean of the samples: the offset from zero"),
    Descriptor("amplitude_std", "FS", "standard deviation of the samples"),
    Descriptor("amplitude_skew", "1", "skewness of the samples"),
    Descriptor("amplitude_kurtosis", "1", "excess kurtosis of the samples"),
    Descriptor("amplitude_form", "1", "mean of the absolute samples over root mean square"),
    Descriptor("zero_crossings", "1/s", "changes of sign per second in the audible frames", FULL),
    Descriptor("swell_rate", "1/s", "rises of the envelope by 3 dB or more, per second"),
    Descriptor(
        "attack_time",
        "s",
        "duration of a rise with its slope from 10 to 90 %",
        _SPREAD,
        over="rises",
    ),
    Descriptor("decay_rate", "dB/s", "slope of the fall after a rise", _SPREAD, over="rises"),
)


def measure_dynamics(
    samples: Floats,
    *,
    scale: float,
    frame_samples: int,
    hop_samples: int,
    sample_rate_hz: int,
    audible: NDArray[np.bool_],
) -> dict[str, ArrayLike]:
    """Compute the dynamics descriptors.

    Parameters
    ----------
    samples : NDArray[float32], shape (n,)
        Mono, scaled to a peak of 1 (or all zeros).
    scale : float
        The peak before that, relative to full scale.
    frame_samples, hop_samples : int
    sample_rate_hz : int
    audible : NDArray[bool], shape (n_frames,)

    Returns
    -------
    dict[str, array_like]
        One entry for each of `DESCRIPTORS`.
    """
    energy = frame_energy(samples, frame_samples=frame_samples, hop_samples=hop_samples)
    rms = np.sqrt(energy)
    peaks = frame_peaks(samples, frame_samples=frame_samples, hop_samples=hop_samples)
    crossings = crossing_share(samples, frame_samples=frame_samples, hop_samples=hop_samples)
    gain_db = decibels(scale)
    levels = np.maximum(decibels(rms[audible]) + gain_db, SILENCE_DBFS)
    quiet, loud = np.quantile(levels, (0.10, 0.95)) if levels.size else (0.0, 0.0)
    return {
        "level": levels,
        "peak": max(gain_db, SILENCE_DBFS),
        "dynamic_range": loud - quiet,
        "crest": decibels(peaks[audible] / np.maximum(rms[audible], 1e-12)),
        "low_energy_share": (rms < rms.mean()).mean(),
        "silence_share": 1.0 - audible.mean(),
        "zero_crossings": crossings[audible] * sample_rate_hz,
        **_measure_samples(samples, scale),
        **_measure_swells(samples, sample_rate_hz),
    }


def frame_energy(samples: Floats, *, frame_samples: int, hop_samples: int) -> Array:
    """Mean square of each frame that lies fully inside; the hop divides the frame."""
    hops = _hops(samples, hop_samples)
    energy = np.einsum("hs,hs->h", hops, hops, dtype=np.float64)
    sums = frames(energy, frame_samples // hop_samples, 1).sum(axis=1)
    return np.asarray(sums / frame_samples)


def frame_peaks(samples: Floats, *, frame_samples: int, hop_samples: int) -> Array:
    """Largest magnitude of a sample in each frame."""
    hops = _hops(samples, hop_samples)
    largest = np.maximum(hops.max(axis=1), -hops.min(axis=1)).astype(np.float64)
    return np.asarray(frames(largest, frame_samples // hop_samples, 1).max(axis=1))


def crossing_share(samples: Floats, *, frame_samples: int, hop_samples: int) -> Array:
    """Share of the neighbouring samples in each frame that differ in sign."""
    negative = np.signbit(samples)
    crossings = np.concatenate([np.zeros(1, np.int64), np.cumsum(negative[1:] != negative[:-1])])
    counted = frames(crossings, frame_samples, hop_samples)
    return np.asarray((counted[:, -1] - counted[:, 0]) / (frame_samples - 1))


def _hops(samples: Floats, hop_samples: int) -> Floats:
    n_hops = len(samples) // hop_samples
    return samples[: n_hops * hop_samples].reshape(n_hops, hop_samples)


def envelope(samples: Floats) -> Array:
    """Root mean square in Hann windows of 1024 samples, every 128; shape (n // 128,)."""
    hops = _hops(samples, _ENVELOPE_HOP_SAMPLES)
    power = np.einsum("hs,hs->h", hops, hops, dtype=np.float64)
    window = np.hanning(_ENVELOPE_WINDOW_HOPS + 1)
    smooth = np.convolve(power, window / window.sum(), mode="same")[: len(hops)]
    return np.asarray(np.sqrt(smooth / _ENVELOPE_HOP_SAMPLES))


def decibels(amplitude: ArrayLike) -> Array:
    """20 log10, not below -240."""
    return 20.0 * np.log10(np.maximum(np.asarray(amplitude, dtype=np.float64), 1e-12))


def _measure_samples(samples: Floats, scale: float) -> dict[str, ArrayLike]:
    mean = float(samples.mean(dtype=np.float64))
    deviations = samples - np.float32(mean)
    squares = deviations**2
    variance = float(squares.mean(dtype=np.float64))
    rms = float(np.sqrt(variance + mean**2))
    # A constant has no shape: what is left of it is rounding.
    spread = variance if variance > 1e-10 * mean**2 else np.inf
    cubes = float(np.mean(squares * deviations, dtype=np.float64))
    fourth = float(np.mean(squares**2, dtype=np.float64))
    return {
        "loudness": max(float(decibels(rms * scale)), SILENCE_DBFS),
        "crest_factor": float(np.abs(samples).max()) / rms if rms else 0.0,
        "amplitude_mean": mean * scale,
        "amplitude_std": float(np.sqrt(variance)) * scale,
        "amplitude_skew": cubes / spread**1.5,
        "amplitude_kurtosis": fourth / spread**2 - 3.0 if spread < np.inf else 0.0,
        "amplitude_form": float(np.abs(samples).mean(dtype=np.float64)) / rms if rms else 0.0,
    }


def _measure_swells(samples: Floats, sample_rate_hz: int) -> dict[str, ArrayLike]:
    curve = envelope(samples)
    step_seconds = _ENVELOPE_HOP_SAMPLES / sample_rate_hz
    points = turning_points(decibels(curve), turn_db=_TURN_DB)
    attacks = [
        _attack_steps(curve[valley : peak + 1])
        for valley, peak in zip(points[::2], points[1::2], strict=False)
    ]
    decays = [
        _decay_db_per_step(curve[peak : valley + 1])
        for peak, valley in zip(points[1::2], points[2::2], strict=False)
    ]
    return {
        "swell_rate": len(attacks) * sample_rate_hz / len(samples),
        "attack_time": np.array(attacks) * step_seconds,
        "decay_rate": np.array(decays) / step_seconds,
    }


def turning_points(levels_db: Array, *, turn_db: float) -> list[int]:
    """Alternate valleys and peaks, the first a valley, each at least ``turn_db`` from the next.

    Levels more than 60 dB below the highest are taken for equally low. A level that never rises by
    ``turn_db`` has no points.
    """
    if not len(levels_db):
        return []
    floor = levels_db.max() + _ENVELOPE_FLOOR_DB
    points: list[int] = []
    # Peaks are looked for as valleys of the mirrored level.
    sign, extreme, extreme_at = 1.0, np.inf, 0
    for position, level in enumerate(np.maximum(levels_db, floor).tolist()):
        if sign * level <= extreme if sign > 0 else sign * level < extreme:
            extreme, extreme_at = sign * level, position
        elif sign * level >= extreme + turn_db:
            points.append(extreme_at)
            sign = -sign
            extreme, extreme_at = sign * level, position
    return [*points, extreme_at] if points else []


def _attack_steps(rise: Array) -> float:
    """Return the steps of a straight rise with the slope between 10 and 90 %."""
    share = (rise - rise[0]) / max(rise[-1] - rise[0], 1e-12)
    low = int(np.flatnonzero(share <= _LOW)[-1])
    high = low + int(np.flatnonzero(share[low:] >= _HIGH)[0])
    start = low + (_LOW - share[low]) / max(share[low + 1] - share[low], 1e-12)
    end = high - (share[high] - _HIGH) / max(share[high] - share[high - 1], 1e-12)
    return float(end - start) / (_HIGH - _LOW)


def _decay_db_per_step(fall: Array) -> float:
    """Mean slope from 90 % of the peak down to 10 % or to the valley."""
    start = int(np.flatnonzero(fall >= _HIGH * fall[0])[-1])
    reached = np.flatnonzero(fall[start:] <= max(_LOW * fall[0], 1.05 * float(fall[-1])))
    end = start + max(int(reached[0]) if len(reached) else 0, 1)
    end = min(end, len(fall) - 1)
    return float(decibels(fall[start]) - decibels(fall[end])) / max(end - start, 1)
