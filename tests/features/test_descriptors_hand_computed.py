"""Signals whose descriptors are known without computing them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from genrekit.features.descriptors import DescriptorsFrontend, name_key
from genrekit.schema import DescriptorsConfig

RATE = 22050
FRONTEND = DescriptorsFrontend(DescriptorsConfig())
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
PITCHES = ("c", "cs", "d", "ds", "e", "f", "fs", "g", "gs", "a", "as", "b")


def describe(samples: NDArray[np.float64]) -> dict[str, float]:
    values = FRONTEND(samples.astype(np.float32))
    return dict(zip(FRONTEND.feature_names, map(float, values), strict=True))


def seconds(length: float) -> NDArray[np.float64]:
    return np.arange(round(length * RATE)) / RATE


def sine(hertz: float, length: float = 3.0) -> NDArray[np.float64]:
    return 0.5 * np.sin(2 * np.pi * hertz * seconds(length))


def chord(midi_notes: list[int], length: float = 0.5) -> NDArray[np.float64]:
    """Notes with four harmonics and a soft start and end."""
    time = seconds(length)
    fade = np.minimum(1, np.minimum(time, length - time) / 0.02)
    tones = [
        np.sin(2 * np.pi * 440 * 2 ** ((note - 69) / 12) * harmonic * time) / harmonic**2
        for note in midi_notes
        for harmonic in range(1, 5)
    ]
    return np.asarray(0.1 * fade * np.sum(tones, axis=0))


def clicks(bpm: float, length: float = 20.0) -> NDArray[np.float64]:
    signal = np.zeros(round(length * RATE))
    times = np.arange(0.25, length - 0.1, 60 / bpm)
    decay = np.exp(-seconds(0.03) / 0.005) * np.sin(2 * np.pi * 2000 * seconds(0.03))
    for start in np.round(times * RATE).astype(int):
        signal[start : start + len(decay)] += decay
    return signal


def test_a440() -> None:
    found = describe(sine(440.0))
    assert found["centroid_mean"] == pytest.approx(440, abs=1)
    assert found["rolloff_q50"] == pytest.approx(440, abs=22)
    assert found["crest_factor"] == pytest.approx(np.sqrt(2), rel=1e-3)
    assert found["zero_crossings_mean"] == pytest.approx(880, rel=5e-3)
    assert found["loudness"] == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.01)
    assert found["peak"] == pytest.approx(20 * np.log10(0.5), abs=0.01)
    assert found["amplitude_form"] == pytest.approx(2 * np.sqrt(2) / np.pi, rel=1e-3)
    assert found["amplitude_kurtosis"] == pytest.approx(-1.5, abs=0.01)
    assert found["flatness_mean"] < -30
    assert found["harmonic_to_percussive"] > 20
    assert found["harmonic_level"] == pytest.approx(found["loudness"], abs=0.2)
    assert found["swell_rate"] == 0
    assert max(PITCHES, key=lambda pitch: found[f"chroma_{pitch}_mean"]) == "a"


@pytest.mark.parametrize("semitone", range(12))
def test_a_pure_tone_has_its_own_pitch_class(semitone: int) -> None:
    found = describe(sine(261.626 * 2 ** (semitone / 12), 1.0))
    assert max(PITCHES, key=lambda pitch: found[f"chroma_{pitch}_mean"]) == PITCHES[semitone]


def test_white_noise_is_flat_percussive_and_in_the_middle() -> None:
    found = describe(0.2 * np.random.default_rng(1).standard_normal(5 * RATE))
    assert found["centroid_mean"] == pytest.approx(RATE / 4, rel=0.01)
    assert found["bandwidth_mean"] == pytest.approx(RATE / 2 / np.sqrt(12), rel=0.01)
    assert found["rolloff_mean"] == pytest.approx(0.85 * RATE / 2, rel=0.01)
    # The mean of log power of Gaussian noise lies Euler's constant (2.5 dB) below the log mean.
    assert found["flatness_mean"] == pytest.approx(-10 * np.euler_gamma / np.log(10), abs=0.1)
    assert found["amplitude_kurtosis"] == pytest.approx(0, abs=0.1)
    assert found["level_std"] < 0.5


def test_long_clips_have_no_seams() -> None:
    # The distance between frames of noise hardly varies: one wrong frame would stand far out.
    found = describe(0.2 * np.random.default_rng(1).standard_normal(30 * RATE))
    assert found["flux_kurtosis"] == pytest.approx(0, abs=0.5)
    assert found["percussive_share_kurtosis"] == pytest.approx(0, abs=1)


def test_offset_from_zero_is_the_mean_of_the_samples() -> None:
    found = describe(sine(440.0) * 0.2 + 0.25)
    assert found["amplitude_mean"] == pytest.approx(0.25, abs=1e-4)
    assert found["amplitude_std"] == pytest.approx(0.1 / np.sqrt(2), rel=1e-3)


def test_clicks_at_120_bpm() -> None:
    found = describe(clicks(120.0))
    assert found["tempo"] == pytest.approx(120, rel=2e-3)
    assert found["onset_rate"] == pytest.approx(2, abs=0.06)
    assert found["onset_interval_mean"] == pytest.approx(0.5, rel=0.01)
    assert found["onset_interval_variation"] < 0.05
    assert found["beat_consistency"] > 0.8
    assert found["pulse_at_two"] > 0.9
    assert found["pulse_at_four"] > 0.95
    assert found["tempo_stability"] == 1
    assert found["harmonic_to_percussive"] < -10


@settings(max_examples=15, deadline=None)
@given(bpm=st.floats(70.0, 170.0))
def test_tempo_of_any_clicks_is_right_within_its_octave(bpm: float) -> None:
    ratio = describe(clicks(bpm, 12.0))["tempo"] / bpm
    assert min(abs(ratio - octave) / octave for octave in (0.5, 1, 2)) < 1e-3


def test_random_clicks_are_less_consistent_than_regular_ones() -> None:
    random = np.random.default_rng(3)
    signal = np.zeros(20 * RATE)
    signal[np.sort(random.integers(0, len(signal), 40))] = 1.0
    found = describe(signal)
    regular = describe(clicks(120.0))
    assert found["beat_consistency"] < 0.5 * regular["beat_consistency"]
    assert found["onset_interval_variation"] > 0.3
    assert found["tempogram_entropy"] > regular["tempogram_entropy"]


def test_level_changes_four_times_a_second_show_at_four_hertz() -> None:
    time = seconds(10.0)
    noise = np.random.default_rng(0).standard_normal(len(time))
    found = describe(0.1 * noise * 10 ** (6 / 20 * np.sin(2 * np.pi * 5.0 * time)))
    rates = ("half_hz", "1hz", "2hz", "4hz", "8hz")
    sizes = {rate: found[f"fluctuation_high_{rate}"] for rate in rates}
    # A sine of 6 dB, less the smoothing of frames of 93 ms.
    assert 2.0 < sizes.pop("4hz") < 6.0 / np.sqrt(2)
    assert max(sizes.values()) < 1.0


def test_each_band_has_its_own_level_changes() -> None:
    time = seconds(10.0)
    low = np.sin(2 * np.pi * 100 * time) * 10 ** (6 / 20 * np.sin(2 * np.pi * 1.5 * time))
    middle = 0.5 * np.sin(2 * np.pi * 1500 * time)
    high = np.sin(2 * np.pi * 6000 * time) * 10 ** (6 / 20 * np.sin(2 * np.pi * 5.0 * time))
    found = describe(0.1 * (low + middle + high))
    assert found["fluctuation_bass_1hz"] > 3 * found["fluctuation_bass_4hz"]
    assert found["fluctuation_treble_4hz"] > 3 * found["fluctuation_treble_1hz"]
    assert found["fluctuation_high_1hz"] < 0.5
    assert found["fluctuation_high_4hz"] < 0.5


@pytest.mark.parametrize("attack_seconds", [0.06, 0.1, 0.2])
def test_a_known_attack_is_given_back(attack_seconds: float) -> None:
    time = seconds(6.0)
    rise = np.clip((time % 1.5 - 0.3) / attack_seconds, 0, 1)
    hold = time % 1.5 < 1.2
    found = describe(0.5 * np.sin(2 * np.pi * 440 * time) * rise * hold)
    assert found["attack_time_q50"] == pytest.approx(attack_seconds, rel=0.05, abs=0.012)
    assert found["swell_rate"] == pytest.approx(4 / 6, abs=0.01)


@pytest.mark.parametrize("time_constant", [0.05, 0.1, 0.3])
def test_a_known_decay_is_given_back(time_constant: float) -> None:
    time = seconds(8.0)
    since = time % 2.0 - 0.2
    envelope = np.where(since >= 0, np.exp(-np.maximum(since, 0) / time_constant), 0.0)
    found = describe(0.5 * np.sin(2 * np.pi * 440 * time) * envelope)
    expected = 20 * np.log10(np.e) / time_constant
    assert found["decay_rate_q50"] == pytest.approx(expected, rel=0.1)


def test_dynamic_range_of_loud_and_soft_halves() -> None:
    samples = sine(440.0, 6.0)
    samples[len(samples) // 2 :] *= 0.1
    assert describe(samples)["dynamic_range"] == pytest.approx(20, abs=0.5)


def test_silence_around_music_is_not_measured_as_music() -> None:
    samples = sine(440.0, 3.0)
    padded = describe(np.concatenate([np.zeros(3 * RATE), samples]))
    assert padded["centroid_q50"] == pytest.approx(440, abs=1)
    assert padded["silence_share"] == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("transposed", range(12))
def test_key_of_a_major_cadence(transposed: int) -> None:
    cadence = [[60, 64, 67], [65, 69, 72], [67, 71, 74], [60, 64, 67]]
    samples = np.concatenate([chord([note + transposed for note in notes]) for notes in cadence])
    key = name_key(samples.astype(np.float32))
    names = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
    assert (key.tonic, key.mode) == (names[transposed], "major")
    assert 0.7 < key.strength <= 1


@pytest.mark.parametrize("transposed", range(12))
def test_key_of_a_minor_cadence(transposed: int) -> None:
    cadence = [[57, 60, 64], [62, 65, 69], [64, 68, 71], [57, 60, 64]]
    samples = np.concatenate([chord([note + transposed for note in notes]) for notes in cadence])
    key = name_key(samples.astype(np.float32))
    names = ("A", "A#", "B", "C", "C#", "D", "D#", "E", "F", "F#", "G", "G#")
    assert (key.tonic, key.mode) == (names[transposed], "minor")
    assert str(key) == f"{names[transposed]} minor"


@pytest.mark.parametrize(
    ("scale", "expected"),
    [("CDEFGABCGEC", "C major"), ("ABCDEFGAECA", "A minor")],
)
def test_key_of_a_scale_that_ends_on_its_triad(scale: str, expected: str) -> None:
    samples = np.concatenate([chord([60 + SEMITONES[name]], 0.4) for name in scale])
    assert str(name_key(samples.astype(np.float32))) == expected


@pytest.mark.parametrize(("transposed", "degrees"), [(0, 0), (7, 30), (9, 90), (5, -30), (6, 180)])
def test_key_columns_lie_on_the_circle_of_fifths(transposed: int, degrees: float) -> None:
    cadence = [[60, 64, 67], [65, 69, 72], [67, 71, 74], [60, 64, 67]]
    chords = [chord([note + transposed for note in notes]) for notes in cadence]
    found = describe(np.concatenate(chords))
    angle = np.deg2rad(degrees)
    assert found["key_fifths_cos"] == pytest.approx(found["key_strength"] * np.cos(angle), abs=1e-6)
    assert found["key_fifths_sin"] == pytest.approx(found["key_strength"] * np.sin(angle), abs=1e-6)
    assert found["key_mode"] > 0
    triad = min(found["degree_0"], found["degree_4"], found["degree_7"])
    assert triad > max(found["degree_1"], found["degree_6"], found["degree_8"])


def test_no_key_in_silence() -> None:
    assert name_key(np.zeros(RATE, dtype=np.float32)).strength == 0
