from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from genrekit.errors import DatasetError
from genrekit.evaluation import fit_binary_temperature, fit_temperature, reliability_bins
from genrekit.evaluation.metrics import expected_calibration_error


def drawn(
    temperature: float, n_items: int = 20_000
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Logits whose labels were drawn from softmax(logits / temperature)."""
    rng = np.random.default_rng(5)
    logits = rng.normal(size=(n_items, 4)) * 3
    chances = softmax(logits / temperature, axis=1).cumsum(axis=1)
    targets = (chances < rng.random((n_items, 1))).sum(axis=1).clip(max=3)
    return logits, targets


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_made_the_labels_is_found(temperature: float) -> None:
    assert fit_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.05)


def test_the_minimum_agrees_with_scipy() -> None:
    logits, targets = drawn(1.7, 300)

    def loss(temperature: float) -> float:
        return float(-log_softmax(logits / temperature, axis=1)[np.arange(300), targets].mean())

    expected = minimize_scalar(loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-8}).x
    assert fit_temperature(logits, targets) == pytest.approx(expected, rel=0.02)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.5, 2.0))
def test_scaling_logits_scales_the_temperature(factor: float) -> None:
    logits, targets = drawn(1.2, 200)
    # The prior pulls both a little towards one.
    expected = factor * fit_temperature(logits, targets)
    assert fit_temperature(logits * factor, targets) == pytest.approx(expected, rel=0.05)


def test_extremes_stay_in_bounds() -> None:
    logits = np.array([[900.0, -900.0], [900.0, -900.0]])
    assert fit_temperature(logits, np.array([0, 0])) == pytest.approx(1, rel=1e-3)
    assert fit_temperature(logits, np.array([1, 1])) == pytest.approx(20, rel=1e-3)


@pytest.mark.parametrize("tracks", [3, 24, 290])
def test_tracks_that_are_all_predicted_right_make_nobody_surer(tracks: int) -> None:
    targets = np.arange(tracks) % 3
    logits = np.log(np.array([0.6, 0.2, 0.2]))[(np.arange(3) - targets[:, None]) % 3]
    assert fit_temperature(logits, targets) == pytest.approx(1, rel=1e-3)
    assert fit_binary_temperature(logits + 1.2, np.eye(3, dtype=np.int64)[targets]) >= 0.999


def test_one_miss_among_a_handful_moves_the_temperature_only_so_far() -> None:
    logits, targets = drawn(0.2, 12)
    assert 0.25 < fit_temperature(logits, targets) <= 1.001
    logits, targets = drawn(0.2, 3000)
    assert fit_temperature(logits, targets) == pytest.approx(0.2, rel=0.07)


def test_bad_logits_are_refused() -> None:
    with pytest.raises(DatasetError, match="not finite"):
        fit_temperature(np.array([[0.0, -np.inf]]), np.array([0]))
    with pytest.raises(DatasetError, match="targets"):
        fit_temperature(np.zeros((3, 2)), np.array([0]))


def test_bins_hold_every_item_and_add_up_to_the_error() -> None:
    logits, targets = drawn(2.0, 500)
    probabilities = softmax(logits, axis=1)
    bins = reliability_bins(targets, probabilities, n_bins=10)
    assert sum(bin_.items for bin_ in bins) == 500
    assert all(b.low < b.confidence <= b.high for b in bins if b.items)
    gap = sum(b.items * abs(b.confidence - b.accuracy) for b in bins) / 500
    assert gap == pytest.approx(expected_calibration_error(targets, probabilities, n_bins=10))
