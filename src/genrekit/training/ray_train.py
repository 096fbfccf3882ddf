"""A recipe trained by workers of a Ray cluster."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from genrekit.errors import TrainingError
from genrekit.extras import naming_extra
from genrekit.training.recipe import Recipe


def train_with_ray(
    recipe: Recipe, out: Path, *, workers: int = 2, gpus: bool = False, **options: Any
) -> Path:
    """Make a bundle as `genrekit.training.train`, a network's batches shared between workers.

    Parameters
    ----------
    out : Path
        A folder that all machines of the cluster see.
    workers : int
        Processes of Ray, each with a batch of the recipe.
    gpus : bool
        Give each worker a GPU.
    **options
        Of `genrekit.training.train`.

    Raises
    ------
    MissingExtraError
        Without the extra ``ray``.
    TrainingError
        If a worker failed; the message is its last line.
    """
    with naming_extra():
        from ray.train import RunConfig, ScalingConfig, TrainingFailedError
        from ray.train.torch import TorchConfig, TorchTrainer
    with tempfile.TemporaryDirectory() as folder:
        trainer = TorchTrainer(
            _work,
            train_loop_config={"recipe": recipe, "out": out.resolve(), "options": options},
            scaling_config=ScalingConfig(num_workers=workers, use_gpu=gpus),
            torch_config=TorchConfig(backend="nccl" if gpus else "gloo"),
            run_config=RunConfig(name="genrekit", storage_path=folder),
        )
        try:
            trainer.fit()
        except TrainingFailedError as error:
            last = str(error).strip().splitlines()[-1]
            raise TrainingError(f"training with Ray failed: {last}") from error
    return out


def _work(config: dict[str, Any]) -> None:
    from genrekit.training.distributed import train_in_team
    from genrekit.training.team import team

    train_in_team(config["recipe"], config["out"], team(), **config["options"])
