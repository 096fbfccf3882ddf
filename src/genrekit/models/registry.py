"""The architectures by name: their configurations, and the functions that build them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from genrekit.catalog import Catalog, resolve
from genrekit.errors import ConfigError
from genrekit.extras import naming_extra
from genrekit.models.architecture import ModelConfig
from genrekit.models.classical import ClassicalConfig
from genrekit.models.networks import NetworkConfig

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from genrekit.models.module import Network

MODELS = Catalog(
    "models",
    {
        "bigru": "genrekit.models.networks:Bigru",
        "bilstm": "genrekit.models.networks:Bilstm",
        "boosting": "genrekit.models.classical:Boosting",
        "cnn": "genrekit.models.networks:Cnn",
        "crnn": "genrekit.models.networks:Crnn",
        "extra-trees": "genrekit.models.classical:ExtraTrees",
        "forest": "genrekit.models.classical:Forest",
        "fusion": "genrekit.models.networks:Fusion",
        "knn": "genrekit.models.classical:NearestNeighbours",
        "logistic": "genrekit.models.classical:Logistic",
        "mlp": "genrekit.models.networks:Mlp",
        "mobile": "genrekit.models.networks:Mobile",
        "musicnn": "genrekit.models.networks:Musicnn",
        "pretrained": "genrekit.models.pretrained.backbones:Pretrained",
        "resnet": "genrekit.models.networks:Resnet",
        "stack": "genrekit.models.classical:Stack",
        "svm": "genrekit.models.classical:Svm",
        "transformer": "genrekit.models.networks:Transformer",
        "tree": "genrekit.models.classical:Tree",
        "vgg": "genrekit.models.networks:Vgg",
        "vote": "genrekit.models.classical:Vote",
        "xgboost": "genrekit.models.classical:XGBoost",
    },
    group="genrekit.models",
)

NETWORKS = Catalog(
    "networks",
    {
        "bigru": "genrekit.models.recurrent:build",
        "bilstm": "genrekit.models.recurrent:build",
        "cnn": "genrekit.models.cnn:build",
        "crnn": "genrekit.models.crnn:build",
        "fusion": "genrekit.models.fusion:build",
        "mlp": "genrekit.models.mlp:build",
        "mobile": "genrekit.models.mobile:build",
        "musicnn": "genrekit.models.musicnn:build",
        "pretrained": "genrekit.models.pretrained.network:build",
        "resnet": "genrekit.models.resnet:build",
        "transformer": "genrekit.models.transformer:build",
        "vgg": "genrekit.models.vgg:build",
    },
    group="genrekit.networks",
)

#: Networks that no configuration builds, by what makes one that weights fit into.
FROM_WEIGHTS = Catalog(
    "networks from weights",
    {"box": "genrekit.models.box:from_weights"},
    group="genrekit.networks_from_weights",
)


def model_config(settings: dict[str, Any]) -> ModelConfig:
    """Return the configuration that ``settings`` describe, by their ``architecture``.

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
    kind = MODELS.get(name)
    if not (isinstance(kind, type) and issubclass(kind, ModelConfig)):
        raise ConfigError(
            f"the model {name!r} is registered as {kind!r}; expected a subclass of ClassicalConfig "
            'or NetworkConfig, whose builder = "module:function" builds it'
        )
    config: ModelConfig = kind.model_validate(settings)
    return config


def classical_config(settings: dict[str, Any]) -> ClassicalConfig:
    """As `model_config`, for places that take feature vectors and scikit-learn alone.

    Raises
    ------
    ConfigError
        If ``settings`` describe a network.
    """
    config = model_config(settings)
    if not isinstance(config, ClassicalConfig):
        classical = [name for name in MODELS if name not in NETWORKS]
        raise ConfigError(
            f"{config.architecture} is a network; here one of {', '.join(classical)} is needed"
        )
    return config


def build(
    config: ClassicalConfig,
    *,
    seed: int,
    feature_names: Sequence[str] = (),
    groups: Sequence[str] | None = None,
) -> Pipeline:
    """Return an unfitted scikit-learn pipeline, preparation included; see `estimators.build`.

    Raises
    ------
    MissingExtraError
        If scikit-learn or XGBoost is not installed.
    """
    with naming_extra():
        from genrekit.models import estimators
    return estimators.build(config, seed=seed, feature_names=feature_names, groups=groups)


def build_network(
    config: NetworkConfig, shapes: Mapping[str, tuple[int, ...]], n_genres: int
) -> Network:
    """Return an untrained network, its random weights drawn from torch's generator.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        Shape of each named array without the axis of rows: ``{"mel": (128, 1291)}``.

    Raises
    ------
    ConfigError
        If the network does not take such arrays.
    MissingExtraError
        If torch is not installed.
    """
    with naming_extra():
        builder = resolve(config.builder) if config.builder else NETWORKS.get(config.architecture)
        network: Network = builder(config, shapes, n_genres)
    return network
