"""The log-mel front-end: cutting commutes with it, levels and lengths are as promised."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genrekit.errors import ConfigError
from genrekit.features.mel import MelFrontend
from genrekit.schema import MelConfig

SMALL = MelConfig(sample_rate_hz=16000, fft_samples=512, hop_samples=160, n_mels=32)


def _noise(n_samples: int, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(n_samples)).astype(np.float32)


@settings(deadline=None)
@given(
    n_frames=st.integers(1, 300),
    cut=st.tuples(st.integers(0, 299), st.integers(1, 300)),
    hop=st.sampled_from([160, 200, 512]),
    n_mels=st.sampled_from([32, 33]),
    seed=st.integers(0, 9),
)
def test_mel_then_cut_is_cut_then_mel(
    n_frames: int, cut: tuple[int, int], hop: int, n_mels: int, seed: int
) -> None:
    config = SMALL.model_copy(update={"hop_samples": hop, "n_mels": n_mels})
    frontend = MelFrontend(config)
    samples = _noise(config.fft_samples + (n_frames - 1) * hop + seed, seed)
    first = cut[0] % n_frames
    last = min(n_frames, first + cut[1])
    piece = samples[first * hop : (last - 1) * hop + config.fft_samples]
    np.testing.assert_array_equal(frontend(piece), frontend(samples)[:, first:last])


def test_cutting_the_default_configuration() -> None:
    frontend = MelFrontend(MelConfig())
    samples = _noise(22050 * 5)
    whole = frontend(samples)
    for first, last in ((0, 1), (3, 67), (64, 128), (100, whole.shape[1])):
        piece = samples[first * 512 : (last - 1) * 512 + 2048]
        np.testing.assert_array_equal(frontend(piece), whole[:, first:last])


@given(n_samples=st.integers(0, 4000))
def test_number_of_frames(n_samples: int) -> None:
    mel = MelFrontend(SMALL)(_noise(n_samples))
    assert mel.shape == (32, 1 + max(0, n_samples - 512) // 160)
    assert mel.dtype == np.float32
    assert mel.flags.c_contiguous


@pytest.mark.parametrize("n_samples", [0, 1, 511])
def test_short_audio_is_filled_up_with_silence(n_samples: int) -> None:
    samples = _noise(n_samples)
    filled = np.concatenate([samples, np.zeros(512 - n_samples, np.float32)])
    np.testing.assert_array_equal(MelFrontend(SMALL)(samples), MelFrontend(SMALL)(filled))


def test_silence_is_at_the_floor() -> None:
    config = SMALL.model_copy(update={"floor_db": -80.0})
    np.testing.assert_allclose(MelFrontend(config)(np.zeros(2000, np.float32)), -80, atol=1e-5)


def test_gain_adds_the_same_decibels_everywhere() -> None:
    samples = _noise(8000)
    louder = MelFrontend(SMALL)(samples * np.float32(10))
    np.testing.assert_allclose(louder - MelFrontend(SMALL)(samples), 20, atol=1e-3)


def test_a_tone_is_loudest_in_its_band() -> None:
    time = np.arange(22050) / 22050
    mel = MelFrontend(MelConfig())(np.sin(2 * np.pi * 1000 * time).astype(np.float32))
    # Bands are evenly spaced on Slaney's scale, where 1000 Hz is 15 of about 51.4 (at 11,025 Hz).
    top = 15 + 27 * np.log(11025 / 1000) / np.log(6.4)
    expected = round(15 / top * 129) - 1
    assert set(np.abs(mel.argmax(axis=0) - expected)) <= {0, 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"low_hz": 9000.0}, "do not fit"),
        ({"high_hz": 9000.0}, "do not fit"),
        ({"low_hz": 500.0, "high_hz": 400.0}, "do not fit"),
        ({"n_mels": 512}, "too many"),
    ],
)
def test_impossible_bands_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MelFrontend(SMALL.model_copy(update=change))
