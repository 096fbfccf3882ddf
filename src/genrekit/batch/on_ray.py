"""Many files on a cluster: Ray moves paths, actors hold a supervised child, the journal is here.

What Ray knows of what is done is never asked: a row that came back is in the journal of the driver,
everything else is done again. Measured with Ray 2.60: a file that kills its process would be tried
for ever, or cost its whole block; so each actor keeps a pool of one process of
`genrekit.workers`, and every failure is a row like any other.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from types import ModuleType
from typing import Any

from genrekit.batch.entry import Entry
from genrekit.batch.remote import remote_entries, spelled_path
from genrekit.batch.run import Run
from genrekit.batch.work import ATTEMPTS, FILE_LIMITS, File, Function, OnFile, unfinished
from genrekit.errors import ConfigError
from genrekit.extras import naming_extra
from genrekit.workers import Idle, Pool, WorkerLimits

# Each wave makes actors anew, which takes seconds; and is in memory, as paths.
_WAVE_PER_ACTOR = 2000


@dataclass(frozen=True, slots=True)
class RayOptions:
    """How a cluster is used.

    Attributes
    ----------
    address : str, optional
        Of a cluster that runs; None begins one on this machine, which ends with the process.
    actors : int, optional
        Each with a child process and a model; None makes one for each processor of the cluster.
    batch : int
        Paths that an actor gets at a time. When a node is lost, as many for each of its actors are
        worked on again.
    """

    address: str | None = None
    actors: int | None = None
    batch: int = 16


class Actor:
    """Works on paths in a child process that may die; Ray makes one for each place.

    Parameters
    ----------
    pool : callable
        Makes the pool.
    work : str
        Fingerprint, for the entries.
    """

    def __init__(self, pool: Callable[[], Pool[File, Any]], work: str) -> None:
        self._pool = pool()
        self._work = work

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Entries as lines of JSON, for paths as hexadecimal bytes."""
        entries = remote_entries(self._pool, batch["path"], self._work)
        return {"entry": [entry.model_dump_json() for entry in entries]}

    def close(self) -> None:
        """End the child process."""
        self._pool.close()


def ray_through(
    run: Run,
    paths: Iterable[str | Idle],
    function: Function,
    *,
    how: RayOptions,
    prepare: Callable[[], object] | None = None,
    limits: WorkerLimits = FILE_LIMITS,
    niceness: int = 0,
    retry_failed: bool = False,
    skipped: Callable[[str], None] | None = None,
    tick: Callable[[], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Entry]:
    """Do to each file what has not been done yet, as `work_through` does, on a cluster.

    Parameters that are not named here are those of `work_through`. Files must be where every node
    finds them by the same path: on a shared file system, or URLs.

    Parameters
    ----------
    how : RayOptions
    stop : callable
        Once it says so, what is in flight is given up, to be done when the run goes on.

    Raises
    ------
    MissingExtraError
        Without Ray.
    ConfigError
        If the cluster has no processor.
    """
    ray = start_ray(how.address)
    actors = how.actors or int(ray.cluster_resources().get("CPU", 0))
    if actors < 1:
        raise ConfigError("the cluster has no processor that is free; add a node, or say --actors")
    pool = partial(
        Pool,
        OnFile(function),
        limits=limits,
        prepare=prepare,
        answers="json",
        attempts=ATTEMPTS,
        niceness=niceness,
    )
    todo = unfinished(paths, run, retry_failed, skipped)
    files = (file.path for file in todo if not isinstance(file, Idle))
    while wave := list(islice(files, actors * _WAVE_PER_ACTOR)):
        for entry in _wave(ray, wave, partial(pool), run.manifest.work, actors, how.batch):
            run.journal.append(entry)
            if tick is not None:
                tick()
            yield entry
            if stop():
                return


def _wave(
    ray: ModuleType,
    paths: list[str],
    pool: Callable[[], Pool[File, Any]],
    work: str,
    actors: int,
    batch: int,
) -> Iterator[Entry]:
    blocks = math.ceil(len(paths) / batch)
    rows = [{"path": spelled_path(path)} for path in paths]
    answers = ray.data.from_items(rows, override_num_blocks=blocks).map_batches(
        Actor,
        fn_constructor_args=(pool, work),
        batch_size=batch,
        compute=ray.data.ActorPoolStrategy(size=min(actors, blocks)),
        num_cpus=1,
    )
    for block in answers.iter_batches(batch_size=None, batch_format="numpy"):
        for line in block["entry"]:
            yield Entry.model_validate_json(str(line))


def start_ray(address: str | None) -> ModuleType:
    """Ray, connected: to a cluster, or to one that is begun on this machine.

    Raises
    ------
    MissingExtraError
        Without Ray.
    """
    # Before it is imported, which reads them.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    with naming_extra():
        import ray
        import ray.data
    if not ray.is_initialized():
        # Without an address Ray would look for any cluster that was ever begun on this machine.
        own = {} if address else {"include_dashboard": False}
        ray.init(address or "local", log_to_driver=False, logging_level="ERROR", **own)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    return ray  # type: ignore[no-any-return]
