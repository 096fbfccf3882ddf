"""Work on many arguments by processes that may die; outcomes come as they finish.

Ours, as `concurrent.futures` gives up all work when one process dies.
"""

from __future__ import annotations

import atexit
import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeVar, cast

from genrekit.workers.child import Answers
from genrekit.workers.worker import Died, RemoteError, Task, Worker, WorkerLimits

Argument = TypeVar("Argument")
Result = TypeVar("Result")

FailureKind = Literal["error", "crash", "hang", "memory", "killed"]

_TICK_SECONDS = 0.25
# One that waits is enough to keep a worker busy; more would be more to do again after a kill.
_AHEAD_PER_WORKER = 1


class Idle:
    """The type of `IDLE`."""


#: What a source of arguments yields when it has none now but may have some later.
IDLE: Final = Idle()
_END: Final = Idle()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no value.

    Attributes
    ----------
    kind : str
        ``"error"`` if the function raised; else what happened to its process: it crashed, hung
        (and was killed at its limit), ran out of memory, or was killed by somebody else.
    type : str
        Name of the exception's type; for the others ``WorkerCrash``, ``WorkerHang``, ...
    message : str
        For people.
    error : Exception, optional
        What the function raised.
    """

    kind: FailureKind
    type: str
    message: str
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Argument, Result]):
    """What became of one argument: ``value``, or the ``failure`` that stands in its place.

    ``attempts`` counts how often it was tried, and ``seconds`` is how long the last try took.
    """

    argument: Argument
    value: Result | None
    failure: Failure | None
    attempts: int
    seconds: float


@dataclass(slots=True)
class _QueueEntry(Generic[Argument]):
    argument: Argument
    attempts: int


_pools: weakref.WeakSet[Pool[Any, Any]] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """End what is left when a command ends in the middle, as at a pipe that nobody reads.

    Later, when the interpreter takes itself apart, threads stand still that hold locks of pipes.
    """
    for pool in tuple(_pools):
        pool.close()


class Pool(Generic[Argument, Result]):
    """Processes that apply one function, and are replaced when they die.

    Use it as a context manager: leaving it ends the processes.

    Parameters
    ----------
    function : callable
        Takes one argument; picklable by name.
    workers : int
        Processes; each is started when there is work for it.
    limits : WorkerLimits
        On the work on one argument.
    prepare : callable, optional
        Called once in each process before its first argument, outside the limits.
    answers : str
        ``"pickle"`` for values of any type, ``"json"`` where what is worked on is not trusted.
    attempts : int
        How often an argument that ends its process is tried, each time by a fresh one.
    niceness : int
        How far other processes go before the workers.
    """

    def __init__(
        self,
        function: Callable[[Argument], Result],
        *,
        workers: int = 1,
        limits: WorkerLimits | None = None,
        prepare: Callable[[], object] | None = None,
        answers: Answers = "pickle",
        attempts: int = 1,
        niceness: int = 0,
    ) -> None:
        self._task = Task(function, prepare, answers, limits or WorkerLimits(), niceness)
        self._size = workers
        self._attempts = attempts
        self._waiting: queue.SimpleQueue[_QueueEntry[Argument] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[_QueueEntry[Argument], Any]] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._workers: dict[int, Worker] = {}
        self._closed = threading.Event()
        _pools.add(self)

    def __enter__(self) -> Pool[Argument, Result]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes at once, whatever they do."""
        self._closed.set()
        for _ in self._threads:
            self._waiting.put(None)
        for worker in tuple(self._workers.values()):
            worker.kill()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def run(
        self,
        arguments: Iterable[Argument | Idle],
        *,
        before: Callable[[Argument], int] | None = None,
        on_death: Callable[[Argument, Failure], None] | None = None,
        tick: Callable[[], None] | None = None,
    ) -> Iterator[Outcome[Argument, Result]]:
        """Yield the outcome of each argument as soon as it is there.

        Everything that is called is called in the thread of the caller.

        Parameters
        ----------
        arguments : iterable
            Consumed lazily, a few for each worker ahead of what was yielded. `IDLE` among them
            says that none is there now; the source is asked again soon.
        before : callable, optional
            How often an argument has ended a process before, in an earlier run.
        on_death : callable, optional
            Told of each death that is followed by another try, before that.
        tick : callable, optional
            Called several times a second while nothing happens, and between outcomes.

        Raises
        ------
        GenreError
            If no worker comes up.
        Exception
            What ``prepare`` raised in a worker, or ``arguments`` here.
        """
        source, inside, over = iter(arguments), 0, False
        while True:
            while not over and inside < self._size * (1 + _AHEAD_PER_WORKER):
                argument = next(source, _END)
                if argument is _END:
                    over = True
                elif argument is IDLE:
                    break
                else:
                    self._submit(cast("Argument", argument), before)
                    inside += 1
            if over and not inside:
                return
            if tick is not None:
                tick()
            outcome = self._next(on_death)
            if outcome is not None:
                inside -= 1
                yield outcome

    def _submit(self, argument: Argument, before: Callable[[Argument], int] | None) -> None:
        self._waiting.put(_QueueEntry(argument, 0 if before is None else before(argument)))
        if len(self._threads) < self._size:
            self._start_thread()

    def _start_thread(self) -> None:
        if not self._threads:
            threading.Thread(target=self._watch, daemon=True, name="genrekit-watch").start()
        number = len(self._threads)
        thread = threading.Thread(
            target=self._serve, args=(number,), daemon=True, name=f"genrekit-worker-{number}"
        )
        self._threads.append(thread)
        thread.start()

    def _next(
        self, on_death: Callable[[Argument, Failure], None] | None
    ) -> Outcome[Argument, Result] | None:
        """Return the next outcome; None if there is none for a moment, or one is tried again."""
        try:
            entry, found = self._done.get(timeout=_TICK_SECONDS)
        except queue.Empty:
            return None
        if isinstance(found, BaseException):  # of a worker that does not start
            raise found
        outcome = cast("Outcome[Argument, Result]", found)
        failure = outcome.failure
        if failure is not None and failure.kind != "error" and entry.attempts < self._attempts:
            if on_death is not None:
                on_death(entry.argument, failure)
            self._waiting.put(entry)
            return None
        return outcome

    # --- in the threads -------------------------------------------------------------------------

    def _serve(self, number: int) -> None:
        """Keep one process alive and give it work, until closed."""
        while (entry := self._waiting.get()) is not None and not self._closed.is_set():
            try:
                worker = self._alive(number)
            except Exception as error:  # noqa: BLE001 -- raised where the results are wanted
                self._done.put((entry, error))
                continue
            if worker is not None:
                self._done.put((entry, self._tried(worker, entry)))

    def _alive(self, number: int) -> Worker | None:
        worker = self._workers.get(number)
        if worker is None or not worker.is_alive():
            if worker is not None:
                worker.kill()
            worker = self._workers[number] = Worker(self._task)
            if self._closed.is_set():  # while it started
                worker.kill()
                return None
        return worker

    def _tried(self, worker: Worker, entry: _QueueEntry[Argument]) -> Outcome[Argument, Result]:
        entry.attempts += 1
        begin = time.perf_counter()
        value, failure = None, None
        try:
            value = worker.ask(entry.argument)
        except Died as death:
            failure = _of_death(cast("FailureKind", death.cause), self._task.limits)
        except RemoteError as error:
            failure = Failure("error", error.type_name, error.message, error)
        except Exception as error:  # noqa: BLE001 -- the function may raise anything
            failure = Failure("error", type(error).__name__, str(error), error)
        seconds = time.perf_counter() - begin
        return Outcome(entry.argument, value, failure, entry.attempts, seconds)

    def _watch(self) -> None:
        while not self._closed.wait(_TICK_SECONDS):
            now = time.monotonic()
            for worker in tuple(self._workers.values()):
                worker.kill_if_late(now)


def _of_death(cause: FailureKind, limits: WorkerLimits) -> Failure:
    messages = {
        "crash": "working on it crashed its process; the file is damaged, or a decoder has a fault",
        "hang": f"working on it took more than {limits.wall_seconds or 0:g} s and was ended",
        "memory": "working on it takes more memory than it may; raise the limit, or leave it out",
        "killed": "the process that worked on it was ended from outside; is memory short?",
    }
    return Failure(cause, f"Worker{cause.capitalize()}", messages[cause])
