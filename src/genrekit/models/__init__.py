"""Models: a configuration for each architecture, and what it builds.

`MODELS` leads from the name of an architecture to its configuration, a frozen contract whose
``architecture`` field is that name. The configuration says everything: `build` turns a classical
one into an unfitted scikit-learn pipeline, `build_network` the one of a network into an untrained
torch module, by the function that `NETWORKS` has under the same name. A configuration from another
package names the function that builds it as its ``builder``; one entry point is all it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.models.architecture import ModelConfig
    from genrekit.models.classical import (
        ClassicalConfig,
        NearestNeighbours,
        Prepare,
        Stack,
        Svm,
        Vote,
    )
    from genrekit.models.estimators import Balanced, NearestRows
    from genrekit.models.impute import Imputed
    from genrekit.models.module import Network
    from genrekit.models.networks import Form, NetworkConfig
    from genrekit.models.pretrained.backbones import DistilHubert
    from genrekit.models.pretrained.body import Body
    from genrekit.models.pretrained.distilhubert import hub_config
    from genrekit.models.pretrained.source import file_sha256
    from genrekit.models.registry import (
        FROM_WEIGHTS,
        MODELS,
        NETWORKS,
        build,
        build_network,
        classical_config,
        model_config,
    )
    from genrekit.models.resample import Resampled

__all__ = [
    "FROM_WEIGHTS",
    "MODELS",
    "NETWORKS",
    "Balanced",
    "Body",
    "ClassicalConfig",
    "DistilHubert",
    "Form",
    "Imputed",
    "ModelConfig",
    "NearestNeighbours",
    "NearestRows",
    "Network",
    "NetworkConfig",
    "Prepare",
    "Resampled",
    "Stack",
    "Svm",
    "Vote",
    "build",
    "build_network",
    "classical_config",
    "file_sha256",
    "hub_config",
    "model_config",
]

# Resolved on first use: who needs one module of this room does not import the others.
_HOMES = {
    "ModelConfig": "genrekit.models.architecture",
    "ClassicalConfig": "genrekit.models.classical",
    "NearestNeighbours": "genrekit.models.classical",
    "Prepare": "genrekit.models.classical",
    "Stack": "genrekit.models.classical",
    "Svm": "genrekit.models.classical",
    "Vote": "genrekit.models.classical",
    "Balanced": "genrekit.models.estimators",
    "NearestRows": "genrekit.models.estimators",
    "Imputed": "genrekit.models.impute",
    "Network": "genrekit.models.module",
    "Form": "genrekit.models.networks",
    "NetworkConfig": "genrekit.models.networks",
    "DistilHubert": "genrekit.models.pretrained.backbones",
    "Body": "genrekit.models.pretrained.body",
    "hub_config": "genrekit.models.pretrained.distilhubert",
    "file_sha256": "genrekit.models.pretrained.source",
    "FROM_WEIGHTS": "genrekit.models.registry",
    "MODELS": "genrekit.models.registry",
    "NETWORKS": "genrekit.models.registry",
    "build": "genrekit.models.registry",
    "build_network": "genrekit.models.registry",
    "classical_config": "genrekit.models.registry",
    "model_config": "genrekit.models.registry",
    "Resampled": "genrekit.models.resample",
}

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
