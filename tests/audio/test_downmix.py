"""Channels that cancel are turned, an offset is taken off, and all else is the mean."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genrekit.audio import decode
from genrekit.audio.downmix import cell_frames, downmixed
from genrekit.audio.mono import to_mono
from genrekit.audio.pipeline import conditioned
from genrekit.schema import ExcerptConfig

RATE_HZ = 22050
Samples = np.ndarray


def noise(seconds: float, channels: int = 1, seed: int = 0, rate_hz: int = RATE_HZ) -> Samples:
    generator = np.random.default_rng(seed)
    return generator.normal(0, 0.1, (round(seconds * rate_hz), channels)).astype(np.float32)


def folded(frames: Samples, piece: int = 10_000) -> Samples:
    blocks = (frames[begin : begin + piece] for begin in range(0, len(frames), piece))
    return np.concatenate(list(downmixed(blocks, cell_frames(RATE_HZ, RATE_HZ))))


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "ogg", "m4a", "webm"])
def test_one_inverted_channel_changes_nothing(
    encode: Callable[..., bytes], make_music: Callable[..., Samples], name: str
) -> None:
    rate_hz = 48000 if name == "webm" else 44100
    samples = make_music(4.0, rate_hz, 2)
    upright = decode(encode(name, samples, rate_hz))
    for channel in (0, 1):
        inverted = samples.copy()
        inverted[:, channel] *= -1
        waveform = decode(encode(name, inverted, rate_hz))
        assert waveform.warnings == ()
        sign = -1 if channel == 0 else 1
        limit = 1e-4 if name in ("wav", "flac") else 0.05
        error = np.abs(sign * waveform.samples - upright.samples)
        assert np.quantile(error, 0.99) < limit


def test_exact_opposites_are_no_silence(encode: Callable[..., bytes]) -> None:
    one = noise(3.0)
    waveform = decode(encode("wav_float", np.hstack([one, -one]), RATE_HZ), sample_rate_hz=RATE_HZ)
    assert waveform.warnings == ()
    np.testing.assert_allclose(waveform.samples, one[:, 0], atol=1e-6)


@settings(max_examples=40)
@given(
    gains=st.lists(st.floats(-1, 1).filter(lambda g: abs(g) > 0.05), min_size=1, max_size=7),
    level=st.floats(0.02, 1.0),
    offset=st.floats(-0.5, 0.5),
)
def test_a_signal_is_never_silent_however_its_channels_cancel(
    gains: list[float], level: float, offset: float
) -> None:
    balanced = np.array([*gains, -sum(gains)])
    frames = (level * noise(1.2) * balanced + offset).astype(np.float32)
    found = folded(frames)
    assert found.std() > 0.2 * level * 0.1 * np.abs(balanced).max() / len(balanced)
    # An offset of a twentieth of the deviation is left, as any stretch of music has it.
    assert abs(found.mean()) < 0.06 * max(found.std(), 1e-3) + 1e-4


def test_what_does_not_cancel_is_the_mean_to_the_last_bit() -> None:
    common, left, right = noise(5.0, 1, 1), noise(5.0, 1, 2), noise(5.0, 1, 3)
    ordinary = {
        "mono": common,
        "dual mono": np.hstack([common, common]),
        "panned": np.hstack([common, 0.1 * common]),
        "wide": np.hstack([common + left, common + right]),
        "nothing in common": np.hstack([left, right]),
        "one side only": np.hstack([left, 0 * left]),
        "a little in opposite phase": np.hstack([left, right - 0.1 * left]),
        "six": noise(5.0, 6, 4),
        "surround in opposite phase": np.hstack([common, common, common, 0.3 * left, -0.3 * left]),
    }
    for name, frames in ordinary.items():
        np.testing.assert_array_equal(folded(frames), to_mono(frames), err_msg=name)


@pytest.mark.parametrize("offset", [0.02, 0.1, -0.4])
@pytest.mark.parametrize("channels", [1, 2])
def test_an_offset_is_taken_off(encode: Callable[..., bytes], channels: int, offset: float) -> None:
    # Without its own very slow part, which cannot be told from an offset.
    frames = np.diff(noise(4.0, channels), axis=0).astype(np.float32)
    waveform = decode(encode("wav_float", frames + offset, RATE_HZ), sample_rate_hz=RATE_HZ)
    assert abs(float(waveform.samples.mean())) < 1e-4
    np.testing.assert_allclose(waveform.samples, to_mono(frames), atol=1e-3)


@pytest.mark.parametrize("cell", [11025, 16000, 22050, 24000])
def test_silence_before_the_music_decides_nothing(cell: int) -> None:
    silence, one = np.zeros((3 * cell, 2), np.float32), noise(5.0)
    mono = np.concatenate(
        list(downmixed([np.concatenate([silence, np.hstack([one, -one])])], cell))
    )
    np.testing.assert_allclose(mono[len(silence) :], one[:, 0], atol=1e-6)


def test_an_offset_alone_is_silence(encode: Callable[..., bytes]) -> None:
    waveform = decode(encode("wav_float", np.full(RATE_HZ, 0.5), RATE_HZ))
    assert [warning.split(":")[0] for warning in waveform.warnings] == ["silent"]


def _eventful(rate_hz: int) -> Samples:
    """Turns into opposite phase and back, with an offset that comes and goes."""
    frames = noise(9.0, 2, 5, rate_hz)
    frames[:, 1] = 0.8 * frames[:, 0]
    frames[int(3.3 * rate_hz) : int(5.2 * rate_hz), 1] *= -1
    frames[int(4.1 * rate_hz) : int(7.7 * rate_hz)] += 0.2
    return frames


@pytest.mark.parametrize("native_hz", [22050, 44100, 48000, 44099])
@pytest.mark.parametrize("start", [0.0, 2.71, 4.0, 5.5, 7.3])
def test_an_excerpt_is_treated_as_in_the_whole(
    encode: Callable[..., bytes], native_hz: int, start: float
) -> None:
    data = encode("wav_float", _eventful(native_hz), native_hz)
    whole = decode(data).samples
    excerpt = ExcerptConfig(start_seconds=start, duration_seconds=1.6)
    part = decode(data, excerpt=excerpt).samples
    begin = round(start * 22050)
    wanted = whole[begin : begin + len(part)]
    np.testing.assert_allclose(part, wanted, atol=1e-6 if native_hz == 22050 else 3e-4)


@settings(max_examples=20)
@given(st.lists(st.integers(1, 30_000), min_size=1, max_size=20))
def test_how_blocks_are_cut_does_not_matter(sizes: list[int]) -> None:
    frames = _eventful(RATE_HZ)
    cuts = np.cumsum(sizes)
    blocks = [block for block in np.split(frames, cuts[cuts < len(frames)]) if len(block)]
    found = np.concatenate(list(downmixed(blocks, cell_frames(RATE_HZ, RATE_HZ))))
    np.testing.assert_array_equal(found, folded(frames))


def test_a_live_stream_is_treated_as_a_file(encode: Callable[..., bytes]) -> None:
    frames = _eventful(44100)
    live = np.concatenate(list(conditioned(iter(np.array_split(frames, 9)), 44100, 22050)))
    whole = decode(encode("wav_float", frames, 44100))
    np.testing.assert_allclose(live, whole.samples, atol=1e-6)


def test_the_number_of_channels_may_change() -> None:
    one = noise(1.3)
    pieces = [np.hstack([one, -one]), one, np.hstack([one, one, one])]
    found = np.concatenate(list(downmixed(pieces, cell_frames(RATE_HZ, RATE_HZ))))
    np.testing.assert_allclose(found, np.tile(one[:, 0], 3), atol=1e-6)


def test_a_sample_that_is_no_number_turns_nothing_off() -> None:
    one = noise(3.0)
    frames = np.hstack([one, -one])
    frames[30_000] = np.inf
    found = folded(frames)
    assert np.isfinite(np.delete(found, 30_000)).all()
    np.testing.assert_allclose(np.delete(found, 30_000), np.delete(one[:, 0], 30_000), atol=1e-6)
