"""Metrics against scikit-learn, intervals against published values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as reference

from genrekit.errors import DatasetError
from genrekit.evaluation import wilson
from genrekit.evaluation.metrics import (
    accuracy,
    confusion_matrix,
    expected_calibration_error,
    log_loss,
    macro_f1,
    precision_recall_f1,
)

N_LABELS = 5


@st.composite
def scored(draw: st.DrawFn) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    n_items = draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    targets = rng.integers(0, draw(st.integers(1, N_LABELS)), n_items)
    sharpness = draw(st.sampled_from([0.3, 3.0, 100.0]))
    logits = rng.normal(size=(n_items, N_LABELS)) * sharpness
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return targets, shifted / shifted.sum(axis=1, keepdims=True)


@settings(max_examples=60, deadline=None)
@given(scored())
def test_metrics_agree_with_scikit_learn(
    case: tuple[NDArray[np.int64], NDArray[np.float64]],
) -> None:
    targets, probabilities = case
    predicted = probabilities.argmax(axis=1)
    labels = np.arange(N_LABELS)
    confusion = confusion_matrix(targets, predicted, N_LABELS)

    np.testing.assert_array_equal(
        confusion, reference.confusion_matrix(targets, predicted, labels=labels)
    )
    assert accuracy(confusion) == pytest.approx(reference.accuracy_score(targets, predicted))
    expected = reference.precision_recall_fscore_support(
        targets, predicted, labels=labels, zero_division=0
    )
    np.testing.assert_allclose(precision_recall_f1(confusion), expected[:3], atol=1e-12)
    assert macro_f1(confusion) == pytest.approx(
        reference.f1_score(targets, predicted, average="macro", zero_division=0)
    )
    assert log_loss(targets, probabilities) == pytest.approx(
        reference.log_loss(targets, np.clip(probabilities, 1e-15, None), labels=labels), rel=1e-6
    )


def test_confusion_counts_weights() -> None:
    targets, predicted = np.array([0, 1, 1]), np.array([0, 1, 0])
    weights = np.array([2.0, 0.0, 3.0])
    expected = reference.confusion_matrix(targets, predicted, sample_weight=weights)
    np.testing.assert_array_equal(confusion_matrix(targets, predicted, 2, weights), expected)


def test_calibration_error_by_hand() -> None:
    # Bin (0.8, 1.0]: 0.9 and 1.0, one right: |0.95 - 0.5|. Bin (0.4, 0.6]: 0.6, right: |0.6 - 1|.
    probabilities = np.array([[0.9, 0.1], [1.0, 0.0], [0.4, 0.6]])
    targets = np.array([0, 1, 1])
    error = expected_calibration_error(targets, probabilities, n_bins=5)
    assert error == pytest.approx((2 * 0.45 + 0.4) / 3)


def test_a_bin_includes_its_upper_edge() -> None:
    # 0.75 lies with 0.6 in (0.5, 0.75]; with 0.9 it would give (0.15 + 0.35 + 0.4) / 3.
    probabilities = np.array([[0.75, 0.25], [0.6, 0.4], [0.9, 0.1]])
    targets = np.array([0, 1, 0])
    error = expected_calibration_error(targets, probabilities, n_bins=4)
    assert error == pytest.approx((abs(0.75 + 0.6 - 1) + 0.1) / 3)


def test_a_model_that_is_as_sure_as_it_is_right_has_no_calibration_error() -> None:
    probabilities = np.tile([0.75, 0.25], (400, 1))
    targets = np.repeat([0, 0, 0, 1], 100)
    assert expected_calibration_error(targets, probabilities) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    [
        # R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in
        # Medicine 17, 1998, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        # By symmetry with the third.
        (20, 20, 0.8389, 1.0),
    ],
)
def test_wilson_agrees_with_published_intervals(
    successes: int, total: int, low: float, high: float
) -> None:
    estimate = wilson(successes, total)
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=6e-5)
    assert estimate.value == successes / total


@pytest.mark.parametrize(("successes", "total"), [(0, 0), (3, 2), (-1, 4)])
def test_wilson_refuses_what_is_no_proportion(successes: int, total: int) -> None:
    with pytest.raises(DatasetError, match="not a proportion"):
        wilson(successes, total)
