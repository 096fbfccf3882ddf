"""The picture pipeline: Gaussian noise reduction, contrast, brightness, sharpness.

The order and the amounts (contrast +20 %, brightness +10 %, sharpness +10 %) are those of the genre
projects that train on drawn spectrograms. Contrast, brightness and sharpness are defined as by
Pillow's ``ImageEnhance``: a blend of the picture with its mean, with black, and with a smoothed
version of itself. Levels stay within 0 and 1.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from genrekit.training.settings import PictureAugment

# A Gaussian is cut off here, as scipy.ndimage does.
_DEVIATIONS = 4.0
_CENTRE_WEIGHT = 5.0


def enhanced(x: Tensor, config: PictureAugment, generator: np.random.Generator) -> Tensor:
    """Send a share of the pictures ``x`` (n, rows, columns) through the pipeline."""
    chosen = torch.from_numpy(generator.random(len(x)) < config.share).to(x.device)
    return torch.where(chosen[:, None, None], pipeline(x, config), x)


def pipeline(x: Tensor, config: PictureAugment) -> Tensor:
    """All pictures ``x`` (n, rows, columns) in [0, 1], changed."""
    if config.denoise_pixels:
        x = denoise(x, config.denoise_pixels)
    if config.contrast:
        x = contrast(x, config.contrast)
    if config.brightness:
        x = brightness(x, config.brightness)
    return sharpness(x, config.sharpness) if config.sharpness else x


def denoise(x: Tensor, deviation_pixels: float) -> Tensor:
    """Gaussian blur; the edge is repeated beyond the edge."""
    reach = int(_DEVIATIONS * deviation_pixels + 0.5)
    offsets = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)
    weights = torch.exp(-0.5 * (offsets / deviation_pixels) ** 2)
    weights = weights / weights.sum()
    rows = functional.pad(x.unsqueeze(1), (0, 0, reach, reach), mode="replicate")
    blurred = functional.conv2d(rows, weights.view(1, 1, -1, 1))
    columns = functional.pad(blurred, (reach, reach, 0, 0), mode="replicate")
    return functional.conv2d(columns, weights.view(1, 1, 1, -1)).squeeze(1)


def contrast(x: Tensor, amount: float) -> Tensor:
    """Every level farther from the mean of its picture by ``amount`` of the distance."""
    return _away_from(x.mean(dim=(1, 2), keepdim=True), x, amount)


def brightness(x: Tensor, amount: float) -> Tensor:
    """Every level higher by ``amount`` of itself."""
    return _away_from(torch.zeros_like(x), x, amount)


def sharpness(x: Tensor, amount: float) -> Tensor:
    """Every level farther from what its neighbours smooth it to; the outermost ones stay."""
    weights = torch.ones(1, 1, 3, 3, dtype=x.dtype, device=x.device)
    weights[0, 0, 1, 1] = _CENTRE_WEIGHT
    smooth = x.clone()
    inner = functional.conv2d(x.unsqueeze(1), weights / weights.sum()).squeeze(1)
    smooth[:, 1:-1, 1:-1] = inner
    return _away_from(smooth, x, amount)


def _away_from(origin: Tensor, x: Tensor, amount: float) -> Tensor:
    return (origin + (1 + amount) * (x - origin)).clamp(0, 1)
