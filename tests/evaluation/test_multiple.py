"""Many models: corrections and ranks against published examples and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from genrekit.errors import DatasetError
from genrekit.evaluation.multiple import (
    cliques,
    critical_difference,
    friedman,
    friedman_of_ranks,
    holm,
    letters,
)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.6, 0.7]) == (1.0, 1.0)
    assert holm([]) == ()


def test_friedman_agrees_with_the_example_of_demsar() -> None:
    # Demšar 2006, section 3.2.2: C4.5 with and without pruning and confidence, 14 datasets.
    found = friedman_of_ranks(np.array([3.143, 2.000, 2.893, 1.964]), 14)
    assert found.chi2 == pytest.approx(9.28, abs=0.01)
    assert found.f == pytest.approx(3.69, abs=0.01)
    assert found.f_p < 0.05
    assert found.critical_difference == pytest.approx(1.25, abs=0.005)
    # ... where the Nemenyi test at 5 % finds nothing, as 3.143 - 1.964 is less.
    assert cliques(found.mean_ranks, found.critical_difference) == ((3, 1, 2, 0),)


@pytest.mark.parametrize(("models", "quantile"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_critical_values_are_those_of_the_published_table(models: int, quantile: float) -> None:
    # Demšar 2006, table 5a.
    width = critical_difference(models, 20)
    assert width / np.sqrt(models * (models + 1) / (6 * 20)) == pytest.approx(quantile, abs=1e-3)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 6), st.integers(3, 12))
def test_friedman_agrees_with_scipy_with_ties(seed: int, models: int, blocks: int) -> None:
    scores = np.random.default_rng(seed).integers(0, 5, (blocks, models)).astype(float)
    if (scores == scores[:, :1]).all():
        return
    expected = stats.friedmanchisquare(*scores.T)
    found = friedman(scores)
    assert (found.chi2, found.chi2_p) == pytest.approx((expected.statistic, expected.pvalue))


def test_models_that_tie_everywhere_rank_alike() -> None:
    found = friedman(np.ones((6, 3)))
    assert (found.chi2, found.f_p) == (0.0, 1.0)
    assert found.mean_ranks == (2.0, 2.0, 2.0)


def test_a_model_that_always_wins_is_found() -> None:
    found = friedman(np.tile([0.9, 0.5, 0.4, 0.3], (10, 1)))
    assert found.f_p < 1e-6
    assert found.mean_ranks == (1.0, 2.0, 3.0, 4.0)


def test_equal_models_are_called_different_as_often_as_the_test_says() -> None:
    generator = np.random.default_rng(0)
    called = [friedman(generator.random((20, 4))).f_p <= 0.05 for _ in range(800)]
    assert 0.03 < np.mean(called) < 0.07


@pytest.mark.parametrize("scores", [np.ones((5, 2)), np.ones((1, 3))])
def test_too_few_are_refused(scores: np.ndarray) -> None:
    with pytest.raises(DatasetError, match="three models or more in two blocks"):
        friedman(scores)


def test_scores_that_are_not_finite_are_refused() -> None:
    with pytest.raises(DatasetError, match="not finite"):
        friedman(np.array([[1.0, 2.0, np.nan]] * 3))


def matrix(models: int, *pairs: tuple[int, int]) -> np.ndarray:
    different = np.zeros((models, models), dtype=bool)
    for first, second in pairs:
        different[first, second] = True
    return different


@pytest.mark.parametrize(
    ("different", "expected"),
    [
        (matrix(3), ("a", "a", "a")),
        (matrix(3, (0, 1), (0, 2), (1, 2)), ("a", "b", "c")),
        (matrix(3, (0, 2)), ("a", "ab", "b")),
        (matrix(4, (0, 2), (0, 3), (1, 3)), ("a", "ab", "bc", "c")),
        (matrix(1), ("a",)),
    ],
)
def test_letters_by_hand(different: np.ndarray, expected: tuple[str, ...]) -> None:
    assert letters(different) == expected


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 8), st.floats(0, 1))
def test_models_share_a_letter_just_if_they_are_not_different(
    seed: int, models: int, share: float
) -> None:
    different = np.triu(np.random.default_rng(seed).random((models, models)) < share, 1)
    shown = letters(different)
    for first in range(models):
        for second in range(first + 1, models):
            assert bool(set(shown[first]) & set(shown[second])) != different[first, second]
