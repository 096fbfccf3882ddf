"""Cut, noisy and lying files: what can be read is read, and the loss is named."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from genrekit.audio import decode, open_stream
from genrekit.errors import AudioContentError, AudioError, AudioFormatError
from genrekit.schema import ExcerptConfig

STATES_ITS_LENGTH = ("wav", "wav_float", "au", "aiff", "flac", "mp3", "lame", "webm", "wma")


def _states(warnings: tuple[str, ...]) -> list[str]:
    return [warning.split(":")[0] for warning in warnings]


def _with_noise(data: bytes, begin: float, share: float) -> bytes:
    first, size = int(len(data) * begin), int(len(data) * share)
    return data[:first] + np.random.default_rng(1).bytes(size) + data[first + size :]


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("name", [*STATES_ITS_LENGTH, "ogg", "opus"])
def test_a_cut_file_gives_what_is_there_and_says_so(
    clips: dict[str, Any], name: str, share: float
) -> None:
    data = clips[name].data
    waveform = decode(data[: int(len(data) * share)])
    assert _states(waveform.warnings) == ["truncated"]
    # Variable bit rates put more or less than the share into it.
    assert share * 6 - 1.2 < waveform.seconds < share * 6 + 0.8
    whole = decode(data).samples
    size = len(waveform.samples) - 2000
    errors = np.abs(waveform.samples[:size] - whole[:size])
    assert np.quantile(errors, 0.99) < 0.02


def test_an_ogg_file_without_its_last_page_says_so(clips: dict[str, Any]) -> None:
    for name in ("ogg", "opus"):
        data = clips[name].data
        waveform = decode(data[: data.rfind(b"OggS")])
        assert _states(waveform.warnings) == ["truncated"]


def test_a_cut_aac_stream_promises_nothing_and_is_read(clips: dict[str, Any]) -> None:
    data = clips["aac"].data
    assert decode(data[: len(data) // 2]).seconds == pytest.approx(3.0, abs=0.3)


def test_a_cut_m4a_has_lost_its_index(clips: dict[str, Any]) -> None:
    data = clips["m4a"].data
    with pytest.raises(AudioFormatError, match="downloaded completely"):
        decode(data[: len(data) // 2])


@pytest.mark.parametrize("size", [1, 4, 12, 20, 40])
def test_a_piece_of_a_header_is_a_typed_error(clips: dict[str, Any], size: int) -> None:
    for clip in clips.values():
        with pytest.raises(AudioError):
            decode(clip.data[:size])


@pytest.mark.parametrize("name", ["wav", "au", "aiff", "flac"])
def test_a_header_without_audio_is_empty_or_damaged(clips: dict[str, Any], name: str) -> None:
    data = clips[name].data
    header = {"wav": 44, "au": 24, "aiff": 54, "flac": 42}[name]
    with pytest.raises((AudioContentError, AudioFormatError)):
        decode(data[:header])


def test_a_header_only_wav_is_empty(clips: dict[str, Any]) -> None:
    with pytest.raises(AudioContentError) as caught:
        decode(clips["wav"].data[:44])
    assert caught.value.state == "empty"


@pytest.mark.parametrize("name", ["mp3", "lame", "flac", "m4a", "aac", "wma", "ogg"])
def test_noise_in_the_middle_costs_only_the_middle(
    clips: dict[str, Any], best_match: Callable[..., float], name: str
) -> None:
    data = _with_noise(clips[name].data, 0.5, 0.03)
    waveform = decode(data)
    assert _states(waveform.warnings) == ["damaged"]
    assert 5.0 < waveform.seconds < 6.1
    whole = decode(clips[name].data).samples
    begin, end = waveform.samples[:44100], waveform.samples[-22050:]
    assert np.quantile(np.abs(begin - whole[:44100]), 0.99) < 0.02
    # The end is there too, at most shifted by a decoder's padding.
    assert best_match(end[2205:-2205], whole[-22050:]) > 0.9


def test_most_of_a_damaged_mp3_is_saved(clips: dict[str, Any], encode: Any) -> None:
    """libsndfile gives up at the damage; packet by packet, all but a second is read."""
    samples = np.tile(clips["mp3"].samples, (5, 1))
    waveform = decode(_with_noise(encode("mp3", samples, 44100), 0.4, 0.02))
    assert waveform.seconds > 29.0
    assert _states(waveform.warnings) == ["damaged"]


def test_excerpts_around_the_damage_are_clean(clips: dict[str, Any]) -> None:
    data = _with_noise(clips["mp3"].data, 0.5, 0.03)
    before = decode(data, excerpt=ExcerptConfig(start_seconds=0.5, duration_seconds=1.0))
    assert before.warnings == ()
    after = decode(data, excerpt=ExcerptConfig(start_seconds=4.5, duration_seconds=0.5))
    assert after.seconds == 0.5
    assert np.abs(after.samples).max() > 0.1


def test_decoders_print_nothing(clips: dict[str, Any], capfd: pytest.CaptureFixture[str]) -> None:
    for clip in clips.values():
        data = clip.data
        for broken in (_with_noise(data, 0.5, 0.05), _with_noise(data, 0.0, 0.01), data[:5000]):
            with suppress(AudioError):
                decode(broken)
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


# --- headers that lie ---------------------------------------------------------------------------


def _with_sizes(wav: bytes, data_bytes: int) -> bytes:
    riff = struct.pack("<I", min(data_bytes + 36, 0xFFFFFFFF))
    return wav[:4] + riff + wav[8:40] + struct.pack("<I", data_bytes) + wav[44:]


@pytest.mark.parametrize("unknown", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000])
def test_a_wav_of_unknown_length_is_read_to_its_end(clips: dict[str, Any], unknown: int) -> None:
    """Recorders that never came back to write the length leave such sizes."""
    waveform = decode(_with_sizes(clips["wav"].data, unknown))
    assert waveform.seconds == pytest.approx(6.0)
    assert waveform.warnings == ()


def test_a_wav_that_promises_more_is_truncated(clips: dict[str, Any]) -> None:
    waveform = decode(_with_sizes(clips["wav"].data, 10 * 6 * 44100 * 4))
    assert waveform.seconds == 6.0
    assert waveform.warnings == ("truncated: the header promises 60.00 s, there are 6.00 s",)
    with open_stream(_with_sizes(clips["wav"].data, 10 * 6 * 44100 * 4)) as stream:
        assert stream.info.seconds == pytest.approx(60.0)
        assert _states(stream.warnings) == ["truncated"], "known before anything is decoded"


def test_the_middle_of_a_wav_is_that_of_what_is_there(clips: dict[str, Any]) -> None:
    excerpt = ExcerptConfig(duration_seconds=2.0)
    lying = decode(_with_sizes(clips["wav"].data, 10 * 6 * 44100 * 4), excerpt=excerpt)
    np.testing.assert_array_equal(lying.samples, decode(clips["wav"].data, excerpt=excerpt).samples)


def test_a_wav_that_promises_less_is_believed(clips: dict[str, Any]) -> None:
    waveform = decode(_with_sizes(clips["wav"].data, 44100 * 4))
    assert (waveform.seconds, waveform.warnings) == (1.0, ())


def test_a_wav_with_another_rate_is_believed(clips: dict[str, Any]) -> None:
    data = clips["wav"].data
    waveform = decode(data[:24] + struct.pack("<I", 8000) + data[28:])
    assert waveform.seconds == pytest.approx(6.0 * 44100 / 8000, rel=1e-4)
