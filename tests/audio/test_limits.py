"""Every cap, as the header tells it and as decoding finds it when the header lies."""

from __future__ import annotations

import pickle
import struct
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genrekit.audio import DecodeLimits, decode, open_stream, probe
from genrekit.audio.limits import Meter
from genrekit.errors import AudioFormatError, AudioLimitError
from genrekit.schema import ExcerptConfig


def _patched(data: bytes, offset: int, value: bytes) -> bytes:
    return data[:offset] + value + data[offset + len(value) :]


def _without_length(flac: bytes) -> bytes:
    """A FLAC file whose header leaves the number of samples open."""
    return _patched(flac, 21, bytes([flac[21] & 0xF0, 0, 0, 0, 0]))


def _limit(source: Any, **limits: Any) -> AudioLimitError:
    with pytest.raises(AudioLimitError) as caught:
        decode(source, limits=DecodeLimits(**limits))
    error = caught.value
    assert error.limit == next(iter(limits))
    assert error.allowed == limits[error.limit] < error.seen
    assert "more than the limit of" in str(error)
    assert error.advice
    return error


def test_each_limit_is_refused_by_name_with_its_value(clips: dict[str, Any]) -> None:
    data = clips["wav"].data
    assert _limit(data, bytes=1000).seen == len(data)
    assert _limit(data, seconds=5.5).seen == 6.0
    assert _limit(data, channels=1).seen == 2
    assert _limit(data, sample_rate_hz=32000).seen == 44100
    assert _limit(data, decoded_bytes=10_000).seen == 6 * 44100 * 2 * 4
    assert _limit(data, wall_seconds=0.0).seen > 0
    assert {field.name for field in fields(DecodeLimits)} == {
        *("bytes", "seconds", "channels", "sample_rate_hz", "decoded_bytes", "wall_seconds")
    }


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "ogg", "opus", "m4a", "wma", "webm"])
def test_what_just_fits_is_decoded(clips: dict[str, Any], name: str) -> None:
    clip = clips[name]
    limits = DecodeLimits(
        bytes=len(clip.data), seconds=6.2, channels=2, sample_rate_hz=clip.rate_hz
    )
    assert decode(clip.data, limits=limits).seconds == pytest.approx(6.0, abs=0.2)


@pytest.mark.parametrize("name", ["wav", "mp3", "m4a"])
def test_an_honest_header_is_refused_before_decoding(clips: dict[str, Any], name: str) -> None:
    for limits in (DecodeLimits(seconds=1.0), DecodeLimits(decoded_bytes=1000)):
        with pytest.raises(AudioLimitError):
            open_stream(clips[name].data, limits=limits)
    with pytest.raises(AudioLimitError):
        probe(clips[name].data, DecodeLimits(channels=1))


def test_a_short_excerpt_of_a_long_file_is_short(clips: dict[str, Any]) -> None:
    # What is decoded around the excerpt counts as work: to tune in, and for the downmix.
    limits = DecodeLimits(seconds=1.0, decoded_bytes=1_500_000)
    excerpt = ExcerptConfig(duration_seconds=1.0)
    for name in ("wav", "flac", "mp3", "ogg", "m4a"):
        assert decode(clips[name].data, excerpt=excerpt, limits=limits).seconds == 1.0


def test_limits_hold_while_decoding_when_the_header_is_silent(clips: dict[str, Any]) -> None:
    flac = _without_length(clips["flac"].data)
    assert probe(flac).seconds is None
    assert decode(flac).seconds == pytest.approx(6.0)
    for limits in ({"seconds": 2.0}, {"decoded_bytes": 200_000}):
        stream = open_stream(flac, limits=DecodeLimits(**limits))
        blocks = []
        with pytest.raises(AudioLimitError) as caught:
            blocks += list(stream)
        assert caught.value.limit in limits
        # It stopped near the limit, not at the end.
        assert caught.value.seen < 2 * caught.value.allowed + 300_000


def test_an_absurd_promise_is_refused_or_corrected(clips: dict[str, Any]) -> None:
    flac = clips["flac"].data
    endless = _patched(flac, 21, bytes([flac[21] | 0x0F, 0xFF, 0xFF, 0xFF, 0xFF]))
    _limit(endless, seconds=3600.0)
    middle = decode(endless, excerpt=ExcerptConfig(duration_seconds=2.0))
    assert middle.seconds == 2.0, "eighteen days are promised, and the middle is found anyway"
    assert np.abs(middle.samples).max() > 0.1


def test_the_callers_own_time_is_not_counted(clips: dict[str, Any]) -> None:
    stream = open_stream(clips["wav"].data, limits=DecodeLimits(wall_seconds=0.3))
    blocks = 0
    for _ in stream:
        blocks += 1
        time.sleep(0.15)
    assert blocks > 2


def test_the_time_between_pauses_adds_up() -> None:
    meter = Meter(DecodeLimits(wall_seconds=0.1))
    for _ in range(3):
        time.sleep(0.04)
        meter.pause()
        meter.resume()
    with pytest.raises(AudioLimitError) as caught:
        meter.check_time()
    assert caught.value.limit == "wall_seconds"
    assert caught.value.seen >= 0.12


@pytest.mark.parametrize("rate_hz", [0, 1, 999])
def test_an_impossibly_low_rate_is_a_damaged_header(clips: dict[str, Any], rate_hz: int) -> None:
    data = _patched(clips["wav"].data, 24, struct.pack("<I", rate_hz))
    with pytest.raises(AudioFormatError):
        decode(data)


@pytest.mark.parametrize("rate_hz", [768_001, 2_000_000_000, 4_294_967_295])
def test_an_impossibly_high_rate_is_refused(clips: dict[str, Any], rate_hz: int) -> None:
    data = _patched(clips["wav"].data, 24, struct.pack("<I", rate_hz))
    with pytest.raises((AudioLimitError, AudioFormatError)):
        decode(data)


@pytest.mark.parametrize("channels", [0, 33, 1024, 65535])
def test_an_impossible_number_of_channels_is_refused(clips: dict[str, Any], channels: int) -> None:
    data = _patched(clips["wav"].data, 22, struct.pack("<H", channels))
    with pytest.raises((AudioLimitError, AudioFormatError)):
        decode(data)


def test_a_limit_error_survives_a_trip_between_processes(clips: dict[str, Any]) -> None:
    error = _limit(clips["wav"].data, channels=1)
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.limit, copy.allowed, copy.seen, str(copy)) == ("channels", 1, 2, str(error))


def test_the_size_limit_spares_reading(tmp_path: Path, encode: Callable[..., bytes]) -> None:
    path = tmp_path / "huge.wav"
    with path.open("wb") as file:
        file.truncate(DecodeLimits().bytes + 1)  # sparse: takes no room
    with pytest.raises(AudioLimitError) as caught:
        decode(path)
    assert caught.value.limit == "bytes"
