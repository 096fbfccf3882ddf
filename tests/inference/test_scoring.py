"""Probabilities, aggregation and the choice of an answer, against hand computation and scipy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, softmax

from genrekit.bundles import load_bundle
from genrekit.inference import aggregate, calibrated, decide, ranked
from genrekit.schema import Manifest

logits = arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.just(10)),
    elements=st.floats(-1e4, 1e4, width=32),
)


@pytest.fixture(scope="module")
def manifest(tiny_bundle: Path) -> Manifest:
    """A valid single-label manifest with ten labels."""
    return load_bundle(tiny_bundle).manifest


def _multi(manifest: Manifest, threshold: float = 0.5) -> Manifest:
    return manifest.model_copy(update={"task": "multi-label", "thresholds": (threshold,) * 10})


@given(logits=logits, temperature=st.floats(0.01, 100))
def test_probabilities_are_those_of_scipy(logits: np.ndarray, temperature: float) -> None:
    scaled = logits.astype(float) / temperature
    single = calibrated(logits, task="single-label", temperature=temperature)
    np.testing.assert_allclose(single, softmax(scaled, axis=1), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(single.sum(axis=1), 1)
    multi = calibrated(logits, task="multi-label", temperature=temperature)
    np.testing.assert_allclose(multi, expit(scaled), atol=1e-12)


@given(logits=logits)
def test_the_mean_of_logits_survives_the_way_over_probabilities(
    manifest: Manifest, logits: np.ndarray
) -> None:
    small = logits / 1e3  # beyond that both ways saturate
    single = manifest.model_copy(update={"aggregation": "mean-logit"})
    probabilities = calibrated(small, task="single-label", temperature=1)
    expected = softmax(small.astype(float).mean(axis=0))
    np.testing.assert_allclose(aggregate(probabilities, single), expected, rtol=1e-6)
    multi = _multi(single)
    probabilities = calibrated(small, task="multi-label", temperature=1)
    expected = expit(small.astype(float).mean(axis=0))
    np.testing.assert_allclose(aggregate(probabilities, multi), expected, rtol=1e-6)


@given(logits=logits, task=st.sampled_from(["single-label", "multi-label"]))
def test_aggregates_are_probabilities_however_extreme(
    manifest: Manifest, logits: np.ndarray, task: str
) -> None:
    for how in ("mean-probability", "mean-logit"):
        chosen = manifest.model_copy(update={"aggregation": how, "task": task})
        probabilities = calibrated(logits, task=chosen.task, temperature=0.5)
        track = aggregate(probabilities, chosen)
        assert ((track >= 0) & (track <= 1)).all()
        if task == "single-label":
            assert track.sum() == pytest.approx(1)


def test_the_mean_probability_is_the_mean(manifest: Manifest) -> None:
    windows = np.array([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]])
    np.testing.assert_allclose(aggregate(windows, manifest), [0.5, 0.5])


def test_best_first_and_ties_in_label_order() -> None:
    scores = ranked(("a", "b", "c", "d"), np.array([0.1, 0.4, 0.1, 0.4]))
    assert list(scores.items()) == [("b", 0.4), ("d", 0.4), ("a", 0.1), ("c", 0.1)]


def test_single_label_answers_one_or_none(manifest: Manifest) -> None:
    scores = {"jazz": 0.4, "rock": 0.35, "pop": 0.25}
    assert decide(scores, manifest, unknown_below=0.0) == ("jazz",)
    assert decide(scores, manifest, unknown_below=0.4) == ("jazz",)
    assert decide(scores, manifest, unknown_below=0.41) == ()


def test_multi_label_answers_all_above_their_thresholds(manifest: Manifest) -> None:
    scores = {label: 0.9 - 0.1 * i for i, label in enumerate(manifest.labels)}
    low = _multi(manifest, 0.65)
    assert decide(scores, low, unknown_below=0.0) == manifest.labels[:3]
    assert decide(scores, low, unknown_below=0.95) == ()
    assert decide(scores, _multi(manifest, 0.95), unknown_below=0.0) == ()
