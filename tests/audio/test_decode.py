"""Every format from every kind of source, to mono at the wanted rate."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genrekit.audio import AUDIO_SUFFIXES, decode, open_stream, probe
from genrekit.errors import ConfigError
from genrekit.schema import ExcerptConfig

LOSSLESS = ("wav", "wav_float", "au", "aiff", "flac")
LOSSY = ("mp3", "lame", "ogg", "opus", "m4a", "aac", "wma", "webm")
CODECS = {
    "wav": ("wav", "pcm_16"),
    "wav_float": ("wav", "float"),
    "au": ("au", "pcm_16"),
    "aiff": ("aiff", "pcm_16"),
    "flac": ("flac", "pcm_16"),
    "mp3": ("mp3", "mpeg_layer_iii"),
    "lame": ("mp3", "mpeg_layer_iii"),
    "ogg": ("ogg", "vorbis"),
    "opus": ("ogg", "opus"),
    "m4a": ("mov", "aac"),
    "aac": ("aac", "aac"),
    "wma": ("asf", "wmav2"),
    "webm": ("matroska", "opus"),
}


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_formats_decode_to_the_mean_of_the_channels(
    clips: dict[str, Any], name: str
) -> None:
    clip = clips[name]
    waveform = decode(clip.data, sample_rate_hz=clip.rate_hz)
    assert waveform.samples.dtype == np.float32
    assert waveform.warnings == ()
    np.testing.assert_allclose(waveform.samples, clip.samples.mean(axis=1), atol=2**-15)


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_formats_decode_to_nearly_the_mean_of_the_channels(
    clips: dict[str, Any], best_match: Callable[..., float], name: str
) -> None:
    clip = clips[name]
    waveform = decode(clip.data, sample_rate_hz=clip.rate_hz)
    assert waveform.warnings == ()
    assert waveform.seconds == pytest.approx(6.0, abs=0.1)
    # Encoders shift by their padding, so the edges are left out.
    inside = clip.samples.mean(axis=1)[4800:-9600]
    assert best_match(waveform.samples, inside) > 0.97


@pytest.mark.parametrize("name", CODECS)
def test_the_header_is_reported(clips: dict[str, Any], name: str) -> None:
    info = probe(clips[name].data)
    assert (info.container, info.codec) == CODECS[name]
    assert (info.channels, info.sample_rate_hz) == (2, clips[name].rate_hz)
    assert info.seconds == pytest.approx(6.0, abs=0.15)


@pytest.mark.parametrize("name", CODECS)
def test_path_bytes_and_streams_give_the_same(
    clips: dict[str, Any], name: str, tmp_path: Path
) -> None:
    data = clips[name].data
    path = tmp_path / "clip"
    path.write_bytes(data)
    expected = decode(path).samples
    with path.open("rb") as file:
        sources = (str(path), data, bytearray(data), memoryview(data), io.BytesIO(data), file)
        for source in sources:
            np.testing.assert_array_equal(decode(source).samples, expected)


def test_a_stream_is_read_from_where_it_stands_and_stays_open(clips: dict[str, Any]) -> None:
    data = clips["flac"].data
    stream = io.BytesIO(b"a header of the application" + data)
    stream.seek(27)
    np.testing.assert_array_equal(decode(stream).samples, decode(data).samples)
    assert not stream.closed


@pytest.mark.parametrize(("name", "suffix"), [("m4a", ".mp3"), ("wav", ".flac"), ("mp3", "")])
def test_the_content_decides_and_not_the_suffix(
    clips: dict[str, Any], name: str, suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"clip{suffix}"
    path.write_bytes(clips[name].data)
    assert probe(path).container == CODECS[name][0]
    assert decode(path).seconds == pytest.approx(6.0, abs=0.1)


@pytest.mark.parametrize("native_hz", [8000, 22050, 48000, 96000, 192000])
@pytest.mark.parametrize("rate_hz", [16000, 22050])
def test_any_rate_becomes_the_wanted_one(
    encode: Callable[..., bytes], native_hz: int, rate_hz: int
) -> None:
    time = np.arange(2 * native_hz) / native_hz
    tone = 0.5 * np.sin(2 * np.pi * 1000 * time)
    waveform = decode(encode("wav_float", tone, native_hz), sample_rate_hz=rate_hz)
    assert waveform.sample_rate_hz == rate_hz
    assert abs(len(waveform.samples) - 2 * rate_hz) <= 1
    inside = slice(rate_hz // 10, -rate_hz // 10)
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(len(waveform.samples)) / rate_hz)
    np.testing.assert_allclose(waveform.samples[inside], expected[inside], atol=2e-4)


@pytest.mark.parametrize("channels", [6, 8])
@pytest.mark.parametrize("name", ["wav", "flac", "ogg", "m4a", "webm"])
def test_many_channels_fold_to_their_mean(
    encode: Callable[..., bytes],
    make_music: Callable[..., np.ndarray],
    best_match: Callable[..., float],
    name: str,
    channels: int,
) -> None:
    samples = make_music(1.0, 48000, channels)
    data = encode(name, samples, 48000)
    assert probe(data).channels == channels
    waveform = decode(data, sample_rate_hz=48000)
    # The bass channel of coded formats is cut to bass.
    assert best_match(waveform.samples, samples.mean(axis=1)[4800:-9600]) > 0.95


@pytest.mark.parametrize("name", ["wav", "mp3", "opus", "m4a"])
def test_blocks_joined_are_the_decoded_whole(clips: dict[str, Any], name: str) -> None:
    excerpt = ExcerptConfig(start_seconds=1.3, duration_seconds=2.9)
    with open_stream(clips[name].data, excerpt=excerpt) as stream:
        blocks = list(stream)
    assert all(block.dtype == np.float32 and block.ndim == 1 and len(block) for block in blocks)
    whole = decode(clips[name].data, excerpt=excerpt)
    np.testing.assert_array_equal(np.concatenate(blocks), whole.samples)
    assert stream.warnings == whole.warnings


@pytest.mark.parametrize("name", ["wav", "m4a"])
def test_a_stream_may_be_dropped_at_any_time(clips: dict[str, Any], name: str) -> None:
    untouched = open_stream(clips[name].data)
    begun = open_stream(clips[name].data)
    assert len(next(begun))
    begun.close()
    begun.close()
    assert list(begun) == []
    # A file left open would be a ResourceWarning, and warnings are errors.
    del untouched, begun


@pytest.mark.parametrize("rate_hz", [0, -1, 999, 768_001])
def test_a_senseless_rate_is_refused(clips: dict[str, Any], rate_hz: int) -> None:
    with pytest.raises(ConfigError, match="sample_rate_hz"):
        decode(clips["wav"].data, sample_rate_hz=rate_hz)


def test_a_senseless_source_is_refused() -> None:
    with pytest.raises(ConfigError, match="int"):
        decode(42)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="binary mode"):
        decode(io.StringIO("RIFF"))  # type: ignore[arg-type]


def test_suffixes_are_lower_case_and_cover_the_formats() -> None:
    assert {".wav", ".au", ".aiff", ".flac", ".mp3", ".ogg", ".opus"} < AUDIO_SUFFIXES
    assert {".m4a", ".aac", ".wma", ".webm"} < AUDIO_SUFFIXES
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in AUDIO_SUFFIXES)
