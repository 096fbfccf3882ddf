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
    """The optimiser that ``config`` names.

    Fused, they go through the parameters once: a quarter of the time of a step by default.
    """
    kinds: dict[str, Callable[..., Optimizer]] = {
        "adam": partial(Adam, fused=True),
        "adamw": partial(AdamW, fused=True),
        "sgd": partial(SGD, momentum=config.momentum, nesterov=config.momentum > 0, fused=True),
        "rmsprop": partial(RMSprop, momentum=config.momentum),
    }
    return kinds[config.optimiser](
        parameters, lr=config.learning_rate, weight_decay=config.weight_decay
    )


def learning_rate(config: TrainingConfig, progress: float, losses: Sequence[float]) -> float:
    """The rate of the next step.

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
        falls to nothing in half a wave (Loshchilov and Hutter, ICLR 2017). ``one-cycle`` rises from
        a 25th in the first three tenths, then falls to nearly nothing (Smith and Topin 2018).
    """
    if config.schedule == "plateau":
        return config.learning_rate * config.plateau_factor ** _cuts(config, losses)
    if config.schedule == "cosine":
        return config.learning_rate * _wave(1.0, 0.0, progress)
    if config.schedule == "one-cycle":
        return config.learning_rate * _one_cycle(progress)
    return config.learning_rate


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


def _one_cycle(progress: float) -> float:
    if progress < _ONE_CYCLE_RISE:
        return _wave(_ONE_CYCLE_START, 1.0, progress / _ONE_CYCLE_RISE)
    return _wave(1.0, _ONE_CYCLE_END, (progress - _ONE_CYCLE_RISE) / (1 - _ONE_CYCLE_RISE))


def _wave(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2
