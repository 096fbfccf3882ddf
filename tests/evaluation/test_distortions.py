from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from genrekit.audio import decode, probe
from genrekit.evaluation.distortion_kinds import DISTORTIONS, POSITION_SECONDS, Clip
from genrekit.evaluation.distortions import (
    as_wav,
    cut,
    encoded,
    gained,
    low_passed,
    noisy,
    played,
)

RATE_HZ = 22050


def tone(hz: float, seconds: float = 2.0, level: float = 0.3) -> np.ndarray:
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (level * np.sin(2 * np.pi * hz * times)).astype(np.float32)


def test_noise_has_the_ratio_asked_for() -> None:
    clean = tone(440)
    noise = noisy(clean, 12.0, np.random.default_rng(0)) - clean
    assert 10 * np.log10(np.mean(clean**2) / np.mean(noise**2)) == pytest.approx(12, abs=0.1)


def test_a_low_pass_keeps_what_is_below_and_nothing_above() -> None:
    low, high = tone(500), tone(5000)
    np.testing.assert_allclose(low_passed(low + high, RATE_HZ, 2000), low, atol=1e-4)


def test_gain_multiplies_and_clips() -> None:
    clean = tone(440, level=0.4)
    np.testing.assert_allclose(gained(clean, -20), clean / 10, rtol=1e-5)
    assert np.abs(gained(clean, 12)).max() == 1.0


@pytest.mark.parametrize(
    ("position", "begin"), [(0.0, 0.0), (0.5, 0.75), (1.0, 1.5)], ids=["start", "middle", "end"]
)
def test_a_cut_lies_where_it_says(position: float, begin: float) -> None:
    whole = np.arange(2 * RATE_HZ, dtype=np.float32)
    part, seconds = cut(whole, RATE_HZ, 0.5, position)
    assert len(part) == RATE_HZ // 2
    assert seconds == pytest.approx(begin, abs=1e-4)
    assert part[0] == round(seconds * RATE_HZ)


def test_audio_shorter_than_a_cut_is_left_whole() -> None:
    part, begin = cut(np.ones(100, np.float32), RATE_HZ, 5.0, 1.0)
    assert (len(part), begin) == (100, 0.0)


def test_faster_is_shorter_and_higher() -> None:
    fast = played(tone(1000), 1.05)
    assert len(fast) == pytest.approx(2 * RATE_HZ / 1.05, abs=2)
    peak = np.abs(np.fft.rfft(fast)).argmax() * RATE_HZ / len(fast)
    assert peak == pytest.approx(1050, abs=1)


@pytest.mark.parametrize("kbit", [32, 320])
def test_an_mp3_has_the_size_of_its_bit_rate_and_the_sound_of_its_source(kbit: int) -> None:
    clean = tone(440)
    clip = Clip(clean, clean, RATE_HZ)
    file = DISTORTIONS["mp3"].make(clip, kbit, np.random.default_rng(0))
    assert len(file) * 8 / 2.0 / 1000 == pytest.approx(kbit, rel=0.1)
    info = probe(file)
    assert (info.channels, info.sample_rate_hz, info.codec) == (2, 44100, "mpeg_layer_iii")
    decoded = decode(file, sample_rate_hz=RATE_HZ).samples[: len(clean)]
    assert np.corrcoef(decoded, clean[: len(decoded)])[0, 1] > 0.98


def test_opus_is_encoded_at_a_rate_of_its_own() -> None:
    file = encoded(
        tone(440),
        RATE_HZ,
        codec="libopus",
        container="ogg",
        bits_per_second=64000,
        codec_rate_hz=48000,
    )
    assert decode(file, sample_rate_hz=RATE_HZ).seconds == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize("kind", sorted(set(DISTORTIONS) - {"mp3"}))
def test_every_level_makes_a_file_that_can_be_read(kind: str) -> None:
    whole = tone(440, seconds=25)
    clip = Clip(whole[: 2 * RATE_HZ], whole, RATE_HZ)
    for level in DISTORTIONS[kind].levels:
        file = DISTORTIONS[kind].make(clip, level, np.random.default_rng(0))
        info = soundfile.info(io.BytesIO(file))
        lengths = {"length": level, "position": POSITION_SECONDS, "shift": 2.0 - level / 1000}
        seconds = lengths.get(kind, 2.0)
        assert info.duration == pytest.approx(seconds, abs=0.01)
        assert info.channels == (2 if kind == "stereo" else 1)
        assert info.samplerate == (level if kind == "resampling" else RATE_HZ)


def test_a_wav_is_exact() -> None:
    clean = tone(440)
    np.testing.assert_array_equal(
        decode(as_wav(clean, RATE_HZ), sample_rate_hz=RATE_HZ).samples, clean
    )
