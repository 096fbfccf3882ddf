"""The front-end as a whole: shape, degenerate input, invariances, documentation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from genrekit.errors import AudioContentError
from genrekit.features.describe import reference
from genrekit.features.descriptors import DescriptorsFrontend
from genrekit.schema import DescriptorsConfig

RATE = 22050
FRONTEND = DescriptorsFrontend(DescriptorsConfig())
FAMILIES = {"timbre", "rhythm", "harmony", "dynamics"}
FOLLOWS_GAIN = np.array([column.unit in ("dBFS", "FS") for column in FRONTEND.columns])


def band(seconds: float = 2.0, seed: int = 0) -> NDArray[np.float32]:
    """A few decaying notes over soft noise: every descriptor has something to measure."""
    random = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    beat = time % 0.4
    notes = np.sin(2 * np.pi * 220 * 2 ** (np.floor(time / 0.4) % 5 / 12) * time)
    signal = notes * np.exp(-6 * beat) + 0.05 * random.standard_normal(len(time))
    return (0.3 * signal).astype(np.float32)


def test_every_column_is_described_and_named_once() -> None:
    names = [column.name for column in FRONTEND.columns]
    assert len(set(names)) == len(names)
    assert tuple(names) == FRONTEND.feature_names
    assert {column.family for column in FRONTEND.columns} == FAMILIES
    assert all(column.unit and column.meaning for column in FRONTEND.columns)
    assert all(
        "\n" not in column.meaning and "{" not in column.meaning for column in FRONTEND.columns
    )


def test_output_is_one_float32_vector() -> None:
    features = FRONTEND(band())
    assert features.dtype == np.float32
    assert features.shape == (len(FRONTEND.columns),)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(30 * RATE),
        np.zeros(RATE),
        np.ones(RATE),
        np.eye(1, 2 * RATE, RATE)[0],
        np.eye(1, RATE, 0)[0],
        np.full(RATE, -1e-3),
        band(1.0),
        band(0.05),
        np.ones(1),
        np.array([1.0, -1.0] * RATE),
        np.full(RATE, 1e-20),
        1e6 * band(1.0),
        np.concatenate([np.zeros(5 * RATE), band(0.5)]),
    ],
    ids=[
        "silence",
        "a second of silence",
        "a constant",
        "an impulse",
        "an impulse on the first sample",
        "a negative constant",
        "one second",
        "fifty milliseconds",
        "one sample",
        "the Nyquist frequency",
        "denormal",
        "far above full scale",
        "mostly silence",
    ],
)
def test_degenerate_input_gives_finite_numbers(samples: NDArray[np.float64]) -> None:
    features = FRONTEND(samples.astype(np.float32))
    bad = [
        name
        for name, value in zip(FRONTEND.feature_names, features, strict=True)
        if not np.isfinite(value)
    ]
    assert bad == []


@pytest.mark.parametrize("samples", [np.zeros(0), np.array([0.1, np.nan])])
def test_refuses_no_samples_and_samples_that_are_no_numbers(samples: NDArray[np.float64]) -> None:
    with pytest.raises(AudioContentError):
        FRONTEND(samples.astype(np.float32))


def test_silence_is_zero_but_for_its_levels() -> None:
    features = FRONTEND(np.zeros(2 * RATE, dtype=np.float32))
    named = dict(zip(FRONTEND.feature_names, features, strict=True))
    assert named["loudness"] == named["peak"] == -120
    assert named["silence_share"] == 1
    exceptions = {"loudness", "peak", "silence_share", "harmonic_level", "percussive_level"}
    assert {name for name, value in named.items() if value != 0} <= exceptions


def test_same_samples_give_the_same_bits() -> None:
    samples = band()
    first = FRONTEND(samples)
    np.testing.assert_array_equal(first, DescriptorsFrontend(DescriptorsConfig())(samples.copy()))
    np.testing.assert_array_equal(samples, band())


@settings(max_examples=15, deadline=None)
@given(gain_db=st.floats(-40.0, 40.0), seed=st.integers(0, 3))
def test_only_levels_follow_the_gain(gain_db: float, seed: int) -> None:
    samples = band(1.5, seed)
    gain = np.float32(10.0 ** (gain_db / 20.0))
    plain, louder = FRONTEND(samples), FRONTEND(samples * gain)
    np.testing.assert_allclose(louder[~FOLLOWS_GAIN], plain[~FOLLOWS_GAIN], rtol=2e-3, atol=2e-3)
    in_decibels = np.array([column.unit == "dBFS" for column in FRONTEND.columns])
    moved = [not name.endswith("_std") for name in FRONTEND.feature_names] & in_decibels
    np.testing.assert_allclose(louder[moved] - plain[moved], gain_db, atol=2e-3)
    in_amplitude = FOLLOWS_GAIN & ~in_decibels
    np.testing.assert_allclose(
        louder[in_amplitude], gain * plain[in_amplitude], rtol=1e-3, atol=1e-7
    )


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_turning_the_polarity_changes_only_asymmetry(seed: int) -> None:
    samples = band(1.5, seed)
    turned = {"amplitude_mean", "amplitude_skew"}
    same = np.array([name not in turned for name in FRONTEND.feature_names])
    np.testing.assert_allclose(
        FRONTEND(-samples)[same], FRONTEND(samples)[same], rtol=1e-3, atol=1e-3
    )


@settings(max_examples=20, deadline=None)
@given(
    seconds=st.floats(0.01, 3.0),
    seed=st.integers(0, 1000),
    loud=st.sampled_from([0.0, 1e-12, 1e-4, 1.0]),
)
def test_any_noise_of_any_length_gives_finite_numbers(
    seconds: float, seed: int, loud: float
) -> None:
    samples = loud * np.random.default_rng(seed).standard_normal(int(seconds * RATE))
    assert np.isfinite(FRONTEND(samples.astype(np.float32))).all()


def test_the_documented_columns_are_these() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "features.md"
    assert page.read_text(encoding="utf-8") == reference(), (
        "out of date; run: python -m genrekit.features.describe docs/features.md"
    )
