"""Recurrence over time in both directions, then attention pooling or the mean."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genrekit.models.module import Network, Shapes, ordered
from genrekit.models.networks import Bilstm, RecurrentConfig


def build(config: RecurrentConfig, shapes: Shapes, n_genres: int) -> Network:
    """Return the network of ``config`` for one array whose last axis is time."""
    shapes = ordered(config, shapes)
    ((n_bands, _),) = shapes.values()
    body = nn.Sequential(
        Steps(config.frames_per_step),
        Recurrence(
            nn.LSTM if isinstance(config, Bilstm) else nn.GRU,
            n_bands,
            config.units,
            layers=config.layers,
            dropout=config.layer_dropout,
        ),
        AttentionPooling(2 * config.units, config.attention)
        if config.use_attention
        else MeanOfSteps(),
    )
    return Network(
        shapes,
        body,
        embedding_size=2 * config.units,
        n_genres=n_genres,
        dropout=config.dropout,
    )


class Steps(nn.Module):
    """A spectrogram (n, bands, frames) as steps (n, frames / frames_per_step, bands)."""

    def __init__(self, frames_per_step: int) -> None:
        super().__init__()
        self.pool = nn.AvgPool1d(frames_per_step, ceil_mode=True)

    def forward(self, x: Tensor) -> Tensor:
        """Average frames, and put time before bands."""
        steps: Tensor = self.pool(x).transpose(1, 2)
        return steps


class Recurrence(nn.Module):
    """The states (n, steps, 2 * units) of a recurrent layer that reads both ways."""

    def __init__(
        self,
        kind: type[nn.LSTM] | type[nn.GRU],
        n_in: int,
        units: int,
        *,
        layers: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.layer = kind(
            n_in,
            units,
            num_layers=layers,
            batch_first=True,
            bidirectional=True,
            dropout=dropout if layers > 1 else 0.0,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Read steps (n, steps, n_in)."""
        states: Tensor = self.layer(x)[0]
        return states


class MeanOfSteps(nn.Module):
    """Mean of steps, all counted the same."""

    def forward(self, steps: Tensor) -> Tensor:
        """Pool steps (n, steps, width) into (n, width)."""
        return steps.mean(dim=1)


class AttentionPooling(nn.Module):
    """Mean of steps, weighted by a small network that looks at each (Bahdanau et al. 2015)."""

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.weigh = nn.Sequential(
            nn.Linear(width, units), nn.Tanh(), nn.Linear(units, 1, bias=False)
        )

    def forward(self, steps: Tensor) -> Tensor:
        """Pool steps (n, steps, width) into (n, width)."""
        weights = torch.softmax(self.weigh(steps), dim=1)
        return (weights * steps).sum(dim=1)
