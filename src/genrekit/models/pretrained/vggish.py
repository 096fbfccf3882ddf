"""VGGish by the parameter names of its PyTorch conversion."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from genrekit.models.pretrained.backbones import Vggish
from genrekit.models.pretrained.body import Body
from genrekit.models.pretrained.checkpoint import load_state, read_state
from genrekit.models.pretrained.source import readable_weights, required_weights
from genrekit.models.pretrained.spectra import LogMel

# Multiples of the first width, and where maps are halved.
_PLAN: tuple[int | None, ...] = (1, None, 2, None, 4, 4, None, 8, 8, None)


class VggishBody(Body):
    """Patches of 0.96 s, each to 128 numbers, and their mean."""

    embedding_size = 128

    def __init__(self, samples: int, width: int, dense: int) -> None:
        super().__init__()
        self.patches = LogMel(samples, patch_hop=96, offset=0.01)
        layers: list[nn.Module] = []
        channels = 1
        for times in _PLAN:
            if times is None:
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(channels, times * width, 3, padding=1), nn.ReLU()]
                channels = times * width
        self.features = nn.Sequential(*layers)
        sizes = (channels * 6 * 4, dense, dense, self.embedding_size)
        fully = [
            part
            for wide, narrow in pairwise(sizes)
            for part in (nn.Linear(wide, narrow), nn.ReLU())
        ]
        self.embeddings = nn.Sequential(*fully)

    def forward(self, x: Tensor) -> Tensor:
        """Samples (n, 1, samples) at 16 kHz to (n, 128)."""
        patches = self.patches(x)
        n_patches = patches.shape[1]
        maps = self.features(patches.flatten(0, 1)[:, None])
        # TensorFlow has channels last, and the first dense layer knows them in that order.
        flat = maps.permute(0, 2, 3, 1).flatten(1)
        each: Tensor = self.embeddings(flat)
        return each.reshape(-1, n_patches, self.embedding_size).mean(dim=1)


def build(config: Vggish, samples: int) -> VggishBody:
    """The module with its weights; see `genrekit.models.pretrained.build_body`."""
    body = VggishBody(samples, config.width, config.dense)
    if config.weights != "random":
        path = required_weights(config.source, config.file)
        with readable_weights(config.source, path), torch.no_grad():
            load_state(body, read_state(path), ignored=("pproc.",))
    return body
