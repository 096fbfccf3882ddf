"""The network in the box: log-mel to the means and deviations of its maps.

Its shape is that of Choi et al., "Transfer learning for music classification and regression tasks"
(ISMIR 2017): five small convolutions, each pooled, each heard. Its weights start at random.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from genrekit.schema import MelConfig

MAPS = 32
#: Factors (bands, frames) by which each block makes its maps smaller.
POOLS = ((2, 4), (3, 4), (2, 5), (2, 4), (4, 4))
#: Means of the maps of all blocks.
MEANS = MAPS * len(POOLS)
#: The same, and deviations of all but the last.
SAID = 2 * MEANS - MAPS
#: Frames from which every block gives at least one value.
FRAMES = 1280
#: The bands and frames of the teacher (23.4 Hz, 21.3 ms), at the rate of the 57 columns.
MEL = MelConfig(fft_samples=945, hop_samples=470, n_mels=96, high_hz=6000, floor_db=-120)

# Decibels between the mean power of a window, which is brought to 0, and the ends of what is heard.
_LOUDEST_DB, _QUIETEST_DB = 25.0, -65.0
#: What the listener divides levels by.
DEVIATION_DB = 20.0
# Of power, in one decibel.
_NATS = math.log(10) / 10


def levelled(decibels: Tensor) -> Tensor:
    """Bring the mean power of each window to 0 dB; how loud a file is says nothing of its genre.

    Parameters
    ----------
    decibels : (n, bands, frames)

    Returns
    -------
    (n, 1, bands, frames)
    """
    power = torch.exp(decibels * _NATS).mean(dim=(1, 2), keepdim=True)
    level = torch.log(power) / _NATS
    return (decibels - level).clamp(_QUIETEST_DB, _LOUDEST_DB)[:, None]


class Listener(nn.Module):
    """Five blocks of convolution, ELU and pooling.

    ``forward`` takes decibels (n, 96, frames) with at least `FRAMES` frames and returns means and
    deviations (n, 288): 32 means of each block, then 32 deviations of each but the last.
    """

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(MAPS if number else 1, MAPS, 3) for number in range(len(POOLS))
        )
        # A fifth of the time on a CPU.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def maps(self, levels: Tensor) -> list[Tensor]:
        """Pooled maps of each block, of levels (n, 1, bands, frames)."""
        found = [levels / DEVIATION_DB]
        for number, convolution in enumerate(self.convolutions):
            found.append(pooled(convolution(bordered(found[-1])), number))
        return found[1:]

    def forward(self, decibels: Tensor) -> Tensor:
        """Means and deviations (n, 288)."""
        return summary(self.maps(levelled(decibels)))


def bordered(maps: Tensor) -> Tensor:
    """Add zeros around maps, so that a 3x3 convolution keeps their size."""
    return functional.pad(maps, (1, 1, 1, 1))


def pooled(raw: Tensor, number: int) -> Tensor:
    """Pool and activate what convolution ``number`` says.

    The activation rises, so that it may follow the pooling, where it costs a sixth.
    """
    return functional.elu(functional.max_pool2d(raw, POOLS[number]))


def summary(maps: list[Tensor]) -> Tensor:
    """Means and deviations (n, 288) of pooled maps."""
    means = [one.mean(dim=(2, 3)) for one in maps]
    spreads = [
        (one - mean[:, :, None, None]).square().mean(dim=(2, 3)).clamp_min(1e-12).sqrt()
        for one, mean in zip(maps[:-1], means[:-1], strict=True)
    ]
    return torch.cat([*means, *spreads], dim=1)
