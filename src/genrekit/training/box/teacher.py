"""Choi's compact CNN (2017, MIT licence) as the teacher of the network in the box.

Its published weights normalise by the statistics of a batch. Here they are taken once, from the
music that may teach, and then stand still: one clip's features no longer depend on its neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from genrekit.models.listener import bordered, levelled, pooled
from genrekit.models.pretrained import build_body
from genrekit.models.pretrained.backbones import Choi2017
from genrekit.models.pretrained.choi2017 import Block, ChoiBody

_EPSILON = 1e-3


class Teacher(nn.Module):
    """The five blocks of Choi's network on levelled mel bands.

    Parameters
    ----------
    config : Choi2017
        Where its weights lie.
    music : iterable of (n, 96, frames) tensors
        Decibels whose statistics it keeps.
    """

    def __init__(self, config: Choi2017, music: Iterable[Tensor]) -> None:
        super().__init__()
        body = build_body(config, 29 * config.sample_rate_hz)
        assert isinstance(body, ChoiBody)
        self.blocks = body.blocks
        self.blocks.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        levels = [levelled(decibels) for decibels in music]
        with torch.no_grad():
            for number, block in enumerate(self.blocks):
                assert isinstance(block, Block)
                _keep_statistics(block, levels)
                levels = [pooled(self.raw(number, bordered(one)), number) for one in levels]
        self.requires_grad_(False)

    def raw(self, number: int, maps: Tensor) -> Tensor:
        """What convolution ``number`` says to (n, maps, bands + 2, frames + 2), normalised."""
        block = self.blocks[number]
        assert isinstance(block, Block)
        gain = block.scale / torch.sqrt(block.variance + _EPSILON)
        assert block.conv.bias is not None
        bias = (block.conv.bias - block.mean) * gain + block.shift
        return functional.conv2d(maps, block.conv.weight * gain[:, None, None, None], bias)


def _keep_statistics(block: Block, levels: list[Tensor]) -> None:
    total, squares, count = torch.zeros(32), torch.zeros(32), 0
    for one in levels:
        raw = block.conv(one).double()
        total = total + raw.sum(dim=(0, 2, 3))
        squares = squares + raw.square().sum(dim=(0, 2, 3))
        count += raw.numel() // raw.shape[1]
    mean = total / count
    block.mean.copy_(mean)
    block.variance.copy_(squares / count - mean.square())
