from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrekit.audit import find_label_issues, make_plan, out_of_fold
from genrekit.audit.confident_learning import confident_joint
from genrekit.audit.run import run_audit
from genrekit.datasets import Dataset, Item, load_dataset
from genrekit.datasets.jukebox import INFO
from genrekit.errors import DatasetError


def test_the_confident_joint_is_that_of_the_definition() -> None:
    targets = np.array([0, 0, 0, 1, 1, 1])
    probabilities = np.array(
        [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.95, 0.05]]
    )
    # Thresholds by hand: (0.9 + 0.8 + 0.1) / 3 = 0.6 and (0.8 + 0.7 + 0.05) / 3 = 0.5167.
    np.testing.assert_array_equal(confident_joint(targets, probabilities), [[2, 1], [1, 2]])
    doubted = find_label_issues(targets, probabilities)
    assert [(one.row, one.given, one.proposed) for one in doubted] == [(5, 1, 0), (2, 0, 1)]
    assert doubted[0].given_probability == 0.05
    assert doubted[0].proposed_probability == 0.95


def test_rows_below_every_threshold_are_not_counted() -> None:
    targets = np.array([0, 0, 1, 1])
    probabilities = np.array([[1.0, 0.0], [0.4, 0.6], [0.0, 1.0], [0.3, 0.7]])
    # Thresholds 0.7 and 0.85: rows 1 and 3 reach neither.
    np.testing.assert_array_equal(confident_joint(targets, probabilities), [[1, 0], [0, 1]])
    assert find_label_issues(targets, probabilities) == ()


@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(1, 60))
def test_only_rows_with_another_confident_label_are_doubted(
    seed: int, n_labels: int, n: int
) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(n_labels), size=n)
    targets = rng.integers(0, n_labels, n)
    doubted = find_label_issues(targets, probabilities)
    assert len({one.row for one in doubted}) == len(doubted)
    for one in doubted:
        assert one.given == targets[one.row] != one.proposed
    off_diagonal = confident_joint(targets, probabilities)
    assert len(doubted) <= off_diagonal.sum() - np.trace(off_diagonal)


def made_up(n: int = 300, n_labels: int = 4, flips: int = 12) -> tuple[Dataset, set[str]]:
    """Overlapping clouds, some of whose labels are wrong; three rows a recording."""
    rng = np.random.default_rng(3)
    true = np.arange(n // 3) % n_labels
    centres = rng.normal(scale=2.0, size=(n_labels, 8))
    given = true.copy()
    wrong = rng.choice(n // 3, flips, replace=False)
    given[wrong] = (given[wrong] + rng.integers(1, n_labels, flips)) % n_labels
    features = np.repeat(centres[true], 3, axis=0) + rng.normal(size=(n, 8))
    labels = tuple("abcdefgh"[:n_labels])
    items = tuple(
        Item(f"t{row // 3}.{row % 3}", (labels[given[row // 3]],), f"t{row // 3}")
        for row in range(n)
    )
    names = tuple(f"f{column}" for column in range(8))
    dataset = Dataset("made up", labels, items, INFO, features=features, feature_names=names)
    return dataset, {f"t{number}" for number in wrong}


def test_wrong_labels_are_doubted_by_recording_and_relabelled_only_when_accepted() -> None:
    dataset, wrong = made_up()
    report = run_audit(dataset)
    doubted = [one for one in report.findings if one.kind == "suspicious-label"]
    named = [one.items[0].recording for one in doubted]
    assert len(wrong & set(named)) >= 10
    assert len(set(named) - wrong) <= 3
    assert all(len(one.items) == 3 for one in doubted)
    unheard = make_plan(report)
    assert load_fixed(dataset, unheard.model_copy()) == [item.labels for item in dataset.items]
    accepted = make_plan(report, accept_relabels=True)
    changed = load_fixed(dataset, accepted)
    differing = {
        item.group
        for item, labels in zip(dataset.items, changed, strict=True)
        if labels != item.labels
    }
    assert differing == set(named)


def load_fixed(dataset: Dataset, plan: object) -> list[tuple[str, ...]]:
    from genrekit.datasets import FixPlan, apply_plan

    assert isinstance(plan, FixPlan)
    relabels_only = plan.model_copy(update={"drop": ()})
    return [item.labels for item in apply_plan(dataset, relabels_only).items]


def test_duplicates_do_not_vouch_for_each_others_wrong_label() -> None:
    dataset, wrong = made_up()
    assert dataset.features is not None
    rows = [row for row, item in enumerate(dataset.items) if item.group in wrong]
    copies = [
        tuple(
            Item(f"{copy}-{item.item_id}", item.labels, f"{copy}-{item.group}")
            for item in (dataset.items[row] for row in rows)
        )
        for copy in range(8)
    ]
    planted = replace(
        dataset,
        items=sum(copies, dataset.items),
        features=np.concatenate([dataset.features, *[dataset.features[rows]] * 8]),
    )
    unaware = out_of_fold(planted)
    vouched = unaware[rows, planted.targets()[rows]].mean()
    doubted = [one for one in run_audit(planted).findings if one.kind == "suspicious-label"]
    named = {one.items[0].recording: one.evidence["given_probability"] for one in doubted}
    assert vouched > 0.5
    assert len(wrong & set(named)) >= 8
    assert max(named[name] for name in wrong & set(named)) < 0.5


def test_too_few_recordings_are_no_ground_for_doubt() -> None:
    dataset, _ = made_up(n=12, n_labels=4, flips=0)
    with pytest.raises(DatasetError, match="recordings; expected 4 or more of each label"):
        out_of_fold(dataset)
    report = run_audit(dataset)
    assert "suspicious labels" in {skipped.check for skipped in report.skipped}


@pytest.mark.real
@pytest.mark.slow
def test_planted_label_errors_in_a_real_table_are_doubted_first(real_data: Path) -> None:
    dataset = load_dataset("table", real_data / "gtzan_tables/features_30_sec.csv")
    rng = np.random.default_rng(1)
    wrong = set(rng.choice(len(dataset), 30, replace=False).tolist())
    items = [
        replace(item, labels=(dataset.labels[(target + 1 + int(rng.integers(9))) % 10],))
        if row in wrong
        else item
        for row, (item, target) in enumerate(
            zip(dataset.items, dataset.targets().tolist(), strict=True)
        )
    ]
    planted = replace(dataset, items=tuple(items))
    doubted = find_label_issues(planted.targets(), out_of_fold(planted))
    hits = [one.row in wrong for one in doubted]
    assert sum(hits) >= 18  # of 30
    assert sum(hits[:30]) >= 12  # by chance 0.9
