"""The 57 columns: the published table, and what holds for any audio."""

from __future__ import annotations

import csv
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from genrekit.errors import AudioContentError
from genrekit.features.gtzan57 import Gtzan57Frontend
from genrekit.schema import Gtzan57Config

RATE = 22050
FRONTEND = Gtzan57Frontend(Gtzan57Config())
NAMES = FRONTEND.feature_names
# Far smaller than the signal, so a relative error says little: these are tested by absolute size.
NEAR_ZERO = ("harmony_mean", "perceptr_mean")


def _music(seconds: float, seed: int = 0) -> NDArray[np.float32]:
    """Clicks twice a second over a chord and noise."""
    time = np.arange(round(seconds * RATE)) / RATE
    chord = sum(np.sin(2 * np.pi * hertz * time) for hertz in (220.0, 277.2, 329.6))
    noise = np.random.default_rng(seed).standard_normal(len(time))
    return (0.1 * chord + (0.01 + 0.3 * np.exp(-40 * (time % 0.5))) * noise).astype(np.float32)


def _named(values: NDArray[np.float32]) -> dict[str, float]:
    return {name: float(value) for name, value in zip(NAMES, values, strict=True)}


def test_order_and_names_of_the_published_table() -> None:
    spectral = ("spectral_centroid", "spectral_bandwidth", "rolloff", "zero_crossing_rate")
    pairs = ("chroma_stft", "rms", *spectral, "harmony", "perceptr")
    coefficients = tuple(f"mfcc{number}" for number in range(1, 21))
    expected = [f"{name}_{kind}" for name in pairs for kind in ("mean", "var")]
    expected += ["tempo", *(f"{name}_{kind}" for name in coefficients for kind in ("mean", "var"))]
    assert list(NAMES) == expected


@pytest.mark.real
@pytest.mark.slow
def test_the_published_table_is_reproduced(real_data: Path) -> None:
    with (real_data / "gtzan_tables" / "features_30_sec.csv").open() as table:
        rows = {row["filename"]: row for row in csv.DictReader(table)}
    # One of the eight clips of each genre.
    clips = sorted((real_data / "gtzan_audio" / "clips").glob("*/*.flac"))[::8]
    assert len({clip.parent for clip in clips}) == 10
    ours, published = [], []
    for clip in clips:
        samples, rate = soundfile.read(clip, dtype="float32")
        assert rate == RATE
        row = rows[f"{clip.stem}.wav"]
        assert list(row)[2:-1] == list(NAMES)
        ours.append(FRONTEND(samples))
        published.append([float(row[name]) for name in NAMES])
    difference = np.abs(np.array(ours, np.float64) - np.array(published))
    near_zero = np.isin(NAMES, NEAR_ZERO)
    assert difference[:, near_zero].max() < 1e-7
    relative = (difference / np.abs(published))[:, ~near_zero]
    assert relative.shape[1] == 55
    assert np.median(relative, axis=0).max() < 1e-5
    assert relative.max() < 5e-4


@settings(deadline=None, max_examples=25)
@given(n_samples=st.integers(1, 9000), level_db=st.integers(-400, 60), seed=st.integers(0, 9))
def test_any_length_and_level_gives_finite_numbers(
    n_samples: int, level_db: int, seed: int
) -> None:
    noise = np.random.default_rng(seed).standard_normal(n_samples)
    values = FRONTEND((noise * 10 ** (level_db / 20)).astype(np.float32))
    assert values.shape == (57,)
    assert values.dtype == np.float32
    assert np.isfinite(values).all()


def test_silence() -> None:
    values = _named(FRONTEND(np.zeros(2 * RATE, np.float32)))
    # 128 bands at -100 dB, by an orthonormal cosine transform.
    assert values.pop("mfcc1_mean") == pytest.approx(-100 * np.sqrt(128), rel=1e-6)
    assert max(map(abs, values.values())) < 1e-3


def test_gain_moves_levels_and_nothing_else() -> None:
    samples = _music(4)
    before, after = _named(FRONTEND(samples)), _named(FRONTEND(samples * np.float32(2)))
    powers = {"rms_mean": 2, "rms_var": 4, "harmony_var": 4, "perceptr_var": 4}
    for name in NAMES:
        if name == "mfcc1_mean":
            expected = before[name] + 20 * np.log10(2) * np.sqrt(128)
        else:
            expected = before[name] * powers.get(name, 1)
        if name not in NEAR_ZERO:
            assert after[name] == pytest.approx(expected, rel=1e-4, abs=1e-4), name


def test_known_answers_for_simple_sounds() -> None:
    time = np.arange(4 * RATE) / RATE
    values = _named(FRONTEND((0.5 * np.sin(2 * np.pi * 1000 * time)).astype(np.float32)))
    assert values["rms_mean"] == pytest.approx(0.5 / np.sqrt(2), rel=5e-3)
    # Half a frame of constant samples at either end costs 1.5 of the 173 frames their crossings.
    crossings = 2000 / RATE * (1 - 1.5 / 173)
    assert values["zero_crossing_rate_mean"] == pytest.approx(crossings, rel=1e-3)
    assert values["spectral_centroid_mean"] == pytest.approx(1000, rel=2e-2)
    assert values["harmony_var"] == pytest.approx(0.125, rel=2e-2)
    assert values["perceptr_var"] < 2e-3


@pytest.mark.parametrize("bpm", [90, 120, 150])
def test_tempo_of_a_click_track(bpm: int) -> None:
    samples = np.zeros(20 * RATE, np.float32)
    samples[(np.arange(0, 20, 60 / bpm) * RATE).astype(int)] = 1
    assert _named(FRONTEND(samples))["tempo"] == pytest.approx(bpm, rel=0.03)


def test_long_audio_is_described_as_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = _music(6)
    whole = FRONTEND(samples)
    monkeypatch.setattr("genrekit.features.gtzan57._FRAMES_AT_ONCE", 50)
    np.testing.assert_allclose(FRONTEND(samples), whole, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("seconds", "megabytes"), [(30, 150), (120, 300)])
def test_memory_is_bounded(seconds: int, megabytes: int) -> None:
    samples = _music(seconds)
    tracemalloc.start()
    FRONTEND(samples)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < megabytes * 2**20


def test_nothing_and_nonsense_are_refused() -> None:
    with pytest.raises(AudioContentError) as nothing:
        FRONTEND(np.zeros(0, np.float32))
    assert nothing.value.state == "empty"
    for value in (np.nan, np.inf):
        with pytest.raises(AudioContentError) as nonsense:
            FRONTEND(np.array([0, value], np.float32))
        assert nonsense.value.state == "non_finite"


def test_without_separation_the_other_columns_are_the_same() -> None:
    samples = _music(4)
    quick = Gtzan57Frontend(Gtzan57Config(separation=False))
    missing = {"harmony_mean", "harmony_var", "perceptr_mean", "perceptr_var"}
    assert set(NAMES) - set(quick.feature_names) == missing
    kept = [NAMES.index(name) for name in quick.feature_names]
    np.testing.assert_array_equal(FRONTEND(samples)[kept], quick(samples))
