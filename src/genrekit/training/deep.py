"""Fit one network: examples to a graph that was compared with its source."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from genrekit.errors import ConfigError, DatasetError
from genrekit.export import check_network, export_network
from genrekit.models import NetworkConfig, build_network
from genrekit.training.augment import augmented, check_augment
from genrekit.training.batches import Examples
from genrekit.training.checkpoint import HISTORY, read_checkpoint, write_checkpoint, write_history
from genrekit.training.loop import EpochRecord, Hooks, Learner, run_epochs
from genrekit.training.losses import build_loss
from genrekit.training.optimisers import build_optimiser
from genrekit.training.settings import TrainingConfig
from genrekit.training.team import team

logger = logging.getLogger(__name__)

WEIGHTS = "weights.safetensors"
#: Rows on which an exported graph is compared with its source.
_ROWS_COMPARED = 32
#: Settings that change nothing in what a fit becomes.
_NO_DIFFERENCE = {"checkpoint_seconds", "rows_in_memory_mb"}


@dataclass(frozen=True, slots=True)
class NetworkFit:
    """A trained network.

    Attributes
    ----------
    model : bytes
        The ONNX graph.
    files : mapping of str to bytes
        ``weights.safetensors``, by the names of the torch module, and ``history.jsonl``.
    history : tuple of EpochRecord
    """

    model: bytes
    files: Mapping[str, bytes]
    history: tuple[EpochRecord, ...]


def fit_network(
    config: NetworkConfig,
    training: TrainingConfig,
    train: Examples,
    valid: Examples | None = None,
    *,
    seed: int = 0,
    work_dir: Path | None = None,
    each_epoch: Callable[[EpochRecord], None] = lambda record: None,
) -> NetworkFit:
    """Train a network from random weights and export it.

    Parameters
    ----------
    valid : Examples, optional
        Chooses the epoch; without it the weights of the last one are kept.
    work_dir : Path, optional
        Where checkpoints of this and of other fits are kept. A fit with the same settings and
        examples that was left unfinished there is continued.
    each_epoch : callable
        Called after every epoch, once its checkpoint is written.

    Raises
    ------
    ConfigError
        If the settings do not fit the examples or the machine.
    TrainingError
        If training cannot go on.
    BundleError
        If the exported graph differs from its source.
    """
    if len(train) < 2:
        raise DatasetError(f"a network cannot learn from {len(train)} row; add tracks")
    check_augment(training.augment, train.shapes)
    device = usable_device(training)
    training = training.model_copy(update={"precision": _precision(training, device)})
    with _repeatable(seed, device):
        learner = _learner(config, training, train, seed, device)
        learner.team.wait()  # until the leader has removed what must not be continued
        folder = None
        if work_dir is not None:
            folder = work_dir / _fingerprint(learner, config, train, valid)[:16]
            if read_checkpoint(folder, learner):
                logger.info("continued after epoch %d from %s", len(learner.history), folder)
            learner.team.wait()
            folder = folder if learner.team.is_first else None
        keep = _checkpoints(folder, training.checkpoint_seconds)

        def after_epoch(learner: Learner) -> None:
            keep(learner)
            each_epoch(learner.history[-1])

        hooks = Hooks(
            before_step=lambda batch, generator: augmented(batch, training.augment, generator),
            after_epoch=after_epoch,
        )
        run_epochs(learner, train, valid, hooks)
        if folder is not None:
            write_checkpoint(folder, learner)
    return _finished(learner, train)


def _learner(
    config: NetworkConfig,
    training: TrainingConfig,
    train: Examples,
    seed: int,
    device: torch.device,
) -> Learner:
    network = build_network(config, train.shapes, train.shares.shape[1])
    network.fit_scales(train.inputs)
    # Channels last: a third less time for convolutions on a CPU, and no more on a GPU.
    network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    weights = None
    if training.balance:
        weights = torch.from_numpy(balanced_weights(train.shares)).to(device)
    return Learner(
        network=network,
        optimiser=build_optimiser(training, network.parameters()),
        loss=build_loss(training, weights),
        config=training,
        device=device,
        seed=seed,
        team=team(),
    )


def balanced_weights(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weights (genres,) by which every genre counts the same, with mean 1 over rows."""
    totals = shares.sum(axis=0)
    weights: NDArray[np.float32] = (totals.sum() / (len(totals) * totals)).astype(np.float32)
    return weights


def _finished(learner: Learner, train: Examples) -> NetworkFit:
    network = learner.network
    network.load_state_dict(learner.best)
    network.to("cpu")
    model = export_network(network)
    check_network(model, network, {k: v[:_ROWS_COMPARED] for k, v in train.inputs.items()})
    weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    # How long an epoch took is left out: equal recipes make equal bundles.
    lines = [record.model_dump_json(exclude={"seconds"}) + "\n" for record in learner.history]
    files = {WEIGHTS: safetensors.torch.save(weights), HISTORY: "".join(lines).encode()}
    return NetworkFit(model, files, tuple(learner.history))


def _checkpoints(folder: Path | None, seconds: float) -> Callable[[Learner], None]:
    """Write history and, from time to time, checkpoints; without a folder nothing."""
    if folder is None:
        return lambda learner: None
    last = time.monotonic()

    def keep(learner: Learner) -> None:
        nonlocal last
        if time.monotonic() - last >= seconds:
            write_checkpoint(folder, learner)
            write_history(folder, learner.history)
            last = time.monotonic()

    return keep


def _fingerprint(
    learner: Learner, config: NetworkConfig, train: Examples, valid: Examples | None
) -> str:
    """Of everything that decides what a fit becomes, on one machine."""
    settings = learner.config.model_dump_json(exclude=_NO_DIFFERENCE)
    rest = f"{learner.seed} {learner.team.size}"
    digest = hashlib.sha256(f"{config.model_dump_json()}{settings}{rest}".encode())
    for examples in (train, valid):
        if examples is not None:
            for name, array in (*sorted(examples.inputs.items()), ("", examples.shares)):
                digest.update(f"{name}{array.shape}".encode())
                for row in array:
                    digest.update(np.ascontiguousarray(row).data)
    return digest.hexdigest()


def usable_device(training: TrainingConfig) -> torch.device:
    """Return the device that a network is trained on.

    Raises
    ------
    ConfigError
        If it is not there.
    """
    if training.device == "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda")
    if training.device == "cuda":
        raise ConfigError(
            "training.device is cuda, and torch finds no GPU it can use; take auto or cpu"
        )
    return torch.device("cpu")


def _precision(training: TrainingConfig, device: torch.device) -> str:
    if training.precision != "auto":
        return training.precision
    capable = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return "bfloat16" if capable else "float32"


@contextmanager
def _repeatable(seed: int, device: torch.device) -> Iterator[None]:
    """Everything random from ``seed``, and nothing left changed for the caller."""
    before = torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[0] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        if device.type == "cpu":
            torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before)
