"""Checkpoints: a directory of safetensors and JSON, complete or not there at all.

::

    epoch-00012/
        state.json              history, settings of the optimiser
        weights.safetensors     the network after that epoch
        best.safetensors        the network after the best one so far
        optimiser.safetensors   moments and counts of steps
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor
from torch.optim import Optimizer

from genrekit.errors import TrainingError
from genrekit.files import sync_folder, sync_tree
from genrekit.training.loop import EpochRecord, Learner

HISTORY = "history.jsonl"
_STATE, _WEIGHTS, _BEST = "state.json", "weights.safetensors", "best.safetensors"
_OPTIMISER = "optimiser.safetensors"
_PART = ".part"


def write_checkpoint(directory: Path, learner: Learner) -> Path:
    """Write the state of a run, and remove the one before.

    Returns
    -------
    Path
        The new directory, below ``directory``.

    Raises
    ------
    TrainingError
        If it cannot be written; what was there before stays.
    """
    target = directory / f"epoch-{len(learner.history):05d}"
    part = target.with_name(target.name + _PART)
    state = learner.optimiser.state_dict()
    text = json.dumps(
        {
            "history": [record.model_dump() for record in learner.history],
            "optimiser": state["param_groups"],
        },
        indent=1,
    )
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        _write_tensors(part / _WEIGHTS, learner.network.state_dict())
        _write_tensors(part / _BEST, learner.best)
        _write_tensors(part / _OPTIMISER, _flat(state["state"]))
        (part / _STATE).write_text(text, encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        sync_tree(part)
        part.rename(target)
        sync_folder(directory)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise TrainingError(
            f"the checkpoint of epoch {len(learner.history)} cannot be written to {directory}: "
            f"{error.strerror or error}; make room and continue with --resume"
        ) from error
    for old in _complete(directory):
        if old != target:
            shutil.rmtree(old)
    return target


def read_checkpoint(directory: Path, learner: Learner) -> bool:
    """Put ``learner`` in the state of the newest checkpoint; False if there is none.

    Raises
    ------
    TrainingError
        If it is damaged.
    """
    found = _complete(directory)
    if not found:
        return False
    newest = found[-1]
    try:
        state = json.loads((newest / _STATE).read_text(encoding="utf-8"))
        learner.history[:] = [EpochRecord.model_validate(one) for one in state["history"]]
        learner.network.load_state_dict(_read_tensors(newest / _WEIGHTS, learner.device))
        learner.best = _read_tensors(newest / _BEST, learner.device)
        tensors = _read_tensors(newest / _OPTIMISER, learner.device)
        learner.optimiser.load_state_dict(
            {"param_groups": state["optimiser"], "state": _nested(tensors)}
        )
        _laid_out(learner.optimiser)
    except (OSError, ValueError, KeyError, RuntimeError, safetensors.SafetensorError) as error:
        raise TrainingError(
            f"the checkpoint {newest} cannot be read: {error}; remove it, or train without --resume"
        ) from error
    return True


def write_history(directory: Path, history: list[EpochRecord]) -> None:
    """Write ``history.jsonl``, a line for each epoch."""
    lines = "".join(record.model_dump_json() + "\n" for record in history)
    (directory / HISTORY).write_text(lines, encoding="utf-8")


def _complete(directory: Path) -> list[Path]:
    return sorted(path for path in directory.glob("epoch-*") if path.suffix != _PART)


def _write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    # Not save_file: it writes through a memory map, where a full disk is a crash and no error.
    path.write_bytes(safetensors.torch.save({k: v.contiguous() for k, v in tensors.items()}))


def _read_tensors(path: Path, device: torch.device) -> dict[str, Tensor]:
    return {k: v.to(device) for k, v in safetensors.torch.load(path.read_bytes()).items()}


def _laid_out(optimiser: Optimizer) -> None:
    """Moments in memory like their parameters, or sums of them would round differently."""
    for parameter, values in optimiser.state.items():
        for name, value in values.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                values[name] = torch.empty_like(parameter.detach()).copy_(value)


def _flat(state: dict[int, dict[str, Any]]) -> dict[str, Tensor]:
    """Return the tensors of each parameter under ``"number/name"``."""
    return {
        f"{number}/{name}": value
        for number, values in state.items()
        for name, value in values.items()
        if isinstance(value, Tensor)
    }


def _nested(tensors: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, _, name = key.partition("/")
        state.setdefault(int(number), {})[name] = value
    return state
