"""One ordered parallel map for all long work over tracks.

Results come in the order of the arguments, look-ahead is bounded, and a worker process that dies
(a codec that crashes, memory that runs out) costs the argument it worked on, not the run.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")

_LOOK_AHEAD_PER_WORKER = 4


@dataclass(frozen=True, slots=True)
class WorkerDied(Generic[Argument]):
    """Stands in the place of the result whose computation killed its process."""

    argument: Argument


def ordered_map(
    function: Callable[[Argument], Result],
    arguments: Iterable[Argument],
    *,
    workers: int = 1,
) -> Iterator[Result | WorkerDied[Argument]]:
    """Yield ``function(argument)`` for each argument, in order.

    Parameters
    ----------
    function : callable
        Picklable by name when ``workers`` is more than one. What it raises reaches the caller.
    arguments : iterable
        Consumed lazily, at most four per worker ahead of what was yielded.
    workers : int
        1 computes in this process; more start that many fresh processes.
    """
    if workers == 1:
        yield from map(function, arguments)
        return

    queue = iter(arguments)
    waiting: deque[tuple[Argument, Future[Result]]] = deque()
    pool = _new_pool(workers)
    try:
        while True:
            wanted = workers * _LOOK_AHEAD_PER_WORKER - len(waiting)
            try:
                for argument in itertools.islice(queue, wanted):
                    waiting.append((argument, _submit(pool, function, argument)))
                if not waiting:
                    return
                result = waiting[0][1].result()
            except BrokenProcessPool:
                # Any of those in flight may be the culprit: run them one by one, each on trial.
                suspects = [argument for argument, future in waiting if not _succeeded(future)]
                finished = {
                    position: future.result()
                    for position, (_, future) in enumerate(waiting)
                    if _succeeded(future)
                }
                trial = iter(_run_alone(function, suspects))
                for position in range(len(waiting)):
                    yield finished[position] if position in finished else next(trial)
                waiting.clear()
                pool = _new_pool(workers)
                continue
            waiting.popleft()
            yield result
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _new_pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_begin_worker
    )


def _begin_worker() -> None:
    # Ctrl-C reaches the whole process group; only the parent answers it, by ending the map.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that is killed cannot end its workers, and they would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _submit(
    pool: ProcessPoolExecutor, function: Callable[[Argument], Result], argument: Argument
) -> Future[Result]:
    try:
        return pool.submit(function, argument)
    except BrokenProcessPool as error:
        broken: Future[Result] = Future()
        broken.set_exception(error)
        return broken


def _succeeded(future: Future[Any]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def _run_alone(
    function: Callable[[Argument], Result],
    arguments: Iterable[Argument],
) -> Iterator[Result | WorkerDied[Argument]]:
    pool = _new_pool(1)
    try:
        for argument in arguments:
            try:
                yield pool.submit(function, argument).result()
            except BrokenProcessPool:
                yield WorkerDied(argument)
                pool = _new_pool(1)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
