"""Results of multi-label models: intervals, merging, and what little data leads to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics

from genrekit.datasets import CorpusInfo, Dataset, Item, Split, make_split
from genrekit.errors import DatasetError
from genrekit.evaluation import Scored, aggregate, score
from genrekit.schema import EvaluationResult

INFO = CorpusInfo("title", "licence", "citation", "homepage")
LABELS = ("a", "b", "c", "d")


def tracks(n_tracks: int = 60, seed: int = 0) -> Scored:
    generator = np.random.default_rng(seed)
    targets = (generator.uniform(size=(n_tracks, 4)) < 0.4).astype(np.int64)
    scores = 0.4 * targets + 0.6 * generator.uniform(size=targets.shape)
    return Scored(targets, scores, tuple(f"g{n}" for n in range(n_tracks)))


def setting(of: Scored) -> tuple[Dataset, Split]:
    items = tuple(
        Item(f"i{n}", tuple(label for label, yes in zip(LABELS, row, strict=True) if yes), group)
        for n, (row, group) in enumerate(zip(of.targets, of.groups, strict=True))
    )
    data = Dataset("made", LABELS, items, INFO, task="multi-label")
    return data, make_split(data, "all-test")


def scored(of: Scored, threshold: float = 0.5, **changes: object) -> EvaluationResult:
    data, split = setting(of)
    choice = of.probabilities >= threshold
    fields = {"labels": LABELS, "dataset": data, "split": split, "model": "made"}
    return score(of, choice=choice, **{**fields, **changes})  # type: ignore[arg-type]


def test_numbers_are_those_of_scikit_learn_within_their_intervals() -> None:
    made = tracks()
    result = scored(made, thresholds=(0.5,) * 4)
    true, scores, choice = made.targets, made.probabilities, made.probabilities >= 0.5
    numbers = result.multi_label
    assert numbers is not None
    assert numbers.roc_auc is not None
    expected = {
        result.accuracy: metrics.accuracy_score(true, choice),
        result.macro_f1: metrics.f1_score(true, choice, average="macro"),
        numbers.micro_f1: metrics.f1_score(true, choice, average="micro"),
        numbers.mean_average_precision: metrics.average_precision_score(true, scores),
        numbers.roc_auc: metrics.roc_auc_score(true, scores),
        numbers.coverage: metrics.coverage_error(true, scores),
        numbers.ranking_loss: metrics.label_ranking_loss(true, scores),
        numbers.ranking_precision: metrics.label_ranking_average_precision_score(true, scores),
    }
    for estimate, value in expected.items():
        assert estimate.value == pytest.approx(value)
        assert estimate.low < estimate.value < estimate.high
    assert result.accuracy.method == "wilson"
    assert numbers.micro_f1.method == "bootstrap-by-track"
    assert numbers.genres_per_track == pytest.approx(true.sum() / 60)
    assert result.confusion == ()
    assert scored(made, thresholds=(0.5,) * 4) == result, "the same seed, the same intervals"


def test_copies_of_tracks_are_no_further_evidence() -> None:
    made = tracks()
    twice = Scored(
        np.tile(made.targets, (4, 1)), np.tile(made.probabilities, (4, 1)), made.groups * 4
    )
    once, again = scored(made), scored(twice, unit="segment")
    assert once.multi_label is not None
    assert again.multi_label is not None
    one, other = once.multi_label.mean_average_precision, again.multi_label.mean_average_precision
    assert other.value == pytest.approx(one.value)
    assert other.high - other.low == pytest.approx(one.high - one.low, rel=0.02)
    assert again.accuracy.method == "bootstrap-by-track"


def test_segments_become_tracks() -> None:
    targets = np.array([[1, 0], [1, 0], [0, 1], [1, 1]])
    scores = np.array([[0.9, 0.2], [0.5, 0.4], [0.1, 0.8], [0.5, 0.5]])
    made = Scored(targets, scores, ("x", "x", "y", "x"))
    merged = aggregate(made)
    assert merged.groups == ("x", "y", "x"), "a recording with other genres stays apart"
    assert merged.targets.tolist() == [[1, 0], [0, 1], [1, 1]]
    np.testing.assert_allclose(merged.probabilities, [[0.7, 0.3], [0.1, 0.8], [0.5, 0.5]])
    # The mean of the log odds of 0.9 and 0.5 is that of 0.75.
    assert aggregate(made, "mean-logit").probabilities[0, 0] == pytest.approx(0.75)


def test_a_genre_that_no_test_track_has_is_in_no_mean() -> None:
    made = tracks()
    made.targets[:, 3] = 0
    result = scored(made)
    numbers = result.multi_label
    assert numbers is not None
    assert numbers.per_genre[3].average_precision is None
    assert numbers.per_genre[3].roc_auc is None
    expected = metrics.average_precision_score(made.targets[:, :3], made.probabilities[:, :3])
    assert numbers.mean_average_precision.value == pytest.approx(expected)
    made.targets[:, 2] = 1
    numbers = scored(made).multi_label
    assert numbers is not None
    assert numbers.per_genre[2].average_precision == 1
    assert numbers.per_genre[2].roc_auc is None, "nothing is to be ranked below"


def test_one_track_has_numbers_and_those_that_it_lacks_are_none() -> None:
    one = Scored(np.array([[1, 0, 0, 1]]), np.array([[0.9, 0.2, 0.6, 0.3]]), ("g",))
    numbers = scored(one).multi_label
    assert numbers is not None
    assert numbers.mean_average_precision.value == 1
    assert numbers.roc_auc is None
    assert numbers.coverage.value == 3
    assert numbers.micro_f1.value == pytest.approx(0.5)


def test_what_cannot_be_measured_is_reported() -> None:
    made = tracks(4)
    data, split = setting(made)
    made.probabilities[2, 1] = np.nan
    with pytest.raises(DatasetError, match="not finite"):
        scored(made)
    empty = replace(made, targets=np.zeros_like(made.targets), probabilities=np.ones((4, 4)))
    with pytest.raises(DatasetError, match="none of the 4 test tracks has any of the 4 genres"):
        scored(empty)
    with pytest.raises(DatasetError, match=r"expected \(4, 3\)"):
        scored(tracks(4), labels=("a", "b", "c"))
    with pytest.raises(DatasetError, match="made from another dataset"):
        scored(
            tracks(5),
            dataset=data,
            split=split.model_copy(update={"dataset_fingerprint": "0" * 64}),
        )
