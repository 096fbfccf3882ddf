"""A backbone and a head as one network, fine-tuned together or the head alone."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from genrekit.errors import ConfigError
from genrekit.models.module import Network, Shapes
from genrekit.models.pretrained import build_body
from genrekit.models.pretrained.backbones import Pretrained
from genrekit.models.pretrained.body import Frozen

WAVEFORM = "waveform"


class PretrainedNetwork(Network):
    """Samples as they are, for nothing may stand between a backbone and what it learnt from."""

    def __init__(
        self, shapes: Shapes, body: nn.Module, *, embedding_size: int, n_genres: int, dropout: float
    ) -> None:
        super().__init__(
            {}, body, embedding_size=embedding_size, n_genres=n_genres, dropout=dropout
        )
        self.shapes = dict(shapes)

    def embed(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Embedding (n, embedding_size) of each row."""
        embedding: Tensor = self.body(inputs[WAVEFORM])
        return embedding


def build(config: Pretrained, shapes: Shapes, n_genres: int) -> PretrainedNetwork:
    """The network that ``config`` describes, its backbone with published weights.

    Raises
    ------
    ConfigError
        If it is given anything but one waveform, or the weights are not on this machine.
    """
    if list(shapes) != [WAVEFORM]:
        raise ConfigError(f"pretrained takes one waveform; the front-ends give {', '.join(shapes)}")
    body = build_body(config.backbone, shapes[WAVEFORM][1])
    size = body.embedding_size
    layers: list[nn.Module] = [Frozen(body) if config.train == "head" else body]
    if config.projection is not None:
        layers.append(nn.Linear(size, config.projection))
        size = config.projection
    return PretrainedNetwork(
        shapes,
        nn.Sequential(*layers),
        embedding_size=size,
        n_genres=n_genres,
        dropout=config.dropout,
    )
