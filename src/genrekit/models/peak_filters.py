"""Filters over a spectrogram, of which the loudest band counts, computed in as few products as fit.

As in the front of musicnn (J. Pons, X. Serra, 2019).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

# Channels that ONNX Runtime computes at once, with AVX-512.
_CHANNELS_AT_ONCE = 16
_MOST_COPIES = 5


class PeakFilters(nn.Module):
    """Filters of one size, and the band where each is the loudest.

    While it is trained, a filter is computed twice: everywhere, to find the loudest band, and there
    alone, with a gradient. The gradient is the same as that of the maximum, and costs a fraction.

    Processors compute channels by sixteen, and a few filters leave most of those idle. So filters
    are computed as shifted copies with a stride of as many, each for its own share of the places.
    """

    def __init__(self, count: int, frames: int, bands: int) -> None:
        super().__init__()
        self.count: int = count
        self.frames: int = frames
        self.bands: int = bands
        self.conv = nn.Conv2d(1, count, (frames, bands), bias=False)
        self.bias = nn.Parameter(torch.zeros(count))
        nn.init.normal_(self.conv.weight, std=(frames * bands) ** -0.5)

    def forward(self, x: Tensor) -> Tensor:
        """(n, frames, bands) to (n, count, frames - filter's frames + 1)."""
        if not (self.training and torch.is_grad_enabled()):
            return self._loudest(x) + self.bias[:, None]
        with torch.no_grad():
            loudest = self.conv(x[:, None]).argmax(dim=3)
        patches = x.unfold(1, self.frames, 1).unfold(2, self.bands, 1)
        rows = torch.arange(len(x))[:, None, None]
        times = torch.arange(loudest.shape[2])[None, None, :]
        there = patches[rows, times, loudest]
        return torch.einsum("nctfb,cfb->nct", there, self.conv.weight[:, 0]) + self.bias[:, None]

    def _loudest(self, x: Tensor) -> Tensor:
        """Loudest band (n, count, frames) of every filter."""
        if x.requires_grad:  # Grad-CAM asks for the maps of the convolution itself
            maps: Tensor = self.conv(x[:, None])
            return maps.amax(dim=3)
        return self._shifted_in_time(x) if self.bands == 1 else self._shifted_in_band(x)

    def _shifted_in_time(self, x: Tensor) -> Tensor:
        """Loudest band (n, count, frames) of filters over time alone."""
        maps, copies, places = self._shifted(x, 1, self.frames)
        steps = -(-places // copies)
        # A copy has every n-th frame: they are interleaved.
        loudest = _loudest_of(maps, int(x.shape[2]))[:, : copies * self.count]
        by_copy = loudest.reshape(-1, copies, self.count, steps)
        interleaved = by_copy.permute(0, 2, 3, 1).reshape(-1, self.count, steps * copies)
        return interleaved[..., :places]

    def _shifted_in_band(self, x: Tensor) -> Tensor:
        """Loudest band (n, count, frames) of filters over time and bands."""
        maps, copies, places = self._shifted(x, 2, self.bands)
        # The last step of the last copies lies beyond the bands that there are.
        steps, short = -(-places // copies), -places % copies
        loudest = _loudest_of(maps, steps - 1 if short else steps)[:, : copies * self.count]
        by_copy = [
            (one[..., :1] if n >= copies - short else one).amax(3)
            for n, one in enumerate(loudest.chunk(copies, dim=1))
        ]
        return torch.stack(by_copy).amax(0) if copies > 1 else by_copy[0]

    def _shifted(self, x: Tensor, axis: int, length: int) -> tuple[Tensor, int, int]:
        """Return maps of copies of the filters along an axis, how many, and at how many places."""
        places = int(x.shape[axis]) - length + 1
        copies = min(shifted_copies(self.count, length), places)
        padded = functional.pad(x, (0, 0) * (2 - axis) + (0, -places % copies))
        stride = (copies, 1) if axis == 1 else (1, copies)
        maps = functional.conv2d(padded[:, None], self._moved(axis + 1, copies), stride=stride)
        return maps, copies, places

    def _moved(self, dim: int, copies: int) -> Tensor:
        """Return filters that begin at 0, 1, ... along an axis, and zeros in idle channels.

        Shape (channels, 1, ...). With whole sixteens of channels, pooling can stay in the layout of
        the convolution.
        """
        shape = list(self.conv.weight.shape)

        def zeros(length: int) -> Tensor:
            # Not `pad`, which the exporter of graphs cannot compute in advance.
            return self.conv.weight.new_zeros([*shape[:dim], length, *shape[dim + 1 :]])

        moved = torch.cat(
            [
                torch.cat([zeros(n), self.conv.weight, zeros(copies - 1 - n)], dim)
                for n in range(copies)
            ]
        )
        idle = -copies * self.count % _CHANNELS_AT_ONCE
        return torch.cat([moved, moved.new_zeros([idle, *moved.shape[1:]])])


def _loudest_of(maps: Tensor, bands: int) -> Tensor:
    """Return the maximum of so many bands next to each other, wherever they begin.

    By pooling, for which ONNX Runtime reads maps as the convolution leaves them.
    """
    return functional.max_pool2d(maps, (1, bands), stride=1)


def shifted_copies(count: int, length: int) -> int:
    """How many shifted copies of ``count`` filters of a ``length`` take the fewest products."""

    def products(copies: int) -> float:
        channels = -(-count * copies // _CHANNELS_AT_ONCE) * _CHANNELS_AT_ONCE
        return channels * (length + copies - 1) / copies

    return min(range(1, _MOST_COPIES + 1), key=products)
