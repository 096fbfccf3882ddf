"""Transforms that published networks begin with, as layers: they travel inside the graph."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

_MEL_CORNER_HZ, _MEL_SCALE = 700.0, 1127.0


class Power(nn.Module):
    """Power spectrum by a convolution with windowed waves, one for each bin.

    Parameters
    ----------
    window : (n,) float64
        Its length is that of a frame.
    fft_samples : int
        Frames are filled up with zeros to this length.
    """

    conv_real: Tensor
    conv_imag: Tensor

    def __init__(self, window: NDArray[np.float64], fft_samples: int, hop_samples: int) -> None:
        super().__init__()
        places, bins = np.arange(len(window)), np.arange(fft_samples // 2 + 1)
        phase = 2 * np.pi * np.outer(bins, places) / fft_samples
        for name, wave in (("conv_real", np.cos(phase)), ("conv_imag", -np.sin(phase))):
            kernels = torch.from_numpy((wave * window).astype(np.float32))
            self.register_buffer(name, kernels[:, None], persistent=False)
        self.hop_samples = hop_samples

    def forward(self, x: Tensor) -> Tensor:
        """Samples (n, 1, samples) to (n, bins, frames)."""
        real = functional.conv1d(x, self.conv_real, stride=self.hop_samples)
        imaginary = functional.conv1d(x, self.conv_imag, stride=self.hop_samples)
        return real.square() + imaginary.square()


class LogMel(nn.Module):
    """The logarithm of 64 mel bands of magnitudes at 16 kHz, cut into patches of 96 frames.

    The front-end of VGGish and YAMNet: frames of 25 ms every 10 ms, 125 to 7500 Hz.

    Parameters
    ----------
    samples : int
        Of a window.
    patch_hop : int
        Frames from one patch to the next.
    offset : float
        Added before the logarithm.
    """

    filters: Tensor
    places: Tensor
    patch_frames = 96

    def __init__(self, samples: int, *, patch_hop: int, offset: float) -> None:
        super().__init__()
        self.power = Power(hann(400), 512, 160)
        filters = htk_filters(16000, 512, 64, 125.0, 7500.0).astype(np.float32)
        self.register_buffer("filters", torch.from_numpy(filters), persistent=False)
        n_frames = 1 + (samples - 400) // 160
        starts = np.arange(0, n_frames - self.patch_frames + 1, patch_hop)
        places = starts[:, None] + np.arange(self.patch_frames)
        self.register_buffer("places", torch.from_numpy(places), persistent=False)
        self.offset = offset

    def forward(self, x: Tensor) -> Tensor:
        """Samples (n, 1, samples) to (n, patches, 96, 64)."""
        with exact(x):
            magnitude = self.power(x).sqrt().transpose(1, 2)
            logs = torch.log(magnitude @ self.filters + self.offset)
        return logs[:, self.places]


def exact(x: Tensor) -> torch.autocast:
    """Single precision inside, whatever training saves elsewhere: loudness spans ten decades."""
    return torch.autocast(x.device.type, enabled=False)


def hann(samples: int, *, periodic: bool = True) -> NDArray[np.float64]:
    """Hann window, shape (samples,)."""
    phase = 2 * np.pi * np.arange(samples) / (samples if periodic else samples - 1)
    return np.asarray(0.5 - 0.5 * np.cos(phase))


def htk_filters(
    sample_rate_hz: int, fft_samples: int, n_mels: int, low_hz: float, high_hz: float
) -> NDArray[np.float64]:
    """Triangles of equal height on HTK's mel scale, drawn in mel; shape (n_bins, n_mels).

    The same in TensorFlow's ``linear_to_mel_weight_matrix`` and in Kaldi.
    """
    bins = _mel(np.asarray(np.fft.rfftfreq(fft_samples, 1 / sample_rate_hz), np.float64))
    edges = np.linspace(_mel(np.array(low_hz)), _mel(np.array(high_hz)), n_mels + 2)
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins[:, None] - lower) / (centre - lower)
    falling = (upper - bins[:, None]) / (upper - centre)
    return np.asarray(np.maximum(0, np.minimum(rising, falling)))


def _mel(frequency_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(_MEL_SCALE * np.log1p(frequency_hz / _MEL_CORNER_HZ))
