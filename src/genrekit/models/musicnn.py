"""Filters of timbre and of tempo on three seconds of music: the plan of musicnn, in small.

J. Pons, X. Serra, *musicnn: pre-trained convolutional neural networks for music audio tagging*
(ISMIR, late-breaking session, 2019). Two departures: the power of each window is normalised first,
so that the level of a file has no effect; and scales stand where the original has batch
normalisation, so that one window never depends on another. The default widths are those of the
filters that the published network uses: 497 of its 561 give a constant.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from genrekit.features import mel_edges_hz
from genrekit.models.module import Network, Shapes, ordered
from genrekit.models.networks import Musicnn
from genrekit.models.peak_filters import PeakFilters
from genrekit.schema import MelConfig

#: The front-end of the original, with frames that are not centred.
MEL = MelConfig(sample_rate_hz=16000, fft_samples=512, hop_samples=256, n_mels=96, floor_db=-120)
#: Frames of a window, and the seconds that they are computed from.
FRAMES = 187
WINDOW_SECONDS = ((FRAMES - 1) * MEL.hop_samples + MEL.fft_samples) / MEL.sample_rate_hz
#: Root mean square that each window is brought to, of full scale.
RMS = 0.15
# Below -80 dB there is the noise of the recording and nothing else: it is not amplified further.
_SMALLEST_RMS = 1e-4
# Mean and deviation of the compressed levels of music.
_CENTRE, _SPREAD = 2.5, 1.2
_NATS_PER_DECIBEL = float(np.log(10) / 10)
_TIMBRE = ((7, 38), (7, 67))
_TEMPO = ((128, 1), (64, 1), (32, 1))
_MIDDLE_LAYERS, _MIDDLE_FRAMES = 3, 7


def build(config: Musicnn, shapes: Shapes, n_genres: int) -> Network:
    """The network of ``config`` for mel spectrograms of `MEL`, or of another front-end's bands."""
    return MusicnnNetwork(config, ordered(config, shapes), n_genres)


