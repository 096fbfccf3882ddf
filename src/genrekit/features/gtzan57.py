"""The 57 features of the published GTZAN table, reproduced from audio.

``features_30_sec.csv`` (Kaggle, GTZAN Dataset - Music Genre Classification, 2020) was made with the
librosa of 2020: frames of 2048 samples every 512, centred, reflected at the ends. Trained on that
table, a model serves audio only if its features follow the same conventions, so they are fixed here
and have no options. One pass over blocks of the spectrogram serves all features; a second gives the
chroma, whose filters need the tuning of the whole clip.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from genrekit.errors import AudioContentError
from genrekit.features.chroma import chroma_filters, pitch_peaks, scaled_to_peak, tuning_of
from genrekit.features.columns import ColumnInfo
from genrekit.features.hpss import CONTEXT_FRAMES, harmonic_mask
from genrekit.features.stft import (
    bin_frequencies_hz,
    centred,
    frames,
    inverse_stft,
    mel_filters,
    stft_blocks,
)
from genrekit.features.tempo import onset_strength, tempo_bpm
from genrekit.schema import Gtzan57Config

Floats = NDArray[np.float32]

RATE_HZ = 22050
FRAME_SAMPLES = 2048
HOP_SAMPLES = 512
_MELS = 128
_MFCCS = 20
_FRAMES_AT_ONCE = 1024
# 48 seconds, whose power takes 8 MB.
_KEPT_FRAMES = 2 * _FRAMES_AT_ONCE
_ROLLOFF = 0.85
_POWER_FLOOR = 1e-10
_RANGE_DB = 80.0
# Amplitudes up to this count as zero when crossings are counted.
_CROSSING_FLOOR = 1e-10


def _columns() -> Iterator[ColumnInfo]:
    series = (
        ("chroma_stft", "1", "pitch-class energy of a frame, its largest being 1", "harmony"),
        ("rms", "FS", "root mean square of a frame", "dynamics"),
        ("spectral_centroid", "Hz", "centre of mass of the spectrum", "timbre"),
        ("spectral_bandwidth", "Hz", "spread of the spectrum around its centroid", "timbre"),
        ("rolloff", "Hz", "frequency below which 85 % of the magnitude lie", "timbre"),
        ("zero_crossing_rate", "1", "share of samples where the sign changes", "timbre"),
        ("harmony", "FS", "samples of the harmonic part", "harmony"),
        ("perceptr", "FS", "samples of the percussive part", "rhythm"),
    )
    for name, unit, meaning, family in series:
        tiny = "; next to nothing beside the signal" if name in ("harmony", "perceptr") else ""
        yield ColumnInfo(f"{name}_mean", unit, f"mean of the {meaning}{tiny}", family)
        squared = unit if unit == "1" else f"{unit}²"
        yield ColumnInfo(f"{name}_var", squared, f"variance of the {meaning}", family)
    yield ColumnInfo("tempo", "bpm", "tempo, 0 when there are no onsets", "rhythm")
    for number in range(1, _MFCCS + 1):
        meaning = f"mel-frequency cepstral coefficient {number}"
        yield ColumnInfo(f"mfcc{number}_mean", "dB", f"mean of {meaning}", "timbre")
        yield ColumnInfo(f"mfcc{number}_var", "dB²", f"variance of {meaning}", "timbre")


COLUMNS = tuple(_columns())
_SEPARATED = ("harmony_mean", "harmony_var", "perceptr_mean", "perceptr_var")


class Gtzan57Frontend:
    """Samples to the 57 columns of the published table.

    Parameters
    ----------
    config : Gtzan57Config
        Without ``separation`` there are 53 columns.
    """

    code_version = 1

    def __init__(self, config: Gtzan57Config) -> None:
        self.config = config
        self.columns = tuple(
            column for column in COLUMNS if config.separation or column.name not in _SEPARATED
        )
        self.feature_names = tuple(column.name for column in self.columns)

    def __call__(self, samples: Floats) -> Floats:
        """Describe a clip.

        Parameters
        ----------
        samples : (n,) float32
            Mono, at 22,050 Hz, of any length above 0.

        Returns
        -------
        (57,) float32
            In the order of ``feature_names``; finite for amplitudes up to a million times full
            scale. Without ``separation`` it is (53,).

        Raises
        ------
        AudioContentError
            If there are no samples, or some are not finite.
        """
        if not len(samples):
            raise AudioContentError("empty", "there are no samples; expected at least one")
        if not np.isfinite(samples).all():
            raise AudioContentError("non_finite", "samples hold NaN or infinity")
        padded = centred(samples, FRAME_SAMPLES)
        gathered = _gather(padded, len(samples), self.config.separation)
        mel_db = _decibels(np.concatenate(gathered.mel))
        mfcc = scipy.fft.dct(mel_db, type=2, norm="ortho", axis=1)[:, :_MFCCS]
        delay_frames = FRAME_SAMPLES // (2 * HOP_SAMPLES)
        tempo = tempo_bpm(onset_strength(mel_db, delay_frames), RATE_HZ / HOP_SAMPLES)
        series = [
            _chroma(padded, gathered),
            _rms(padded),
            *np.concatenate(gathered.shape, axis=1),
            _zero_crossing_rate(samples),
        ]
        if gathered.harmonic is not None:
            series += [gathered.harmonic, _percussive(samples, gathered.harmonic)]
        values = [number for one in series for number in _mean_and_variance(one)]
        values.append(tempo)
        values += [number for one in mfcc.T for number in _mean_and_variance(one)]
        return np.array(values, np.float32)


@dataclass(slots=True, eq=False)
class _Gathered:
    """What the first pass over the spectrogram keeps: little per frame, one sample per sample.

    Of few frames also all power, which chroma would transform once more otherwise.
    """

    harmonic: Floats | None = None
    mel: list[Floats] = field(default_factory=list)
    shape: list[NDArray[np.float64]] = field(default_factory=list)
    peaks: list[tuple[NDArray[np.float64], Floats]] = field(default_factory=list)
    power: list[Floats] = field(default_factory=list)


def _gather(padded: Floats, n_samples: int, separation: bool) -> _Gathered:
    filters = mel_filters(RATE_HZ, FRAME_SAMPLES, _MELS, 0.0, RATE_HZ / 2)
    gathered = _Gathered()
    harmonic = _HarmonicPart(len(padded)) if separation else None
    keeps_power = len(padded) <= _KEPT_FRAMES * HOP_SAMPLES
    for first, inner, spectrum in _blocks(padded, CONTEXT_FRAMES if separation else 0):
        magnitude = np.abs(spectrum)
        if harmonic is not None:
            harmonic.add(first, spectrum[inner], harmonic_mask(magnitude)[inner])
        magnitude = magnitude[inner]
        power = magnitude * magnitude
        gathered.mel.append(power @ filters)
        gathered.shape.append(_spectral_shape(magnitude))
        gathered.peaks.append(pitch_peaks(power, RATE_HZ, FRAME_SAMPLES))
        if keeps_power:
            gathered.power.append(power)
    if harmonic is not None:
        gathered.harmonic = harmonic.samples(n_samples)
    return gathered


class _HarmonicPart:
    """Inverse transform of the harmonic share, overlapped and added block by block."""

    def __init__(self, n_padded: int) -> None:
        self._added = np.zeros(n_padded, np.float32)
        self._weights = np.zeros(n_padded, np.float32)

    def add(self, first: int, spectrum: NDArray[np.complex64], mask: Floats) -> None:
        overlapped, squared = inverse_stft(spectrum * mask, FRAME_SAMPLES, HOP_SAMPLES)
        place = slice(first * HOP_SAMPLES, first * HOP_SAMPLES + len(overlapped))
        self._added[place] += overlapped
        self._weights[place] += squared

    def samples(self, n_samples: int) -> Floats:
        covered = self._weights > np.finfo(np.float32).tiny
        self._added[covered] /= self._weights[covered]
        half = FRAME_SAMPLES // 2
        harmonic = self._added[half : half + n_samples]
        harmonic[_whole_hops(n_samples) :] = 0
        return harmonic


def _whole_hops(n_samples: int) -> int:
    """Count the samples up to the last frame's centre.

    The table's inverse transform gave these and filled up with zeros. Without that, the means of
    its harmonic and percussive parts cannot be reproduced, and pass for rounding noise.
    """
    return n_samples // HOP_SAMPLES * HOP_SAMPLES


def _percussive(samples: Floats, harmonic: Floats) -> Floats:
    percussive = samples - harmonic
    percussive[_whole_hops(len(samples)) :] = 0
    return percussive


def _blocks(
    padded: Floats, context_frames: int
) -> Iterator[tuple[int, slice, NDArray[np.complex64]]]:
    return stft_blocks(
        padded,
        FRAME_SAMPLES,
        HOP_SAMPLES,
        frames_at_once=_FRAMES_AT_ONCE,
        context_frames=context_frames,
    )


def _spectral_shape(magnitude: Floats) -> NDArray[np.float64]:
    """Centroid, bandwidth and rolloff of each frame in hertz, shape (3, n_frames)."""
    frequencies_hz = bin_frequencies_hz(RATE_HZ, FRAME_SAMPLES)
    powers = np.stack([np.ones_like(frequencies_hz), frequencies_hz, frequencies_hz**2], axis=1)
    total, first, second = (magnitude.astype(np.float64) @ powers).T
    total[total == 0] = 1
    centroid = first / total
    bandwidth = np.sqrt(np.maximum(0, second / total - centroid**2))
    energy = np.cumsum(magnitude, axis=1)
    bins = np.argmax(energy >= np.float32(_ROLLOFF) * energy[:, -1:], axis=1)
    return np.stack([centroid, bandwidth, frequencies_hz[bins]])


def _chroma(padded: Floats, gathered: _Gathered) -> Floats:
    frequencies_hz, peak_power = map(np.concatenate, zip(*gathered.peaks, strict=True))
    filters = chroma_filters(RATE_HZ, FRAME_SAMPLES, tuning_of(frequencies_hz, peak_power))
    energies = [power @ filters for power in gathered.power or _powers(padded)]
    return scaled_to_peak(np.concatenate(energies)).ravel()


def _powers(padded: Floats) -> Iterator[Floats]:
    for _, _, spectrum in _blocks(padded, 0):
        magnitude = np.abs(spectrum)
        yield magnitude * magnitude


def _decibels(mel: Floats) -> Floats:
    decibels = 10 * np.log10(np.maximum(mel, np.float32(_POWER_FLOOR)))
    floor = decibels.max() - np.float32(_RANGE_DB)
    return np.asarray(np.maximum(decibels, floor), np.float32)


def _rms(padded: Floats) -> NDArray[np.float64]:
    # The hop divides the frame, so a frame's energy is the sum of four hops' energies.
    hops = len(padded) // HOP_SAMPLES
    squared = np.square(padded[: hops * HOP_SAMPLES], dtype=np.float64)
    energy = np.concatenate([[0.0], np.cumsum(squared.reshape(hops, HOP_SAMPLES).sum(axis=1))])
    pieces = FRAME_SAMPLES // HOP_SAMPLES
    mean_square = np.maximum(0, energy[pieces:] - energy[:-pieces]) / FRAME_SAMPLES
    return np.asarray(np.sqrt(mean_square), np.float64)


def _zero_crossing_rate(samples: Floats) -> NDArray[np.float64]:
    padded = np.pad(samples, FRAME_SAMPLES // 2, mode="edge")
    negative = np.signbit(np.where(np.abs(padded) <= _CROSSING_FLOOR, 0, padded))
    crossings = np.concatenate([[0], np.cumsum(negative[1:] != negative[:-1])])
    counted = frames(crossings, FRAME_SAMPLES, HOP_SAMPLES)
    return np.asarray((counted[:, -1] - counted[:, 0]) / FRAME_SAMPLES, np.float64)


def _mean_and_variance(values: NDArray[np.floating]) -> tuple[float, float]:
    exact = values.astype(np.float64, copy=False)
    return float(exact.mean()), float(exact.var())
