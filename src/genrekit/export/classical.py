"""Fitted scikit-learn pipelines to the ONNX graph that inference runs.

Columns of one table differ by twelve orders of magnitude, so everything before and between the
estimators is computed in float64, by the formulas of scikit-learn; trees get float32, which is what
they compare in scikit-learn too; skl2onnx, which does so only for some parts, converts what has no
form here. The graph ends in ``log(clip(probabilities, 1e-7, 1))``.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from genrekit.errors import BundleError
from genrekit.export.agreement import require_agreement
from genrekit.export.graph import OPSETS, Graph
from genrekit.export.trees import (
    FlatTree,
    ensemble_attributes,
    flat_sklearn,
    flat_xgboost,
)
from genrekit.models import Balanced, Imputed, NearestRows, Resampled

#: Probabilities below this are raised to it before the logarithm.
SMALLEST_PROBABILITY = 1e-7


def export_onnx(pipeline: Pipeline, *, input_name: str, n_columns: int) -> bytes:
    """Convert a fitted classifier.

    Parameters
    ----------
    pipeline : sklearn.pipeline.Pipeline
        As built by `genrekit.models.build` and fitted.
    input_name : str
        Name of the front-end whose vectors it takes.
    n_columns : int
        Length of such a vector.

    Returns
    -------
    bytes
        An ONNX file: float32 (n, n_columns) to float32 ``logits`` (n, n_labels). Equal models give
        equal bytes.
    """
    graph = Graph()
    probabilities = _probabilities(pipeline, graph, graph.as_double(input_name))
    low, high = graph.constant(SMALLEST_PROBABILITY), graph.constant(1.0)
    logits = graph.add("Log", graph.add("Clip", probabilities, low, high))
    return graph.finish(
        graph.as_float(logits),
        input_name=input_name,
        n_columns=n_columns,
        n_labels=len(pipeline.classes_),
    )


def add_probabilities(pipeline: Pipeline, graph: Graph, x: str) -> str:
    """Add a fitted classifier to a graph: float64 (n, n_columns) to float64 (n, classes)."""
    return _probabilities(pipeline, graph, x)


def check_agreement(model: bytes, pipeline: Pipeline, x: NDArray[np.float32]) -> float:
    """Largest difference in probability between the graph and its source over the rows ``x``.

    Raises
    ------
    BundleError
        If it is above `AGREEMENT`.
    """
    logits = run_onnx(model, x)
    expected = pipeline.predict_proba(x.astype(np.float64))
    worst = float(np.abs(np.exp(logits.astype(np.float64)) - expected).max())
    return require_agreement(worst, "the exported model differs from its source", "probability")


def run_onnx(model: bytes, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits (n, n_labels) of a graph with one input, for the rows ``x`` (n, n_columns)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # threads would sum the trees of a forest in any order
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {session.get_inputs()[0].name: x})
    return np.asarray(logits)


def _converted(part: Any, graph: Graph, x: str) -> list[str]:
    """Return what skl2onnx makes of a part that has no form here, for models of other packages."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import DoubleTensorType
    from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator

    width = getattr(part, "n_features_in_", None)
    try:
        model = convert_sklearn(
            part,
            initial_types=[("x", DoubleTensorType([None, width]))],
            options={id(part): {"zipmap": False}} if hasattr(part, "predict_proba") else None,
            target_opset=OPSETS,
        )
    except (MissingConverter, MissingShapeCalculator):
        raise BundleError(
            f"neither genrekit nor skl2onnx has an ONNX form for {type(part).__name__}; register "
            "one with skl2onnx.update_registered_converter, or take another estimator"
        ) from None
    return graph.include(model, x)


# --- steps: float64 (n, columns) to float64 (n, columns') ---------------------------------------


@singledispatch
def _transformed(step: Any, graph: Graph, x: str) -> str:
    return graph.as_double(_converted(step, graph, x)[0])


@_transformed.register
def _column_transformer(step: ColumnTransformer, graph: Graph, x: str) -> str:
    ((_, _, kept),) = step.transformers
    return graph.add("Gather", x, graph.constant(np.array(kept, np.int64)), axis=1)


@_transformed.register
def _function_transformer(step: FunctionTransformer, graph: Graph, x: str) -> str:
    size = graph.add("Log", graph.add("Add", graph.add("Abs", x), graph.constant(1.0)))
    return graph.add("Mul", graph.add("Sign", x), size)


@_transformed.register
def _standard_scaler(step: StandardScaler, graph: Graph, x: str) -> str:
    centred = graph.add("Sub", x, graph.constant(step.mean_))
    return graph.add("Div", centred, graph.constant(step.scale_))


@_transformed.register
def _robust_scaler(step: RobustScaler, graph: Graph, x: str) -> str:
    centred = graph.add("Sub", x, graph.constant(step.center_))
    return graph.add("Div", centred, graph.constant(step.scale_))


