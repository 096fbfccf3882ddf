"""Decoded, but nothing to analyse: short, silent and non-finite audio is named."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from genrekit.audio import decode
from genrekit.errors import AudioContentError
from genrekit.schema import ExcerptConfig

RATE_HZ = 22050


def _noise(size: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, size).astype(np.float32)


@pytest.mark.parametrize("size", [1, 2, 15])
@pytest.mark.parametrize("name", ["wav", "flac", "aiff"])
def test_a_handful_of_samples_is_too_short(
    encode: Callable[..., bytes], name: str, size: int
) -> None:
    with pytest.raises(AudioContentError) as caught:
        decode(encode(name, _noise(size), RATE_HZ))
    assert caught.value.state == "too_short"


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "ogg", "opus", "m4a", "webm"])
def test_a_fifth_of_a_second_is_audio(encode: Callable[..., bytes], name: str) -> None:
    rate_hz = 48000 if name in ("opus", "webm") else 44100
    waveform = decode(encode(name, _noise(rate_hz // 5), rate_hz))
    assert waveform.seconds == pytest.approx(0.2, abs=0.08)
    assert waveform.warnings == ()


@pytest.mark.parametrize("level", [0.0, 1e-5, 9e-5])
def test_silence_is_named(encode: Callable[..., bytes], level: float) -> None:
    waveform = decode(encode("wav_float", np.full(RATE_HZ, level), RATE_HZ))
    assert [warning.split(":")[0] for warning in waveform.warnings] == ["silent"]


def test_silence_is_measured_over_the_excerpt(encode: Callable[..., bytes]) -> None:
    data = encode("wav_float", np.concatenate([np.zeros(RATE_HZ), _noise(RATE_HZ)]), RATE_HZ)
    assert decode(data, sample_rate_hz=RATE_HZ).warnings == ()
    quiet = ExcerptConfig(start_seconds=0.0, duration_seconds=0.5)
    assert decode(data, excerpt=quiet).warnings[0].startswith("silent: ")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
@pytest.mark.parametrize("native_hz", [22050, 44100])
def test_a_few_bad_samples_become_zeros(
    encode: Callable[..., bytes], bad: float, native_hz: int
) -> None:
    samples = _noise(native_hz)
    clean = decode(encode("wav_float", samples, native_hz)).samples
    samples[5000:5010] = bad
    waveform = decode(encode("wav_float", samples, native_hz))
    assert np.isfinite(waveform.samples).all()
    assert np.abs(waveform.samples).max() < 2
    assert waveform.warnings == ("non_finite: 10 NaN or infinite samples became zeros",)
    np.testing.assert_allclose(waveform.samples[-9000:], clean[-9000:], atol=1e-4)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_many_bad_samples_are_an_error(encode: Callable[..., bytes], bad: float) -> None:
    for share in (0.011, 1.0):
        samples = _noise(RATE_HZ)
        samples[: int(share * RATE_HZ)] = bad
        with pytest.raises(AudioContentError, match="NaN or infinite") as caught:
            decode(encode("wav_float", samples, RATE_HZ))
        assert caught.value.state == "non_finite"


def test_one_bad_channel_is_enough(encode: Callable[..., bytes]) -> None:
    samples = np.stack([_noise(RATE_HZ), np.full(RATE_HZ, np.inf)], 1)
    samples[:, 1] *= np.where(np.arange(RATE_HZ) % 2, 1, -1)
    with pytest.raises(AudioContentError):
        decode(encode("wav_float", samples, RATE_HZ))
