"""The exporter against scikit-learn on the real table, and against skl2onnx on a made-up one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from genrekit.datasets import load_dataset, make_split
from genrekit.export.agreement import AGREEMENT
from genrekit.export.classical import check_agreement, export_onnx, run_onnx
from genrekit.export.trees import round_down
from genrekit.models import MODELS, NETWORKS, build
from genrekit.models.classical import Boosting, ExtraTrees, Forest, Logistic, Prepare, Tree
from genrekit.models.estimators import NearestRows


def rows(seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    generator = np.random.default_rng(seed)
    y = np.repeat(np.arange(4), 40)
    x = generator.normal(0, 1, (4, 8))[y] + generator.normal(0, 1, (len(y), 8))
    return x.astype(np.float32).astype(np.float64), y


@pytest.mark.parametrize(
    "config",
    [Logistic(), Tree(), Forest(trees=30), ExtraTrees(trees=30), Boosting(rounds=20)],
    ids=lambda config: config.architecture,
)
def test_agrees_with_skl2onnx(config: Any) -> None:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    x, y = rows()
    pipeline = build(config, seed=0).fit(x, y)
    theirs = convert_sklearn(
        pipeline,
        initial_types=[("f", FloatTensorType([None, 8]))],
        options={id(pipeline): {"zipmap": False}},
        target_opset={"": 18, "ai.onnx.ml": 3},
    )
    session = onnxruntime.InferenceSession(
        theirs.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    expected = session.run(None, {"f": x.astype(np.float32)})[1]
    ours = np.exp(run_onnx(export_onnx(pipeline, input_name="f", n_columns=8), x.astype("f4")))
    assert np.abs(ours - expected).max() < 1e-5


def test_probabilities_keep_the_choice_of_a_plain_svm() -> None:
    x, y = rows()
    ours = build(MODELS.get("svm")(prepare=Prepare(scale="none")), seed=0).fit(x, y)
    machine = OneVsRestClassifier(SVC(C=10)).fit(x, y)
    assert np.array_equal(
        ours.predict_proba(x).argmax(axis=1), machine.decision_function(x).argmax(axis=1)
    )


def test_neighbours_as_scikit_learn_finds_them() -> None:
    x, y = rows()
    unseen, _ = rows(seed=1)
    theirs = KNeighborsClassifier(5).fit(x, y).predict_proba(unseen)
    assert np.allclose(NearestRows(5).fit(x, y).predict_proba(unseen), theirs)


def test_neighbours_at_the_same_distance_come_in_the_order_of_training() -> None:
    x = np.array([[0.0], [1.0], [1.0], [1.0], [9.0]])
    model = NearestRows(2).fit(x, np.array([0, 1, 2, 1, 0]))
    assert model.predict_proba(np.array([[1.0]])).tolist() == [[0, 0.5, 0.5]]
    assert model.predict_proba(np.array([[0.0]])).tolist() == [[0.5, 0.5, 0]]


def test_thresholds_are_rounded_down_so_that_float32_parts_the_same_numbers() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(0, 1e5, 2000).astype(np.float32)
    thresholds = (x[:-1].astype(np.float64) + x[1:]) / 2
    rounded = round_down(thresholds)
    assert (rounded <= thresholds).all()
    for shift in (x, np.nextafter(x, np.float32(np.inf))):
        assert np.array_equal(shift[:-1] <= thresholds, shift[:-1] <= rounded)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(MODELS) - set(NETWORKS) - {"stack"}))
def test_every_model_agrees_on_the_real_table(name: str, real_data: Path) -> None:
    dataset = load_dataset("table", real_data / "gtzan_tables" / "features_30_sec.csv")
    assert dataset.features is not None
    x = dataset.features.astype(np.float32)
    assert np.abs(x).max() > 1e6
    assert np.abs(x).min() < 1e-6
    (fold,) = make_split(dataset, "fault-filtered").folds
    train = dataset.indices(fold.train)
    pipeline = build(MODELS.get(name)(), seed=0, feature_names=dataset.feature_names)
    pipeline.fit(x[train].astype(np.float64), dataset.targets()[train])
    model = export_onnx(pipeline, input_name="gtzan57", n_columns=x.shape[1])
    assert check_agreement(model, pipeline, x) <= AGREEMENT
