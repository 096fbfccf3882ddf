"""EfficientAT's MobileNetV3 for audio (mn04, mn10, mn20, ...) by its published parameter names."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from genrekit.models.pretrained.backbones import EfficientAt
from genrekit.models.pretrained.body import Body
from genrekit.models.pretrained.checkpoint import load_state, read_state
from genrekit.models.pretrained.source import readable_weights, required_weights
from genrekit.models.pretrained.spectra import Power, exact, hann, htk_filters

_FFT, _FRAME, _HOP, _MELS = 1024, 800, 320, 128
_PREEMPHASIS = 0.97


class Stage(NamedTuple):
    """A block of table 1 of Howard et al., *Searching for MobileNetV3* (ICCV 2019)."""

    kernel: int
    expanded: int
    out: int
    squeeze: bool
    hard: bool
    stride: int


_STEM = 16
_STAGES = (
    Stage(3, 16, 16, False, False, 1),
    Stage(3, 64, 24, False, False, 2),
    Stage(3, 72, 24, False, False, 1),
    Stage(5, 72, 40, True, False, 2),
    Stage(5, 120, 40, True, False, 1),
    Stage(5, 120, 40, True, False, 1),
    Stage(3, 240, 80, False, True, 2),
    Stage(3, 200, 80, False, True, 1),
    Stage(3, 184, 80, False, True, 1),
    Stage(3, 184, 80, False, True, 1),
    Stage(3, 480, 112, True, True, 1),
    Stage(3, 672, 112, True, True, 1),
    Stage(5, 672, 160, True, True, 2),
    Stage(5, 960, 160, True, True, 1),
    Stage(5, 960, 160, True, True, 1),
)


def _eights(channels: float) -> int:
    """The nearest multiple of eight, and not a tenth less than asked for."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near


def _convolution(
    channels: int, out: int, *, kernel: int = 1, stride: int = 1, groups: int = 1, act: str = ""
) -> nn.Sequential:
    parts: list[nn.Module] = [
        nn.Conv2d(channels, out, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out, eps=0.001, momentum=0.01),
    ]
    if act:
        parts.append(nn.Hardswish() if act == "hard" else nn.ReLU())
    return nn.Sequential(*parts)


class Excite(nn.Module):
    """Weighs channels by their means."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(channels, squeezed), nn.Linear(squeezed, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Maps to maps."""
        weights = torch.sigmoid(self.fc2(functional.relu(self.fc1(x.mean(dim=(2, 3))))))
        return x * weights[:, :, None, None]


class Excites(nn.Module):
    """The one `Excite` of a block, under the name that it has in the published files."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conc_se_layers = nn.ModuleList([Excite(channels, _eights(channels // 4))])

    def forward(self, x: Tensor) -> Tensor:
        """Maps to maps."""
        found: Tensor = self.conc_se_layers[0](x)
        return found


class InvertedResidual(nn.Module):
    """Widen, filter each channel, weigh, narrow."""

    def __init__(self, channels: int, stage: Stage) -> None:
        super().__init__()
        act = "hard" if stage.hard else "relu"
        parts: list[nn.Module] = []
        if stage.expanded != channels:
            parts.append(_convolution(channels, stage.expanded, act=act))
        wide = stage.expanded
        parts.append(
            _convolution(wide, wide, kernel=stage.kernel, stride=stage.stride, groups=wide, act=act)
        )
        if stage.squeeze:
            parts.append(Excites(wide))
        parts.append(_convolution(wide, stage.out))
        self.block = nn.Sequential(*parts)
        self.residual = stage.stride == 1 and channels == stage.out

    def forward(self, x: Tensor) -> Tensor:
        """Maps to maps."""
        found: Tensor = self.block(x)
        return found + x if self.residual else found


class EfficientAtBody(Body):
    """Log-mel spectrogram, MobileNetV3, and the mean over time and bands."""

    filters: Tensor
    preemphasis: Tensor

    def __init__(self, width: float) -> None:
        super().__init__()
        margin = (_FFT - _FRAME) // 2
        window = np.pad(hann(_FRAME, periodic=False), margin)
        self.power = Power(window, _FFT, _HOP)
        filters = htk_filters(32000, _FFT, _MELS, 0.0, 15000.0).T.astype(np.float32)
        self.register_buffer("filters", torch.from_numpy(filters.copy()), persistent=False)
        kernel = torch.tensor([[[-_PREEMPHASIS, 1.0]]])
        self.register_buffer("preemphasis", kernel, persistent=False)
        channels = _eights(_STEM * width)
        layers: list[nn.Module] = [_convolution(1, channels, kernel=3, stride=2, act="hard")]
        for stage in _STAGES:
            scaled = stage._replace(
                expanded=_eights(stage.expanded * width), out=_eights(stage.out * width)
            )
            layers.append(InvertedResidual(channels, scaled))
            channels = scaled.out
        layers.append(_convolution(channels, 6 * channels, act="hard"))
        self.features = nn.Sequential(*layers)
        self.embedding_size = 6 * channels

    def forward(self, x: Tensor) -> Tensor:
        """Samples (n, 1, samples) at 32 kHz to (n, embedding_size)."""
        with exact(x):
            sharpened = functional.conv1d(x, self.preemphasis)
            centred = functional.pad(sharpened, (_FFT // 2, _FFT // 2), mode="reflect")
            logs = torch.log(self.filters @ self.power(centred) + 1e-5)
        maps: Tensor = self.features(((logs + 4.5) / 5)[:, None])
        return maps.mean(dim=(2, 3))


def build(config: EfficientAt, samples: int) -> EfficientAtBody:
    """The module with its weights; see `genrekit.models.pretrained.build_body`."""
    del samples  # it takes windows of any length
    body = EfficientAtBody(config.width)
    if config.weights != "random":
        path = required_weights(config.source, config.file)
        with readable_weights(config.source, path):
            load_state(body, read_state(path), ignored=("classifier.",))
    return body
