"""A recipe trained by several processes: started here, by torchrun, or by Ray.

Every process runs the whole recipe on the same data; only its part of each batch is its own. The
leader writes the bundle and the checkpoints; what the others write goes to folders that are
removed. On several machines the folder of the bundle must be one that all of them see.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from torch._C._distributed_c10d import TCPStore

from genrekit.errors import ConfigError, TrainingError
from genrekit.models import NetworkConfig
from genrekit.training.recipe import Recipe
from genrekit.training.stages import train
from genrekit.training.team import Team, team
from genrekit.workers import cores

#: What torchrun tells a process, and `joined` the ones that it starts.
_RANK, _SIZE, _ADDRESS, _PORT = "RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"
_SECONDS_TO_END = 10.0
_SECONDS_TO_MEET = 600.0
_SECONDS_BETWEEN_LOOKS = 0.05


def is_part_of_a_team() -> bool:
    """Whether torchrun, or another process of `genrekit`, started this one."""
    return int(os.environ.get(_SIZE, "1")) > 1 and _RANK in os.environ


def train_together(
    recipe: Recipe, out: Path, *, processes: int = 1, arguments: Sequence[str] = (), **options: Any
) -> None:
    """Make a bundle as `genrekit.training.train` does, by all processes of a team.

    Parameters
    ----------
    processes : int
        How many to train with; this one leads and starts the others. Where torchrun started this
        one, its number counts.
    arguments : sequence of str
        Of the command ``genrekit`` that starts another process with this very recipe.
    **options
        Of `genrekit.training.train`.

    Raises
    ------
    ConfigError
        If the model is not a network, or the processes cannot find each other.
    TrainingError
        If another process ended too early.
    """
    together = processes > 1 or is_part_of_a_team()
    if together and not isinstance(recipe.model, NetworkConfig):
        raise ConfigError(
            f"{recipe.model.architecture} is fitted by one process; leave --processes out (--jobs "
            "is for the features)"
        )
    with joined(processes, arguments) as group:
        train_in_team(recipe, out, group, **options)


def train_in_team(recipe: Recipe, out: Path, group: Team, **options: Any) -> None:
    """Make a bundle as `train_together` does, where the processes have found each other."""
    if group.is_first:
        train(recipe, out, **options)
    else:
        checkpoints = out.with_name(f"{out.name}.training")
        with tempfile.TemporaryDirectory() as folder:
            train(recipe, Path(folder) / out.name, checkpoints=checkpoints, **options)
    group.wait()


@contextmanager
def joined(processes: int = 1, arguments: Sequence[str] = ()) -> Iterator[Team]:
    """Return a process group for the time of the block; the other processes end with it."""
    if not is_part_of_a_team() and processes == 1:
        yield team()
        return
    others = [] if is_part_of_a_team() else _started(processes, arguments)
    try:
        with _group(others):
            yield team()
    except RuntimeError as error:  # what gloo raises where torch has no type of its own
        if not _is_of_a_lost_process(error):
            raise
        raise TrainingError(
            "another process of this training ended; what it said is above, or where it runs"
        ) from error
    finally:
        _end(others)


@contextmanager
def _group(others: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
    backend = "gloo"
    if torch.cuda.is_available():
        backend = "nccl"
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    try:
        if "TORCHELASTIC_RUN_ID" in os.environ:  # torchrun has a store, and sees to the others
            distributed.init_process_group(backend)
        else:
            rank, size = int(os.environ[_RANK]), int(os.environ[_SIZE])
            store = _store(rank, size, others)
            distributed.init_process_group(backend, store=store, rank=rank, world_size=size)
    except (distributed.DistError, ValueError, OSError) as error:
        raise ConfigError(
            f"the processes cannot find each other at {os.environ.get(_ADDRESS)}:"
            f"{os.environ.get(_PORT)}: {error}; see that the port is free and nobody is missing"
        ) from error
    try:
        yield
    finally:
        distributed.destroy_process_group()


def _store(rank: int, size: int, others: Sequence[subprocess.Popen[bytes]]) -> TCPStore:
    """Where processes tell each other who they are; the leader waits until all have done so."""
    store = TCPStore(
        os.environ[_ADDRESS],
        int(os.environ[_PORT]),
        is_master=rank == 0,
        timeout=timedelta(seconds=_SECONDS_TO_MEET),
        wait_for_workers=False,
    )
    store.set(f"here-{rank}", "")
    end = time.monotonic() + _SECONDS_TO_MEET
    while rank == 0 and not store.check([f"here-{number}" for number in range(size)]):
        if any(process.poll() is not None for process in others):
            raise TrainingError(
                "another process ended before training began; what it said is above"
            )
        if time.monotonic() > end:
            raise ConfigError(
                f"not all of {size} processes were there within {_SECONDS_TO_MEET:.0f} s; start "
                "them all at the same time"
            )
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    return store


def _started(processes: int, arguments: Sequence[str]) -> list[subprocess.Popen[bytes]]:
    """Return the other processes; this one takes its place as the first by the same variables."""
    threads = max(1, cores() // processes)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = {_SIZE: str(processes), _ADDRESS: "127.0.0.1", _PORT: str(port)}
    place |= {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(threads))}
    torch.set_num_threads(int(place["OMP_NUM_THREADS"]))
    others = [
        subprocess.Popen(
            [sys.executable, "-m", "genrekit", *arguments],
            env={**os.environ, **place, _RANK: str(rank), "LOCAL_RANK": str(rank)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        for rank in range(1, processes)
    ]
    os.environ.update(place | {_RANK: "0", "LOCAL_RANK": "0"})
    return others


def _end(others: Sequence[subprocess.Popen[bytes]]) -> None:
    if not others:
        return
    for name in (_RANK, _SIZE, _ADDRESS, _PORT, "LOCAL_RANK"):
        os.environ.pop(name, None)
    for process in others:
        try:
            process.wait(timeout=_SECONDS_TO_END if sys.exc_info()[0] is None else 0.1)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait()


def _is_of_a_lost_process(error: RuntimeError) -> bool:
    text = str(error).lower()
    return any(sign in text for sign in ("closed by peer", "connection reset", "gloo", "nccl"))
