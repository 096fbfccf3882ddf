"""Convolutional blocks on a spectrogram, averaged at their end."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from genrekit.models.module import Network, Shapes, ordered
from genrekit.models.networks import Cnn


def build(config: Cnn, shapes: Shapes, n_genres: int) -> Network:
    """Return the network of ``config`` for one spectrogram."""
    shapes = ordered(config, shapes)
    return Network(
        shapes,
        averaged_blocks(config.channels),
        embedding_size=config.channels[-1],
        n_genres=n_genres,
        dropout=config.dropout,
    )


def averaged_blocks(channels: Sequence[int]) -> nn.Sequential:
    """Blocks that halve a spectrogram (n, bands, frames), then its mean: (n, channels[-1])."""
    widths = [1, *channels]
    # The last block is averaged whole, so it need not be halved.
    blocks = [
        block(n_in, n_out, pool=number < len(channels))
        for number, (n_in, n_out) in enumerate(pairwise(widths), start=1)
    ]
    return nn.Sequential(Picture(), *blocks, MeanOfPicture())


class Picture(nn.Module):
    """A spectrogram (n, bands, frames) as a picture of one channel."""

    def forward(self, x: Tensor) -> Tensor:
        """Add the axis of channels."""
        return x.unsqueeze(1)


def block(n_in: int, n_out: int, *, pool: bool) -> nn.Sequential:
    """Convolution of 3 by 3, batch norm, ReLU, and if wanted the maximum of 2 by 2."""
    parts: list[nn.Module] = [
        nn.Conv2d(n_in, n_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(n_out),
        nn.ReLU(),
    ]
    if pool:
        # Rounding up keeps an axis of one alive, so few bands or frames can be halved often.
        parts.append(nn.MaxPool2d(2, ceil_mode=True))
    return nn.Sequential(*parts)


class MeanOfPicture(nn.Module):
    """Pictures (n, channels, rows, columns) to the mean of each channel (n, channels)."""

    def forward(self, x: Tensor) -> Tensor:
        """Average over rows and columns."""
        return x.mean(dim=(2, 3))
