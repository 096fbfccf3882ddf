"""One worker process, from the side of who gives it work: start it, ask it, kill it."""

from __future__ import annotations

import contextlib
import json
import multiprocessing.spawn
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from genrekit.errors import GenreError
from genrekit.workers.child import (
    ARGUMENT,
    ERROR,
    MEMORY,
    READY,
    START,
    VALUE,
    Answers,
    Start,
)
from genrekit.workers.confine import THREAD_CAPS
from genrekit.workers.frames import packed, read_frame
from genrekit.workers.wire import error_from_json, error_kind

# On a machine that has far too much to do it takes minutes.
_START_SECONDS = 600.0
_END_SECONDS = 5.0
_PROGRAM = (
    "import json,sys; sys.path[:]=json.loads(sys.argv.pop()); "
    "from genrekit.workers.child import main; main()"
)
# What work on a file cannot bring about; the first of them is also how a system without memory ends
# the process that it finds largest, whoever took it.
_FROM_OUTSIDE = ("SIGKILL", "SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2")
_TOO_LONG = ("SIGXCPU", "SIGALRM")


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """What work on one argument may cost.

    Attributes
    ----------
    wall_seconds : float, optional
        After this the process is killed; None lets it take as long as it likes.
    memory_bytes : int, optional
        Address space on top of what the process uses when it is ready; enforced on Linux. None
        sets no bound.
    """

    wall_seconds: float | None = None
    memory_bytes: int | None = None


#: For long work on whole files, of which all that ends is to end: only what hangs is killed.
LONG_LIMITS = WorkerLimits(wall_seconds=900.0, memory_bytes=4 << 30)


@dataclass(frozen=True, slots=True)
class Task:
    """What workers do.

    Attributes
    ----------
    function : callable
        Picklable by name.
    prepare : callable, optional
        Called once in each process before its first argument, outside the limits.
    answers : str
        How values come back. ``"json"`` when files are not trusted: a process that one of them
        took over can then send nothing but JSON. ``"pickle"`` for values of any type.
    """

    function: Callable[[Any], Any]
    prepare: Callable[[], object] | None = None
    answers: Answers = "pickle"
    limits: WorkerLimits = WorkerLimits()
    niceness: int = 0


class Died(Exception):
    """The process ended instead of answering.

    Parameters
    ----------
    cause : str
        ``"crash"``, ``"hang"``, ``"memory"`` or ``"killed"``.
    """

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class RemoteError(Exception):
    """An error that was told in JSON, by a type that is not one of genrekit's own.

    Parameters
    ----------
    type_name, message : str
    """

    def __init__(self, type_name: str, message: str) -> None:
        super().__init__(type_name, message)
        self.type_name = type_name
        self.message = message

    def __str__(self) -> str:
        return f"{self.type_name}: {self.message}"


class Worker:
    """One process, ready to work.

    Parameters
    ----------
    task : Task

    Raises
    ------
    GenreError
        If the process does not come up.
    Exception
        What the task's ``prepare`` raised.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._late = False
        self.deadline: float | None = None
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | THREAD_CAPS,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._inbox, self._outbox = self._process.stdin, self._process.stdout
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def _wait_until_ready(self) -> None:
        task = self._task
        preparation = multiprocessing.spawn.get_preparation_data("genrekit worker")
        # A secret of this process, for connections between processes that are not made here.
        del preparation["authkey"]
        start = Start(
            preparation=preparation,
            task=pickle.dumps((task.function, task.prepare), pickle.HIGHEST_PROTOCOL),
            answers=task.answers,
            memory_bytes=task.limits.memory_bytes,
            wall_seconds=task.limits.wall_seconds,
            niceness=task.niceness,
        )
        watch = threading.Timer(_START_SECONDS, self._process.kill)
        watch.daemon = True
        watch.start()
        try:
            with contextlib.suppress(OSError):
                self._send(START, pickle.dumps(start, pickle.HIGHEST_PROTOCOL))
            frame = read_frame(self._outbox)
        finally:
            watch.cancel()
        if frame is None:
            raise GenreError(
                "a worker process does not start; see what it wrote above, and whether memory is "
                "short"
            )
        kind, payload = frame
        if kind != READY:
            raise pickle.loads(payload)  # noqa: S301 -- it has not seen a file yet

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def ask(self, argument: object) -> Any:
        """Return what the function makes of ``argument``.

        Raises
        ------
        Died
            If the process ended instead; it is then dead.
        GenreError, RemoteError, Exception
            What the function raised.
        """
        limit = self._task.limits.wall_seconds
        self.deadline = None if limit is None else time.monotonic() + limit
        try:
            self._send(ARGUMENT, pickle.dumps(argument, pickle.HIGHEST_PROTOCOL))
            frame = read_frame(self._outbox)
        except OSError:
            frame = None
        finally:
            self.deadline = None
        if frame is None:
            raise Died(self._cause())
        return self._opened(*frame)

    def _opened(self, kind: bytes, payload: bytes) -> Any:
        if kind == MEMORY:
            self.kill()
            raise Died("memory")
        if kind not in (VALUE, ERROR):
            self.kill()
            raise Died("crash")
        if self._task.answers == "json":
            return self._opened_json(kind, payload)
        value = pickle.loads(payload)  # noqa: S301 -- as the task says
        if kind == ERROR:
            raise value
        return value

    def _opened_json(self, kind: bytes, payload: bytes) -> Any:
        try:
            value = json.loads(payload)
            if kind == VALUE:
                return value
            error = _record(value)
        except (ValueError, TypeError, KeyError, AttributeError):  # it has gone mad
            self.kill()
            raise Died("crash") from None
        raise error

    def _send(self, kind: bytes, payload: bytes) -> None:
        self._inbox.write(packed(kind, payload))
        self._inbox.flush()

    def kill_if_late(self, now: float) -> None:
        """Kill it if what it works on should have ended before ``now`` of `time.monotonic`."""
        deadline = self.deadline
        if deadline is not None and now > deadline:
            self._late = True
            self._process.kill()

    def _cause(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        ended = self._process.poll() is not None
        code = self.kill()
        return "hang" if self._late else cause_of_death(code, by_itself=ended)

    def is_alive(self) -> bool:
        """Whether it can work on."""
        return self._process.poll() is None

    def kill(self) -> int:
        """End it at once, and return its exit code."""
        self._process.kill()
        code = self._process.wait()
        for pipe in (self._inbox, self._outbox):
            with contextlib.suppress(OSError):
                pipe.close()
        return code


def cause_of_death(code: int, *, by_itself: bool) -> Literal["crash", "hang", "killed"]:
    """Return what ended a worker, by its exit code, and whether it ended by itself."""
    if _is_signal(code, _TOO_LONG):
        return "hang"
    return "killed" if by_itself and _is_signal(code, _FROM_OUTSIDE) else "crash"


def _is_signal(code: int, names: tuple[str, ...]) -> bool:
    return -code in (getattr(signal, name, None) for name in names)


def _record(wire: dict[str, Any]) -> Exception:
    """Return the error that a worker met, if it is one of ours; else what it says."""
    if error_kind(str(wire["type"])) is None:
        return RemoteError(str(wire["type"]), str(wire["message"]))
    return error_from_json(wire)
