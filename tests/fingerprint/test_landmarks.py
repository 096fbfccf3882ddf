"""Fingerprints and content hashes of single recordings."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from genrekit.audio import decode
from genrekit.errors import AudioContentError, ConfigError, DatasetError
from genrekit.fingerprint import Fingerprint, content_hash, fingerprint
from genrekit.jukebox import synthesise

RATE_HZ = 22050


@pytest.fixture(scope="module")
def rock() -> np.ndarray[Any, np.dtype[np.float32]]:
    return synthesise("rock", seconds=5.0, seed=1).samples


@st.composite
def fingerprints(draw: st.DrawFn) -> Fingerprint:
    words = draw(st.lists(st.integers(0, 2**32 - 1), max_size=50))
    seconds = draw(st.floats(0, 1e4, allow_nan=False))
    return Fingerprint(seconds, np.sort(np.array(words, "<u4")).tobytes())


def test_a_landmark_is_where_a_note_sounds() -> None:
    # Three notes that swell and fade: the loudest point of each is known.
    notes = [(0.8, 440.0), (1.6, 1000.0), (2.4, 2500.0)]
    t = np.arange(3 * RATE_HZ) / RATE_HZ
    samples = sum(
        0.2 * np.exp(-(((t - at) / 0.08) ** 2)) * np.sin(2 * np.pi * hz * t) for at, hz in notes
    )
    found = fingerprint(np.asarray(samples, np.float32), RATE_HZ)
    # A landmark's time is the beginning of its frame of 2048 samples at 11025 Hz.
    half_frame = 1024 / 11025
    for at, hz in notes:
        distance = np.abs(found.times_seconds + half_frame - at) / 0.01 + (
            np.abs(found.pitches_semitones - 12 * np.log2(hz / 180)) / 0.1
        )
        assert distance.min() < 1, (at, hz)


def test_music_has_some_25_landmarks_a_second_in_a_hundred_bytes(rock) -> None:  # type: ignore[no-untyped-def]
    found = fingerprint(rock, RATE_HZ)
    assert 15 * 5 < len(found) < 40 * 5
    assert len(found.to_bytes()) == 20 + 4 * len(found)
    assert found.seconds == 5.0
    assert (np.diff(found.times_seconds) >= 0).all()
    assert found.pitches_semitones.max() < 52


@pytest.mark.parametrize("factor", [10.0, 0.1, 0.01])
def test_gain_moves_no_landmark(rock, factor: float) -> None:  # type: ignore[no-untyped-def]
    loud, plain = fingerprint(rock * np.float32(factor), RATE_HZ), fingerprint(rock, RATE_HZ)
    same = np.intersect1d(
        np.frombuffer(loud.landmarks, "<u4"), np.frombuffer(plain.landmarks, "<u4")
    )
    assert len(same) > 0.97 * len(plain)


@given(fingerprints())
def test_bytes_round_trip(one: Fingerprint) -> None:
    assert Fingerprint.from_bytes(one.to_bytes()) == one


@given(fingerprints(), st.data())
def test_cut_off_bytes_are_refused(one: Fingerprint, data: st.DataObject) -> None:
    whole = one.to_bytes()
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(DatasetError):
        Fingerprint.from_bytes(whole[:cut])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a fingerprint"),
        (b"RIFF" + bytes(40), "not a fingerprint"),
        (b"GKFP\x63\x00" + bytes(14), "version 99, expected 1"),
        (Fingerprint(1.0, bytes(8)).to_bytes() + b"\x00", "9 bytes of landmarks, expected 8"),
    ],
)
def test_other_bytes_are_refused_with_the_reason(data: bytes, says: str) -> None:
    with pytest.raises(DatasetError, match=says):
        Fingerprint.from_bytes(data)


@pytest.mark.parametrize("level", [0.0, 1e-5, 0.5])
def test_silence_and_constants_have_no_landmarks(level: float) -> None:
    assert len(fingerprint(np.full(3 * RATE_HZ, level, np.float32), RATE_HZ)) == 0


def test_the_dither_of_a_silent_record_is_silence() -> None:
    generator = np.random.default_rng(0)
    dither = generator.integers(-1, 2, 3 * RATE_HZ).astype(np.float32) / np.float32(32768)
    assert len(fingerprint(dither, RATE_HZ)) == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 6000), st.sampled_from([4000, 8000, 11025, 22050, 44100, 96000]))
def test_any_length_and_rate_has_an_answer(length: int, rate_hz: int) -> None:
    samples = np.random.default_rng(length).normal(0, 0.1, length).astype(np.float32)
    found = fingerprint(samples, rate_hz)
    assert found.seconds == length / rate_hz
    assert len(found) == 0 or found.seconds > 0.18
    assert Fingerprint.from_bytes(found.to_bytes()) == found


def test_what_is_no_audio_is_refused() -> None:
    fine = np.zeros(1000, np.float32)
    broken = fine.copy()
    broken[7] = np.nan
    with pytest.raises(ConfigError, match=r"shape \(2, 500\)"):
        fingerprint(fine.reshape(2, 500), RATE_HZ)
    with pytest.raises(ConfigError, match="sample_rate_hz is 0"):
        fingerprint(fine, 0)
    for function in (content_hash, lambda samples: fingerprint(samples, RATE_HZ)):
        with pytest.raises(AudioContentError, match="NaN or infinite"):
            function(broken)


# --- content hash -------------------------------------------------------------------------------


def test_the_hash_is_of_the_audio_and_not_of_the_file(rock) -> None:  # type: ignore[no-untyped-def]
    hashes = set()
    pcm = np.rint(rock * 32767).astype(np.int16)
    for container in ("WAV", "FLAC", "AIFF"):
        file = io.BytesIO()
        soundfile.write(file, pcm, RATE_HZ, format=container)
        hashes.add(content_hash(decode(file.getvalue()).samples))
    assert len(hashes) == 1


def test_one_changed_sample_is_another_hash(rock) -> None:  # type: ignore[no-untyped-def]
    changed = rock.copy()
    changed[1234] += 1 / 32768
    assert content_hash(changed) != content_hash(rock)
    assert content_hash(rock[:-1]) != content_hash(rock)


def test_less_than_16_bits_can_say_is_the_same(rock) -> None:  # type: ignore[no-untyped-def]
    rounded = (np.rint(rock * 32768) / 32768).astype(np.float32)
    assert content_hash(rounded + np.float32(1e-6)) == content_hash(rounded)
    assert content_hash(np.full(9, 5.0, np.float32)) == content_hash(np.full(9, 1.0, np.float32))
