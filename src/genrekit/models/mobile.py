"""Depthwise-separable convolutions with inverted residuals, for phones and for the box."""

from __future__ import annotations

from torch import Tensor, nn

from genrekit.models.cnn import MeanOfPicture, Picture
from genrekit.models.module import Network, Shapes, ordered
from genrekit.models.networks import Mobile
from genrekit.models.resnet import convolution


def build(config: Mobile, shapes: Shapes, n_genres: int) -> Network:
    """Return the network of ``config`` for one spectrogram."""
    shapes = ordered(config, shapes)
    n_in = config.channels[0]
    parts: list[nn.Module] = [Picture(), *convolution(1, n_in, size=3, stride=2), nn.ReLU6()]
    for width in config.channels:
        for number in range(config.blocks):
            stride = 2 if number == 0 else 1
            parts.append(InvertedResidual(n_in, width, stride=stride, expansion=config.expansion))
            n_in = width
    parts += [*convolution(n_in, config.embedding, size=1), nn.ReLU6()]
    return Network(
        shapes,
        nn.Sequential(*parts, MeanOfPicture()),
        embedding_size=config.embedding,
        n_genres=n_genres,
        dropout=config.dropout,
    )


class InvertedResidual(nn.Module):
    """Widen, convolve each channel by itself, narrow; what came in is added where it fits."""

    def __init__(self, n_in: int, n_out: int, *, stride: int, expansion: int) -> None:
        super().__init__()
        wide = n_in * expansion
        self.adds = n_in == n_out and stride == 1
        self.layers = nn.Sequential(
            *convolution(n_in, wide, size=1),
            nn.ReLU6(),
            *convolution(wide, wide, size=3, stride=stride, groups=wide),
            nn.ReLU6(),
            *convolution(wide, n_out, size=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (n, n_in, rows, columns) to (n, n_out, rows / stride, columns / stride)."""
        out: Tensor = self.layers(x)
        return x + out if self.adds else out