@_transformed.register
def _min_max_scaler(step: MinMaxScaler, graph: Graph, x: str) -> str:
    return graph.add(
        "Add", graph.add("Mul", x, graph.constant(step.scale_)), graph.constant(step.min_)
    )


@_transformed.register
def _imputed(step: Imputed, graph: Graph, x: str) -> str:
    missing = graph.add("IsNaN", x)
    if step.how != "neighbours":
        return graph.add("Where", missing, graph.constant(step.values_), x)
    there = graph.as_double(graph.add("Not", missing))
    scaled = graph.add(
        "Div", graph.add("Sub", x, graph.constant(step.offset_)), graph.constant(step.scale_)
    )
    known = graph.add("Where", missing, graph.constant(0.0), scaled)
    theirs = (step.donors_ - step.offset_) / step.scale_
    cross = graph.add("MatMul", known, graph.constant(np.ascontiguousarray(-2 * theirs.T)))
    own = graph.add("MatMul", there, graph.constant(np.ascontiguousarray((theirs**2).T)))
    count = graph.constant(np.array([step.n_nearest_], np.int64))
    _, nearest = graph.add_many("TopK", graph.add("Add", own, cross), count, outputs=2, largest=0)
    donors = graph.add("Gather", graph.constant(step.donors_), nearest, axis=0)
    axis = graph.constant(np.array([1], np.int64))
    return graph.add("Where", missing, graph.add("ReduceMean", donors, axis, keepdims=0), x)


@_transformed.register
def _select_k_best(step: SelectKBest, graph: Graph, x: str) -> str:
    kept = step.get_support(indices=True).astype(np.int64)
    return graph.add("Gather", x, graph.constant(kept), axis=1)


@_transformed.register
def _pca(step: PCA, graph: Graph, x: str) -> str:
    centred = graph.add("Sub", x, graph.constant(step.mean_))
    return graph.add("MatMul", centred, graph.constant(np.ascontiguousarray(step.components_.T)))


# --- classifiers: float64 (n, columns) to float64 (n, classes) ----------------------------------


@singledispatch
def _probabilities(model: Any, graph: Graph, x: str) -> str:
    if type(model).__name__ == "XGBClassifier":  # by name, so that xgboost stays optional
        return _xgboost(model, graph, x)
    return graph.as_double(_converted(model, graph, x)[1])


@_probabilities.register
def _pipeline(model: Pipeline, graph: Graph, x: str) -> str:
    for _, step in model.steps[:-1]:
        x = _transformed(step, graph, x)
    return _probabilities(model.steps[-1][1], graph, x)


@_probabilities.register(Balanced)
@_probabilities.register(Resampled)
def _wrapped(model: Balanced | Resampled, graph: Graph, x: str) -> str:
    return _probabilities(model.estimator_, graph, x)


@_probabilities.register
def _logistic_regression(model: LogisticRegression, graph: Graph, x: str) -> str:
    weights = graph.constant(np.ascontiguousarray(model.coef_.T))
    return _softmax(
        graph,
        graph.add("Add", graph.add("MatMul", x, weights), graph.constant(model.intercept_)),
        len(model.classes_),
    )


@_probabilities.register
def _nearest_rows(model: NearestRows, graph: Graph, x: str) -> str:
    distances = _squared_distances(graph, x, model.rows_, model.offset_)
    k = graph.constant(np.array([model.k], np.int64))
    _, nearest = graph.add_many(
        "TopK", graph.as_float(distances), k, outputs=2, axis=1, largest=0, sorted=1
    )
    votes = graph.add("Gather", graph.constant(model.shares_), nearest, axis=0)
    return graph.add("ReduceMean", votes, graph.constant(np.array([1], np.int64)), keepdims=0)


@_probabilities.register
def _decision_tree_classifier(model: DecisionTreeClassifier, graph: Graph, x: str) -> str:
    return _forest([model], graph, x)


@_probabilities.register
def _random_forest_classifier(model: RandomForestClassifier, graph: Graph, x: str) -> str:
    return _forest(model.estimators_, graph, x)


@_probabilities.register
def _extra_trees_classifier(model: ExtraTreesClassifier, graph: Graph, x: str) -> str:
    return _forest(model.estimators_, graph, x)


@_probabilities.register
def _gradient_boosting_classifier(model: GradientBoostingClassifier, graph: Graph, x: str) -> str:
    n_targets = model.estimators_.shape[1]
    one_row = np.zeros((1, model.n_features_in_))
    start = np.atleast_1d(model.decision_function(one_row)[0]).astype(np.float64)
    flat = []
    for estimators in model.estimators_:
        for target, estimator in enumerate(estimators):
            start[target] -= model.learning_rate * estimator.predict(one_row)[0]
            values = np.zeros((estimator.tree_.node_count, n_targets))
            values[:, target] = model.learning_rate * estimator.tree_.value[:, 0, 0]
            flat.append(flat_sklearn(estimator.tree_, values))
    return _boosted(flat, start, graph, x, len(model.classes_))


