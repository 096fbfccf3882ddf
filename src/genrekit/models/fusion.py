"""Late fusion: a branch for each input, joined where both are embeddings."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genrekit.models.cnn import averaged_blocks
from genrekit.models.mlp import dense
from genrekit.models.module import Network, Shapes, ordered
from genrekit.models.networks import Fusion


def build(config: Fusion, shapes: Shapes, n_genres: int) -> Network:
    """Return the network of ``config`` for one spectrogram and one vector."""
    shapes = ordered(config, shapes)
    _, (n_columns,) = shapes.values()
    body = Joined(
        averaged_blocks(config.channels),
        dense(n_columns, config.layers, dropout=config.dropout, norm=True),
        nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(config.channels[-1] + config.layers[-1], config.fused),
            nn.ReLU(),
        ),
    )
    return Network(
        shapes, body, embedding_size=config.fused, n_genres=n_genres, dropout=config.dropout
    )


class Joined(nn.Module):
    """Two arrays through a branch each, concatenated, then through what joins them."""

    def __init__(self, first: nn.Module, second: nn.Module, join: nn.Module) -> None:
        super().__init__()
        self.first = first
        self.second = second
        self.join = join

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        """Return the joined embedding of a spectrogram and a vector."""
        joined: Tensor = self.join(torch.cat([self.first(one), self.second(other)], dim=1))
        return joined
