"""Thresholds against an exhaustive search, and what happens where there is little to tune on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genrekit.errors import DatasetError
from genrekit.evaluation import common_threshold, tune_thresholds
from genrekit.inference import chosen, consistent, edges


def f1_score(true: np.ndarray, told: np.ndarray) -> float:
    """Of all cells; scikit-learn's, which agrees, takes a hundred times as long."""
    return 2 * float((true * told).sum()) / max(1, int(true.sum() + told.sum()))


LABELS = ("Rock", "Punk", "Jazz", "Oi")
TREE = {"Punk": "Rock", "Oi": "Punk"}


def made(seed: int, n_tracks: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Targets and probabilities that agree with the tree."""
    generator = np.random.default_rng(seed)
    targets = (generator.uniform(size=(n_tracks, 4)) < 0.3).astype(np.int64)
    for child, parent in edges(LABELS, TREE):
        targets[:, parent] |= targets[:, child]
    noise = 0.3 * targets + 0.7 * generator.uniform(size=targets.shape)
    return targets, consistent(np.round(noise, 2), edges(LABELS, TREE))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_no_other_threshold_gives_a_higher_f1(seed: int) -> None:
    targets, scores = made(seed)
    found = tune_thresholds(targets, scores, labels=LABELS, minimum_positives=1)
    for genre, value in enumerate(found.values):
        true, told = targets[:, genre], scores[:, genre]
        best = max(f1_score(true, told >= level) for level in np.unique(told))
        assert f1_score(true, told >= value) == pytest.approx(best)
    best = max(f1_score(targets, scores >= level) for level in np.unique(scores))
    micro = f1_score(targets, scores >= common_threshold(targets, scores))
    assert micro == pytest.approx(best)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_what_a_child_chooses_counts_for_its_parents(seed: int) -> None:
    targets, scores = made(seed)
    tree = edges(LABELS, TREE)
    found = tune_thresholds(targets, scores, labels=LABELS, parents=TREE, minimum_positives=1)
    choice = chosen(scores, found.values, tree)
    assert all((choice[:, child] <= choice[:, parent]).all() for child, parent in tree)
    for genre in range(len(LABELS)):
        values = list(found.values)
        reached = f1_score(targets[:, genre], choice[:, genre])
        for level in np.unique(scores[:, genre]):
            values[genre] = level
            other = chosen(scores, values, tree)[:, genre]
            assert f1_score(targets[:, genre], other) <= reached + 1e-12


def test_thresholds_lie_halfway_and_are_the_highest_of_the_best() -> None:
    targets = np.array([[1], [0], [0]])
    scores = np.array([[0.8], [0.4], [0.1]])
    (value,) = tune_thresholds(targets, scores, labels=("a",), minimum_positives=1).values
    assert value == pytest.approx(0.6)
    # 2 of 3 true: with all three F1 is 0.8; with the first alone it is 2/3.
    targets = np.array([[1], [0], [1]])
    (value,) = tune_thresholds(targets, scores, labels=("a",), minimum_positives=1).values
    assert value == pytest.approx(0.05)


def test_rare_genres_take_the_common_threshold() -> None:
    targets, scores = made(1)
    targets[:, 2] = 0
    targets[:2, 2] = 1
    found = tune_thresholds(targets, scores, labels=LABELS, minimum_positives=3)
    assert found.tuned == (True, True, False, True)
    assert found.values[2] == found.common == common_threshold(targets, scores)
    targets[:, 2] = 0
    again = tune_thresholds(targets, scores, labels=LABELS, minimum_positives=0)
    assert not again.tuned[2], "what no track has cannot be tuned at all"


def test_one_track_and_no_genres_at_all() -> None:
    one = tune_thresholds(
        np.array([[1, 0]]), np.array([[0.6, 0.2]]), labels=("a", "b"), minimum_positives=1
    )
    assert one.values == pytest.approx((0.3, 0.4))
    assert one.tuned == (True, False)
    none = tune_thresholds(np.zeros((1, 2), np.int64), np.array([[0.6, 0.2]]), labels=("a", "b"))
    assert none.values == (0.5, 0.5)


def test_tied_and_saturated_probabilities_stay_within_bounds() -> None:
    targets = np.array([[1, 1], [0, 1], [1, 0]])
    scores = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    found = tune_thresholds(targets, scores, labels=("a", "b"), minimum_positives=1)
    assert all(0 <= value <= 1 for value in found.values)
    assert (chosen(scores, found.values)).all(), "equal scores are chosen together"


def test_what_cannot_be_tuned_on_is_reported() -> None:
    targets, scores = made(0)
    scores[3, 1] = np.nan
    with pytest.raises(DatasetError, match=r"'Punk' for validation track 3 is nan"):
        tune_thresholds(targets, scores, labels=LABELS)
    with pytest.raises(DatasetError, match="there are none"):
        tune_thresholds(targets[:0], scores[:0], labels=LABELS)
    with pytest.raises(DatasetError, match=r"expected \(tracks, 4\)"):
        tune_thresholds(targets[:, :3], scores, labels=LABELS)
