"""Models: a configuration for each architecture, and what it builds.

`MODELS` leads from the name of an architecture to its configuration, a frozen contract whose
``architecture`` field is that name. The configuration says everything; `build` turns a classical
one into an unfitted scikit-learn pipeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from genrekit.catalog import Catalog
from genrekit.errors import ConfigError, MissingExtraError
from genrekit.models.classical import ClassicalConfig, Prepare

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

__all__ = ["MODELS", "ClassicalConfig", "Prepare", "build", "model_config"]

MODELS = Catalog(
    "models",
    {
        "boosting": "genrekit.models.classical:Boosting",
        "extra-trees": "genrekit.models.classical:ExtraTrees",
        "forest": "genrekit.models.classical:Forest",
        "knn": "genrekit.models.classical:NearestNeighbours",
        "logistic": "genrekit.models.classical:Logistic",
        "stack": "genrekit.models.classical:Stack",
        "svm": "genrekit.models.classical:Svm",
        "tree": "genrekit.models.classical:Tree",
        "vote": "genrekit.models.classical:Vote",
        "xgboost": "genrekit.models.classical:XGBoost",
    },
    group="genrekit.models",
)


def model_config(settings: dict[str, Any]) -> ClassicalConfig:
    """The configuration that ``settings`` describe, by their ``architecture``.

    Raises
    ------
    ConfigError
        If there is no ``architecture``, or no model of that name.
    pydantic.ValidationError
        If a setting is unknown or out of range.
    """
    name = settings.get("architecture")
    if not isinstance(name, str):
        raise ConfigError(f"model.architecture is missing; choose one of {', '.join(MODELS)}")
    config: ClassicalConfig = MODELS.get(name).model_validate(settings)
    return config


def build(
    config: ClassicalConfig,
    *,
    seed: int,
    feature_names: Sequence[str] = (),
    groups: Sequence[str] | None = None,
) -> Pipeline:
    """An unfitted scikit-learn pipeline, preparation included; see `estimators.build`.

    Raises
    ------
    MissingExtraError
        If scikit-learn or XGBoost is not installed.
    """
    try:
        from genrekit.models import estimators
    except ImportError:
        raise MissingExtraError("scikit-learn", "train") from None
    return estimators.build(config, seed=seed, feature_names=feature_names, groups=groups)
