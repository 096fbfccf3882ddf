"""Multi-label metrics against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics

from genrekit.evaluation import fit_binary_temperature
from genrekit.evaluation.multilabel import (
    binary_calibration_error,
    binary_log_loss,
    f1_scores,
    genre_ranking,
    mean_defined,
    row_ranking,
    subset_accuracy,
)

Made = tuple[NDArray[np.int64], NDArray[np.float64]]


def made(seed: int, n_tracks: int = 40, n_labels: int = 7, levels: int = 6) -> Made:
    """Tracks with few, many or no genres, and scores of so few levels that many are tied."""
    generator = np.random.default_rng(seed)
    often = generator.uniform(0, 0.8, n_labels)
    targets = (generator.uniform(size=(n_tracks, n_labels)) < often).astype(np.int64)
    noise = generator.uniform(size=targets.shape)
    return targets, np.round((0.4 * targets + 0.6 * noise) * levels) / levels


seeds = st.integers(0, 10_000)


@settings(max_examples=15, deadline=None)
@given(seed=seeds, n_tracks=st.integers(1, 50))
def test_f1_of_chosen_genres(seed: int, n_tracks: int) -> None:
    targets, scores = made(seed, n_tracks)
    choice = scores >= 0.5
    found = f1_scores(targets, choice)
    theirs = metrics.precision_recall_fscore_support(targets, choice, zero_division=0)
    np.testing.assert_allclose(found.precision[0], theirs[0])
    np.testing.assert_allclose(found.recall[0], theirs[1])
    np.testing.assert_allclose(np.nan_to_num(found.f1[0]), theirs[2])
    micro = metrics.f1_score(targets, choice, average="micro", zero_division=0)
    assert found.micro[0] == pytest.approx(micro)
    macro = metrics.f1_score(targets, choice, average="macro", zero_division=np.nan)
    assert mean_defined(found.f1)[0] == pytest.approx(macro, nan_ok=True)
    exact = metrics.accuracy_score(targets, choice)
    assert subset_accuracy(targets, choice)[0] == pytest.approx(exact)


@settings(max_examples=15, deadline=None)
@given(seed=seeds, n_tracks=st.integers(2, 50))
def test_rankings_of_tracks_by_genre(seed: int, n_tracks: int) -> None:
    targets, scores = made(seed, n_tracks)
    found = genre_ranking(targets, scores)
    for genre in range(targets.shape[1]):
        true, told = targets[:, genre], scores[:, genre]
        if not true.any():
            assert np.isnan(found.average_precision[0, genre])
            continue
        expected = metrics.average_precision_score(true, told)
        assert found.average_precision[0, genre] == pytest.approx(expected)
        if true.all():
            assert np.isnan(found.roc_auc[0, genre])
        else:
            assert found.roc_auc[0, genre] == pytest.approx(metrics.roc_auc_score(true, told))


@settings(max_examples=8, deadline=None)
@given(seed=seeds)
def test_weights_count_tracks_as_often(seed: int) -> None:
    targets, scores = made(seed)
    weights = np.random.default_rng(seed).integers(0, 4, (3, len(targets)))
    ours = genre_ranking(targets, scores, weights.astype(np.float64))
    f1 = f1_scores(targets, scores > 0.5, weights.astype(np.float64))
    for row, counts in enumerate(weights):
        again = np.repeat(np.arange(len(targets)), counts)
        theirs = genre_ranking(targets[again], scores[again])
        np.testing.assert_allclose(ours.average_precision[row], theirs.average_precision[0])
        np.testing.assert_allclose(ours.roc_auc[row], theirs.roc_auc[0])
        micro = metrics.f1_score(targets[again], scores[again] > 0.5, average="micro")
        assert f1.micro[row] == pytest.approx(micro)


@settings(max_examples=15, deadline=None)
@given(seed=seeds, n_tracks=st.integers(1, 30))
def test_rankings_of_genres_by_track(seed: int, n_tracks: int) -> None:
    targets, scores = made(seed, n_tracks)
    found = row_ranking(targets, scores)
    assert found.coverage.mean() == pytest.approx(metrics.coverage_error(targets, scores))
    loss = metrics.label_ranking_loss(targets, scores)
    assert found.ranking_loss.mean() == pytest.approx(loss)
    precision = metrics.label_ranking_average_precision_score(targets, scores)
    assert found.ranking_precision.mean() == pytest.approx(precision)


def test_losses_of_probabilities() -> None:
    targets, scores = made(3)
    scores = np.clip(scores, 0.01, 0.99)
    expected = metrics.log_loss(targets.ravel(), scores.ravel())
    assert binary_log_loss(targets, scores) == pytest.approx(expected)
    # Of four cells at 0.25 one is true, of two at 0.75 both: 2/3 of nothing, 1/3 of 0.25.
    cells = np.array([[0.25, 0.25, 0.25], [0.25, 0.75, 0.75]])
    true = np.array([[1, 0, 0], [0, 1, 1]])
    assert binary_calibration_error(true, cells) == pytest.approx(0.25 / 3)


def test_the_temperature_of_sigmoids_is_found_again() -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, (4000, 5))
    targets = (generator.uniform(size=logits.shape) < 1 / (1 + np.exp(-logits))).astype(np.int64)
    assert fit_binary_temperature(logits * 3, targets) == pytest.approx(3, rel=0.05)
