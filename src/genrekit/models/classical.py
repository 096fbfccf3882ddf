"""Configurations of the classical models: feature vectors to genre probabilities.

Every configuration is complete: how columns are prepared, how genres are weighted, and the
settings of the estimator. Nothing here imports scikit-learn, so a recipe is checked without it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from genrekit.models.architecture import ModelConfig
from genrekit.schema import Contract

Scale = Literal["none", "standard", "min-max", "robust"]


class Prepare(Contract):
    """What happens to the columns before the estimator sees them, in this order.

    All of it is fitted together with the estimator, on the same rows.
    """

    drop: tuple[str, ...] = Field((), description="columns to leave out, by name")
    impute: Literal["median", "mean", "neighbours"] | None = Field(
        None,
        description="what stands in place of missing values: of the column, or of the nearest rows "
        "that miss none; without it, a missing value is an error",
    )
    impute_neighbours: int = Field(5, ge=1, le=100)
    compress: bool = Field(
        False, description="sign(x) log(1 + |x|) of every column: tames variances that span decades"
    )
    scale: Scale = "standard"
    select: int | None = Field(
        None, ge=1, description="keep this many columns, the best by the F test of one-way ANOVA"
    )
    pca: int | None = Field(None, ge=1, description="principal components to keep")


def _weights_for_true(value: Any) -> Any:
    return {True: "weights", False: None}[value] if isinstance(value, bool) else value


Balance = Literal["weights", "oversample", "undersample", "interpolate"]
Resample = Literal["oversample", "undersample", "interpolate"]


class ClassicalConfig(ModelConfig):
    """What all classical models share."""

    prepare: Prepare = Prepare()
    balance: Annotated[Balance | None, BeforeValidator(_weights_for_true)] = Field(
        None,
        description="make every genre count the same, in the rows of each fit: weigh them (true is "
        "short for it), repeat those of small genres, leave out those of large ones, or add rows "
        "between those of small genres as SMOTE does",
    )


_UNSCALED = Prepare(scale="none")


class NearestNeighbours(ClassicalConfig):
    """Share of each genre among the nearest training rows (Euclidean distance)."""

    architecture: Literal["knn"] = "knn"
    balance: Annotated[Resample | None, BeforeValidator(_weights_for_true)] = Field(
        None, description="neighbours can be resampled, not weighted"
    )
    neighbours: int = Field(5, ge=1, le=1000)


class Logistic(ClassicalConfig):
    """Multinomial logistic regression with an L2 penalty."""

    architecture: Literal["logistic"] = "logistic"
    c: float = Field(0.1, gt=0, description="inverse strength of the penalty")
    iterations: int = Field(5000, ge=1)


class Svm(ClassicalConfig):
    """Support vector machines with an RBF kernel, one for each genre against all others.

    Their decision values become probabilities by a softmax whose temperature is fitted on
    out-of-fold values, so the machines' own choice stays the most probable genre. One against one
    would be a vote of pairs, whose counts say little of how sure the answer is.
    """

    architecture: Literal["svm"] = "svm"
    c: float = Field(10.0, gt=0)
    gamma: float | Literal["scale"] = Field(
        "scale", description="1 / (columns x variance) for scale"
    )
    calibration_folds: int = Field(5, ge=2, le=20)


class Tree(ClassicalConfig):
    """One decision tree (CART, Gini impurity)."""

    architecture: Literal["tree"] = "tree"
    prepare: Prepare = _UNSCALED
    depth: int | None = Field(10, ge=1, le=64)
    rows_per_leaf: int = Field(5, ge=1)


class Forest(ClassicalConfig):
    """Random forest (Breiman 2001)."""

    architecture: Literal["forest"] = "forest"
    prepare: Prepare = _UNSCALED
    trees: int = Field(300, ge=1, le=5000)
    depth: int | None = Field(20, ge=1, le=64)
    rows_per_leaf: int = Field(1, ge=1)


class ExtraTrees(ClassicalConfig):
    """Extremely randomised trees (Geurts, Ernst and Wehenkel 2006)."""

    architecture: Literal["extra-trees"] = "extra-trees"
    prepare: Prepare = _UNSCALED
    trees: int = Field(300, ge=1, le=5000)
    depth: int | None = Field(20, ge=1, le=64)
    rows_per_leaf: int = Field(1, ge=1)


class Boosting(ClassicalConfig):
    """Gradient-boosted trees (Friedman 2001), a tree for each genre and round."""

    architecture: Literal["boosting"] = "boosting"
    prepare: Prepare = _UNSCALED
    learning_rate: float = Field(0.1, gt=0, le=1)
    rounds: int = Field(200, ge=1, le=5000)
    depth: int = Field(3, ge=1, le=16)
    columns_per_split: Literal["all", "sqrt"] = "sqrt"


class XGBoost(ClassicalConfig):
    """Gradient-boosted trees by XGBoost (Chen and Guestrin 2016)."""

    architecture: Literal["xgboost"] = "xgboost"
    prepare: Prepare = _UNSCALED
    learning_rate: float = Field(0.1, gt=0, le=1)
    rounds: int = Field(200, ge=1, le=5000)
    depth: int = Field(4, ge=1, le=16)
    columns_per_tree: float = Field(0.5, gt=0, le=1)
    rows_per_tree: float = Field(0.8, gt=0, le=1)


Member = Annotated[
    NearestNeighbours | Logistic | Svm | Tree | Forest | ExtraTrees | Boosting | XGBoost,
    Field(discriminator="architecture"),
]
_MEMBERS: tuple[Member, ...] = (Svm(), Logistic(), Forest(), ExtraTrees())


class Vote(ClassicalConfig):
    """Mean of the members' probabilities. Members prepare columns themselves."""

    architecture: Literal["vote"] = "vote"
    prepare: Prepare = _UNSCALED
    balance: Annotated[None, BeforeValidator(_weights_for_true)] = Field(
        None, description="set it in the members"
    )
    members: tuple[Member, ...] = Field(_MEMBERS, min_length=2, max_length=10)


class Stack(ClassicalConfig):
    """Logistic regression on the members' out-of-fold probabilities (Wolpert 1992)."""

    architecture: Literal["stack"] = "stack"
    prepare: Prepare = _UNSCALED
    balance: Annotated[None, BeforeValidator(_weights_for_true)] = Field(
        None, description="set it in the members"
    )
    members: tuple[Member, ...] = Field(_MEMBERS, min_length=2, max_length=10)
    folds: int = Field(5, ge=2, le=20)
    c: float = Field(1.0, gt=0, description="inverse strength of the combiner's penalty")
