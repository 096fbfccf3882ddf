"""gtzan57 and mel against librosa on synthetic signals.

librosa is asked for the conventions of the published table: reflect padding, and an inverse
transform that ends at the last frame's centre with silence after it, as in 2020.
"""

from __future__ import annotations

import librosa
import numpy as np
import pytest
from numpy.typing import NDArray

from genrekit.features.chroma import chroma_filters
from genrekit.features.gtzan57 import Gtzan57Frontend
from genrekit.features.hpss import harmonic_mask
from genrekit.features.mel import MelFrontend
from genrekit.features.stft import mel_filters
from genrekit.schema import Gtzan57Config, MelConfig

RATE = 22050
Samples = NDArray[np.float32]


def _noise(seconds: float) -> Samples:
    noise = np.random.default_rng(1).standard_normal(round(seconds * RATE))
    return (0.1 * noise).astype(np.float32)


def _chirp(seconds: float) -> Samples:
    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * (100 * time + 0.5 * 3000 / seconds * time**2)
    return (0.4 * np.sin(phase)).astype(np.float32) + 0.01 * _noise(seconds)


def _clicks(seconds: float) -> Samples:
    time = np.arange(round(seconds * RATE)) / RATE
    return (np.exp(-50 * (time % 0.48)) * _noise(seconds) * 5).astype(np.float32)


def _chords(seconds: float) -> Samples:
    time = np.arange(round(seconds * RATE)) / RATE
    root = 112 * 2 ** ((np.floor(time / 0.6) * 5 % 12) / 12)
    chord = sum(np.sin(2 * np.pi * root * ratio * time) for ratio in (1, 5 / 4, 3 / 2, 2, 3))
    return (0.1 * chord * np.exp(-3 * (time % 0.6))).astype(np.float32) + 0.02 * _noise(seconds)


SIGNALS = {"noise": _noise, "chirp": _chirp, "clicks": _clicks, "chords": _chords}
# One length that ends on a hop, and one that does not.
LENGTHS = (5.0155, 7.3)


def _librosa_57(samples: Samples) -> dict[str, float]:
    spectrum = librosa.stft(samples, pad_mode="reflect")
    magnitude = np.abs(spectrum)
    mel_db = librosa.power_to_db(librosa.feature.melspectrogram(S=magnitude**2, sr=RATE))
    harmonic, percussive = (
        librosa.util.fix_length(librosa.istft(part), size=len(samples))
        for part in librosa.decompose.hpss(spectrum)
    )
    series = {
        "chroma_stft": librosa.feature.chroma_stft(S=magnitude**2, sr=RATE),
        "rms": librosa.feature.rms(y=samples, pad_mode="reflect"),
        "spectral_centroid": librosa.feature.spectral_centroid(S=magnitude, sr=RATE),
        "spectral_bandwidth": librosa.feature.spectral_bandwidth(S=magnitude, sr=RATE),
        "rolloff": librosa.feature.spectral_rolloff(S=magnitude, sr=RATE),
        "zero_crossing_rate": librosa.feature.zero_crossing_rate(samples),
        "harmony": harmonic,
        "perceptr": percussive,
    }
    mfcc = librosa.feature.mfcc(S=mel_db, n_mfcc=20)
    series |= {f"mfcc{number}": one for number, one in enumerate(mfcc, start=1)}
    onsets = librosa.onset.onset_strength(S=mel_db, sr=RATE, aggregate=np.median)
    tempo, _ = librosa.beat.beat_track(onset_envelope=onsets, sr=RATE)
    values = {"tempo": float(np.atleast_1d(tempo)[0])}
    for name, one in series.items():
        exact = np.asarray(one, np.float64)
        values |= {f"{name}_mean": float(exact.mean()), f"{name}_var": float(exact.var())}
    return values


@pytest.mark.parametrize(("kind", "seconds"), [*zip(SIGNALS, LENGTHS * 2, strict=True)])
def test_gtzan57(kind: str, seconds: float) -> None:
    samples = SIGNALS[kind](seconds)
    frontend = Gtzan57Frontend(Gtzan57Config())
    expected = _librosa_57(samples)
    assert set(expected) == set(frontend.feature_names)
    for name, value in zip(frontend.feature_names, frontend(samples), strict=True):
        # Means of coefficients may lie near zero beside a spread of several decibels.
        spread = np.sqrt(expected[f"{name[:-5]}_var"]) if name.endswith("_mean") else 0.0
        tolerance = 1e-5 * spread if name.startswith("mfcc") else 1e-7
        assert value == pytest.approx(expected[name], rel=5e-4, abs=tolerance), name


@pytest.mark.parametrize(
    "config",
    [
        MelConfig(),
        MelConfig(sample_rate_hz=16000, fft_samples=512, hop_samples=160, n_mels=64),
        MelConfig(n_mels=96, hop_samples=1024, low_hz=30.0, high_hz=8000.0),
    ],
    ids=["default", "speech", "band-limited"],
)
@pytest.mark.parametrize("kind", SIGNALS)
def test_mel(kind: str, config: MelConfig) -> None:
    samples = SIGNALS[kind](5.0)
    mel = librosa.feature.melspectrogram(
        y=samples,
        sr=config.sample_rate_hz,
        n_fft=config.fft_samples,
        hop_length=config.hop_samples,
        n_mels=config.n_mels,
        fmin=config.low_hz,
        fmax=config.high_hz,
        center=False,
    )
    floor = 10 ** (config.floor_db / 10)
    expected = librosa.power_to_db(mel, ref=1.0, amin=floor, top_db=None)
    difference = np.abs(MelFrontend(config)(samples) - expected)
    # librosa transforms in double precision, we in single: our rounding shows beside a pure tone,
    # in bands more than 70 dB below the loudest one of the frame.
    clear = expected > expected.max(axis=0) - 70
    assert difference[clear].max() < 1e-3
    assert (difference < 1e-3).mean() > 0.999
    assert difference.max() < 5e-3


def test_filters() -> None:
    mel = librosa.filters.mel(sr=RATE, n_fft=2048, n_mels=128)
    np.testing.assert_allclose(mel_filters(RATE, 2048, 128, 0.0, RATE / 2), mel.T, atol=1e-8)
    for tuning in (-0.5, 0.0, 0.23):
        chroma = librosa.filters.chroma(sr=RATE, n_fft=2048, tuning=tuning)
        np.testing.assert_allclose(chroma_filters(RATE, 2048, tuning), chroma.T, atol=1e-6)


def test_harmonic_mask() -> None:
    magnitude = np.abs(librosa.stft(_chords(3.0)))
    expected, _ = librosa.decompose.hpss(magnitude, mask=True)
    np.testing.assert_allclose(harmonic_mask(magnitude.T), expected.T, atol=1e-5)
