"""Optimisers by name, and the learning rate at every step.

The rate is a function of how far training is and of what the epochs so far scored. It has no state
of its own, so a run that is continued needs nothing restored.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from torch.nn import Parameter
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from genrekit.training.settings import TrainingConfig

# Of a one-cycle: the first rate and the last as shares of the highest, and where that is reached.
_ONE_CYCLE_START = 1 / 25
_ONE_CYCLE_END = _ONE_CYCLE_START / 1e4
_ONE_CYCLE_RISE = 0.3


def build_optimiser(config: TrainingConfig, parameters: Iterable[Parameter]) -> Optimizer:
    """Return the optimiser that ``config`` names.

    Fused, they go through the parameters once: a quarter of the time of a step by default.
    """
    kinds: dict[str, Callable[..., Optimizer]] = {
        "adam": partial(Adam, betas=config.betas, eps=config.epsilon, fused=True),
        "adamw": partial(AdamW, betas=config.betas, eps=config.epsilon, fused=True),
        "sgd": partial(SGD, momentum=config.momentum, nesterov=config.momentum > 0, fused=True),
        "rmsprop": partial(RMSprop, momentum=config.momentum, eps=config.epsilon),
    }
    return kinds[config.optimiser](
        parameters, lr=config.learning_rate, weight_decay=config.weight_decay
    )


def learning_rate(config: TrainingConfig, progress: float, losses: Sequence[float]) -> float:
    """Return the rate of the next step.

    Parameters
    ----------
    progress : float
        Steps done as a share of all steps of all epochs, in [0, 1].
    losses : sequence of float
        What each epoch so far is judged by; smaller is better.

    Returns
    -------
    float
        ``plateau`` is multiplied by a factor whenever some epochs brought no gain. ``cosine``
        falls to nothing in half a wave, ``warm-restarts`` in half a wave a cycle, each cycle longer
        than the one before (Loshchilov and Hutter, *SGDR*, ICLR 2017). ``one-cycle`` rises from
        a 25th in the first three tenths, then falls to nearly nothing (Smith and Topin 2018).
    """
    if config.schedule == "plateau":
        return config.learning_rate * config.plateau_factor ** _cuts(config, losses)
    if config.schedule == "cosine":
        return config.learning_rate * _wave(1.0, 0.0, progress)
    if config.schedule == "warm-restarts":
        return config.learning_rate * _wave(1.0, 0.0, _place_in_cycle(config, progress))
    if config.schedule == "one-cycle":
        return config.learning_rate * _one_cycle(progress)
    return config.learning_rate


def dropout_share(config: TrainingConfig, epoch: int) -> float:
    """Return what every dropout of the network is multiplied by in an epoch, counted from 1.

    Dropout that falls is regularisation first and fine adjustment later; one that rises is
    curriculum dropout (Morerio et al., ICCV 2017).
    """
    if config.dropout_schedule == "constant":
        return 1.0
    progress = (epoch - 1) / max(1, config.epochs - 1)
    if config.dropout_schedule == "cosine":
        return _wave(config.dropout_start, config.dropout_end, progress)
    return config.dropout_start + (config.dropout_end - config.dropout_start) * progress


def best_epoch(losses: Sequence[float]) -> int:
    """Position of the first of the smallest."""
    return min(range(len(losses)), key=losses.__getitem__)


def _cuts(config: TrainingConfig, losses: Sequence[float]) -> int:
    best, waited, cuts = math.inf, 0, 0
    for loss in losses:
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
        if waited > config.plateau_patience:
            waited, cuts = 0, cuts + 1
    return cuts


def _place_in_cycle(config: TrainingConfig, progress: float) -> float:
    """How much of its cycle is done, in [0, 1)."""
    place, length = progress * config.epochs, float(config.restart_epochs)
    while place >= length:
        place, length = place - length, length * config.restart_factor
    return place / length


def _one_cycle(progress: float) -> float:
    if progress < _ONE_CYCLE_RISE:
        return _wave(_ONE_CYCLE_START, 1.0, progress / _ONE_CYCLE_RISE)
    return _wave(1.0, _ONE_CYCLE_END, (progress - _ONE_CYCLE_RISE) / (1 - _ONE_CYCLE_RISE))


def _wave(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2
