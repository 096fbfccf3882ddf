"""Every metric of a results file against scikit-learn, and intervals against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics as reference

from genrekit.errors import DatasetError
from genrekit.evaluation import Scored, wilson
from genrekit.evaluation.calibration_error import calibration_of
from genrekit.evaluation.full_metrics import measure_all
from genrekit.evaluation.intervals import (
    over_folds,
    over_seeds,
    share_by_group,
)

METHODS = {
    "accuracy": "wilson",
    "top3": "wilson",
    "log_loss": "hall-t-by-track",
    "brier": "hall-t-by-track",
    "expected_calibration_error": "simulated",
}
LABELS = ("a", "b", "c", "d")


def tracks(seed: int, n_items: int, per_group: int = 1, seen: int = 4) -> Scored:
    generator = np.random.default_rng(seed)
    targets = generator.integers(0, seen, n_items)
    logits = generator.normal(size=(n_items, 4)) + 1.5 * np.eye(4)[targets]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Scored(targets, probabilities, tuple(str(item // per_group) for item in range(n_items)))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 80), st.integers(1, 4))
def test_all_agree_with_scikit_learn(seed: int, n_items: int, seen: int) -> None:
    scored = tracks(seed, n_items, seen=seen)
    truth, predicted = scored.targets, scored.probabilities.argmax(axis=1)
    found = measure_all(scored, LABELS)
    assert found.accuracy.value == pytest.approx(reference.accuracy_score(truth, predicted))
    recalls = reference.recall_score(
        truth, predicted, labels=np.unique(truth), average=None, zero_division=0
    )
    assert found.balanced_accuracy.value == pytest.approx(recalls.mean())
    for average in ("macro", "weighted"):
        scores = reference.precision_recall_fscore_support(
            truth, predicted, average=average, zero_division=0
        )[:3]
        mine = [getattr(found, f"{name}_{average}").value for name in ("precision", "recall", "f1")]
        assert mine == pytest.approx(list(scores))
    top = reference.top_k_accuracy_score(truth, scored.probabilities, k=3, labels=np.arange(4))
    assert found.top3.value == pytest.approx(top)
    loss = reference.log_loss(truth, scored.probabilities, labels=np.arange(4))
    assert found.log_loss.value == pytest.approx(loss)
    squares = reference.brier_score_loss(
        truth, scored.probabilities, labels=np.arange(4), scale_by_half=False
    )
    assert found.brier.value == pytest.approx(squares)
    matrix = reference.confusion_matrix(truth, predicted, labels=np.arange(4))
    np.testing.assert_array_equal(found.confusion, matrix)
    each = reference.precision_recall_fscore_support(
        truth, predicted, labels=np.arange(4), zero_division=0
    )
    for genre, precision, recall, f1, support in zip(found.per_genre, *each, strict=True):
        assert genre.f1.value == pytest.approx(f1)
        assert genre.tracks == support
        assert (genre.precision.value if genre.precision else 0) == pytest.approx(precision)
        assert (genre.recall.value if genre.recall else 0) == pytest.approx(recall)


def test_every_interval_holds_its_value() -> None:
    found = measure_all(tracks(0, 200), LABELS)
    for name, value in found:
        if hasattr(value, "low"):
            assert value.low <= value.value <= value.high, name
            assert value.method == METHODS.get(name, "bootstrap-by-track"), name
    assert {genre.recall.method for genre in found.per_genre if genre.recall} == {"wilson"}


def test_segments_have_wider_intervals_than_their_number_suggests() -> None:
    one = tracks(1, 60)
    ten = Scored(
        np.repeat(one.targets, 10),
        np.repeat(one.probabilities, 10, axis=0),
        tuple(np.repeat(one.groups, 10)),
    )
    few, many = measure_all(one, LABELS), measure_all(ten, LABELS, unit="segment")
    assert many.accuracy.method == "bootstrap-by-track"
    for name in ("value", "low", "high"):
        assert getattr(many.f1_macro, name) == pytest.approx(getattr(few.f1_macro, name))
    assert many.brier.high - many.brier.low == pytest.approx(few.brier.high - few.brier.low)
    assert many.per_genre[0].recall is not None
    assert many.per_genre[0].recall.method == "bootstrap-by-track"
    assert (many.items, many.recordings) == (600, 60)


def test_coverage_runs_from_the_surest_to_all() -> None:
    scored = tracks(2, 100)
    found = measure_all(scored, LABELS)
    assert [point.items for point in found.coverage] == list(range(5, 101, 5))
    assert found.coverage[-1].accuracy == pytest.approx(found.accuracy.value)
    confidence = scored.probabilities.max(axis=1)
    surest = np.argsort(-confidence)[:50]
    right = (scored.probabilities.argmax(axis=1) == scored.targets)[surest].mean()
    assert found.coverage[9].accuracy == pytest.approx(right)


def test_reliability_bins_add_up() -> None:
    scored = tracks(3, 100)
    found = measure_all(scored, LABELS)
    assert sum(one.items for one in found.reliability) == 100
    gap = sum(
        one.items * abs(one.confidence - one.accuracy.value)
        for one in found.reliability
        if one.accuracy is not None
    )
    binned = calibration_of(scored.targets, scored.probabilities, scored.groups).binned
    assert binned == pytest.approx(gap / 100)
    assert found.expected_calibration_error.value < binned


@pytest.mark.parametrize("n_items", [1, 2])
def test_one_track_and_one_class_are_no_trouble(n_items: int) -> None:
    scored = tracks(4, n_items, seen=1)
    found = measure_all(scored, LABELS)
    assert found.items == n_items
    assert [genre.recall is None for genre in found.per_genre] == [False, True, True, True]


@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        (np.full((2, 4), np.nan), "the scores of x are not finite"),
        (np.full((2, 3), 1 / 3), "shape"),
        (np.array([[0.5, 0.5, 0, 0], [0, 0, 0, 0]]), "not probabilities"),
        (np.zeros((0, 4)), "no test items"),
    ],
)
def test_what_cannot_be_scored_is_a_sentence(
    probabilities: NDArray[np.float64], message: str
) -> None:
    rows = len(probabilities)
    with pytest.raises(DatasetError, match=message):
        measure_all(Scored(np.zeros(rows, np.int64), probabilities, ("x",) * rows), LABELS)


# --- what intervals claim -----------------------------------------------------------------------


@pytest.mark.parametrize(("total", "share"), [(290, 0.55), (290, 0.8), (100, 0.5), (1000, 0.75)])
def test_wilson_covers_what_it_says(total: int, share: float) -> None:
    intervals = [wilson(hits, total) for hits in range(total + 1)]
    covers = np.array([one.low <= share <= one.high for one in intervals])
    coverage = stats.binom.pmf(np.arange(total + 1), total, share)[covers].sum()
    assert 0.93 < coverage < 0.97


def test_the_bootstrap_by_recording_covers_what_it_says_and_that_by_row_does_not() -> None:
    generator = np.random.default_rng(0)
    groups = [str(row // 4) for row in range(240)]
    rows = [str(row) for row in range(240)]
    covered = {"recordings": 0, "rows": 0}
    for number in range(200):
        # Segments agree with their recording most of the time.
        chance = generator.beta(1.5, 1.5, 60).repeat(4)
        hits = (generator.random(240) < chance).astype(float)
        for name, names in (("recordings", groups), ("rows", rows)):
            one = share_by_group(hits, names, n_resamples=200, seed=number)
            covered[name] += one.low <= 0.5 <= one.high
    assert 0.90 < covered["recordings"] / 200 < 0.985
    assert covered["rows"] / 200 < 0.9


def test_the_corrected_interval_over_folds_covers_what_it_says() -> None:
    generator = np.random.default_rng(1)
    # Accuracies of folds that share nine tenths of their training tracks are correlated by 1/10.
    together = generator.normal(size=(1000, 1)) * np.sqrt(0.1)
    folds = 0.5 + 0.05 * (together + generator.normal(size=(1000, 10)) * np.sqrt(0.9))
    covered = [
        one.low <= 0.5 <= one.high for one in (over_folds(row.tolist(), 1 / 9) for row in folds)
    ]
    assert 0.93 < np.mean(covered) < 0.97


def test_seeds_that_differ_widen_the_interval() -> None:
    generator = np.random.default_rng(2)
    groups = [str(item) for item in range(200)]
    alike = np.tile((generator.random(200) < 0.7).astype(float), (5, 1))
    shares = np.array([0.5, 0.6, 0.7, 0.8, 0.9])[:, None]
    apart = (generator.random((5, 200)) < shares).astype(float)
    one, other = over_seeds(alike, groups), over_seeds(apart, groups)
    alone = share_by_group(alike[0], groups)
    assert one.high - one.low == pytest.approx(alone.high - alone.low, rel=0.05)
    assert other.high - other.low > 1.3 * (one.high - one.low)
    with pytest.raises(DatasetError, match="at least two"):
        over_seeds(alike[:1], groups)


def test_one_fold_has_no_spread_and_nothing_no_mean() -> None:
    with pytest.raises(DatasetError, match="at least two"):
        over_folds([0.5], 0.1)
    with pytest.raises(DatasetError, match="no items"):
        share_by_group(np.zeros(0), [])
