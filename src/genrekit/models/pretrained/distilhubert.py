"""DistilHuBERT through transformers: normalisation, attention mask, and a mean over real frames."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from transformers import HubertConfig, HubertModel

from genrekit.models.pretrained.backbones import DistilHubert
from genrekit.models.pretrained.body import Body
from genrekit.models.pretrained.checkpoint import load_state, read_state
from genrekit.models.pretrained.source import readable_weights, required_weights

_VARIANCE_FLOOR = 1e-7
_HIDDEN = -1e9
# Of files of fine-tuned classifiers: their prefix, and their old head.
_PREFIX, _OLD_HEAD = "hubert.", ("projector.", "classifier.", "masked_spec_embed")
_OLD_NAMES = {"weight_g": "parametrizations.weight.original0"} | {
    "weight_v": "parametrizations.weight.original1"
}


class DistilHubertBody(Body):
    """A waveform to the mean of the last hidden states of its real part.

    Parameters
    ----------
    hub : transformers.HubertModel
        Its layers are used one by one: the masks that it makes itself depend on values, which no
        graph can hold.
    """

    def __init__(self, hub: HubertModel) -> None:
        super().__init__()
        self.hub = hub
        self.embedding_size = hub.config.hidden_size

    def forward(self, x: Tensor) -> Tensor:
        """Samples (n, 1, samples) at 16 kHz to (n, hidden_size); zeros at the end are padding."""
        samples = x[:, 0]
        real = _until_the_last_sound(samples)
        states = self.hub.feature_extractor(_normalised(samples, real)).transpose(1, 2)
        frames = self._real_frames(real, states.shape[1])
        states = self.hub.feature_projection(states) * frames[:, :, None]
        encoder = self.hub.encoder
        states = encoder.dropout(encoder.layer_norm(states + encoder.pos_conv_embed(states)))
        mask = (1 - frames)[:, None, None, :] * _HIDDEN
        for layer in encoder.layers:
            states = layer(states, attention_mask=mask)
        total: Tensor = (states * frames[:, :, None]).sum(dim=1)
        return total / frames.sum(dim=1, keepdim=True)

    def _real_frames(self, real: Tensor, n_frames: int) -> Tensor:
        """One for frames that hold no padding, zero for others; at least one is real."""
        lengths = real.sum(dim=1, keepdim=True)
        for kernel, stride in zip(
            self.hub.config.conv_kernel, self.hub.config.conv_stride, strict=True
        ):
            lengths = torch.floor((lengths - kernel) / stride) + 1
        places = torch.arange(n_frames, device=real.device)[None]
        return (places < lengths.clamp_min(1)).to(real.dtype)


def _until_the_last_sound(samples: Tensor) -> Tensor:
    """One up to the last sample that is not zero, zero after it."""
    sounds = (samples != 0).to(samples.dtype)
    to_come = sounds.flip(1).cumsum(1).flip(1)
    return (to_come > 0).to(samples.dtype)


def _normalised(samples: Tensor, real: Tensor) -> Tensor:
    """The real part to mean 0 and deviation 1, the padding to 0."""
    count = real.sum(dim=1, keepdim=True).clamp_min(1)
    centred = samples - (samples * real).sum(dim=1, keepdim=True) / count
    variance = (centred.square() * real).sum(dim=1, keepdim=True) / count
    return centred / torch.sqrt(variance + _VARIANCE_FLOOR) * real


def hub_config(config: DistilHubert, labels: tuple[str, ...] = ()) -> HubertConfig:
    """The settings as transformers knows them, with the label maps of a classifier."""
    maps: dict[str, Any] = label_maps(labels) if labels else {}
    return HubertConfig(
        num_hidden_layers=config.layers,
        hidden_size=config.width,
        num_attention_heads=config.heads,
        intermediate_size=config.intermediate,
        conv_dim=[config.conv_width] * 7,
        num_conv_pos_embedding_groups=16,
        feat_proj_layer_norm=False,
        # Randomness that the training loop does not know of.
        layerdrop=0.0,
        mask_time_prob=0.0,
        attn_implementation="eager",
        **maps,
    )


def label_maps(labels: tuple[str, ...]) -> dict[str, dict[Any, Any]]:
    """``id2label`` and ``label2id``, as configurations of transformers have them."""
    return {
        "id2label": dict(enumerate(labels)),
        "label2id": {label: number for number, label in enumerate(labels)},
    }


def build(config: DistilHubert, samples: int) -> DistilHubertBody:
    """The module with its weights; see `genrekit.models.pretrained.build_body`."""
    del samples  # it takes windows of any length
    hub = HubertModel(hub_config(config))
    if config.weights != "random":
        path = required_weights(config.source, config.file)
        with readable_weights(config.source, path):
            state = {_named(name): value for name, value in read_state(path).items()}
            load_state(hub, state, ignored=_OLD_HEAD)
    hub.masked_spec_embed = None  # a parameter that only its own augmentation trains
    convolution = hub.encoder.pos_conv_embed.conv
    assert isinstance(convolution, nn.Module)
    parametrize.remove_parametrizations(convolution, "weight")
    return DistilHubertBody(hub)


def _named(name: str) -> str:
    name = name.removeprefix(_PREFIX)
    first, _, last = name.rpartition(".")
    return f"{first}.{_OLD_NAMES[last]}" if last in _OLD_NAMES else name
