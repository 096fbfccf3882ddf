"""Fully connected layers on a feature vector."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from genrekit.models.module import Network, Shapes, ordered
from genrekit.models.networks import Mlp


def build(config: Mlp, shapes: Shapes, n_genres: int) -> Network:
    """Return the network of ``config`` for one vector."""
    shapes = ordered(config, shapes)
    ((n_columns,),) = shapes.values()
    body = dense(n_columns, config.layers, dropout=config.layer_dropout, norm=config.batch_norm)
    size = config.layers[-1]
    return Network(shapes, body, embedding_size=size, n_genres=n_genres, dropout=config.dropout)


def dense(n_in: int, layers: Sequence[int], *, dropout: float, norm: bool) -> nn.Sequential:
    """Linear layers with ReLU, batch norm between if wanted, dropout after all but the last."""
    parts: list[nn.Module] = []
    for number, width in enumerate(layers):
        parts.append(nn.Linear(n_in, width, bias=not norm))
        if norm:
            parts.append(nn.BatchNorm1d(width))
        parts.append(nn.ReLU())
        if dropout and number < len(layers) - 1:
            parts.append(nn.Dropout(dropout))
        n_in = width
    return nn.Sequential(*parts)
