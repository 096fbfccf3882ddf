"""Intervals of 95 % hold the truth in 93 to 97 % of simulated test sets, and are never empty."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from genrekit.evaluation import Scored, wilson
from genrekit.evaluation.calibration_error import calibration_error
from genrekit.evaluation.full_metrics import measure_all
from genrekit.evaluation.intervals import (
    bootstrap_by_group,
    bootstrap_mean,
    mean_loss,
    over_folds,
    over_seeds,
    share_by_group,
)
from genrekit.evaluation.metrics import accuracy, brier, confusion_matrix, log_losses, macro_f1
from genrekit.evaluation.multilabel import bootstrap_together, genre_ranking, mean_defined
from genrekit.evaluation.significance import paired_difference
from genrekit.schema import Estimate

GENRES = 10
LABELS = tuple("abcdefghij")
_Floats = NDArray[np.float64]


def covered(truth: float, draws: Iterator[Estimate]) -> float:
    found = list(draws)
    assert all(one.low <= one.value <= one.high and one.low < one.high for one in found)
    return float(np.mean([one.low <= truth <= one.high for one in found]))


def names(count: int, each: int = 1) -> list[str]:
    return [str(number // each) for number in range(count * each)]


# --- calibration --------------------------------------------------------------------------------


@pytest.mark.parametrize("truth", [0.0, 0.05, 0.13, 0.3])
def test_the_calibration_error_is_covered(truth: float, monkeypatch: pytest.MonkeyPatch) -> None:
    # Fewer than in use: the interval is rougher, and has to hold all the same.
    monkeypatch.setattr("genrekit.evaluation.calibration_error._SIMULATED", 200)
    generator = np.random.default_rng(3)
    values = []

    def draws() -> Iterator[Estimate]:
        for number in range(200):
            confidence = generator.uniform(0.35, 0.99, 290)
            right = generator.random(290) < confidence - truth
            found = calibration_error(confidence, right, names(290), seed=number)
            values.append(found.error.value)
            assert 0.04 < found.by_chance < 0.08
            yield found.error

    assert 0.93 <= covered(truth, draws()) <= 0.97
    # What is left of the bias at zero is that no error is below it.
    assert np.mean(values) == pytest.approx(truth, abs=0.03 if truth == 0 else 0.006)


def test_the_calibration_error_of_segments_is_that_of_their_recordings() -> None:
    generator = np.random.default_rng(4)
    confidence = generator.uniform(0.35, 0.99, 100)
    right = generator.random(100) < confidence - 0.1
    once = calibration_error(confidence, right, names(100)).error
    ten = calibration_error(confidence.repeat(10), right.repeat(10), names(100, 10)).error
    assert ten.high - ten.low == pytest.approx(once.high - once.low, rel=0.15)
    assert ten.value == pytest.approx(once.value, abs=0.02)


# --- means of genres, losses --------------------------------------------------------------------


def scored(generator: np.random.Generator, count: int, sharpness: float) -> Scored:
    """What a calibrated model of ten genres says."""
    targets = generator.integers(GENRES, size=count)
    evidence = generator.normal(size=(count, GENRES))
    evidence[np.arange(count), targets] += sharpness
    chances = np.exp(sharpness * (evidence - evidence.max(axis=1, keepdims=True)))
    return Scored(targets, chances / chances.sum(axis=1, keepdims=True), tuple(names(count)))


SIZES = pytest.mark.parametrize(("count", "sharpness"), [(290, 2.0), (290, 3.5), (100, 2.0)])


@SIZES
def test_log_loss_and_brier_are_covered(count: int, sharpness: float) -> None:
    generator = np.random.default_rng(5)
    many = scored(generator, 400_000, sharpness)
    some = [scored(generator, count, sharpness) for _ in range(1000)]
    for loss in (log_losses, brier):
        truth = float(loss(many.targets, many.probabilities).mean())
        draws = (
            mean_loss(
                loss(one.targets, one.probabilities),
                np.zeros(count),
                np.zeros(count, dtype=bool),
                one.groups,
                most=40,
            )
            for one in some
        )
        assert 0.93 <= covered(truth, draws) <= 0.97


@SIZES
def test_macro_f1_is_covered(count: int, sharpness: float) -> None:
    generator = np.random.default_rng(6)
    many = scored(generator, 400_000, sharpness)
    predicted = many.probabilities.argmax(axis=1).astype(np.int64)
    truth = macro_f1(confusion_matrix(many.targets, predicted, GENRES))

    def draws() -> Iterator[Estimate]:
        for number in range(300):
            one = scored(generator, count, sharpness)
            told = one.probabilities.argmax(axis=1).astype(np.int64)
            yield bootstrap_by_group(
                *(macro_f1, one.targets, told, one.groups),
                n_labels=GENRES,
                n_resamples=60,
                seed=number,
            )

    assert 0.93 <= covered(truth, draws()) <= 0.97


def test_the_area_under_the_roc_curve_is_covered() -> None:
    generator = np.random.default_rng(7)

    def drawn(count: int) -> tuple[NDArray[np.int64], _Floats]:
        targets = (generator.random((count, 3)) < (0.5, 0.2, 0.1)).astype(np.int64)
        return targets, generator.normal(size=targets.shape) + 1.5 * targets

    truth = float(mean_defined(genre_ranking(*drawn(200_000)).roc_auc)[0])

    def drawn_area(number: int) -> Estimate:
        targets, scores = drawn(200)
        found = bootstrap_together(
            lambda weights: {"area": mean_defined(genre_ranking(targets, scores, weights).roc_auc)},
            names(200),
            n_labels=10_000,
            seed=number,
        )["area"]
        assert found is not None
        return found

    assert 0.93 <= covered(truth, map(drawn_area, range(300))) <= 0.97


# --- gains, shares, folds -----------------------------------------------------------------------


@pytest.mark.parametrize(("recordings", "each"), [(290, 1), (60, 1), (60, 8)])
def test_gains_are_covered(recordings: int, each: int) -> None:
    generator = np.random.default_rng(18)

    def draws() -> Iterator[Estimate]:
        for number in range(400):
            hard = np.repeat(generator.random(recordings), each)
            noise = generator.random((2, recordings * each)) * 0.5
            first, second = (hard * 0.5 + noise < np.array([[0.6], [0.5]])).astype(float)
            yield paired_difference(
                first, second, names(recordings, each), n_resamples=200, seed=number
            )[0]

    # P(u/2 + v/2 < a) of two uniform numbers is 1 - 2 (1 - a)^2 from a half on.
    truth = (1 - 2 * 0.4**2) - 0.5
    assert 0.93 <= covered(truth, draws()) <= 0.97


@pytest.mark.parametrize("share", [0.6, 0.93])
def test_shares_of_segments_are_covered(share: float) -> None:
    generator = np.random.default_rng(9)

    def draws() -> Iterator[Estimate]:
        for number in range(400):
            chance = generator.beta(4 * share, 4 * (1 - share), 100).repeat(5)
            hits = (generator.random(500) < chance).astype(float)
            yield share_by_group(hits, names(100, 5), n_resamples=200, seed=number)

    assert 0.93 <= covered(share, draws()) <= 0.97


def nearest(train: tuple[_Floats, _Floats], test: _Floats) -> _Floats:
    rows, labels = train
    return np.asarray(labels[((test[:, None] - rows) ** 2).sum(axis=2).argmin(axis=1)])


def test_folds_of_a_real_learner_are_covered() -> None:
    generator = np.random.default_rng(10)
    centres = generator.normal(size=(3, 4))

    def drawn(count: int) -> tuple[_Floats, _Floats]:
        labels = generator.integers(3, size=count).astype(float)
        return centres[labels.astype(int)] + generator.normal(size=(count, 4)), labels

    tested = drawn(2000)
    fits = [np.mean(nearest(drawn(80), tested[0]) == tested[1]) for _ in range(100)]

    def draws() -> Iterator[Estimate]:
        for _ in range(300):
            (rows, labels), fold = drawn(100), np.arange(100) % 5
            hits = [
                nearest((rows[fold != one], labels[fold != one]), rows[fold == one])
                == labels[fold == one]
                for one in range(5)
            ]
            yield over_folds([float(one.mean()) for one in hits], 1 / 4, recordings=100)

    assert 0.93 <= covered(float(np.mean(fits)), draws()) <= 0.985


# --- ends ---------------------------------------------------------------------------------------

ENDS: dict[str, Callable[[], Estimate]] = {
    "wilson": lambda: wilson(16, 16),
    "senders": lambda: share_by_group(np.ones(16), names(4, 4)),
    "one sender": lambda: share_by_group(np.ones(16), ["x"] * 16),
    "no difference": lambda: bootstrap_mean(np.zeros(16), names(16)),
    "macro F1": lambda: bootstrap_by_group(
        macro_f1, np.arange(3), np.arange(3), names(3), n_labels=3
    ),
    "accuracy of one genre": lambda: bootstrap_by_group(
        accuracy, np.zeros(9, np.int64), np.zeros(9, np.int64), names(9), n_labels=1
    ),
    "seeds": lambda: over_seeds(np.ones((3, 16)), names(16)),
    "folds": lambda: over_folds([1.0] * 5, 1 / 4, recordings=20),
}


@pytest.mark.parametrize("name", ENDS)
def test_an_interval_at_its_end_is_not_empty(name: str) -> None:
    found = ENDS[name]()
    assert found.low < found.high
    assert found.low <= found.value <= found.high
    assert found.high - found.low > 0.1, "so few recordings cannot say more"


def test_a_model_without_a_miss_on_three_tracks_is_not_known_to_be_perfect() -> None:
    found = measure_all(Scored(np.arange(3), np.eye(3), ("x", "y", "z")), ("a", "b", "c"))
    for name in ("accuracy", "f1_macro", "balanced_accuracy", "f1_weighted", "top3"):
        one = getattr(found, name)
        assert one.value == 1.0, name
        assert 0.2 < one.low < 0.7, name
    for name in ("log_loss", "brier", "expected_calibration_error"):
        one = getattr(found, name)
        assert one.value == pytest.approx(0, abs=1e-9), name
        assert one.high > 0.3, name
    assert all(one.f1.low < 0.8 for one in found.per_genre)


def test_a_perfect_ranking_of_three_tracks_is_not_known_to_be_perfect() -> None:
    targets, scores = np.eye(3, dtype=np.int64), np.eye(3)
    found = bootstrap_together(
        lambda weights: {
            "mAP": mean_defined(genre_ranking(targets, scores, weights).average_precision)
        },
        names(3),
        n_labels=3,
    )["mAP"]
    assert found is not None
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.3 < found.low < 0.6
