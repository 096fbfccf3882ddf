"""Configurations to unfitted scikit-learn pipelines.

Scaling, selection, projection, balancing and calibration are steps of the pipeline, so nothing is
fitted on a row that the estimator may not see.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
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
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, StratifiedKFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.class_weight import compute_sample_weight

from genrekit.catalog import resolve
from genrekit.errors import ConfigError
from genrekit.extras import naming_extra
from genrekit.models import classical
from genrekit.models.impute import Imputed
from genrekit.models.resample import Resampled

Groups = Sequence[str] | None
_SCALERS = {"standard": StandardScaler, "min-max": MinMaxScaler, "robust": RobustScaler}


def build(
    config: classical.ClassicalConfig,
    *,
    seed: int,
    feature_names: Sequence[str] = (),
    groups: Groups = None,
) -> Pipeline:
    """Return an unfitted pipeline: the steps of ``config.prepare``, then ``"model"``.

    Parameters
    ----------
    config : ClassicalConfig
        Its class decides which estimator.
    seed : int
        Of everything random in it.
    feature_names : sequence of str
        Columns of the matrix it will be fitted on; needed only to drop some by name.
    groups : sequence of str, optional
        The recording of each row that it will be fitted on. With them, inner folds (the temperature
        of an SVM, the combiner of a stack) keep recordings together.

    Raises
    ------
    ConfigError
        If a column to drop does not exist, or more are to be kept than there are.
    """
    steps = _preparation(config.prepare, feature_names)
    if config.prepare.select or config.prepare.pca:
        names: Sequence[str] = ()
    else:
        names = [name for name in feature_names if name not in config.prepare.drop]
    model = _estimator(config, seed, names, groups)
    if not isinstance(config, classical.Svm):  # it resamples in each of its own folds
        model = _resampled(config, model, seed)
    return Pipeline([*steps, ("model", model)])


def compress(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sign(x) log(1 + ``|x|``), of any shape."""
    return np.asarray(np.sign(x) * np.log1p(np.abs(x)))


