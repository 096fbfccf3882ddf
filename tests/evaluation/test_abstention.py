"""The promises of abstention and of prediction sets, over many made-up draws."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from genrekit.errors import DatasetError
from genrekit.evaluation.abstention import choose_threshold, fit_sets

Array = NDArray[np.float64]


def _draw(
    chance: np.random.Generator, n_groups: int, per_group: int, blunt: float
) -> tuple[Array, NDArray[np.int64], list[str]]:
    """Probabilities of five genres, and truths that follow blunter ones: a model too sure.

    Tracks of one group share what makes them hard.
    """
    common = chance.normal(0, 3.0, (n_groups, 1, 5))
    logits = (common + chance.normal(0, 0.7, (n_groups, per_group, 5))).reshape(-1, 5)
    true = _softmax(blunt * logits)
    targets = (true.cumsum(axis=1) < chance.uniform(size=(len(true), 1))).sum(axis=1)
    groups = [str(group) for group in range(n_groups) for _ in range(per_group)]
    return _softmax(logits), np.minimum(targets, 4), groups


def _softmax(logits: Array) -> Array:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@pytest.mark.parametrize(
    ("per_group", "blunt", "error"), [(1, 1.0, 0.2), (1, 0.7, 0.3), (3, 1.0, 0.2)]
)
def test_the_error_stays_below_what_was_promised(
    per_group: int, blunt: float, error: float
) -> None:
    """In all but one draw of twenty; the truth is looked up in a hundred thousand tracks."""
    chance = np.random.default_rng(7)
    big, truth, _ = _draw(chance, 100_000, 1, blunt)
    sure, right = big.max(axis=1), big.argmax(axis=1) == truth
    order = np.argsort(-sure)
    risk = np.cumsum(~right[order]) / np.arange(1, len(order) + 1)
    broken = kept = 0
    for _ in range(200):
        table, targets, groups = _draw(chance, 150, per_group, blunt)
        try:
            found = choose_threshold(
                table.max(axis=1), table.argmax(axis=1) == targets, groups, error=error
            )
        except DatasetError:
            continue
        kept += 1
        answered = int(np.searchsorted(-sure[order], -found.unknown_below, side="right"))
        broken += risk[answered - 1] > error
    assert kept > 100  # and it is no promise that nobody gets
    assert broken <= 0.05 * 200 + 5


@pytest.mark.parametrize(("per_group", "blunt"), [(1, 1.0), (1, 0.5), (4, 1.0)])
@pytest.mark.parametrize("error", [0.05, 0.1, 0.3])
def test_sets_hold_the_truth_as_often_as_promised(
    per_group: int, blunt: float, error: float
) -> None:
    chance = np.random.default_rng(11)
    table, targets, _ = _draw(chance, 50_000, 1, blunt)
    true = table[np.arange(len(targets)), targets]
    hit = []
    for _ in range(200):
        found = fit_sets(*_draw(chance, 60, per_group, blunt), error=error)
        hit.append((true >= found.least).mean())
    assert 1 - error - 0.01 < np.mean(hit) < 1 - error + 0.03


def test_by_hand() -> None:
    """Forty right answers, then ten wrong ones: all of the first are answered, and no more."""
    sure = np.linspace(0.99, 0.5, 50)
    right = np.arange(50) < 40
    found = choose_threshold(sure, right, [str(n) for n in range(50)], error=0.15, now=0.5)
    assert sure[41] < found.unknown_below < sure[38]
    assert found.chosen.coverage.value >= 0.78
    assert found.chosen.error.high < 0.2
    assert found.before.coverage.value == 1
    assert found.before.error.value == pytest.approx(0.2)
    assert 0.1 < found.before.error.low < 0.2 < found.before.error.high < 0.35
    assert len(found.curve) == 50
    everything = choose_threshold(sure, right, [str(n) for n in range(50)], error=0.5)
    assert everything.unknown_below == 0


def test_equal_confidences_are_answered_together() -> None:
    sure = np.array([0.9] * 60 + [0.4] * 40)
    right = np.array([True] * 60 + [False] * 40)
    found = choose_threshold(sure, right, [str(n) for n in range(100)], error=0.1)
    assert 0.4 < found.unknown_below <= 0.9
    assert found.chosen.coverage.value == pytest.approx(0.6)


def test_many_tracks_of_few_groups_prove_little() -> None:
    """A thousand tracks of five artists are five."""
    groups = [str(n % 5) for n in range(1000)]
    with pytest.raises(DatasetError, match="5 groups"):
        choose_threshold(np.linspace(1, 0.5, 1000), np.full(1000, True), groups, error=0.1)
    with pytest.raises(DatasetError, match="at least 9"):
        fit_sets(np.full((1000, 2), 0.5), np.zeros(1000, np.int64), groups, error=0.1)


def test_a_model_that_is_never_right_gets_no_threshold() -> None:
    groups = [str(n) for n in range(200)]
    with pytest.raises(DatasetError, match="larger --error"):
        choose_threshold(np.linspace(1, 0, 200), np.full(200, False), groups, error=0.5)
