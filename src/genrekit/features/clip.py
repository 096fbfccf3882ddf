"""A clip taken apart once, for all families of descriptors.

The clip is scaled to a peak of 1, which makes every later threshold relative. A first pass over its
spectrogram finds what must be known of the whole: the loudest cell, the audible frames, the tuning.
The second separates harmonic from percussive and reduces every block of frames to a few numbers per
frame, so memory grows with these and not with the spectrogram.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import AudioContentError
from genrekit.features.chroma import chroma_filters, pitch_peaks, scaled_to_peak, tuning_of
from genrekit.features.hpss import CONTEXT_FRAMES, harmonic_mask
from genrekit.features.stft import bin_frequencies_hz, mel_filters, stft_blocks
from genrekit.features.timbre import shape_trajectories

Floats = NDArray[np.float32]

SAMPLE_RATE_HZ = 22050
FRAME_SAMPLES = 2048
HOP_SAMPLES = 512
FRAMES_PER_SECOND = SAMPLE_RATE_HZ / HOP_SAMPLES
N_MELS = 128
MEL_RANGE_DB = 80.0
_FRAMES_AT_ONCE = 512
# Below this peak (-140 dBFS, a step of 24 bits) there is nothing but rounding.
_SILENT_PEAK = 1e-7
_AUDIBLE_SHARE = 1e-6  # of the energy of the loudest frame: 60 dB below it


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """What the families share; frames are the last axis.

    Parameters
    ----------
    samples : (n,) float32
        Scaled to a peak of 1, or zeros; filled up with zeros to one frame.
    peak : float
        What the largest sample was before, full scale being 1; 0 for silence.
    audible : (n_frames,) bool
        Frames less than 60 dB below the loudest.
    shape : dict of str to (n_frames,) or (n_rows, n_frames) float32
        Trajectories of the spectrum's shape, see `shape_trajectories`.
    mel_db : (128, n_frames) float32
        Decibels below the loudest cell, down to -80.
    chroma : (12, n_frames) float32
        Pitch classes of the harmonic part from C upwards, the strongest of each frame being 1.
    harmonic_energy, percussive_energy : (n_frames,) float64
        Mean squares of the scaled samples' parts.
    """

    samples: Floats
    peak: float
    audible: NDArray[np.bool_]
    shape: dict[str, Floats]
    mel_db: Floats
    chroma: Floats
    harmonic_energy: NDArray[np.float64]
    percussive_energy: NDArray[np.float64]


def analyse(samples: Floats) -> Clip:
    """Take a clip apart.

    Parameters
    ----------
    samples : (n,) float32
        Mono, at 22050 Hz, of any length above 0.

    Raises
    ------
    AudioContentError
        If there are no samples, or some are not finite.
    """
    scaled, peak = _scale(samples)
    survey = _survey(scaled)
    parts = [
        _reduce(magnitude, inner, survey) for inner, magnitude in _blocks(scaled, CONTEXT_FRAMES)
    ]
    joined = {name: np.concatenate([part[name] for part in parts], axis=-1) for name in parts[0]}
    return Clip(
        samples=scaled,
        peak=peak,
        audible=survey.audible,
        mel_db=_below_loudest(joined.pop("mel")),
        chroma=joined.pop("chroma"),
        harmonic_energy=joined.pop("harmonic").astype(np.float64),
        percussive_energy=joined.pop("percussive").astype(np.float64),
        shape=joined,
    )


def _scale(samples: Floats) -> tuple[Floats, float]:
    """Return samples with a peak of 1, at least one frame of them, and the peak they had."""
    if not samples.size:
        raise AudioContentError("empty", "there are no samples; expected at least one")
    peak = float(np.abs(samples).max())
    if not np.isfinite(peak):
        raise AudioContentError("non_finite", "samples hold NaN or infinity; decode() removes them")
    scaled = np.zeros(max(len(samples), FRAME_SAMPLES), dtype=np.float32)
    if peak < _SILENT_PEAK:
        return scaled, 0.0
    scaled[: len(samples)] = samples / np.float32(peak)
    return scaled, peak


def _blocks(samples: Floats, context_frames: int) -> Iterator[tuple[slice, Floats]]:
    """Magnitudes of blocks of frames with context around them, and which rows are the block."""
    for _, inner, spectrum in stft_blocks(
        samples,
        FRAME_SAMPLES,
        HOP_SAMPLES,
        frames_at_once=_FRAMES_AT_ONCE,
        context_frames=context_frames,
    ):
        yield inner, np.abs(spectrum)


@dataclass(frozen=True, slots=True, eq=False)
class _Survey:
    """What the first pass finds."""

    loudest: np.float32
    audible: NDArray[np.bool_]
    chroma_filters: Floats


def _survey(scaled: Floats) -> _Survey:
    energy, loudest, peaks = [], np.float32(0.0), []
    for _, magnitude in _blocks(scaled, 0):
        power = magnitude**2
        energy.append(_mean_squares(power))
        loudest = max(loudest, magnitude.max())
        peaks.append(pitch_peaks(power, SAMPLE_RATE_HZ, FRAME_SAMPLES))
    tuning = tuning_of(*(np.concatenate(part) for part in zip(*peaks, strict=True)))
    levels = np.concatenate(energy)
    return _Survey(
        loudest=loudest,
        audible=levels > _AUDIBLE_SHARE * levels.max(),
        chroma_filters=chroma_filters(SAMPLE_RATE_HZ, FRAME_SAMPLES, tuning),
    )


def _reduce(magnitude: Floats, inner: slice, survey: _Survey) -> dict[str, Floats]:
    """Turn a block's spectrogram into numbers per frame, of the rows ``inner``."""
    mask = harmonic_mask(magnitude)[inner]
    block = magnitude[inner]
    harmonic, percussive = np.square(block * mask), np.square(block * (1 - mask))
    filters = mel_filters(SAMPLE_RATE_HZ, FRAME_SAMPLES, N_MELS, 0.0, SAMPLE_RATE_HZ / 2)
    # The frame before the block, if there is one, is what its first frame is compared with.
    before = magnitude[max(inner.start - 1, 0) : inner.start]
    hertz = bin_frequencies_hz(SAMPLE_RATE_HZ, FRAME_SAMPLES)
    return {
        "mel": (block**2 @ filters).T,
        "chroma": scaled_to_peak(harmonic @ survey.chroma_filters).T,
        "harmonic": _mean_squares(harmonic),
        "percussive": _mean_squares(percussive),
        **shape_trajectories(block, before=before, hertz=hertz, loudest=survey.loudest),
    }


def _mean_squares(power: Floats) -> Floats:
    """Mean square of the windowed samples of each frame, by Parseval's theorem."""
    both_sides = 2 * power.sum(axis=1) - power[:, 0] - power[:, -1]
    window_energy = FRAME_SAMPLES * 3 / 8
    return np.asarray(both_sides / np.float32(FRAME_SAMPLES * window_energy))


def _below_loudest(mel_power: Floats) -> Floats:
    """Decibels below the loudest cell, not below -80; zeros for silence."""
    loudest = mel_power.max()
    if loudest <= 0:
        return np.zeros_like(mel_power)
    floor = np.float32(10 ** (-MEL_RANGE_DB / 10))
    return np.asarray(10 * np.log10(np.maximum(mel_power / loudest, floor)))
