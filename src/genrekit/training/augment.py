"""Changes to a training batch that leave its genres true, or mix them and say so.

Spectrograms are in decibels, so what a gain or a filter multiplies is added here.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from genrekit.errors import ConfigError
from genrekit.training.augment_pictures import enhanced
from genrekit.training.batches import Batch
from genrekit.training.settings import Augment

_FILTER_POINTS = 5


def check_augment(config: Augment, shapes: dict[str, tuple[int, ...]]) -> None:
    """Refuse what has nothing to work on.

    Raises
    ------
    ConfigError
        If a change for spectrograms is set and there is none.
    """
    if any(len(shape) == 2 for shape in shapes.values()):
        return
    aside = {"mixup", "waveform"}
    on = sorted(name for name in config.model_fields_set - aside if _is_on(config, name))
    if on:
        raise ConfigError(
            f"training.augment.{on[0]} changes spectrograms, and the model takes vectors; of all "
            "changes these know only mixup, and waveform where there is audio"
        )


def augmented(batch: Batch, config: Augment, generator: np.random.Generator) -> Batch:
    """Return the batch of one training step, changed.

    Parameters
    ----------
    generator : numpy.random.Generator
        Of everything random but the noise, which is torch's.
    """
    inputs = {
        name: _changed(x, config, generator) if x.ndim == 3 else x
        for name, x in batch.inputs.items()
    }
    return _mixed(Batch(inputs, batch.shares), config, generator)


def _is_on(config: Augment, name: str) -> bool:
    return bool(getattr(config, name) != Augment.model_fields[name].default)


def _changed(x: Tensor, config: Augment, generator: np.random.Generator) -> Tensor:
    if config.pictures.active:
        x = enhanced(x, config.pictures, generator)
    if config.crop < 1:
        x = crop(x, max(1, round(config.crop * x.shape[2])), generator)
    if config.gain_db:
        x = x + _uniform(x, (1, 1), generator) * config.gain_db
    if config.filter_db:
        x = x + filter_curves(x, generator) * config.filter_db
    if config.noise_db:
        x = x + torch.randn_like(x) * config.noise_db
    for axis, count, share in (
        (1, config.band_masks, config.band_mask_share),
        (2, config.time_masks, config.time_mask_share),
    ):
        for _ in range(count):
            x = mask(x, axis, round(share * x.shape[axis]), generator)
    return x


def _mixed(batch: Batch, config: Augment, generator: np.random.Generator) -> Batch:
    ways = {name: alpha for name in ("mixup", "cutmix") if (alpha := getattr(config, name))}
    if not ways:
        return batch
    way = sorted(ways)[int(generator.integers(len(ways)))]
    own = float(generator.beta(ways[way], ways[way]))
    partners = torch.from_numpy(generator.permutation(len(batch.shares)))
    if way == "mixup":
        return mixup(batch, own, partners)
    return cutmix(batch, own, partners, corner=(generator.random(), generator.random()))


def crop(x: Tensor, n_frames: int, generator: np.random.Generator) -> Tensor:
    """Of each row of ``x`` (n, bands, frames) as many frames in a row, from anywhere."""
    starts = generator.integers(0, x.shape[2] - n_frames + 1, len(x))
    frames = torch.from_numpy(starts)[:, None] + torch.arange(n_frames)
    index = frames.to(x.device)[:, None, :].expand(-1, x.shape[1], -1)
    return x.gather(2, index)


def mask(x: Tensor, axis: int, longest: int, generator: np.random.Generator) -> Tensor:
    """Hide a stretch of each row along ``axis``, up to ``longest``, behind the row's mean.

    Park et al., *SpecAugment* (Interspeech 2019).
    """
    lengths = generator.integers(0, longest + 1, len(x))
    starts = generator.integers(0, x.shape[axis] - lengths + 1)
    places = np.arange(x.shape[axis])
    hidden = (places >= starts[:, None]) & (places < (starts + lengths)[:, None])
    shaped = torch.from_numpy(hidden).to(x.device).unsqueeze(3 - axis)
    return torch.where(shaped, x.mean(dim=(1, 2), keepdim=True), x)


def filter_curves(x: Tensor, generator: np.random.Generator) -> Tensor:
    """For each row a smooth curve (n, bands, 1) over the bands, in [-1, 1]."""
    points = _uniform(x, (1, _FILTER_POINTS), generator)
    curves = functional.interpolate(points, size=x.shape[1], mode="linear", align_corners=True)
    return curves.transpose(1, 2)


def mixup(batch: Batch, own: float, partners: Tensor) -> Batch:
    """Every row as ``own`` of itself and the rest of its partner.

    Zhang et al., *mixup: beyond empirical risk minimization* (ICLR 2018).
    """
    inputs = {name: _blend(x, own, partners) for name, x in batch.inputs.items()}
    return Batch(inputs, _blend(batch.shares, own, partners))


def cutmix(batch: Batch, own: float, partners: Tensor, *, corner: tuple[float, float]) -> Batch:
    """Spectrograms with a rectangle of their partner in them, labels and vectors by its area.

    Yun et al., *CutMix* (ICCV 2019).

    Parameters
    ----------
    corner : (float, float)
        Where the rectangle is between its lowest and highest place, in [0, 1].
    """
    inputs, kept = dict(batch.inputs), own
    for name, x in batch.inputs.items():
        if x.ndim == 3:
            inputs[name], kept = _patched(x, (1 - own) ** 0.5, corner, partners)
    for name, x in batch.inputs.items():
        if x.ndim == 2:
            inputs[name] = _blend(x, kept, partners)
    return Batch(inputs, _blend(batch.shares, kept, partners))


def _patched(
    x: Tensor, side: float, corner: tuple[float, float], partners: Tensor
) -> tuple[Tensor, float]:
    """``x`` with the rectangle, and the share of it that stayed."""
    _, bands, frames = x.shape
    height, width = round(side * bands), round(side * frames)
    top, left = round(corner[0] * (bands - height)), round(corner[1] * (frames - width))
    rows, columns = slice(top, top + height), slice(left, left + width)
    patched = x.clone()
    patched[:, rows, columns] = x[partners.to(x.device)][:, rows, columns]
    return patched, 1 - height * width / (bands * frames)


def _blend(x: Tensor, own: float, partners: Tensor) -> Tensor:
    return own * x + (1 - own) * x[partners.to(x.device)]


def _uniform(x: Tensor, shape: tuple[int, ...], generator: np.random.Generator) -> Tensor:
    drawn = generator.uniform(-1, 1, (len(x), *shape)).astype(np.float32)
    return torch.from_numpy(drawn).to(x.device)
