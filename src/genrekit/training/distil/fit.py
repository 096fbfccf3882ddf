"""Train all layers of a student together, to give the teacher's embedding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from genrekit.errors import ConfigError
from genrekit.files import replacing
from genrekit.models.module import Network
from genrekit.progress import Progress
from genrekit.schema import Contract
from genrekit.training.distil.music import Windows

Rows = NDArray[np.int64]
_ROWS_AT_ONCE = 32
_STEPS_BETWEEN_CHECKPOINTS = 200
_SMALLEST = 1e-6


class Student(nn.Module):
    """A network whose scores are the columns of the teacher's embedding.

    Parameters
    ----------
    network : Network
        With as many scores as the embedding has columns; None for `MusicnnBody`, whose last layer
        gives them.
    centre, spread : (columns,)
        Of the teacher's embedding.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, network: Network, centre: Tensor, spread: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("centre", centre)
        self.register_buffer("spread", spread)

    def forward(self, decibels: Tensor) -> Tensor:
        """Spectrograms (n, bands, frames) to embeddings (n, columns) like the teacher's."""
        (name,) = self.network.shapes
        found: Tensor = self.network({name: decibels}) * self.spread + self.centre
        return found


def train_together(
    student: nn.Module,
    windows: Windows,
    target: Callable[[Rows, Tensor], Tensor],
    *,
    steps: int,
    batch: int,
    rate: float,
    seed: int,
    checkpoint: Path,
    progress: Progress,
) -> None:
    """Adam on the squared error of the embedding, each column by its variance; in place.

    Parameters
    ----------
    student : module
        Spectrograms (n, bands, frames) to embeddings (n, columns).
    target : callable
        Numbers of windows, and those windows, to the teacher's embeddings.
    checkpoint : Path
        Written now and then; if it is there, training goes on from it.

    Raises
    ------
    ConfigError
        If the loss is not a number any more.
    """
    if not steps:
        return
    every = np.arange(len(windows.mel))
    sample = np.random.default_rng(seed).permutation(every)[:512]
    with torch.no_grad():
        spread = target(sample, _decibels(windows, sample)).std(dim=0).clamp_min(_SMALLEST)
    optimiser = torch.optim.Adam(student.parameters(), rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    done = _resume(checkpoint, student, optimiser, schedule)
    student.train()
    for step in range(done, steps):
        rows = np.random.default_rng([seed, step]).integers(len(every), size=batch)
        decibels = _decibels(windows, rows)
        with torch.no_grad():
            wanted = target(rows, decibels)
        # Dropout depends on the step alone: a run that was stopped goes on as one that was not.
        torch.manual_seed(int(np.random.default_rng([seed, step, 1]).integers(2**62)))
        loss = ((student(decibels) - wanted) / spread).square().mean()
        if not torch.isfinite(loss):
            raise ConfigError(f"the loss is {loss.item()} at step {step + 1}; lower learning_rate")
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if (step + 1) % _STEPS_BETWEEN_CHECKPOINTS == 0:
            _keep(checkpoint, student, optimiser, step + 1)
        progress("all layers", step + 1, steps)
    student.eval()


class _Position(Contract):
    """Of a checkpoint: how many steps are done, and the learning rate of the next."""

    steps: int
    rate: float


def _keep(path: Path, student: nn.Module, optimiser: torch.optim.Adam, steps: int) -> None:
    import safetensors.torch

    tensors = {f"student.{name}": value.clone() for name, value in student.state_dict().items()}
    parameters = [one for group in optimiser.param_groups for one in group["params"]]
    for number, parameter in enumerate(parameters):
        for name in ("exp_avg", "exp_avg_sq"):
            tensors[f"adam.{number}.{name}"] = optimiser.state[parameter][name].clone()
    position = _Position(steps=steps, rate=optimiser.param_groups[0]["lr"])
    metadata = {"position": position.model_dump_json()}
    with replacing(path) as file:
        file.write(safetensors.torch.save(tensors, metadata))


def _resume(
    path: Path,
    student: nn.Module,
    optimiser: torch.optim.Adam,
    schedule: torch.optim.lr_scheduler.LRScheduler,
) -> int:
    """Steps that are done."""
    if not path.is_file():
        return 0
    from safetensors import safe_open

    with safe_open(path, "pt") as kept:
        tensors = {name: kept.get_tensor(name) for name in kept.keys()}  # noqa: SIM118
        position = _Position.model_validate_json(kept.metadata()["position"])
    student.load_state_dict(
        {name.removeprefix("student."): tensors[name] for name in tensors if name[0] == "s"}
    )
    parameters = [one for group in optimiser.param_groups for one in group["params"]]
    for number, parameter in enumerate(parameters):
        optimiser.state[parameter] = {
            "step": torch.tensor(float(position.steps)),
            "exp_avg": tensors[f"adam.{number}.exp_avg"],
            "exp_avg_sq": tensors[f"adam.{number}.exp_avg_sq"],
        }
    for group in optimiser.param_groups:
        group["lr"] = position.rate
    done = {"last_epoch": position.steps, "_step_count": position.steps + 1}
    schedule.load_state_dict({**schedule.state_dict(), **done, "_last_lr": [position.rate]})
    return position.steps


def embed_all(
    student: Callable[[Tensor], Tensor], windows: Windows, name: str, progress: Progress
) -> NDArray[np.float64]:
    """Embeddings (n, columns) of all windows."""
    parts = []
    with torch.no_grad():
        for start in range(0, len(windows.mel), _ROWS_AT_ONCE):
            rows = np.arange(start, min(start + _ROWS_AT_ONCE, len(windows.mel)))
            parts.append(student(_decibels(windows, rows)).double().numpy())
            progress(name, int(rows[-1]) + 1, len(windows.mel))
    return np.concatenate(parts)


def agreement(
    found: NDArray[np.float64], wanted: NDArray[np.float64], files: NDArray[np.int64]
) -> tuple[float, float]:
    """Share of variance explained (R²) per window and per file, the mean over columns.

    As ``sklearn.metrics.r2_score(wanted, found)`` gives it; columns that never change are left out.
    """
    numbers = np.unique(files)
    means = [np.array([x[files == one].mean(axis=0) for one in numbers]) for x in (found, wanted)]
    return _explained(found, wanted), _explained(means[0], means[1])


def _explained(found: NDArray[np.float64], wanted: NDArray[np.float64]) -> float:
    variance = wanted.var(axis=0)
    changing = variance > _SMALLEST**2
    error = np.square(found - wanted).mean(axis=0)
    return float(np.mean(1 - error[changing] / variance[changing])) if changing.any() else 0.0


def _decibels(windows: Windows, rows: Rows) -> Tensor:
    return torch.from_numpy(windows.decibels(rows))
