"""PANNs CNN14 by its published parameter names."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from genrekit.features import mel_filters
from genrekit.models.pretrained.backbones import Cnn14
from genrekit.models.pretrained.body import Body
from genrekit.models.pretrained.checkpoint import load_state, read_state
from genrekit.models.pretrained.source import readable_weights, required_weights
from genrekit.models.pretrained.spectra import Power, exact, hann

_FFT, _HOP, _MELS = 1024, 320, 64
_QUIETEST = 1e-10
_BLOCKS = 6
# What the file has beyond the embedding: its transform, which is computed here, and its old head.
_IGNORED = ("spectrogram_extractor.", "logmel_extractor.", "fc_audioset.")


class ConvBlock(nn.Module):
    """Two convolutions with batch norm, and the mean of neighbours."""

    def __init__(self, channels: int, wider: int, pool: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, wider, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(wider, wider, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(wider), nn.BatchNorm2d(wider)
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        """Maps to maps of half the frames and half the bands, but in the last block."""
        x = functional.relu(self.bn1(self.conv1(x)))
        x = functional.relu(self.bn2(self.conv2(x)))
        return functional.avg_pool2d(x, self.pool) if self.pool > 1 else x


class Cnn14Body(Body):
    """Log-mel spectrogram, six blocks, and the loudest plus the mean over time."""

    filters: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embedding_size = width * 2 ** (_BLOCKS - 1)
        self.power = Power(hann(_FFT), _FFT, _HOP)
        filters = mel_filters(32000, _FFT, _MELS, 50.0, 14000.0)
        self.register_buffer("filters", torch.from_numpy(filters), persistent=False)
        self.bn0 = nn.BatchNorm2d(_MELS)
        channels = 1
        for number in range(_BLOCKS):
            wider = width * 2**number
            pool = 1 if number == _BLOCKS - 1 else 2
            setattr(self, f"conv_block{number + 1}", ConvBlock(channels, wider, pool))
            channels = wider
        self.fc1 = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Samples (n, 1, samples) at 32 kHz to (n, 32 * width)."""
        with exact(x):
            centred = functional.pad(x, (_FFT // 2, _FFT // 2), mode="reflect")
            mel = self.power(centred).transpose(1, 2) @ self.filters
            decibels = 10 * torch.log10(mel.clamp_min(_QUIETEST))
        maps = self.bn0(decibels.transpose(1, 2)[:, :, :, None]).permute(0, 3, 2, 1)
        for number in range(_BLOCKS):
            maps = getattr(self, f"conv_block{number + 1}")(maps)
        frames = maps.mean(dim=3)
        pooled = frames.amax(dim=2) + frames.mean(dim=2)
        return functional.relu(self.fc1(pooled))


def build(config: Cnn14, samples: int) -> Cnn14Body:
    """The module with its weights; see `genrekit.models.pretrained.build_body`."""
    del samples  # it takes windows of any length
    body = Cnn14Body(config.width)
    if config.weights != "random":
        path = required_weights(config.source, config.file)
        with readable_weights(config.source, path):
            load_state(body, read_state(path), ignored=_IGNORED)
    return body
