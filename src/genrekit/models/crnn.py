"""CNN-LSTM: a convolutional and a recurrent branch side by side."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genrekit.models.cnn import averaged_blocks
from genrekit.models.module import Network, Shapes, ordered
from genrekit.models.networks import Crnn
from genrekit.models.recurrent import Recurrence, Steps


def build(config: Crnn, shapes: Shapes, n_genres: int) -> Network:
    """Return the network of ``config`` for one spectrogram."""
    shapes = ordered(config, shapes)
    ((n_bands, _),) = shapes.values()
    recurrent = nn.Sequential(
        Steps(config.frames_per_step), Recurrence(nn.LSTM, n_bands, config.units), Ends()
    )
    return Network(
        shapes,
        SideBySide(averaged_blocks(config.channels), recurrent),
        embedding_size=config.channels[-1] + 2 * config.units,
        n_genres=n_genres,
        dropout=config.dropout,
    )


class SideBySide(nn.Module):
    """What two branches make of the same array, concatenated."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first = first
        self.second = second

    def forward(self, x: Tensor) -> Tensor:
        """``x`` to (n, width of first + width of second)."""
        return torch.cat([self.first(x), self.second(x)], dim=1)


class Ends(nn.Module):
    """Where reading ended: the last state forward and the first backward."""

    def forward(self, states: Tensor) -> Tensor:
        """States (n, steps, 2 * units) to (n, 2 * units)."""
        forward, backward = states.chunk(2, dim=2)
        return torch.cat([forward[:, -1], backward[:, 0]], dim=1)