class Balanced(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # sklearn has no types
    """Fit an estimator that has no ``class_weight`` on rows weighted inversely to genre size."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, x: NDArray[np.float64], y: NDArray[np.int64]) -> Balanced:
        """Fit a clone of the estimator; x (n, columns), y (n,)."""
        weights = compute_sample_weight("balanced", y)
        self.estimator_ = clone(self.estimator).fit(x, y, sample_weight=weights)
        self.classes_ = self.estimator_.classes_
        return self

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        """Most probable class of each row."""
        return np.asarray(self.estimator_.predict(x))

    def predict_proba(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities (n, classes)."""
        return np.asarray(self.estimator_.predict_proba(x))


class NearestRows(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # sklearn has no types
    """Shares of the classes among the k nearest rows, the same on every machine.

    Rows at the same distance count in the order of training, where scikit-learn's own classifier
    leaves it to chance; published tables do hold identical rows with different labels.

    Attributes
    ----------
    rows_ : (n, columns) float64
        What it was fitted on.
    shares_ : (n, classes) float64
        One for the class of each row.
    offset_ : float
        Added to squared distances, so that rounding errors of small ones are far below float32.
    """

    def __init__(self, k: int = 5) -> None:
        self.k = k

    def fit(self, x: NDArray[np.float64], y: NDArray[np.int64]) -> NearestRows:
        """Keep the rows; x (n, columns), y (n,)."""
        if len(x) < self.k:
            raise ConfigError(f"{self.k} neighbours are wanted of {len(x)} rows; take fewer")
        self.classes_, numbers = np.unique(y, return_inverse=True)
        self.rows_ = np.asarray(x, np.float64)
        self.shares_ = np.eye(len(self.classes_))[numbers]
        self.offset_ = 1e-6 * float((self.rows_**2).sum(axis=1).mean())
        return self

    def predict_proba(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities (n, classes)."""
        own = (x**2).sum(axis=1, keepdims=True)
        theirs = (self.rows_**2).sum(axis=1) + self.offset_
        distances = (own - 2 * x @ self.rows_.T + theirs).astype(np.float32)
        nearest = np.argsort(distances, axis=1, kind="stable")[:, : self.k]
        return np.asarray(self.shares_[nearest].mean(axis=1))

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        """Most probable class of each row."""
        return np.asarray(self.classes_[self.predict_proba(x).argmax(axis=1)])


def _preparation(prepare: classical.Prepare, names: Sequence[str]) -> list[tuple[str, Any]]:
    steps: list[tuple[str, Any]] = []
    if prepare.drop:
        unknown = set(prepare.drop) - set(names)
        if unknown:
            raise ConfigError(
                f"model.prepare.drop names columns that are not there: {', '.join(sorted(unknown))}"
            )
        kept = [position for position, name in enumerate(names) if name not in prepare.drop]
        steps.append(("columns", ColumnTransformer([("kept", "passthrough", kept)])))
    if prepare.impute:
        steps.append(("impute", Imputed(prepare.impute, prepare.impute_neighbours)))
    if prepare.compress:
        steps.append(("compress", FunctionTransformer(compress)))
    if prepare.scale != "none":
        steps.append(("scale", _SCALERS[prepare.scale]()))
    if prepare.select:
        if names and prepare.select > len(names) - len(prepare.drop):
            raise ConfigError(
                f"model.prepare.select wants {prepare.select} of "
                f"{len(names) - len(prepare.drop)} columns; take fewer"
            )
        steps.append(("select", SelectKBest(f_classif, k=prepare.select)))
    if prepare.pca:
        steps.append(("pca", PCA(prepare.pca, svd_solver="full")))
    return steps


def _weights(config: classical.ClassicalConfig) -> str | None:
    return "balanced" if config.balance == "weights" else None


def _resampled(config: classical.ClassicalConfig, model: Any, seed: int) -> Any:
    """``model`` as it is, or behind a resampling of what it is fitted on."""
    if config.balance is None or config.balance == "weights":
        return model
    return Resampled(model, config.balance, seed)


def _inner_folds(n_folds: int, seed: int, groups: Groups) -> Any:
    recordings = len(set(groups or ()))
    # One alone is what all rows count as where nobody can say which recordings they are of.
    if groups is None or recordings in (1, len(groups)):
        return StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    if recordings < n_folds:
        raise ConfigError(
            f"{n_folds} inner folds cannot be made of {recordings} recordings; set fewer folds, or "
            "train on more recordings"
        )
    folds = GroupKFold(n_folds, shuffle=True, random_state=seed)
    return list(folds.split(np.zeros(len(groups)), groups=np.asarray(groups)))


@singledispatch
def _estimator(
    config: classical.ClassicalConfig, seed: int, names: Sequence[str], groups: Groups
) -> Any:
    if not config.builder:
        raise ConfigError(
            f"nothing builds {config.architecture}; name a function in its configuration: "
            'builder = "module:function"'
        )
    return resolve(config.builder)(config, seed)


@_estimator.register
def _nearest_neighbours(
    config: classical.NearestNeighbours, seed: int, names: Sequence[str], groups: Groups
) -> Any:
    return NearestRows(config.neighbours)


@_estimator.register
def _logistic(config: classical.Logistic, seed: int, names: Sequence[str], groups: Groups) -> Any:
    return LogisticRegression(C=config.c, max_iter=config.iterations, class_weight=_weights(config))


@_estimator.register
def _svm(config: classical.Svm, seed: int, names: Sequence[str], groups: Groups) -> Any:
    machine = OneVsRestClassifier(
        SVC(C=config.c, gamma=config.gamma, class_weight=_weights(config))
    )
    machine = _resampled(config, machine, seed)
    folds = _inner_folds(config.calibration_folds, seed, groups)
    return CalibratedClassifierCV(machine, method="temperature", cv=folds, ensemble=False)


@_estimator.register
def _tree(config: classical.Tree, seed: int, names: Sequence[str], groups: Groups) -> Any:
    return DecisionTreeClassifier(
        max_depth=config.depth,
        min_samples_leaf=config.rows_per_leaf,
        class_weight=_weights(config),
        random_state=seed,
    )


@_estimator.register(classical.Forest)
@_estimator.register(classical.ExtraTrees)
def _randomised_trees(
    config: classical.Forest | classical.ExtraTrees, seed: int, names: Sequence[str], groups: Groups
) -> Any:
    kind = RandomForestClassifier if config.architecture == "forest" else ExtraTreesClassifier
    return kind(
        config.trees,
        max_depth=config.depth,
        min_samples_leaf=config.rows_per_leaf,
        class_weight=_weights(config),
        random_state=seed,
    )


@_estimator.register
def _boosting(config: classical.Boosting, seed: int, names: Sequence[str], groups: Groups) -> Any:
    model = GradientBoostingClassifier(
        learning_rate=config.learning_rate,
        n_estimators=config.rounds,
        max_depth=config.depth,
        max_features=None if config.columns_per_split == "all" else "sqrt",
        random_state=seed,
    )
    return Balanced(model) if config.balance == "weights" else model


@_estimator.register
def _xgboost(config: classical.XGBoost, seed: int, names: Sequence[str], groups: Groups) -> Any:
    with naming_extra():
        from xgboost import XGBClassifier
    model = XGBClassifier(
        learning_rate=config.learning_rate,
        n_estimators=config.rounds,
        max_depth=config.depth,
        colsample_bytree=config.columns_per_tree,
        subsample=config.rows_per_tree,
        tree_method="hist",
        n_jobs=1,
        random_state=seed,
    )
    return Balanced(model) if config.balance == "weights" else model


@_estimator.register
def _vote(config: classical.Vote, seed: int, names: Sequence[str], groups: Groups) -> Any:
    return VotingClassifier(_members(config.members, seed, names, groups), voting="soft")


@_estimator.register
def _stack(config: classical.Stack, seed: int, names: Sequence[str], groups: Groups) -> Any:
    # The members are fitted on parts of the rows too, where folds over all rows do not fit.
    return StackingClassifier(
        _members(config.members, seed, names, None),
        final_estimator=LogisticRegression(C=config.c, max_iter=5000),
        cv=_inner_folds(config.folds, seed, groups),
    )


def _members(
    members: Sequence[classical.ClassicalConfig], seed: int, names: Sequence[str], groups: Groups
) -> list[tuple[str, Pipeline]]:
    return [
        (
            f"{position}-{member.architecture}",
            build(member, seed=seed, feature_names=names, groups=groups),
        )
        for position, member in enumerate(members)
    ]
