"""The training loop: epochs of steps, and three hooks.

Every epoch draws what is random in it from its own seed, and the learning rate and the end of
training follow from the history. So weights, optimiser and history are all there is to a run: one
that is continued from them ends with the same weights, bit for bit, as one that was never stopped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from genrekit.errors import TrainingError
from genrekit.models import Network
from genrekit.training.batches import Batch, Examples, batches, count_batches, epoch_order
from genrekit.training.curves import Epoch
from genrekit.training.dropout import Dropouts
from genrekit.training.losses import Loss
from genrekit.training.optimisers import best_epoch, dropout_share, learning_rate
from genrekit.training.settings import TrainingConfig
from genrekit.training.team import Team

#: How many of the best genres count as nearly right.
TOP = 3


class EpochRecord(Epoch, extra="forbid"):
    """One line of the history, while it is written."""

    seconds: float


@dataclass(slots=True, eq=False)
class Learner:
    """A network while it learns: everything that changes."""

    network: Network
    optimiser: Optimizer
    loss: Loss
    config: TrainingConfig
    device: torch.device
    seed: int = 0
    team: Team = field(default_factory=Team)
    history: list[EpochRecord] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    dropouts: Dropouts = field(init=False)

    def __post_init__(self) -> None:
        self.dropouts = Dropouts(self.network)

    @property
    def validated(self) -> list[float]:
        """What each epoch is judged by, smaller is better."""
        return [_validated(record, self.config) for record in self.history]


@dataclass(frozen=True, slots=True)
class Hooks:
    """What is called from within the loop.

    Attributes
    ----------
    before_step : callable
        Changes a training batch; it also gets the generator of that step.
    after_step : callable
        Gets the steps done and all steps of the epoch.
    after_epoch : callable
        Gets the learner.
    """

    before_step: Callable[[Batch, np.random.Generator], Batch] = lambda batch, _: batch
    after_step: Callable[[int, int], None] = lambda done, total: None
    after_epoch: Callable[[Learner], None] = lambda learner: None


def run_epochs(learner: Learner, train: Examples, valid: Examples | None, hooks: Hooks) -> None:
    """Train until the last epoch, or until validation has not gained for too long.

    Parameters
    ----------
    valid : Examples, optional
        Chooses the epoch whose weights are kept in ``learner.best``; without it, the last one.

    Raises
    ------
    TrainingError
        If the loss is not finite any more, or memory does not suffice.
    """
    forward = learner.team.wrapped(learner.network, learner.device)
    while not _finished(learner, valid):
        with _enough_memory(learner.config):
            record = _epoch(learner, forward, train, valid, hooks)
        learner.history.append(record)
        if valid is None or best_epoch(learner.validated) == len(learner.history) - 1:
            learner.best = {k: v.clone() for k, v in learner.network.state_dict().items()}
        hooks.after_epoch(learner)


class Scores(NamedTuple):
    """Means over rows; top-3 is NaN where there is none."""

    loss: float
    accuracy: float
    top3: float


def evaluate(learner: Learner, examples: Examples) -> Scores:
    """Scores of the network as it is."""
    learner.network.eval()
    loss, right = 0.0, torch.zeros(2, dtype=torch.float64)
    with torch.no_grad():
        for batch in batches(examples, learner.config.batch_size, device=learner.device):
            logits = _logits(learner, learner.network, batch)
            target = _target(batch, learner.config)
            loss += float(learner.loss(logits, target)) * len(target)
            right += _right(logits, target, learner.config).cpu()
    accuracy, top3 = (right / len(examples)).tolist()
    return Scores(loss / len(examples), accuracy, top3)


def _epoch(
    learner: Learner, forward: nn.Module, train: Examples, valid: Examples | None, hooks: Hooks
) -> EpochRecord:
    started = time.perf_counter()
    number = len(learner.history) + 1
    generator = np.random.default_rng([learner.seed, number])
    torch.manual_seed(int(generator.integers(2**63)))
    order = epoch_order(train, generator, oversample=learner.config.oversample)
    together = learner.config.batch_size * learner.team.size
    steps = count_batches(len(order), together)
    validated = learner.validated
    sums = []
    learner.network.train()
    learner.dropouts.set(dropout_share(learner.config, number))
    rows = batches(train, together, device=learner.device, order=order)
    for done, batch in enumerate(rows):
        progress = (len(learner.history) + done / steps) / learner.config.epochs
        _set_rate(learner.optimiser, learning_rate(learner.config, progress, validated))
        # Kept on the device: asking for a number would make a GPU wait at every step.
        sums.append(_step(learner, forward, hooks.before_step(batch, generator)))
        hooks.after_step(done + 1, steps)
    learner.team.agree(learner.network)
    loss, right, top3 = (learner.team.summed(_sums(sums)) / len(order)).tolist()
    scores: tuple[float | None, ...] = (None, None, math.nan)
    if valid is not None:
        scores = learner.team.leaders(*evaluate(learner, valid), device=learner.device)
    record = EpochRecord.model_construct(
        epoch=number,
        train_loss=loss,
        train_accuracy=right,
        valid_loss=scores[0],
        valid_accuracy=scores[1],
        train_top3=_number(top3),
        valid_top3=_number(scores[2]),
        learning_rate=learner.optimiser.param_groups[0]["lr"],
        seconds=round(time.perf_counter() - started, 3),
    )
    _refuse_not_finite(record)
    return record


def _step(learner: Learner, forward: nn.Module, whole: Batch) -> tuple[Tensor, Tensor, int]:
    """Learn from one batch; its loss, how many rows were right before, and how many there are."""
    batch, weight = learner.team.share(whole)
    logits = _logits(learner, forward, batch)
    target = _target(batch, learner.config)
    loss = learner.loss(logits, target)
    learner.optimiser.zero_grad(set_to_none=True)
    (loss * weight if weight != 1 else loss).backward()  # type: ignore[no-untyped-call]
    if learner.config.clip_norm is not None:
        torch.nn.utils.clip_grad_norm_(learner.network.parameters(), learner.config.clip_norm)
    learner.optimiser.step()
    right = _right(logits.detach(), target, learner.config)
    return loss.detach(), right, len(logits)


def _sums(sums: list[tuple[Tensor, Tensor, int]]) -> Tensor:
    """Losses and right rows of all steps, added."""
    losses, rights, rows = zip(*sums, strict=True)
    weighted = torch.stack(losses).double() * torch.tensor(rows, device=losses[0].device)
    return torch.cat([weighted.sum().reshape(1), torch.stack(rights).sum(dim=0)])


def _target(batch: Batch, config: TrainingConfig) -> Tensor:
    whole = batch.genres is not None and config.loss == "cross-entropy"
    return batch.genres if whole else batch.shares  # type: ignore[return-value]


def _logits(learner: Learner, forward: nn.Module, batch: Batch) -> Tensor:
    if learner.config.precision != "bfloat16":
        exact: Tensor = forward(batch.inputs)
        return exact
    with torch.autocast(learner.device.type, torch.bfloat16):
        logits: Tensor = forward(batch.inputs)
    return logits.float()


def _right(logits: Tensor, target: Tensor, config: TrainingConfig) -> Tensor:
    """Rows whose genre is the best one, and rows where it is among the best three (2,).

    For several genres a row, the share of them predicted correctly, and NaN.
    """
    if config.loss != "cross-entropy":
        share = ((logits > 0) == (target > 0.5)).double().mean(dim=1).sum()
        return torch.stack([share, torch.full_like(share, math.nan)])
    genres = target if target.ndim == 1 else target.argmax(dim=1)
    first = (logits.argmax(dim=1) == genres).double().sum()
    if logits.shape[1] <= TOP:
        return torch.stack([first, torch.full_like(first, math.nan)])
    among = (logits.topk(TOP, dim=1).indices == genres.unsqueeze(1)).double().sum()
    return torch.stack([first, among])


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _set_rate(optimiser: Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate


def _validated(record: EpochRecord, config: TrainingConfig) -> float:
    if record.valid_loss is None or record.valid_accuracy is None:
        return record.train_loss
    return record.valid_loss if config.monitor == "loss" else -record.valid_accuracy


def _finished(learner: Learner, valid: Examples | None) -> bool:
    done = len(learner.history)
    if done >= learner.config.epochs:
        return True
    if not done or valid is None or learner.config.patience is None:
        return False
    return done - 1 - best_epoch(learner.validated) >= learner.config.patience


def _refuse_not_finite(record: EpochRecord) -> None:
    for name in ("train_loss", "valid_loss"):
        value = getattr(record, name)
        if value is not None and not math.isfinite(value):
            raise TrainingError(
                f"{name} is {value} in epoch {record.epoch}, at a learning rate of "
                f"{record.learning_rate:g}; lower training.learning_rate, or set training.clip_norm"
            )


@contextmanager
def _enough_memory(config: TrainingConfig) -> Iterator[None]:
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # On a CPU, torch has no type of its own for this.
        full = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not (full or "allocate memory" in str(error)):
            raise
        raise TrainingError(
            f"batches of {config.batch_size} rows are too large for the memory; lower "
            f"training.batch_size (--set training.batch_size={max(1, config.batch_size // 2)})"
        ) from error
