"""Blocks of several convolutions between poolings, then a fully connected layer."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from genrekit.models.cnn import MeanOfPicture, Picture, block
from genrekit.models.module import Network, Shapes, ordered
from genrekit.models.networks import Vgg


def build(config: Vgg, shapes: Shapes, n_genres: int) -> Network:
    """Return the network of ``config`` for one spectrogram."""
    shapes = ordered(config, shapes)
    parts: list[nn.Module] = [Picture()]
    widths = pairwise([1, *config.channels])
    for (n_in, n_out), convolutions in zip(widths, config.convolutions, strict=True):
        for number in range(1, convolutions + 1):
            parts.append(block(n_in, n_out, pool=number == convolutions))
            n_in = n_out
    dense = nn.Sequential(nn.Linear(config.channels[-1], config.dense), nn.ReLU())
    return Network(
        shapes,
        nn.Sequential(*parts, MeanOfPicture(), dense),
        embedding_size=config.dense,
        n_genres=n_genres,
        dropout=config.dropout,
    )
