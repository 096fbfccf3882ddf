"""MSD-musicnn: filters of timbre and of rhythm on log-mel patches of three seconds.

Pons and Serra, *musicnn: pre-trained convolutional neural networks for music audio tagging* (2019).
Convolutions stand before ReLU, and batch normalisation after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from genrekit.models.pretrained.checkpoint import load_state

PATCH_FRAMES, BANDS = 187, 96
#: What the 50 outputs stand for, as Last.fm's listeners spelt it.
TAGS = (
    *("rock", "pop", "alternative", "indie", "electronic", "female vocalists", "dance", "00s"),
    *("alternative rock", "jazz", "beautiful", "metal", "chillout", "male vocalists"),
    *("classic rock", "soul", "indie rock", "Mellow", "electronica", "80s", "folk", "90s", "chill"),
    *("instrumental", "punk", "oldies", "blues", "hard rock", "ambient", "acoustic"),
    *("experimental", "female vocalist", "guitar", "Hip-Hop", "70s", "party", "country"),
    *("easy listening", "sexy", "catchy", "funk", "electro", "heavy metal", "Progressive rock"),
    *("60s", "rnb", "indie pop", "sad", "House", "happy"),
)
_EPSILON = 1e-3
_TIMBRE_FRAMES, _TIMBRE_BANDS = 7, (38, 67)
_TEMPO_FRAMES = (128, 64, 32)
_MIDDLE, _UNITS = 64, 200


class Described(NamedTuple):
    """What the network says of patches.

    Attributes
    ----------
    logits : Tensor
        Of each tag before the sigmoid, (n, 50).
    penultimate : Tensor
        The layer before them, (n, 200).
    pooled : Tensor
        Loudest and mean over time of each map, side by side, (n, 2 * maps): 1506 columns of the
        published network, 512 without its dead filters.
    """

    logits: Tensor
    penultimate: Tensor
    pooled: Tensor

    @property
    def tags(self) -> Tensor:
        """Probability of each of `TAGS`, (n, 50)."""
        return torch.sigmoid(self.logits)


class Block(nn.Module):
    """Convolution, ReLU, and batch normalisation, in this order."""

    def __init__(self, conv: nn.Conv1d | nn.Conv2d) -> None:
        super().__init__()
        normalise = nn.BatchNorm2d if isinstance(conv, nn.Conv2d) else nn.BatchNorm1d
        self.conv = conv
        self.norm = normalise(conv.out_channels, eps=_EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """Maps to maps."""
        found: Tensor = self.norm(functional.relu(self.conv(x)))
        return found

    def over_bands(self, x: Tensor) -> Tensor:
        """Maps (n, channels, frames, bands) to the loudest band of each frame, (n, out, frames)."""
        found: Tensor = self(x)
        return found.amax(dim=3)


class MusicnnNetwork(nn.Module):
    """Log-mel patches (n, 187, 96) to tags, and what they are told from.

    Parameters
    ----------
    timbre, tempo : tuple of int
        Filters of each shape in the front: 7 frames by 38 and 67 bands; 128, 64 and 32 frames by
        one band.
    """

    def __init__(
        self, timbre: tuple[int, ...] = (204, 204), tempo: tuple[int, ...] = (51, 51, 51)
    ) -> None:
        super().__init__()
        self.inlet = nn.BatchNorm2d(1, eps=_EPSILON)
        self.timbre = nn.ModuleList(
            Block(nn.Conv2d(1, count, (_TIMBRE_FRAMES, bands)))
            for count, bands in zip(timbre, _TIMBRE_BANDS, strict=True)
        )
        self.tempo = nn.ModuleList(
            Block(nn.Conv2d(1, count, (frames, 1)))
            for count, frames in zip(tempo, _TEMPO_FRAMES, strict=True)
        )
        front = sum(timbre) + sum(tempo)
        self.mid = nn.ModuleList(
            Block(nn.Conv1d(channels, _MIDDLE, 7, padding=3))
            for channels in (front, _MIDDLE, _MIDDLE)
        )
        self.pool_norm = nn.BatchNorm1d(2 * (front + 3 * _MIDDLE), eps=_EPSILON)
        self.dense = nn.Linear(2 * (front + 3 * _MIDDLE), _UNITS)
        self.dense_norm = nn.BatchNorm1d(_UNITS, eps=_EPSILON)
        self.out = nn.Linear(_UNITS, len(TAGS))

    def front(self, patches: Tensor) -> Tensor:
        """The loudest band of each filter, (n, filters, frames): timbre first, then tempo."""
        x = self.inlet(patches[:, None])
        found = []
        for block in (*self.timbre, *self.tempo):
            assert isinstance(block, Block)
            # TensorFlow's padding "same" has the odd frame at the end.
            more = block.conv.kernel_size[0] - 1
            found.append(block.over_bands(functional.pad(x, (0, 0, more // 2, more - more // 2))))
        return torch.cat(found, dim=1)

    def maps(self, patches: Tensor) -> Tensor:
        """All maps that are pooled, (n, filters + 192, frames)."""
        front = self.front(patches)
        first = self.mid[0](front)
        second = first + self.mid[1](first)
        third = second + self.mid[2](second)
        return torch.cat([front, first, second, third], dim=1)

    def pooled(self, patches: Tensor) -> Tensor:
        """Loudest and mean over time of each map, side by side."""
        maps = self.maps(patches)
        return torch.stack([maps.amax(dim=2), maps.mean(dim=2)], dim=2).flatten(1)

    def penultimate(self, pooled: Tensor) -> Tensor:
        """The layer before the tags, (n, 200)."""
        found: Tensor = self.dense_norm(functional.relu(self.dense(self.pool_norm(pooled))))
        return found

    def forward(self, patches: Tensor) -> Described:
        """Everything that is said of patches (n, 187, 96)."""
        pooled = self.pooled(patches)
        penultimate = self.penultimate(pooled)
        return Described(self.out(penultimate), penultimate, pooled)


def network_of(state: Mapping[str, Tensor]) -> MusicnnNetwork:
    """The network that these parameters are of, with as many filters as they have.

    Raises
    ------
    ValueError
        If they are of another network.
    """
    timbre = tuple(_filters(state, f"timbre.{number}") for number in range(len(_TIMBRE_BANDS)))
    tempo = tuple(_filters(state, f"tempo.{number}") for number in range(len(_TEMPO_FRAMES)))
    network = MusicnnNetwork(timbre, tempo)
    load_state(network, state)
    return network.eval()


def _filters(state: Mapping[str, Tensor], block: str) -> int:
    """Filters of a block of the front; shapes are compared when all are loaded."""
    name = f"{block}.conv.weight"
    shape = tuple(state[name].shape) if name in state else ()
    if not shape or shape[0] == 0:
        raise ValueError(f"it has no filters in {name}; these are not parameters of musicnn")
    return shape[0]