class MusicnnNetwork(Network):
    """Mel spectrograms in decibels (n, bands, frames) to an embedding, and to scores."""

    def __init__(self, config: Musicnn, shapes: Shapes, n_genres: int) -> None:
        ((name, (bands, _)),) = shapes.items()
        super().__init__(
            {},
            MusicnnBody(config, bands),
            embedding_size=config.embedding,
            n_genres=n_genres,
            dropout=config.dropout,
        )
        self.shapes = dict(shapes)
        self._input = name

    @property
    def musicnn(self) -> MusicnnBody:
        """Everything up to the embedding."""
        assert isinstance(self.body, MusicnnBody)
        return self.body

    def usual_input(self) -> dict[str, Tensor]:
        """Every band as loud as the others."""
        return {name: torch.zeros(shape) for name, shape in self.shapes.items()}

    def embed(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Embedding (n, embedding_size) of each row."""
        embedding: Tensor = self.body(inputs[self._input])
        return embedding


class MusicnnBody(nn.Module):
    """Normalised levels, a front of filters, three residual layers over time, and a dense one."""

    def __init__(self, config: Musicnn, bands: int = MEL.n_mels) -> None:
        super().__init__()
        self.levels = NormalisedLevels(bands)
        self.front = Front(config.timbre, config.tempo, bands)
        channels = sum(config.timbre) + sum(config.tempo)
        self.middle = nn.ModuleList(
            Layer(nn.Conv1d(width, config.middle, _MIDDLE_FRAMES, padding=_MIDDLE_FRAMES // 2))
            for width in (channels, *[config.middle] * (_MIDDLE_LAYERS - 1))
        )
        pooled = 2 * (channels + _MIDDLE_LAYERS * config.middle)
        self.dense = Layer(nn.Linear(pooled, config.embedding))

    def forward(self, decibels: Tensor) -> Tensor:
        """Embedding (n, embedding_size)."""
        found: Tensor = self.dense(self.dense_input(self.front(self.levels(decibels))))
        return found

    def middle_input(self, front: Tensor, number: int) -> Tensor:
        """What layer ``number`` of the middle takes, from the front's maps (n, filters, frames)."""
        x = front
        for before in range(number):
            x = self._through(x, before)
        return x

    def dense_input(self, front: Tensor) -> Tensor:
        """Loudest and mean over time of all maps, side by side."""
        maps = [front]
        for number in range(len(self.middle)):
            maps.append(self._through(maps[-1], number))
        every = torch.cat(maps, dim=1)
        return torch.stack([every.amax(dim=2), every.mean(dim=2)], dim=2).flatten(1)

    def _through(self, x: Tensor, number: int) -> Tensor:
        found: Tensor = self.middle[number](x)
        return found if number == 0 else x + found


class NormalisedLevels(nn.Module):
    """Mel spectrograms in decibels (n, bands, frames) to compressed levels (n, frames, bands).

    The mean square of each window is brought to that of `RMS`, then the power is compressed as
    ``log10(1 + 10000 power)``. The mean square is told from the bands: triangles of equal area,
    each times its width, add up to all bins.
    """

    shares: Tensor

    def __init__(self, bands: int) -> None:
        super().__init__()
        edges = mel_edges_hz(bands, MEL.low_hz, MEL.sample_rate_hz / 2)
        # By Parseval, with 3/8 for the mean of a squared Hann window and half of the spectrum.
        shares = (edges[2:] - edges[:-2]) / 2 / (MEL.fft_samples**2 * 3 / 16)
        self.register_buffer("shares", torch.tensor(shares, dtype=torch.float32)[:, None])

    def forward(self, decibels: Tensor) -> Tensor:
        """Normalise and compress."""
        power = torch.exp(decibels * _NATS_PER_DECIBEL)
        mean_square = (power * self.shares).sum(dim=1).mean(dim=1).clamp_min(_SMALLEST_RMS**2)
        levels = power * (RMS**2 / mean_square)[:, None, None]
        return torch.log10(1 + 1e4 * levels).transpose(1, 2)


class Front(nn.Module):
    """The loudest band of each filter: levels (n, frames, bands) to maps (n, filters, frames)."""

    def __init__(self, timbre: tuple[int, ...], tempo: tuple[int, ...], bands: int) -> None:
        super().__init__()
        sizes = [(frames, min(width, bands)) for frames, width in (*_TIMBRE, *_TEMPO)]
        self.filters = nn.ModuleList(
            PeakFilters(count, *size)
            for count, size in zip((*timbre, *tempo), sizes, strict=True)
            if count
        )
        self.scale = Scale(sum(timbre) + sum(tempo))

    def forward(self, levels: Tensor) -> Tensor:
        """Maps of all filters, timbre first."""
        scaled = (levels - _CENTRE) / _SPREAD
        # A middling level surrounds a window; the odd frame of it is at the end.
        peaks = [
            filters(functional.pad(scaled, (0, 0, (filters.frames - 1) // 2, filters.frames // 2)))
            for filters in self.peak_filters
        ]
        found: Tensor = self.scale(functional.relu(torch.cat(peaks, dim=1)))
        return found

    @property
    def peak_filters(self) -> list[PeakFilters]:
        """All filters, by size."""
        return [one for one in self.filters if isinstance(one, PeakFilters)]

    def peaks(self, levels: Tensor, frames: int) -> Tensor:
        """Before rectification, of the first ``frames`` frames that each filter fits in."""
        scaled = (levels - _CENTRE) / _SPREAD
        return torch.cat(
            [one(scaled[:, : frames + one.frames - 1]) for one in self.peak_filters], dim=1
        )


class Layer(nn.Module):
    """Convolution over time or a linear layer, then ReLU, then a scale for each channel."""

    def __init__(self, linear: nn.Conv1d | nn.Linear) -> None:
        super().__init__()
        self.linear = linear
        self.scale = Scale(len(linear.weight), over_time=isinstance(linear, nn.Conv1d))

    def forward(self, x: Tensor) -> Tensor:
        """What the layer gives."""
        found: Tensor = self.scale(functional.relu(self.linear(x)))
        return found


class Scale(nn.Module):
    """A gain and an offset for each channel."""

    def __init__(self, channels: int, *, over_time: bool = True) -> None:
        super().__init__()
        shape = (channels, 1) if over_time else (channels,)
        self.gain = nn.Parameter(torch.ones(shape))
        self.offset = nn.Parameter(torch.zeros(shape))

    def forward(self, x: Tensor) -> Tensor:
        """Scale (n, channels[, frames])."""
        return x * self.gain + self.offset
