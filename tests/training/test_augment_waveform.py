"""What each change of the samples does, and that it does only that."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from genrekit.jukebox import synthesise
from genrekit.training.augment_waveform import (
    WaveformChange,
    add_noise,
    changed,
    draw_change,
    frequency_filter,
    gain,
    pitch_shift,
    time_stretch,
)
from genrekit.training.settings import Filter, WaveformAugment

RATE = 22050
EVERYTHING = WaveformAugment(
    copies=3,
    pitch_semitones=2,
    stretch=0.2,
    gain_db=6,
    noise_snr_db=20,
    filters=("low-pass", "high-pass", "band-pass", "low-shelf", "high-shelf"),
)
few = settings(max_examples=15)


def sine(hertz: float, seconds: float = 1.0) -> NDArray[np.float32]:
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def loudest_hz(samples: NDArray[np.float32]) -> float:
    """Frequency of the strongest partial, finer than a bin."""
    size = 1 << 18
    middle = samples[len(samples) // 4 : -(len(samples) // 4)]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), size))
    return float(spectrum.argmax()) * RATE / size


def level_db(samples: NDArray[np.float32]) -> float:
    inner = samples[RATE // 5 : -RATE // 5].astype(np.float64)
    return float(10 * np.log10(np.mean(inner**2)))


@few
@given(st.floats(-12, 12), st.floats(200, 2000))
def test_pitch_shift_moves_a_sine_by_semitones_and_keeps_its_time(
    semitones: float, hertz: float
) -> None:
    before = sine(hertz)
    after = pitch_shift(before, semitones)
    assert after.shape == before.shape
    assert after.dtype == np.float32
    moved = 12 * np.log2(loudest_hz(after) / hertz)
    assert moved == pytest.approx(semitones, abs=0.1)
    assert level_db(after) == pytest.approx(level_db(before), abs=1)


@few
@given(st.floats(0.5, 2), st.floats(200, 2000))
def test_time_stretch_changes_the_time_and_keeps_the_pitch(speed: float, hertz: float) -> None:
    before = sine(hertz)
    after = time_stretch(before, speed)
    assert len(after) == round(len(before) / speed)
    assert after.dtype == np.float32
    assert 12 * np.log2(loudest_hz(after) / hertz) == pytest.approx(0, abs=0.1)
    assert level_db(after) == pytest.approx(level_db(before), abs=1)


@few
@given(st.floats(0.6, 1.7))
def test_time_stretch_moves_events_to_their_new_place(speed: float) -> None:
    clicks = np.zeros(2 * RATE, np.float32)
    place = RATE
    clicks[place : place + 200] = sine(1500)[:200]
    after = time_stretch(clicks, speed)
    energy = np.convolve(after**2, np.ones(200), mode="same")
    assert energy.argmax() == pytest.approx((place + 100) / speed, abs=0.05 * RATE)


def test_speed_one_gives_the_samples_back() -> None:
    before = synthesise("rock", seconds=2, sample_rate_hz=RATE).samples
    np.testing.assert_allclose(time_stretch(before, 1.0), before, atol=1e-4)


@few
@given(st.floats(-10, 60), st.integers(0, 100))
def test_noise_lies_as_far_below_the_music_as_asked(snr_db: float, seed: int) -> None:
    before = sine(440)
    noise = (add_noise(before, snr_db, np.random.default_rng(seed)) - before).astype(np.float64)
    power = np.mean(before.astype(np.float64) ** 2)
    assert 10 * np.log10(power / np.mean(noise**2)) == pytest.approx(snr_db, abs=0.1)


def test_silence_gets_no_noise() -> None:
    silence = np.zeros(1000, np.float32)
    assert not add_noise(silence, 10, np.random.default_rng(0)).any()


def test_gain_is_in_decibels() -> None:
    assert level_db(gain(sine(440), -6)) == pytest.approx(level_db(sine(440)) - 6, abs=1e-3)


@pytest.mark.parametrize(
    ("kind", "hertz", "change_db"),
    [
        ("low-pass", 300, 0),
        ("low-pass", 4000, -24),
        ("low-pass", 2000, -3),
        ("high-pass", 4000, 0),
        ("high-pass", 250, -24),
        ("high-pass", 500, -3),
        ("band-pass", 1000, 0),
        ("band-pass", 250, -24),
        ("band-pass", 4000, -24),
        ("low-shelf", 100, 10),
        ("low-shelf", 500, 5),
        ("low-shelf", 4000, 0),
        ("high-shelf", 100, 0),
        ("high-shelf", 2000, 5),
        ("high-shelf", 8000, 10),
    ],
)
def test_filters_take_and_leave_what_they_should(
    kind: Filter, hertz: float, change_db: float
) -> None:
    after = frequency_filter(sine(hertz), kind, RATE, low_hz=500, high_hz=2000, shelf_db=10)
    assert after.shape == sine(hertz).shape
    assert level_db(after) - level_db(sine(hertz)) == pytest.approx(change_db, abs=0.3)


def test_what_rings_at_the_end_does_not_come_back_at_the_start() -> None:
    before = np.zeros(RATE, np.float32)
    before[-300:] = sine(3000)[:300]
    after = frequency_filter(before, "low-pass", RATE, high_hz=2000)
    assert np.abs(after[: RATE // 2]).max() < 1e-4


# --- what is drawn ------------------------------------------------------------------------------


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_changes_stay_within_the_settings(seed: int, number: int) -> None:
    change = draw_change(EVERYTHING, f"blues.00000+{number}", seed)
    assert abs(change.semitones) <= 2
    assert 1 / 1.2 <= change.speed <= 1.2
    assert abs(change.gain_db) <= 6
    assert change.snr_db is not None
    assert 20 <= change.snr_db <= 40
    assert change.filter in EVERYTHING.filters
    assert change == draw_change(EVERYTHING, f"blues.00000+{number}", seed)
    assert change != draw_change(EVERYTHING, f"blues.00000+{number}", seed + 1)
    assert change != draw_change(EVERYTHING, f"blues.00000+{number + 1}", seed)


def test_every_filter_is_drawn() -> None:
    drawn = {draw_change(EVERYTHING, str(number), 0).filter for number in range(100)}
    assert drawn == set(EVERYTHING.filters)


def test_only_what_is_asked_for_is_changed() -> None:
    change = draw_change(WaveformAugment(copies=1, pitch_semitones=2), "a", 0)
    assert change == WaveformChange(
        semitones=change.semitones, noise_seed=change.noise_seed, **_edges(change)
    )
    samples = sine(440)
    assert np.array_equal(changed(samples, change, RATE), pitch_shift(samples, change.semitones))


def _edges(change: WaveformChange) -> dict[str, float]:
    return {"low_hz": change.low_hz, "high_hz": change.high_hz}


def test_changed_music_is_finite_repeats_itself_and_is_never_longer() -> None:
    samples = synthesise("disco", seconds=2, sample_rate_hz=RATE).samples
    for number in range(6):
        change = draw_change(EVERYTHING, str(number), 0)
        once, again = (changed(samples, change, RATE) for _ in range(2))
        assert np.array_equal(once, again)
        assert np.isfinite(once).all()
        assert len(once) == min(len(samples), round(len(samples) / change.speed))


@pytest.mark.parametrize("settings", [{"copies": 3}, {"pitch_semitones": 2.0}])
def test_copies_and_changes_need_each_other(settings: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="copies"):
        WaveformAugment.model_validate(settings)
