"""YAMNet from its TensorFlow Lite file.

The file's weights are eight-bit integers; they are multiplied out once. Its transform is eight-bit
as well and is computed exactly instead, as in the network that was published first.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from genrekit.models.pretrained.backbones import Yamnet
from genrekit.models.pretrained.body import Body
from genrekit.models.pretrained.source import readable_weights, required_weights
from genrekit.models.pretrained.spectra import LogMel
from genrekit.models.pretrained.tflite import (
    CONV_2D,
    DEPTHWISE_CONV_2D,
    FULLY_CONNECTED,
    Layer,
    read_layers,
)

# Channels after each pair of convolutions, and the step of its first one (MobileNet v1).
_STEM = 32
_PLAN = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *((512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1)),
)
_CLASSES = 521
_PATCH = (96, 64)


class SameConv(nn.Module):
    """Convolution and ReLU with TensorFlow's padding "same", which is not symmetric.

    Parameters
    ----------
    size : (int, int)
        Rows and columns that it takes.
    """

    def __init__(
        self, size: tuple[int, int], channels: tuple[int, int], kernel: int, stride: int
    ) -> None:
        super().__init__()
        self.size = (-(-size[0] // stride), -(-size[1] // stride))
        rows, columns = (
            max(0, (steps - 1) * stride + kernel - length)
            for steps, length in zip(self.size, size, strict=True)
        )
        self.margins = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
        groups = channels[0] if kernel > 1 and channels[0] == channels[1] else 1
        self.conv = nn.Conv2d(*channels, kernel, stride, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (n, channels, rows, columns) to (n, out, rows / stride, columns / stride)."""
        return functional.relu(self.conv(functional.pad(x, self.margins)))


class YamnetBody(Body):
    """Patches of 0.96 s, each to 1024 numbers, and their mean."""

    embedding_size = 1024

    def __init__(self, samples: int) -> None:
        super().__init__()
        self.patches = LogMel(samples, patch_hop=48, offset=0.001)
        layers = [SameConv(_PATCH, (1, _STEM), 3, 2)]
        channels = _STEM
        for out, stride in _PLAN:
            layers.append(SameConv(layers[-1].size, (channels, channels), 3, stride))
            layers.append(SameConv(layers[-1].size, (channels, out), 1, 1))
            channels = out
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Samples (n, 1, samples) at 16 kHz to (n, 1024)."""
        patches = self.patches(x)
        n_patches = patches.shape[1]
        maps: Tensor = self.layers(patches.flatten(0, 1)[:, None])
        return maps.mean(dim=(2, 3)).reshape(-1, n_patches, self.embedding_size).mean(dim=1)


def build(config: Yamnet, samples: int) -> YamnetBody:
    """The module with its weights; see `genrekit.models.pretrained.build_body`."""
    body = YamnetBody(samples)
    if config.weights != "random":
        path = required_weights(config.source, config.file)
        with readable_weights(config.source, path):
            convolutions, _ = split_layers(read_layers(path.read_bytes()))
            _fill(body, convolutions)
    return body


def split_layers(layers: list[Layer]) -> tuple[list[Layer], Layer]:
    """The convolutions, and the dense layer to the 521 classes of AudioSet.

    Raises
    ------
    ValueError
        If the file holds another network.
    """
    convolutions = [one for one in layers if one.kind in (CONV_2D, DEPTHWISE_CONV_2D)]
    dense = [one for one in layers if one.kind == FULLY_CONNECTED]
    wanted = 1 + 2 * len(_PLAN)
    if len(convolutions) != wanted or not dense or len(dense[-1].weights) != _CLASSES:
        raise ValueError(
            f"it has {len(convolutions)} convolutions, expected {wanted} and then a layer of "
            f"{_CLASSES} classes"
        )
    return convolutions, dense[-1]


def _fill(body: YamnetBody, convolutions: list[Layer]) -> None:
    for own, layer in zip(body.layers, convolutions, strict=True):
        assert isinstance(own, SameConv)
        # (out, rows, columns, in) of a plain one, (1, rows, columns, channels) of a depthwise one.
        axes = (3, 0, 1, 2) if layer.kind == DEPTHWISE_CONV_2D else (0, 3, 1, 2)
        weights = torch.from_numpy(layer.weights.transpose(axes).copy())
        if weights.shape != own.conv.weight.shape or own.conv.bias is None:
            raise ValueError(f"it has a layer of shape {tuple(weights.shape)}")
        with torch.no_grad():
            own.conv.weight.copy_(weights)
            own.conv.bias.copy_(torch.from_numpy(layer.bias))
