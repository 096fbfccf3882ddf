from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from genrekit.errors import ConfigError
from genrekit.training.search_space import Numbers, TuneConfig, corners, grid, walk

KNOWN = {"model": {"architecture": "svm"}, "training": {"optimiser": "sgd"}}


def space(**settings: Any) -> Any:
    """``model_c`` stands for ``model.c``."""
    names = {name.replace("_", ".", 1): value for name, value in settings.items()}
    return TuneConfig.model_validate({"space": names}).space


def test_a_grid_is_every_combination() -> None:
    found = grid(
        space(
            model_c={"low": 1, "high": 100, "log": True, "points": 3},
            model_neighbours={"low": 1, "high": 6, "step": 2, "integer": True},
        ),
        KNOWN,
    )
    assert [tuple(point.values()) for point in found] == [
        (c, n) for c in (1, 10, 100) for n in (1, 3, 5)
    ]
    assert {type(point["model.neighbours"]) for point in found} == {int}


def test_a_grid_takes_a_condition_once() -> None:
    found = grid(
        space(
            model_architecture={"choices": ["knn", "svm", "logistic"]},
            model_c={"choices": [1, 10], "when": {"model.architecture": ["svm", "logistic"]}},
            model_gamma={"choices": [0.1, 0.2], "when": {"model.architecture": "svm"}},
        ),
        KNOWN,
    )
    assert [tuple(point.values()) for point in found] == [
        ("knn",),
        *(("svm", c, gamma) for c in (1, 10) for gamma in (0.1, 0.2)),
        *(("logistic", c) for c in (1, 10)),
    ]


def test_conditions_follow_each_other_and_the_recipe() -> None:
    chain = space(
        model_balance={"choices": [None, "weights"]},
        training_momentum={"choices": [0.5], "when": {"model.balance": "weights"}},
        training_clip_norm={"choices": [1], "when": {"training.momentum": 0.5}},
        training_epochs={"choices": [9], "when": {"training.optimiser": "sgd"}},
        training_batch_size={"choices": [8], "when": {"training.optimiser": "adam"}},
    )
    assert walk(chain, KNOWN, lambda name, p: p.ends[0]) == {
        "model.balance": None,
        "training.epochs": 9,
    }
    assert list(walk(chain, KNOWN, lambda name, p: p.ends[-1])) == [
        *("model.balance", "training.momentum", "training.clip_norm", "training.epochs"),
    ]


def test_corners_show_conditional_settings_too() -> None:
    chain = space(
        model_architecture={"choices": ["knn", "svm"]},
        model_c={"low": 1, "high": 5, "when": {"model.architecture": "svm"}},
    )
    found = corners(chain, KNOWN)
    assert {"model.architecture": "svm", "model.c": 5.0} in found
    assert {"model.architecture": "knn"} in found


@given(
    low=st.floats(1e-6, 1e3),
    factor=st.floats(1.001, 1e6),
    points=st.integers(2, 20),
    log=st.booleans(),
)
def test_points_of_a_grid_span_the_range(low: float, factor: float, points: int, log: bool) -> None:
    number = Numbers(low=low, high=low * factor, log=log, points=points)
    values = [point["model.c"] for point in grid({"model.c": number}, {})]
    assert (values[0], values[-1]) == number.ends
    assert values == sorted(values)
    assert len(values) <= points


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        ({"low": 2, "high": 1}, "not below"),
        ({"low": 0, "high": 1, "log": True}, "above 0"),
        ({"low": 1, "high": 9, "log": True, "step": 1}, "has no step"),
        ({"low": 1, "high": 2.5, "integer": True}, "fractions"),
        ({"low": 1}, "high"),
        ({"choices": []}, "at least 1"),
        ({"low": 1, "high": 2, "setp": 1}, "Extra inputs"),
    ],
)
def test_ranges_that_are_none(parameter: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        space(model_c=parameter)


@pytest.mark.parametrize("name", ["protocol.name", "seed", "data.path", "leave_out", "name"])
def test_what_decides_the_test_is_not_tuned(name: str) -> None:
    with pytest.raises(ValidationError, match="cannot be tuned"):
        TuneConfig.model_validate({"space": {name: {"choices": [1, 2]}}})


def test_conditions_come_before_what_depends_on_them() -> None:
    with pytest.raises(ValidationError, match="must come before"):
        space(
            model_c={"choices": [1], "when": {"model.architecture": "svm"}},
            model_architecture={"choices": ["svm", "knn"]},
        )


def test_a_grid_needs_values_and_an_end() -> None:
    with pytest.raises(ConfigError, match=r"values of model\.c: give it step, or points"):
        grid(space(model_c={"low": 1, "high": 2}), KNOWN)
    many = {"low": 1, "high": 2, "points": 1000}
    with pytest.raises(ConfigError, match="more than 10000 points"):
        grid(space(model_c=many, model_gamma=many), KNOWN)
