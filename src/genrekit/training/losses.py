"""Losses of logits (n, genres) against shares (n, genres) of each genre in [0, 1].

Cross-entropy also takes the genres (n,) of rows that are one genre each.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from genrekit.training.settings import TrainingConfig

Loss = Callable[[Tensor, Tensor], Tensor]

# Ridnik et al., *Asymmetric loss for multi-label classification* (ICCV 2021).
_FOCUS_ABSENT = 4.0
_FOCUS_PRESENT = 1.0
_MARGIN = 0.05


def build_loss(config: TrainingConfig, weights: Tensor | None = None) -> Loss:
    """Return the loss that ``config`` names.

    Parameters
    ----------
    weights : (genres,) Tensor, optional
        How much a share of each genre counts; for cross-entropy.
    """
    smoothing = config.label_smoothing

    def cross(logits: Tensor, shares: Tensor) -> Tensor:
        return cross_entropy(logits, shares, weights=weights, smoothing=smoothing)

    def binary(logits: Tensor, shares: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(logits, _smooth(shares, smoothing, 0.5))

    def asymmetric_(logits: Tensor, shares: Tensor) -> Tensor:
        return asymmetric(logits, _smooth(shares, smoothing, 0.5))

    return {"cross-entropy": cross, "binary": binary, "asymmetric": asymmetric_}[config.loss]


def cross_entropy(
    logits: Tensor, shares: Tensor, *, weights: Tensor | None = None, smoothing: float = 0.0
) -> Tensor:
    """Mean cross-entropy; with weights the weighted mean, as torch has it for whole labels."""
    if weights is None or shares.ndim == 1:
        return functional.cross_entropy(logits, shares, weight=weights, label_smoothing=smoothing)
    logs = torch.log_softmax(logits, dim=1)
    smoothed = _smooth(shares, smoothing, 1 / logits.shape[1])
    return -(smoothed * weights * logs).sum() / (shares * weights).sum()


def asymmetric(logits: Tensor, shares: Tensor) -> Tensor:
    """Binary cross-entropy in which what is easy counts less, absent genres most of all."""
    present = torch.sigmoid(logits)
    absent = (1 - present + _MARGIN).clamp(max=1)
    tiny = torch.finfo(logits.dtype).tiny
    gain = shares * (1 - present) ** _FOCUS_PRESENT * torch.log(present.clamp(min=tiny))
    loss = (1 - shares) * (1 - absent) ** _FOCUS_ABSENT * torch.log(absent.clamp(min=tiny))
    return -(gain + loss).mean()


def _smooth(shares: Tensor, smoothing: float, towards: float) -> Tensor:
    return shares if smoothing == 0 else shares * (1 - smoothing) + smoothing * towards
