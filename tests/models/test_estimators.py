from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.preprocessing import StandardScaler

from genrekit.errors import ConfigError
from genrekit.models import build, model_config
from genrekit.models.classical import (
    Boosting,
    Forest,
    Logistic,
    NearestNeighbours,
    Prepare,
    Stack,
    Svm,
    Vote,
)
from genrekit.models.estimators import Balanced, NearestRows, compress

GENERATOR = np.random.default_rng(0)
Y = np.repeat(np.arange(3), 20)
X = GENERATOR.normal(0, 1, (3, 6))[Y] + GENERATOR.normal(0, 1, (60, 6))
NAMES = ("a", "b", "c", "d", "e", "f")


def steps(config: Any) -> list[str]:
    return [name for name, _ in build(config, seed=0, feature_names=NAMES).steps]


def test_preparation_is_part_of_the_pipeline_in_its_order() -> None:
    prepare = Prepare(drop=("b",), compress=True, scale="robust", select=4, pca=2)
    assert steps(Logistic(prepare=prepare)) == [
        *("columns", "compress", "scale", "select", "pca", "model")
    ]
    assert steps(Logistic(prepare=Prepare(scale="none"))) == ["model"]


def test_the_scaler_is_fitted_on_the_rows_of_the_fit_alone() -> None:
    half = build(Logistic(), seed=0).fit(X[::2], Y[::2])
    assert np.allclose(half.named_steps["scale"].mean_, StandardScaler().fit(X[::2]).mean_)


def test_dropped_columns_change_nothing() -> None:
    config = Svm(prepare=Prepare(drop=("a", "d")))
    pipeline = build(config, seed=0, feature_names=NAMES).fit(X, Y)
    other = X.copy()
    other[:, [0, 3]] = 1e6
    assert np.array_equal(pipeline.predict_proba(X), pipeline.predict_proba(other))


def test_selection_keeps_the_columns_that_tell_genres_apart() -> None:
    x = np.concatenate([GENERATOR.normal(0, 1, (60, 4)), Y[:, None] + 0.1 * X[:, :1]], axis=1)
    pipeline = build(Logistic(prepare=Prepare(select=1)), seed=0).fit(x, Y)
    assert pipeline.named_steps["select"].get_support(indices=True).tolist() == [4]


def test_compress_keeps_signs_and_order() -> None:
    values = np.array([-1e6, -1.0, 0.0, 1.0, 1e6])
    assert compress(values) == pytest.approx([-13.8155, -0.6931, 0, 0.6931, 13.8155], abs=1e-4)


def test_balance_weighs_a_rare_genre_up() -> None:
    rare = np.concatenate([np.arange(40), np.arange(40, 44)])
    for plain in (Logistic(c=0.01), Forest(trees=30, rows_per_leaf=5), Boosting(rounds=5)):
        shares = [
            build(config, seed=0).fit(X[rare], Y[rare]).predict_proba(X)[:, 2].mean()
            for config in (plain, plain.model_copy(update={"balance": "weights"}))
        ]
        assert shares[1] > 1.3 * shares[0]


def test_the_balanced_wrapper_counts_every_class_the_same() -> None:
    x = np.zeros((10, 1))  # nothing to go by but how frequent a class is
    y = np.array([0] * 8 + [1] * 2)
    from sklearn.tree import DecisionTreeClassifier

    model = Balanced(DecisionTreeClassifier()).fit(x, y)
    assert model.predict_proba(x[:1])[0] == pytest.approx([0.5, 0.5])


def test_members_of_an_ensemble_prepare_columns_themselves() -> None:
    vote = build(Vote(members=(Svm(), Forest(trees=5))), seed=0).named_steps["model"]
    assert [[name for name, _ in member.steps] for _, member in vote.estimators] == [
        ["scale", "model"],
        ["model"],
    ]


def test_a_member_drops_columns_that_the_ensemble_kept() -> None:
    member = Logistic(prepare=Prepare(drop=("c",)))
    config = Vote(members=(member, Svm()), prepare=Prepare(scale="none", drop=("a",)))
    pipeline = build(config, seed=0, feature_names=NAMES).fit(X, Y)
    vote = pipeline.named_steps["model"]
    ((_, _, kept),) = vote.estimators_[0].named_steps["columns"].transformers
    assert kept == [0, 2, 3, 4]  # of b, c, d, e, f


def test_a_vote_is_the_mean_of_its_members() -> None:
    members = (Logistic(), Svm())
    vote = build(Vote(members=members), seed=0).fit(X, Y)
    alone = [build(member, seed=0).fit(X, Y).predict_proba(X) for member in members]
    assert np.allclose(vote.predict_proba(X), np.mean(alone, axis=0))


def test_rows_of_unknown_recordings_are_folded_by_row() -> None:
    known, unknown = (
        build(Svm(calibration_folds=3), seed=0, groups=groups).fit(X, Y).predict_proba(X)
        for groups in (None, ["unknown"] * len(Y))
    )
    np.testing.assert_array_equal(known, unknown)


def test_too_few_recordings_for_inner_folds_are_told() -> None:
    groups = [f"recording {row % 4}" for row in range(len(Y))]
    with pytest.raises(ConfigError, match="5 inner folds cannot be made of 4 recordings"):
        build(Svm(), seed=0, groups=groups)


def test_inner_folds_keep_recordings_together() -> None:
    groups = [f"song {row // 2}" for row in range(len(Y))]
    for config in (Svm(), Stack(members=(Logistic(), NearestNeighbours()))):
        model = build(config, seed=0, groups=groups).named_steps["model"]
        for train, test in model.cv:
            assert not {groups[row] for row in train} & {groups[row] for row in test}
        build(config, seed=0, groups=groups).fit(X, Y)


def test_another_seed_is_another_forest() -> None:
    a, b = (build(Forest(trees=3), seed=seed).fit(X, Y).predict_proba(X) for seed in (0, 1))
    assert not np.array_equal(a, b)


@pytest.mark.parametrize(
    ("prepare", "message"),
    [(Prepare(drop=("z",)), "z"), (Prepare(select=7), "7 of 6 columns")],
)
def test_columns_that_are_not_there_are_refused(prepare: Prepare, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(Logistic(prepare=prepare), seed=0, feature_names=NAMES)


def test_more_neighbours_than_rows_are_refused() -> None:
    with pytest.raises(ConfigError, match="9 neighbours are wanted of 6 rows"):
        NearestRows(9).fit(X[:6], Y[:6])


def test_a_configuration_is_found_by_its_architecture() -> None:
    assert model_config({"architecture": "svm", "c": 2}) == Svm(c=2)
    with pytest.raises(ConfigError, match="did you mean svm"):
        model_config({"architecture": "svn"})
    with pytest.raises(ConfigError, match="architecture is missing"):
        model_config({"c": 2})


@pytest.mark.parametrize(
    "settings",
    [
        {"architecture": "knn", "balance": True},
        {"architecture": "svm", "c": 0},
        {"architecture": "forest", "trees": 0},
        {"architecture": "vote", "members": [{"architecture": "svm"}]},
        {"architecture": "vote", "members": [{"architecture": "svm"}, {"architecture": "stack"}]},
        {"architecture": "svm", "prepare": {"scale": "tall"}},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        model_config(settings)
