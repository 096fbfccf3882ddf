"""Tests for two models against published examples, scipy, and what they claim of themselves."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from genrekit.errors import DatasetError
from genrekit.evaluation.significance import (
    apart_p,
    corrected_t_test,
    gap_sentence,
    mcnemar,
    mcnemar_p,
    naive_t_test,
    paired_difference,
    sign_flip_p,
    smallest_gap,
)


def hits(only_first: int, only_second: int, both: int = 0) -> tuple[NDArray[np.bool_], ...]:
    first = np.repeat([True, False, True], [only_first, only_second, both])
    second = np.repeat([False, True, True], [only_first, only_second, both])
    return first, second


@pytest.mark.parametrize(
    ("won", "lost", "exact", "mid"),
    [
        # Fagerland, Lydersen and Laake 2013, table 2: airway hyper-responsiveness, 21 children.
        (7, 1, 0.070, 0.039),
        (1, 7, 0.070, 0.039),
        (0, 0, 1.0, 1.0),
    ],
)
def test_mcnemar_agrees_with_published_values(
    won: int, lost: int, exact: float, mid: float
) -> None:
    found = mcnemar(*hits(won, lost, both=10))
    assert (found.exact, found.mid_p) == pytest.approx((exact, mid), abs=5e-4)
    assert (found.only_first, found.only_second) == (won, lost)


@pytest.mark.parametrize(("won", "lost"), [(150, 86), (3, 9), (12, 12), (40, 0)])
def test_the_exact_test_is_that_of_a_fair_coin(won: int, lost: int) -> None:
    exact, mid = mcnemar_p(np.array(won), np.array(lost))
    assert exact == pytest.approx(stats.binomtest(won, won + lost).pvalue, rel=1e-9)
    assert mid < exact


def test_effect_sizes_by_hand() -> None:
    found = mcnemar(*hits(30, 10))
    assert (found.cohens_g, found.odds_ratio) == (0.25, 3.0)
    assert mcnemar(*hits(3, 0)).odds_ratio is None
    assert mcnemar(*hits(0, 0, 5)).cohens_g == 0.0


def test_equal_models_are_called_different_as_often_as_the_test_says() -> None:
    generator = np.random.default_rng(0)
    disagreements = generator.binomial(290, 0.2, 20_000)
    won = generator.binomial(disagreements, 0.5)
    exact, mid = mcnemar_p(won, disagreements - won)
    assert 0.04 < (mid <= 0.05).mean() < 0.055
    assert (exact <= 0.05).mean() < (mid <= 0.05).mean()


def test_signs_flipped_by_recording_are_as_honest() -> None:
    generator = np.random.default_rng(1)
    called = covered = 0
    for number in range(200):
        first, second = (generator.random((2, 200)) < 0.6).astype(float)
        difference, p = paired_difference(
            first, second, [str(item) for item in range(200)], n_resamples=250, seed=number
        )
        called += p <= 0.05
        covered += difference.low <= 0 <= difference.high
    assert 0.02 < called / 200 < 0.09
    assert 0.91 < covered / 200 < 0.98


def test_the_bootstrap_agrees_with_theory() -> None:
    first, second = (one.astype(float) for one in hits(27, 15, both=158))
    difference, p = paired_difference(first, second, [str(item) for item in range(200)])
    spread = np.std(first - second) / np.sqrt(200)
    assert p == pytest.approx(mcnemar(*hits(27, 15, both=158)).mid_p, rel=1e-9)
    assert difference.low == pytest.approx(difference.value - 1.96 * spread, abs=0.01)


def test_segments_of_a_recording_do_not_pass_for_evidence() -> None:
    generator = np.random.default_rng(2)
    tracks = generator.random((2, 60)) < 0.6
    first, second = np.repeat(tracks, 10, axis=1).astype(float)
    one, p = paired_difference(
        tracks[0].astype(float), tracks[1].astype(float), list(map(str, range(60)))
    )
    ten, p_of_ten = paired_difference(first, second, [str(item // 10) for item in range(600)])
    assert (one.low, one.high) == pytest.approx((ten.low, ten.high))
    assert p == pytest.approx(p_of_ten)
    _, naive = paired_difference(first, second, list(map(str, range(600))))
    assert naive < p


@pytest.mark.parametrize("spread", [(3, 1, 2, 2, 1), (1,) * 9, (0.3, 0.25, 1.0, 0.5)])
def test_signs_flipped_by_hand(spread: tuple[float, ...]) -> None:
    sums = np.array(spread) * np.where(np.arange(len(spread)) == 1, -1, 1)
    signs = np.array(list(product((-1, 1), repeat=len(spread))))
    drawn, seen = np.abs(signs @ np.abs(sums)), abs(sums.sum())
    expected = (drawn > seen + 1e-9).mean() + (np.abs(drawn - seen) <= 1e-9).mean() / 2
    assert sign_flip_p(sums) == pytest.approx(expected)


def test_many_scores_that_are_no_hits_have_the_normal_tail() -> None:
    generator = np.random.default_rng(6)
    sums = generator.normal(0.2, 1, 300)
    z = sums.sum() / np.sqrt((sums**2).sum())
    assert sign_flip_p(sums) == pytest.approx(2 * stats.norm.sf(z), rel=1e-6)
    assert sign_flip_p(np.ones(15_000)) < 1e-300, "a tail has no floor"
    assert sign_flip_p(np.zeros(5)) == 1.0


def test_senders_that_give_equal_answers_are_no_certainty() -> None:
    ones, names = np.ones(16), [f"s{number // 8}" for number in range(16)]
    assert apart_p(ones, np.zeros(16), (names, names)) > 0.05
    everybody = [str(number) for number in range(16)]
    assert apart_p(ones, np.zeros(16), (everybody, everybody)) < 1e-6


def test_equal_arms_are_called_different_as_often_as_the_test_says() -> None:
    generator = np.random.default_rng(7)
    names = [str(number // 3) for number in range(120)]
    called = 0
    for _ in range(600):
        chance = generator.beta(3, 2, (2, 40)).repeat(3, axis=1)
        first, second = (generator.random((2, 120)) < chance).astype(float)
        called += apart_p(first, second, (names, names)) <= 0.05
    assert 0.03 < called / 600 < 0.07


def folds(generator: np.random.Generator, count: int, n: int = 10) -> NDArray[np.float64]:
    """Differences of two equal models over folds, correlated as shared training data makes them."""
    share = 1 / n
    together = generator.normal(size=(count, 1)) * np.sqrt(share)
    return np.asarray(together + generator.normal(size=(count, n)) * np.sqrt(1 - share))


def test_the_naive_t_test_is_that_of_scipy_and_the_corrected_one_by_hand() -> None:
    generator = np.random.default_rng(3)
    first, second = generator.random((2, 10))
    naive = naive_t_test(first.tolist(), second.tolist())
    expected = stats.ttest_rel(first, second)
    assert (naive.t, naive.p) == pytest.approx((expected.statistic, expected.pvalue))
    interval = expected.confidence_interval()
    assert (naive.difference.low, naive.difference.high) == pytest.approx(tuple(interval))
    corrected = corrected_t_test(first.tolist(), second.tolist(), 1 / 9)
    d = first - second
    t = d.mean() / np.sqrt((1 / 10 + 1 / 9) * d.var(ddof=1))
    assert corrected.t == pytest.approx(t)
    assert corrected.p == pytest.approx(2 * stats.t.sf(abs(t), 9))


def test_over_folds_only_the_corrected_test_keeps_its_word() -> None:
    differences = folds(np.random.default_rng(4), 1000)
    zeros = [0.0] * 10
    corrected = [corrected_t_test(row.tolist(), zeros, 1 / 9).p <= 0.05 for row in differences]
    naive = [naive_t_test(row.tolist(), zeros).p <= 0.05 for row in differences]
    assert 0.03 < np.mean(corrected) < 0.07
    assert np.mean(naive) > 2 * np.mean(corrected)


@pytest.mark.parametrize(("values", "p"), [([0.5] * 5, 1.0), ([0.6] * 5, 0.0)])
def test_folds_that_are_all_alike(values: list[float], p: float) -> None:
    assert corrected_t_test(values, [0.5] * 5, 0.25).p == pytest.approx(p, abs=1e-6)


def test_a_gap_is_evidence_from_where_the_test_says() -> None:
    gap = smallest_gap(290, 0.2)
    assert gap is not None
    more = round(gap * 290)
    won = (58 + more) // 2
    assert mcnemar(*hits(won, 58 - won)).mid_p <= 0.05
    assert mcnemar(*hits(won - 1, 58 - won + 1)).mid_p > 0.05
    assert f"gap under {100 * gap:.1f} points" in gap_sentence(290, 0.2)


def test_few_tracks_are_no_evidence_at_all() -> None:
    assert smallest_gap(20, 0.1) is None
    assert "no gap" in gap_sentence(1, 1.0)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [([], [], "at least one"), ([1.0], [1.0, 2.0], "as many"), ([np.nan], [1.0], "not finite")],
)
def test_what_cannot_be_paired_is_reported(
    first: list[float], second: list[float], message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        paired_difference(np.array(first), np.array(second), ["x"] * len(first))


def test_one_fold_is_none() -> None:
    with pytest.raises(DatasetError, match="at least two folds"):
        naive_t_test([0.5], [0.6])
