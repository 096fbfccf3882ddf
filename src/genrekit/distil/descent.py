"""Adam with a learning rate that falls along a cosine, and goes on where it was stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from genrekit.errors import ConfigError
from genrekit.files import replacing
from genrekit.progress import Progress
from genrekit.schema import Contract

_STEPS_BETWEEN_CHECKPOINTS = 200


def descend(
    module: nn.Module,
    loss: Callable[[np.random.Generator], Tensor],
    *,
    steps: int,
    rate: float,
    seed: int,
    checkpoint: Path,
    stage: str,
    progress: Progress,
) -> None:
    """Minimise a loss over the parameters of a module, in place.

    Parameters
    ----------
    loss : callable
        A random generator, which depends on the step alone, to a loss. Dropout depends on the step
        too, so that a run that was stopped ends as one that was not.
    checkpoint : Path
        Written now and then; if it is there, training goes on from it.

    Raises
    ------
    ConfigError
        If the loss is not a number any more.
    """
    parameters = [one for one in module.parameters() if one.requires_grad]
    optimiser = torch.optim.Adam(parameters, rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(1, steps))
    done = _resume(checkpoint, module, optimiser, schedule)
    module.train()
    for step in range(done, steps):
        generator = np.random.default_rng([seed, step])
        torch.manual_seed(int(generator.integers(2**62)))
        value = loss(generator)
        if not torch.isfinite(value):
            raise ConfigError(
                f"the loss is {value.item()} at step {step + 1} of {stage}; lower the learning rate"
            )
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if (step + 1) % _STEPS_BETWEEN_CHECKPOINTS == 0 or step + 1 == steps:
            _keep(checkpoint, module, optimiser, step + 1)
        progress(stage, step + 1, steps)
    module.eval()


class _Position(Contract):
    """Of a checkpoint: how many steps are done, and the learning rate of the next."""

    steps: int
    rate: float


def _keep(path: Path, module: nn.Module, optimiser: torch.optim.Adam, steps: int) -> None:
    import safetensors.torch

    tensors = {f"module.{name}": value.clone() for name, value in module.state_dict().items()}
    for number, parameter in enumerate(optimiser.param_groups[0]["params"]):
        for name in ("exp_avg", "exp_avg_sq"):
            tensors[f"adam.{number}.{name}"] = optimiser.state[parameter][name].clone()
    position = _Position(steps=steps, rate=optimiser.param_groups[0]["lr"])
    metadata = {"position": position.model_dump_json()}
    with replacing(path) as file:
        file.write(safetensors.torch.save(tensors, metadata))


def _resume(
    path: Path,
    module: nn.Module,
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
    start = "module."
    module.load_state_dict(
        {name.removeprefix(start): tensors[name] for name in tensors if name.startswith(start)}
    )
    group = optimiser.param_groups[0]
    for number, parameter in enumerate(group["params"]):
        optimiser.state[parameter] = {
            "step": torch.tensor(float(position.steps)),
            "exp_avg": tensors[f"adam.{number}.exp_avg"],
            "exp_avg_sq": tensors[f"adam.{number}.exp_avg_sq"],
        }
    group["lr"] = position.rate
    done = {"last_epoch": position.steps, "_step_count": position.steps + 1}
    schedule.load_state_dict({**schedule.state_dict(), **done, "_last_lr": [position.rate]})
    return position.steps
