"""Residual blocks, with channel attention or without, on a spectrogram."""

from __future__ import annotations

from torch import Tensor, nn

from genrekit.models.cnn import MeanOfPicture, Picture
from genrekit.models.module import Network, Shapes, ordered
from genrekit.models.networks import Resnet


def build(config: Resnet, shapes: Shapes, n_genres: int) -> Network:
    """Return the network of ``config`` for one spectrogram."""
    shapes = ordered(config, shapes)
    width = config.base_channels
    parts: list[nn.Module] = [
        Picture(),
        *convolution(1, width, size=3, stride=2),
        nn.ReLU(),
        nn.MaxPool2d(2, ceil_mode=True),
    ]
    n_in = width
    for stage, blocks in enumerate(config.blocks):
        width = config.base_channels * 2**stage
        for number in range(blocks):
            halve = stage > 0 and number == 0
            squeeze = config.squeeze if config.use_attention else None
            parts.append(Residual(n_in, width, stride=2 if halve else 1, squeeze=squeeze))
            n_in = width
    return Network(
        shapes,
        nn.Sequential(*parts, MeanOfPicture()),
        embedding_size=width,
        n_genres=n_genres,
        dropout=config.dropout,
    )


def convolution(
    n_in: int, n_out: int, *, size: int, stride: int = 1, groups: int = 1
) -> tuple[nn.Module, nn.Module]:
    """Return a convolution and its batch norm."""
    layer = nn.Conv2d(
        n_in, n_out, size, stride=stride, padding=size // 2, groups=groups, bias=False
    )
    return layer, nn.BatchNorm2d(n_out)


class Residual(nn.Module):
    """Two convolutions, their channels weighed if wanted, added to what came in."""

    def __init__(self, n_in: int, n_out: int, *, stride: int, squeeze: int | None) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            *convolution(n_in, n_out, size=3, stride=stride),
            nn.ReLU(),
            *convolution(n_out, n_out, size=3),
            *(() if squeeze is None else (ChannelAttention(n_out, squeeze),)),
        )
        same = n_in == n_out and stride == 1
        self.shortcut: nn.Module = (
            nn.Identity()
            if same
            else nn.Sequential(*convolution(n_in, n_out, size=1, stride=stride))
        )
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (n, n_in, rows, columns) to (n, n_out, rows / stride, columns / stride)."""
        out: Tensor = self.activation(self.convolutions(x) + self.shortcut(x))
        return out


class ChannelAttention(nn.Module):
    """Weighs each channel by what all channels hold on average (squeeze and excitation)."""

    def __init__(self, channels: int, squeeze: int) -> None:
        super().__init__()
        units = max(1, channels // squeeze)
        self.weigh = nn.Sequential(
            nn.Conv2d(channels, units, 1),
            nn.ReLU(),
            nn.Conv2d(units, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Pictures of any size, the same size back."""
        out: Tensor = x * self.weigh(x.mean(dim=(2, 3), keepdim=True))
        return out
