from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier

from genrekit.export.agreement import AGREEMENT
from genrekit.export.classical import check_agreement, export_onnx
from genrekit.models import build, classical_config
from genrekit.models.resample import How, Resampled, resample

HOWS: tuple[How, ...] = ("oversample", "undersample", "interpolate")
sizes = st.lists(st.integers(1, 12), min_size=2, max_size=4)


def rows(counts: list[int], seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    y = np.repeat(np.arange(len(counts)), counts)
    x = np.random.default_rng(seed).normal(0, 1, (len(y), 4)) + 5 * y[:, None]
    return x, y


@settings(max_examples=30, deadline=None)
@given(sizes, st.sampled_from(HOWS), st.integers(0, 99))
def test_every_class_has_as_many_rows(counts: list[int], how: How, seed: int) -> None:
    x, y = rows(counts)
    _, balanced = resample(x, y, how, seed=seed)
    wanted = min(counts) if how == "undersample" else max(counts)
    assert np.bincount(balanced).tolist() == [wanted] * len(counts)


@settings(max_examples=30, deadline=None)
@given(sizes, st.sampled_from(HOWS[:2]), st.integers(0, 99))
def test_no_row_is_made_up(counts: list[int], how: How, seed: int) -> None:
    x, y = rows(counts)
    known = {(label, *row) for row, label in zip(x.tolist(), y.tolist(), strict=True)}
    found = resample(x, y, how, seed=seed)
    assert {(lab, *row) for row, lab in zip(found[0].tolist(), found[1].tolist(), strict=True)} <= (
        known
    )


@settings(max_examples=30, deadline=None)
@given(sizes, st.integers(0, 99))
def test_rows_that_are_made_up_lie_between_two_of_their_class(counts: list[int], seed: int) -> None:
    x, y = rows(counts)
    new_x, new_y = resample(x, y, "interpolate", seed=seed)
    np.testing.assert_array_equal(new_x[: len(x)], x)
    for row, label in zip(new_x[len(x) :], new_y[len(x) :], strict=True):
        own = x[y == label]
        lengths = np.linalg.norm(own - row, axis=1)
        direct = np.linalg.norm(own[:, None] - own, axis=2)
        assert np.isclose(lengths[:, None] + lengths, direct).any()


def test_the_seed_decides() -> None:
    x, y = rows([20, 5])
    first, again, other = (resample(x, y, "interpolate", seed=seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_what_is_predicted_on_is_not_resampled() -> None:
    x, y = rows([20, 5])
    model = Resampled(KNeighborsClassifier(1), "oversample").fit(x, y)
    assert model.estimator_.n_samples_fit_ == 40
    assert model.predict(x[:7]).shape == (7,)
    assert model.predict_proba(x).shape == (25, 2)


QUICK: dict[str, dict[str, Any]] = {
    "boosting": {"rounds": 5},
    "forest": {"trees": 10},
    "knn": {},
    "logistic": {},
    "svm": {"calibration_folds": 2},
}


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("name", QUICK)
def test_resampled_models_export(name: str, how: How) -> None:
    x, y = rows([30, 12, 20])
    config = classical_config({"architecture": name, "balance": how, **QUICK[name]})
    pipeline = build(config, seed=0).fit(x, y)
    model = export_onnx(pipeline, input_name="f", n_columns=4)
    assert check_agreement(model, pipeline, x.astype(np.float32)) <= AGREEMENT


def test_a_resampled_machine_calibrates_on_rows_as_they_are() -> None:
    x, y = rows([40, 8])
    config = classical_config({"architecture": "svm", "balance": "oversample"})
    calibrated = build(config, seed=0).fit(x, y).named_steps["model"]
    (inner,) = calibrated.calibrated_classifiers_
    machine = inner.estimator
    assert isinstance(machine, Resampled)
    assert [one.shape_fit_[0] for one in machine.estimator_.estimators_] == [80]
    assert calibrated.estimator.how == "oversample"  # cloned for every inner fold


def test_oversampling_lifts_the_recall_of_a_rare_class() -> None:
    generator = np.random.default_rng(1)
    y = np.repeat([0, 1], [400, 20])
    x = generator.normal(0, 1, (420, 3)) + y[:, None]
    recalls = []
    for balance in (None, "oversample"):
        config = classical_config({"architecture": "logistic", "balance": balance})
        recalls.append((build(config, seed=0).fit(x, y).predict(x)[y == 1] == 1).mean())
    assert recalls[1] > recalls[0] + 0.3
