"""An excerpt is a slice of the whole, found by seeking."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genrekit.audio import DecodeLimits, decode, open_stream
from genrekit.audio.excerpt import plan_cut
from genrekit.errors import AudioContentError
from genrekit.schema import ExcerptConfig

RATES_HZ = (8000, 11025, 22050, 32000, 44100, 48000, 96000, 192000, 44099)
SEEKS_EXACTLY = ("wav", "au", "aiff", "flac", "mp3", "lame", "ogg", "opus")


@pytest.mark.parametrize("name", SEEKS_EXACTLY)
@pytest.mark.parametrize(("start", "duration"), [(0.0, 1.0), (1.23456, 2.0), (4.9, 5.0)])
def test_at_the_native_rate_an_excerpt_is_the_slice(
    clips: dict[str, Any], name: str, start: float, duration: float
) -> None:
    clip = clips[name]
    whole = decode(clip.data, sample_rate_hz=clip.rate_hz).samples
    excerpt = ExcerptConfig(start_seconds=start, duration_seconds=duration)
    part = decode(clip.data, sample_rate_hz=clip.rate_hz, excerpt=excerpt).samples
    begin = round(start * clip.rate_hz)
    wanted = whole[begin : begin + round(duration * clip.rate_hz)]
    # Vorbis and Opus overlap their blocks, so rounding may differ after a seek.
    atol = 0 if name in ("wav", "au", "aiff", "flac") else 1e-3
    assert part.shape == wanted.shape
    np.testing.assert_allclose(part[2000:], wanted[2000:], atol=atol, rtol=0)


@pytest.mark.parametrize("name", ["m4a", "aac", "wma", "webm"])
def test_formats_of_ffmpeg_seek_to_within_milliseconds(clips: dict[str, Any], name: str) -> None:
    clip = clips[name]
    whole = decode(clip.data, sample_rate_hz=16000).samples
    excerpt = ExcerptConfig(start_seconds=3.0, duration_seconds=2.0)
    part = decode(clip.data, sample_rate_hz=16000, excerpt=excerpt).samples
    assert len(part) == 32000
    lags = range(-32, 33)
    errors = [np.abs(part - whole[48000 + lag : 80000 + lag]).mean() for lag in lags]
    assert min(errors) < 0.01, "no shift of up to 2 ms fits"


@pytest.mark.parametrize("start", [0.0, 0.4, 1.7, 3.1, 4.9])
def test_an_excerpt_that_is_all_there_is_no_loss(clips: dict[str, Any], start: float) -> None:
    excerpt = ExcerptConfig(start_seconds=start, duration_seconds=1.0)
    for clip in clips.values():
        for rate_hz in (16000, clip.rate_hz):
            waveform = decode(clip.data, sample_rate_hz=rate_hz, excerpt=excerpt)
            assert (waveform.seconds, waveform.warnings) == (1.0, ())


@pytest.mark.parametrize("name", ["wav", "flac", "mp3"])
def test_resampled_excerpts_are_slices_of_the_resampled_whole(
    clips: dict[str, Any], name: str
) -> None:
    whole = decode(clips[name].data).samples
    excerpt = ExcerptConfig(start_seconds=2.34567, duration_seconds=1.5)
    part = decode(clips[name].data, excerpt=excerpt).samples
    begin = round(2.34567 * 22050)
    np.testing.assert_allclose(part, whole[begin : begin + len(part)], atol=2e-5)
    assert len(part) == round(1.5 * 22050)


@settings(max_examples=40, deadline=None)
@given(
    native_hz=st.sampled_from(RATES_HZ),
    rate_hz=st.sampled_from((8000, 16000, 22050)),
    start=st.floats(0, 2.5),
    duration=st.floats(0.05, 1.0),
)
def test_excerpts_are_slices_at_any_pair_of_rates(
    encode: Callable[..., bytes],
    make_music: Callable[..., np.ndarray],
    native_hz: int,
    rate_hz: int,
    start: float,
    duration: float,
) -> None:
    data = encode("wav_float", make_music(3.0, native_hz, 1), native_hz)
    whole = decode(data, sample_rate_hz=rate_hz).samples
    excerpt = ExcerptConfig(start_seconds=start, duration_seconds=duration)
    part = decode(data, sample_rate_hz=rate_hz, excerpt=excerpt).samples
    begin = round(start * rate_hz)
    wanted = whole[begin : begin + round(duration * rate_hz)]
    assert abs(len(part) - len(wanted)) <= 1
    size = min(len(part), len(wanted))
    np.testing.assert_allclose(part[:size], wanted[:size], atol=3e-4)


@given(
    start=st.floats(0, 1e12),
    duration=st.floats(1e-3, 1e12) | st.none(),
    native_hz=st.integers(1000, 768_000),
    rate_hz=st.integers(1000, 768_000),
)
def test_a_plan_covers_what_it_keeps(
    start: float, duration: float | None, native_hz: int, rate_hz: int
) -> None:
    excerpt = ExcerptConfig(start_seconds=start, duration_seconds=duration)
    cut = plan_cut(excerpt, None, native_hz, rate_hz)
    assert cut.begin >= 0
    assert cut.skip >= 0
    # The frame where decoding begins is also a sample of the output.
    assert cut.begin * rate_hz % native_hz == 0 or native_hz == rate_hz
    if cut.count is not None:
        assert cut.keep is not None
        assert cut.count * rate_hz >= (cut.skip + cut.keep) * native_hz


@pytest.mark.parametrize("name", ["wav", "mp3", "m4a", "webm"])
def test_no_start_means_the_middle(clips: dict[str, Any], name: str) -> None:
    middle = decode(clips[name].data, excerpt=ExcerptConfig(duration_seconds=2.0)).samples
    explicit = decode(
        clips[name].data, excerpt=ExcerptConfig(start_seconds=2.0, duration_seconds=2.0)
    ).samples
    assert len(middle) == len(explicit) == 44100
    spread = range(-200, 201, 4)  # the header of a coded file rounds its length
    errors = [np.abs(np.roll(middle, lag)[500:-500] - explicit[500:-500]).mean() for lag in spread]
    assert min(errors) < 0.05


def test_a_middle_longer_than_the_track_is_the_track(clips: dict[str, Any]) -> None:
    whole = decode(clips["flac"].data)
    middle = decode(clips["flac"].data, excerpt=ExcerptConfig(duration_seconds=30.0))
    np.testing.assert_array_equal(middle.samples, whole.samples)
    assert middle.warnings == ()


def test_the_stream_says_where_it_starts(clips: dict[str, Any]) -> None:
    stream = open_stream(clips["wav"].data, excerpt=ExcerptConfig(duration_seconds=2.0))
    assert sum(map(len, stream)) == 44100
    assert stream.start_seconds == pytest.approx(2.0, abs=1e-4)


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "ogg", "m4a", "aac", "webm", "wma"])
def test_an_excerpt_after_the_end_is_empty(clips: dict[str, Any], name: str) -> None:
    for start in (60.0, 1e9, 1e300):
        excerpt = ExcerptConfig(start_seconds=start, duration_seconds=1.0)
        with pytest.raises(AudioContentError) as caught:
            decode(clips[name].data, excerpt=excerpt)
        assert caught.value.state == "empty"


def test_the_middle_of_a_recording_of_unknown_length_is_found(
    encode: Callable[..., bytes], make_music: Callable[..., np.ndarray]
) -> None:
    # Browsers cannot seek back to write the length into the header.
    data = bytearray(encode("webm", make_music(6.0, 48000, 1), 48000))
    place = data.find(b"\x44\x89\x88")
    assert place > 0
    data[place : place + 11] = b"\xec\x89" + bytes(9)  # a void element in its place
    data = data.replace(b"DURATION", b"NOTHINGS")  # the same as a tag of the track
    whole = decode(bytes(data)).samples
    stream = open_stream(bytes(data), excerpt=ExcerptConfig(duration_seconds=2.0))
    assert stream.info.seconds is None
    part = np.concatenate(list(stream))
    assert stream.start_seconds == pytest.approx(2.0, abs=0.05)
    begin = round(stream.start_seconds * 22050)
    errors = [
        np.abs(part - whole[begin + lag : begin + lag + len(part)]).mean() for lag in range(-45, 46)
    ]
    assert min(errors) < 0.01


@pytest.mark.parametrize("name", ["flac", "mp3"])
def test_a_cut_file_still_has_a_middle(clips: dict[str, Any], name: str) -> None:
    """The header promises six seconds, one and a half are there, and 2.75 lies beyond them."""
    data = clips[name].data[: len(clips[name].data) // 4]
    stream = open_stream(data, excerpt=ExcerptConfig(duration_seconds=0.5))
    assert sum(map(len, stream)) == 11025
    assert 0.4 < stream.start_seconds < 0.7


def test_thirty_seconds_of_a_long_file_cost_no_more_than_thirty_seconds(
    encode: Callable[..., bytes], make_music: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    data = encode("wav", make_music(10.0, 44100, 1), 44100)
    header, body = data[:44], data[44:]
    path = tmp_path / "long.wav"
    with path.open("wb") as file:
        size = len(body) * 100
        file.write(header[:40] + size.to_bytes(4, "little"))
        file.write(body)
        file.truncate(44 + size)
    limits = DecodeLimits(decoded_bytes=4 * 44100 * 35)
    assert decode(path, excerpt=ExcerptConfig(), limits=limits).seconds == 30.0


def test_streams_that_cannot_seek_give_excerpts_too(clips: dict[str, Any]) -> None:
    class Socket(io.RawIOBase):
        def __init__(self, data: bytes) -> None:
            self.inner = io.BytesIO(data)

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            return self.inner.readinto(memoryview(buffer)[:777])

    excerpt = ExcerptConfig(start_seconds=3.0, duration_seconds=1.0)
    data = clips["mp3"].data
    got = decode(io.BufferedReader(Socket(data)), excerpt=excerpt).samples
    np.testing.assert_array_equal(got, decode(data, excerpt=excerpt).samples)
