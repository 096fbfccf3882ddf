"""Descriptors against librosa and scipy.stats, on frames that both compute alike.

Where conventions differ on purpose:

- Frames: ours lie fully inside the clip (``center=False``); librosa's default is centred.
- Contrast: librosa takes ten times the logarithm of magnitudes; our decibels are twice that.
- Flatness: librosa gives the ratio, ours is in decibels.
- Floors: librosa's are absolute, ours are relative to the loudest cell, so that gain has no effect.
- Chroma of the front-end comes from the harmonic part; the pitch-class filters are the same.
- Tempo: librosa picks a whole lag of the mean tempogram, ours is refined between the lags.
"""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import scipy.stats
from numpy.typing import NDArray

from genrekit.features import dynamics, harmony, rhythm, timbre
from genrekit.features.statistics import statistics

RATE = 22050
FFT = 2048
HOP = 512
FREQUENCIES = librosa.fft_frequencies(sr=RATE, n_fft=FFT)


@pytest.fixture(scope="module")
def samples() -> NDArray[np.float32]:
    """Twelve seconds of decaying chords over noise, at 100 beats per minute."""
    time = np.arange(12 * RATE) / RATE
    step = np.floor(time / 0.6)
    root = 110 * 2 ** ((step * 5 % 12) / 12)
    chord = sum(np.sin(2 * np.pi * root * ratio * time) for ratio in (1, 5 / 4, 3 / 2, 2, 3, 5))
    noise = np.random.default_rng(0).standard_normal(len(time))
    mixed = chord * np.exp(-4 * (time % 0.6)) + (0.05 + np.exp(-30 * (time % 0.3))) * noise
    return np.asarray(mixed / np.abs(mixed).max(), np.float32)


@pytest.fixture(scope="module")
def magnitude(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.abs(librosa.stft(samples, n_fft=FFT, hop_length=HOP, center=False)))


@pytest.fixture(scope="module")
def mel_db(magnitude: NDArray[np.float32]) -> NDArray[np.float32]:
    mel = librosa.feature.melspectrogram(S=magnitude**2, sr=RATE)
    return np.asarray(librosa.power_to_db(mel, ref=np.max))


def test_shape_of_the_spectrum(magnitude: NDArray[np.float32]) -> None:
    ours = timbre.shape_trajectories(
        magnitude.T, before=magnitude.T[:0], hertz=FREQUENCIES, loudest=magnitude.max()
    )
    centroid = librosa.feature.spectral_centroid(S=magnitude, sr=RATE)[0]
    bandwidth = librosa.feature.spectral_bandwidth(S=magnitude, sr=RATE)[0]
    rolloff = librosa.feature.spectral_rolloff(S=magnitude, sr=RATE)[0]
    flatness = librosa.feature.spectral_flatness(S=magnitude)[0]
    contrast = librosa.feature.spectral_contrast(S=magnitude, sr=RATE)
    np.testing.assert_allclose(ours["centroid"], centroid, rtol=1e-5)
    np.testing.assert_allclose(ours["bandwidth"], bandwidth, rtol=1e-5)
    # A sum in another order may pass the 85 % one bin earlier.
    assert np.mean(ours["rolloff"] == rolloff.astype(np.float32)) > 0.99
    # A few cells are below one of the floors.
    np.testing.assert_allclose(ours["flatness"], 10 * np.log10(flatness), atol=0.02)
    np.testing.assert_allclose(ours["contrast"], 2 * contrast, atol=0.1)


def test_mfcc_and_deltas(mel_db: NDArray[np.float32]) -> None:
    ours = timbre.mfcc(mel_db)
    theirs = librosa.feature.mfcc(S=mel_db, n_mfcc=20)
    np.testing.assert_allclose(ours, theirs, atol=1e-3)
    np.testing.assert_allclose(timbre.slope(ours), librosa.feature.delta(theirs), atol=1e-3)
    np.testing.assert_allclose(
        timbre.curvature(ours), librosa.feature.delta(theirs, order=2), atol=1e-3
    )


def test_tonnetz(magnitude: NDArray[np.float32]) -> None:
    chroma = librosa.feature.chroma_stft(S=magnitude**2, sr=RATE)
    np.testing.assert_allclose(
        harmony.tonnetz(chroma), librosa.feature.tonnetz(chroma=chroma), atol=1e-6
    )


def test_onset_strength(mel_db: NDArray[np.float32]) -> None:
    theirs = librosa.onset.onset_strength(S=mel_db, sr=RATE, center=False)
    np.testing.assert_allclose(rhythm.onset_strength(mel_db), theirs, atol=1e-4)


def test_tempogram(mel_db: NDArray[np.float32]) -> None:
    strength = rhythm.onset_strength(mel_db)
    theirs = librosa.feature.tempogram(onset_envelope=strength, sr=RATE, center=False)
    np.testing.assert_allclose(rhythm.tempogram(strength), theirs, atol=1e-9)
    np.testing.assert_allclose(rhythm.tempogram(strength, hop_frames=7), theirs[:, ::7], atol=1e-9)


def test_tempo_is_librosas_to_the_width_of_its_lag(mel_db: NDArray[np.float32]) -> None:
    ours = rhythm.measure_rhythm(mel_db, frames_per_second=RATE / HOP, seconds=12.0)["tempo"]
    strength = rhythm.onset_strength(mel_db)
    theirs = librosa.feature.tempo(onset_envelope=strength, sr=RATE)[0]
    assert ours == pytest.approx(100, rel=2e-3)
    assert ours == pytest.approx(theirs, rel=0.04)


def test_frame_energy(samples: NDArray[np.float32]) -> None:
    ours = dynamics.frame_energy(samples, frame_samples=FFT, hop_samples=HOP)
    theirs = librosa.feature.rms(y=samples, frame_length=FFT, hop_length=HOP, center=False)[0]
    np.testing.assert_allclose(np.sqrt(ours), theirs, rtol=1e-5)


def test_zero_crossings(samples: NDArray[np.float32]) -> None:
    ours = dynamics.crossing_share(samples, frame_samples=FFT, hop_samples=HOP)
    theirs = librosa.feature.zero_crossing_rate(
        samples, frame_length=FFT, hop_length=HOP, center=False
    )[0]
    # librosa divides the 2047 pairs of neighbours by 2048.
    np.testing.assert_allclose(ours * 2047 / 2048, theirs, rtol=1e-9)


def test_moments_and_quantiles() -> None:
    rows = np.random.default_rng(0).gamma(2.0, size=(5, 400)) - 3.0
    ours = statistics(rows, ("mean", "std", "skew", "kurtosis", "q10", "q50", "q90"))
    theirs = [
        rows.mean(axis=1),
        rows.std(axis=1),
        scipy.stats.skew(rows, axis=1),
        scipy.stats.kurtosis(rows, axis=1),
        *np.quantile(rows, (0.1, 0.5, 0.9), axis=1),
    ]
    np.testing.assert_allclose(ours, np.stack(theirs, axis=1), rtol=1e-10)


def test_moments_of_what_does_not_vary_are_zero() -> None:
    constant = statistics(np.full((1, 50), 0.1), ("std", "skew", "kurtosis"))
    assert constant == pytest.approx(0, abs=1e-15)
    assert not statistics(np.zeros((2, 0)), ("mean", "kurtosis")).any()