@_probabilities.register
def _calibrated_classifier_cv(model: CalibratedClassifierCV, graph: Graph, x: str) -> str:
    (calibrated,) = model.calibrated_classifiers_  # one, because of ensemble=False
    machine = calibrated.estimator
    machine = machine.estimator_ if isinstance(machine, Resampled) else machine
    values = _decision_values(machine, graph, x)
    n_classes = len(model.classes_)
    # For two classes, scikit-learn scales (-value, value), twice as far apart as (0, value).
    inverse_temperature = float(calibrated.calibrators[0].beta_) * (2 if n_classes == 2 else 1)
    scaled = graph.add("Mul", values, graph.constant(inverse_temperature))
    return _softmax(graph, scaled, n_classes)


@_probabilities.register
def _voting_classifier(model: VotingClassifier, graph: Graph, x: str) -> str:
    members = [_probabilities(member, graph, x) for member in model.estimators_]
    return graph.add("Div", graph.add("Sum", *members), graph.constant(float(len(members))))


@_probabilities.register
def _stacking_classifier(model: StackingClassifier, graph: Graph, x: str) -> str:
    members = [_probabilities(member, graph, x) for member in model.estimators_]
    if len(model.classes_) == 2:  # scikit-learn drops the redundant first column
        second = graph.constant(np.array([1], np.int64))
        members = [graph.add("Gather", member, second, axis=1) for member in members]
    return _probabilities(model.final_estimator_, graph, graph.add("Concat", *members, axis=1))


def _softmax(graph: Graph, values: str, n_classes: int) -> str:
    """Probabilities of (n, classes), or of the (n, 1) log odds of the second of two classes."""
    if n_classes == 2:
        zero = graph.add("Sub", values, values)
        values = graph.add("Concat", zero, values, axis=1)
    return graph.add("Softmax", values, axis=1)


def _squared_distances(graph: Graph, x: str, rows: NDArray[np.float64], offset: float = 0.0) -> str:
    """Of every row of x to every one of ``rows``, with ``offset`` added."""
    axis = graph.constant(np.array([1], np.int64))
    own = graph.add("ReduceSumSquare", x, axis, keepdims=1)
    cross = graph.add("MatMul", x, graph.constant(np.ascontiguousarray(-2 * rows.T)))
    theirs = graph.constant((rows**2).sum(axis=1) + offset)
    return graph.add("Add", graph.add("Add", own, cross), theirs)


def _forest(estimators: list[Any], graph: Graph, x: str) -> str:
    """Mean over trees of the genre shares in their leaves."""
    flat = []
    for estimator in estimators:
        counts = estimator.tree_.value[:, 0, :]
        shares = counts / counts.sum(axis=1, keepdims=True)
        flat.append(flat_sklearn(estimator.tree_, shares / len(estimators)))
    n_classes = flat[0].values.shape[1]
    return graph.as_double(graph.trees(graph.as_float(x), n_classes, ensemble_attributes(flat)))


def _boosted(
    flat: list[FlatTree], start: NDArray[np.float64], graph: Graph, x: str, n_classes: int
) -> str:
    total = graph.trees(graph.as_float(x), len(start), ensemble_attributes(flat))
    return _softmax(
        graph, graph.add("Add", graph.as_double(total), graph.constant(start)), n_classes
    )


def _xgboost(model: Any, graph: Graph, x: str) -> str:
    n_classes = len(model.classes_)
    n_targets = 1 if n_classes == 2 else n_classes
    flat = flat_xgboost(model.get_booster(), n_targets)
    one_row = np.zeros((1, model.n_features_in_), np.float32)
    start = np.atleast_1d(model.predict(one_row, output_margin=True)[0]).astype(np.float64)
    for tree in flat:
        start -= tree.values[_leaf_of_zeros(tree)]
    return _boosted(flat, start, graph, x, n_classes)


def _leaf_of_zeros(tree: FlatTree) -> int:
    node = 0
    while tree.left[node] != -1:
        node = int(tree.left[node] if tree.threshold[node] > 0 else tree.right[node])
    return node


def _decision_values(machines: OneVsRestClassifier, graph: Graph, x: str) -> str:
    """Decision values of RBF machines: (n, 1) for two classes, (n, classes) for more."""
    values = [_decision_value(machine, graph, x) for machine in machines.estimators_]
    return values[0] if len(values) == 1 else graph.add("Concat", *values, axis=1)


def _decision_value(machine: SVC, graph: Graph, x: str) -> str:
    """Decision values (n, 1) of one class against another."""
    gamma = graph.constant(-float(machine._gamma))
    distances = _squared_distances(graph, x, machine.support_vectors_)
    kernel = graph.add("Exp", graph.add("Mul", distances, gamma))
    weights = graph.constant(np.ascontiguousarray(machine.dual_coef_.T))
    offset = graph.constant(np.asarray(machine.intercept_, np.float64))
    return graph.add("Add", graph.add("MatMul", kernel, weights), offset)
