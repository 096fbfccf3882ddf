from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from genrekit.datasets import CorpusInfo, Dataset, Item, make_split
from genrekit.errors import DatasetError
from genrekit.evaluation import Scored, aggregate, bootstrap_by_group, score, wilson
from genrekit.evaluation.metrics import accuracy, macro_f1
from genrekit.schema import EvaluationResult

INFO = CorpusInfo("title", "licence", "citation", "homepage")
LABELS = ("a", "b")


def segments(n_tracks: int, per_track: int) -> Dataset:
    items = tuple(
        Item(f"{track}.{part}", (LABELS[track % 2],), str(track))
        for track in range(n_tracks)
        for part in range(per_track)
    )
    return Dataset("made", LABELS, items, INFO)


def probabilities_of(first: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([first, 1 - first])


def test_a_result_holds_every_number() -> None:
    data = segments(4, 1)
    split = make_split(data, "all-test")
    probabilities = probabilities_of(np.array([0.9, 0.2, 0.3, 0.1]))
    result = score(
        Scored(data.targets(), probabilities, data.groups(), np.array([0, 0, 1, 1])),
        labels=LABELS,
        dataset=data,
        split=split,
        model="m",
    )
    assert result.confusion == ((1, 1), (0, 2))
    assert result.accuracy.value == 0.75
    assert result.accuracy.method == "wilson"
    assert result.fold_accuracies == (1.0, 0.5)
    assert result.macro_f1.value == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert result.log_loss == pytest.approx(-np.log([0.9, 0.8, 0.3, 0.9]).mean())
    assert [(g.genre, g.precision, g.recall, g.tracks) for g in result.per_genre] == [
        ("a", 1.0, 0.5, 2),
        ("b", pytest.approx(2 / 3), 1.0, 2),
    ]
    assert (result.dataset_fingerprint, result.split_fingerprint) == (
        data.fingerprint,
        split.fingerprint,
    )
    assert EvaluationResult.model_validate_json(result.model_dump_json()) == result


def test_segments_do_not_pass_for_independent_evidence() -> None:
    rng = np.random.default_rng(0)
    first = np.repeat(rng.random(40), 10)
    data = segments(40, 10)

    def scored(unit: str) -> EvaluationResult:
        return score(
            Scored(data.targets(), probabilities_of(first), data.groups()),
            labels=LABELS,
            dataset=data,
            split=make_split(data, "all-test"),
            model="m",
            unit=unit,  # type: ignore[arg-type]
        )

    # Ten equal segments a track are worth one, so the interval is about sqrt(10) times as wide.
    accuracy = scored("segment").accuracy
    naive = wilson(round(400 * accuracy.value), 400)
    assert 2.5 < (accuracy.high - accuracy.low) / (naive.high - naive.low) < 4.0
    # Calling them tracks, or testing tracks ten times over, buys no narrower interval.
    repeated = scored("track")
    assert repeated.accuracy == accuracy
    assert repeated.items == 40


def test_leaky_protocols_are_labelled_in_the_result() -> None:
    data = segments(8, 3)
    split = make_split(data, "segments-leaky", n_folds=3)
    result = score(
        Scored(data.targets(), probabilities_of(np.full(24, 0.5)), data.groups()),
        labels=LABELS,
        dataset=data,
        split=split,
        model="m",
    )
    assert result.leaky


def test_wrong_shapes_and_foreign_splits_are_refused() -> None:
    data, other = segments(4, 1), segments(6, 1)
    good = probabilities_of(np.full(4, 0.5))

    def scored(targets: NDArray[np.int64], probabilities: NDArray[np.float64], of: Dataset) -> None:
        score(
            Scored(targets, probabilities, data.groups()),
            labels=LABELS,
            dataset=data,
            split=make_split(of, "all-test"),
            model="m",
        )

    with pytest.raises(DatasetError, match="another dataset"):
        scored(data.targets(), good, other)
    with pytest.raises(DatasetError, match="shape"):
        scored(data.targets(), good[:3], data)
    with pytest.raises(DatasetError, match="not finite"):
        scored(data.targets(), np.full((4, 2), np.nan), data)
    with pytest.raises(DatasetError, match="no test items"):
        scored(data.targets()[:0], good, data)


def test_bootstrap_of_independent_items_agrees_with_theory() -> None:
    rng = np.random.default_rng(1)
    targets = rng.integers(0, 2, 400)
    predicted = np.where(rng.random(400) < 0.8, targets, 1 - targets)
    groups = [str(item) for item in range(400)]
    estimate = bootstrap_by_group(accuracy, targets, predicted, groups, n_labels=2)
    share = float((targets == predicted).mean())
    half = 1.96 * np.sqrt(share * (1 - share) / 400)
    assert estimate.value == pytest.approx(share)
    assert (estimate.low, estimate.high) == pytest.approx((share - half, share + half), abs=0.008)


def test_of_one_recording_nothing_is_known_but_the_value() -> None:
    targets, predicted = np.array([0, 1, 0, 1]), np.array([0, 1, 0, 0])
    found = bootstrap_by_group(accuracy, targets, predicted, ["unknown"] * 4, n_labels=2)
    assert (found.value, found.low, found.high) == (0.75, 0, 1)


def test_bootstrap_is_seeded() -> None:
    targets = np.arange(50) % 3
    predicted = np.arange(50) % 4 % 3
    groups = [str(item // 2) for item in range(50)]

    def interval(seed: int) -> tuple[float, float]:
        found = bootstrap_by_group(macro_f1, targets, predicted, groups, n_labels=3, seed=seed)
        return found.low, found.high

    assert interval(3) == interval(3)
    assert interval(3) != interval(4)


def test_segments_are_merged_by_recording() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])
    tracks = aggregate(Scored(np.array([0, 1, 0]), probabilities, ("x", "y", "x")))
    assert tracks.groups == ("x", "y")
    np.testing.assert_array_equal(tracks.targets, [0, 1])
    np.testing.assert_allclose(tracks.probabilities, [[0.7, 0.3], [0.2, 0.8]])


def test_mean_logit_is_the_geometric_mean() -> None:
    probabilities = np.array([[0.9, 0.1], [0.5, 0.5]])
    tracks = aggregate(Scored(np.array([0, 0]), probabilities, ("x", "x")), "mean-logit")
    geometric = np.sqrt(probabilities.prod(axis=0))
    np.testing.assert_allclose(tracks.probabilities[0], geometric / geometric.sum())


def test_a_recording_under_two_labels_stays_two_tracks() -> None:
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1]])
    tracks = aggregate(Scored(np.array([0, 1]), probabilities, ("x", "x")))
    assert tracks.groups == ("x", "x")


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.sampled_from(["probability", "logit"]))
def test_merged_probabilities_sum_to_one(seed: int, n_items: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet([0.05] * 4, n_items)
    groups = tuple(str(group) for group in rng.integers(0, 5, n_items))
    tracks = aggregate(
        Scored(np.zeros(n_items, np.int64), probabilities, groups),
        f"mean-{kind}",  # type: ignore[arg-type]
    )
    assert set(tracks.groups) == set(groups)
    np.testing.assert_allclose(tracks.probabilities.sum(axis=1), 1, atol=1e-9)


def test_lengths_must_agree() -> None:
    with pytest.raises(DatasetError, match="as many of each"):
        aggregate(Scored(np.array([0]), np.ones((2, 2)) / 2, ("x", "y")))
