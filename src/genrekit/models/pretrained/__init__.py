"""Pretrained backbones: published networks that turn audio into an embedding.

Each has a configuration with its source, licence and digest (`backbones`), and a file that builds
its module and reads its published weights. A module takes samples (n, 1, samples) at the rate of
its configuration and gives (n, ``embedding_size``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.errors import ConfigError
from genrekit.extras import naming_extra
from genrekit.models.pretrained.backbones import (
    BACKBONES,
    Pretrained,
    PublishedConfig,
    backbone_config,
)
from genrekit.models.pretrained.source import Source, absent, local_weights, required_weights

if TYPE_CHECKING:
    from genrekit.models.pretrained.body import Body

__all__ = [
    "BACKBONES",
    "Pretrained",
    "PublishedConfig",
    "Source",
    "absent",
    "backbone_config",
    "build_body",
    "local_weights",
    "required_weights",
]


def build_body(config: PublishedConfig, samples: int) -> Body:
    """The module of a backbone, with its weights, for windows of so many samples.

    Raises
    ------
    ConfigError
        If the weights are not on this machine or are others, or the windows are too short.
    MissingExtraError
        If torch, or for DistilHuBERT transformers, is not installed.
    """
    from genrekit.models.pretrained.backbones import BODIES

    seconds = samples / config.sample_rate_hz
    if seconds < config.shortest_seconds:
        raise ConfigError(
            f"{config.name} needs windows of at least {config.shortest_seconds:g} s, not "
            f"{seconds:g} s; set windows.window_seconds"
        )
    with naming_extra():
        body: Body = BODIES.get(config.name)(config, samples)
    return body
