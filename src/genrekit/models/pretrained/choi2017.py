"""Choi's compact CNN: its Keras 1 weights, and the features of its five layers.

The network normalises its maps by the batch that it is given: the file holds no statistics, and the
published features depend on which clips were computed together. Here one batch stands for all: a
track of each genre of the jukebox, the same on every machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from genrekit.features import mel_filters
from genrekit.jukebox import JUKEBOX_GENRES, synthesise
from genrekit.models.pretrained.backbones import Choi2017
from genrekit.models.pretrained.body import Body
from genrekit.models.pretrained.source import readable_weights, required_weights
from genrekit.models.pretrained.spectra import Power, exact, hann

_FFT, _HOP, _MELS, _MAPS = 512, 256, 96, 32
_POOLS = ((2, 4), (3, 4), (2, 5), (2, 4), (4, 4))
_EPSILON = 1e-3
_QUIETEST, _RANGE_DB = 1e-10, 80.0
_RATE_HZ, _BATCH_SECONDS = 12000, 29.0


class ChoiBody(Body):
    """Mel spectrogram, five convolutions, and the mean of each map after each of them."""

    filters: Tensor
    embedding_size = _MAPS * len(_POOLS)

    def __init__(self, samples: int, by_window: bool) -> None:
        super().__init__()
        # Keras' padding "same": as many frames as hops begin in the audio.
        self.n_samples = samples
        missing = max(0, (-(-samples // _HOP) - 1) * _HOP + _FFT - samples)
        self.margins = (missing // 2, missing - missing // 2)
        self.power = Power(hann(_FFT), _FFT, _HOP)
        filters = mel_filters(_RATE_HZ, _FFT, _MELS, 0.0, 6000.0)
        self.register_buffer("filters", torch.from_numpy(filters.T.copy()), persistent=False)
        self.blocks = nn.ModuleList(
            Block(_MAPS if number else 1, pool, by_window) for number, pool in enumerate(_POOLS)
        )

    @property
    def feature_names(self) -> tuple[str, ...]:
        """As the columns of the published table are called."""
        layers = range(len(_POOLS))
        return tuple(f"layer{layer}_{number:03d}" for layer in layers for number in range(_MAPS))

    def picture(self, x: Tensor) -> Tensor:
        """Decibels (n, 1, bands, frames) below the loudest cell of each row."""
        with exact(x):
            power = self.power(functional.pad(x, self.margins))
            decibels = 10 * torch.log10((self.filters @ power).clamp_min(_QUIETEST))
        loudest = decibels.amax(dim=(1, 2), keepdim=True)
        return (decibels - loudest).clamp_min(-_RANGE_DB)[:, None]

    def forward(self, x: Tensor) -> Tensor:
        """Samples (n, 1, samples) at 12 kHz to (n, 160)."""
        maps = self.picture(x)
        means = []
        for block in self.blocks:
            maps = block(maps)
            means.append(maps.mean(dim=(2, 3)))
        return torch.cat(means, dim=1)


class Block(nn.Module):
    """Convolution, normalisation, ELU, pooling."""

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int, pool: tuple[int, int], by_window: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, _MAPS, 3, padding=1)
        self.scale = nn.Parameter(torch.ones(_MAPS))
        self.shift = nn.Parameter(torch.zeros(_MAPS))
        self.register_buffer("mean", torch.zeros(_MAPS))
        self.register_buffer("variance", torch.ones(_MAPS))
        self.pool, self.by_window = pool, by_window

    def forward(self, x: Tensor) -> Tensor:
        """Maps (n, channels, bands, frames) to (n, 32, fewer bands, fewer frames)."""
        return self.finished(self.conv(x))

    def measured(self, x: Tensor) -> Tensor:
        """As `forward`, normalised from now on by the statistics of this batch."""
        x = self.conv(x)
        self.mean.copy_(x.mean(dim=(0, 2, 3)))
        self.variance.copy_(x.var(dim=(0, 2, 3), correction=0))
        return self.finished(x)

    def finished(self, x: Tensor) -> Tensor:
        """What follows the convolution."""
        mean, variance = self.mean[:, None, None], self.variance[:, None, None]
        if self.by_window:
            mean = x.mean(dim=(2, 3), keepdim=True)
            variance = (x - mean).square().mean(dim=(2, 3), keepdim=True)
        scaled = (x - mean) / torch.sqrt(variance + _EPSILON)
        shaped = scaled * self.scale[:, None, None] + self.shift[:, None, None]
        return functional.max_pool2d(functional.elu(shaped), self.pool)


def build(config: Choi2017, samples: int) -> ChoiBody:
    """The module with its weights; see `genrekit.models.pretrained.build_body`."""
    import h5py

    body = ChoiBody(samples, config.normalise == "window")
    if config.weights != "random":
        path = required_weights(config.source, config.file)
        with readable_weights(config.source, path), h5py.File(path, "r") as file:
            _fill(body, file["ConvBNEluDr"], _is_theano(file))
        if config.normalise == "jukebox":
            _normalise(body)
    return body


def _normalise(body: ChoiBody) -> None:
    tracks = [
        synthesise(genre, seconds=_BATCH_SECONDS, sample_rate_hz=_RATE_HZ).samples
        for genre in JUKEBOX_GENRES
    ]
    whole = body if body.n_samples == len(tracks[0]) else ChoiBody(len(tracks[0]), False)
    with torch.no_grad():
        maps = whole.picture(torch.from_numpy(np.stack(tracks))[:, None])
        for block in body.blocks:
            assert isinstance(block, Block)
            maps = block.measured(maps)


def _is_theano(file: Any) -> bool:
    """Theano convolves with kernels turned around; only its files name parameters plainly."""
    return "param_0" in file["melgram"]


def _fill(body: ChoiBody, group: Any, turned: bool) -> None:
    suffix = "" if turned else ":0"
    for number, block in enumerate(body.blocks, start=1):
        assert isinstance(block, Block)
        kernels = group[f"convolution2d_{number}_W{suffix}"][()]
        kernels = kernels[:, :, ::-1, ::-1].copy() if turned else kernels
        norm = f"batchnormalization_{number}"
        found = {
            block.conv.weight: kernels,
            block.conv.bias: group[f"convolution2d_{number}_b{suffix}"][()],
            block.scale: group[f"{norm}_gamma{suffix}"][()],
            block.shift: group[f"{norm}_beta{suffix}"][()],
        }
        with torch.no_grad():
            for own, values in found.items():
                if own is None or own.shape != values.shape:
                    raise ValueError(f"layer {number} has an array of shape {values.shape}")
                own.copy_(torch.from_numpy(values.astype(np.float32)))
