"""MSD-musicnn as a backbone: from samples through its own log-mel patches to an embedding."""

from __future__ import annotations

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from genrekit.features import mel_filters
from genrekit.models.pretrained.backbones import Musicnn
from genrekit.models.pretrained.body import Body
from genrekit.models.pretrained.musicnn import BANDS, PATCH_FRAMES, TAGS, Described, MusicnnNetwork
from genrekit.models.pretrained.musicnn_weights import load_network
from genrekit.models.pretrained.slimming import slimmed
from genrekit.models.pretrained.spectra import Power, exact, hann

_RATE_HZ, _FFT, _HOP = Musicnn.sample_rate_hz, 512, 256
_GAIN = 10_000.0
# Of the resampler that the network's music came through.
_CROSSINGS, _STEPS, _CUT, _KAISER_BETA = 64, 32, 0.9475937167399596, 14.769656459379492
_LEAST = 1e-3
_SILENCE = 1e-5


class MusicnnMel(nn.Module):
    """The logarithm of 96 mel bands at 16 kHz, cut into patches of 187 frames.

    Frames of 32 ms every 16 ms, mirrored at both ends. The published program rounds bands to half
    precision; here they are exact.

    Parameters
    ----------
    samples : int
        Of a window.
    patch_hop : int
        Frames from one patch to the next.
    rolloff : bool
        Weaken what is next to 8 kHz; see `published_rolloff`.
    """

    filters: Tensor
    places: Tensor

    def __init__(
        self, samples: int, *, patch_hop: int = PATCH_FRAMES, rolloff: bool = True
    ) -> None:
        super().__init__()
        self.power = Power(hann(_FFT), _FFT, _HOP)
        filters = mel_filters(_RATE_HZ, _FFT, BANDS, 0.0, _RATE_HZ / 2)
        weakened = filters * (published_rolloff()[:, np.newaxis] if rolloff else np.float32(1))
        self.register_buffer("filters", torch.from_numpy(weakened), persistent=False)
        n_frames = 1 + samples // _HOP
        starts = np.arange(0, n_frames - PATCH_FRAMES + 1, patch_hop)
        places = starts[:, np.newaxis] + np.arange(PATCH_FRAMES)
        self.register_buffer("places", torch.from_numpy(places), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Samples (n, 1, samples) to (n, patches, 187, 96)."""
        with exact(x):
            centred = functional.pad(x, (_FFT // 2, _FFT // 2), mode="reflect")
            mel = self.power(centred).transpose(1, 2) @ self.filters
            logs = torch.log10(_GAIN * mel + 1)
        return logs[:, self.places]


def published_rolloff() -> NDArray[np.float32]:
    """Power of each bin (257,) that the network learnt from, of what `genrekit.audio` decodes.

    The network was trained on music at 16 kHz from a resampler that weakens what is above 7 kHz,
    and the decoder's does so above 7.6 kHz. The difference moves a tag's probability by up to 0.1.
    """
    bins = np.arange(_FFT // 2 + 1)
    # A sinc of 64 zero crossings under a Kaiser window: librosa's "kaiser_best".
    at = np.arange(-_CROSSINGS * _STEPS, _CROSSINGS * _STEPS + 1) / _STEPS
    kernel = _CUT * np.sinc(_CUT * at) * np.kaiser(len(at), _KAISER_BETA)
    published = np.cos(2 * np.pi * np.outer(bins / _FFT, at)) @ kernel / _STEPS
    click = np.zeros(_FFT * 8)
    click[len(click) // 2] = 1
    decoded = np.abs(np.fft.rfft(soxr.resample(click, 2 * _RATE_HZ, _RATE_HZ)))
    decoded = decoded[:: decoded.size // (_FFT // 2)] / decoded[0]
    # What the decoder takes away entirely cannot be given back.
    weaker = np.minimum(1, (published / np.maximum(decoded, _LEAST)) ** 2)
    return np.asarray(weaker, np.float32)


class MusicnnBody(Body):
    """Patches of three seconds, each described by itself, and their mean."""

    def __init__(self, samples: int, network: MusicnnNetwork, config: Musicnn) -> None:
        super().__init__()
        self.patches = MusicnnMel(samples, patch_hop=config.patch_hop, rolloff=config.rolloff)
        self.network = network
        self.layer = config.layer
        self.rms = None if config.level_db is None else 10 ** (config.level_db / 20)
        sizes = {"tags": len(TAGS), "penultimate": network.out.in_features}
        self.embedding_size = sizes.get(config.layer, network.dense.in_features)
        # What nothing reads would be trained by nothing.
        if config.layer != "tags":
            del network.out
        if config.layer == "pooled":
            del network.pool_norm, network.dense, network.dense_norm

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Tags by their names; other columns are numbered."""
        return TAGS if self.layer == "tags" else super().feature_names

    def forward(self, x: Tensor) -> Tensor:
        """Samples (n, 1, samples) at 16 kHz to (n, embedding_size)."""
        patches = self.patches(x if self.rms is None else power_normalised(x, self.rms))
        n_patches = patches.shape[1]
        each = self._described(patches.flatten(0, 1))
        return each.reshape(-1, n_patches, self.embedding_size).mean(dim=1)

    def _described(self, patches: Tensor) -> Tensor:
        if self.layer == "tags":
            described: Described = self.network(patches)
            return described.tags
        pooled = self.network.pooled(patches)
        return pooled if self.layer == "pooled" else self.network.penultimate(pooled)


def power_normalised(x: Tensor, rms: float) -> Tensor:
    """Samples (n, 1, samples), each row brought to one root mean square; silence stays silent."""
    with exact(x):
        found = x.square().mean(dim=2, keepdim=True).sqrt()
        return x * (rms / found.clamp_min(_SILENCE))


def build(config: Musicnn, samples: int) -> MusicnnBody:
    """The module with its weights; see `genrekit.models.pretrained.build_body`."""
    if config.weights == "random":
        network = MusicnnNetwork((4 * config.width,) * 2, (config.width,) * 3)
    else:
        network = slimmed(load_network(config.file))
    return MusicnnBody(samples, network, config)
