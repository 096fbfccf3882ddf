"""Many files through the pool and into the journal of a run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from genrekit.batch.entry import DeathRecord, Entry, Reason, reason_of, spelled
from genrekit.batch.journal import Journal
from genrekit.batch.run import Run
from genrekit.batch.sources import is_url
from genrekit.errors import GenreError
from genrekit.workers import IDLE, Failure, Idle, Outcome, Pool, WorkerLimits

#: What work on one file may cost unless something else is said.
FILE_LIMITS = WorkerLimits(wall_seconds=120.0, memory_bytes=2 << 30)
#: Starting a process takes a second: with fewer files one that crashes may end the command.
SUPERVISED_FROM = 4
#: A file that ends its process so often is quarantined.
ATTEMPTS = 2
_TIMINGS = "timings_ms"

Function = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is when its turn comes."""

    path: str
    size_bytes: int | None
    modified_ns: int | None

    @classmethod
    def now(cls, path: str) -> File:
        """Look at it; a file that is not there has no size."""
        if is_url(path):
            from genrekit.batch.storage import stat_url

            return cls(path, *stat_url(path))
        try:
            status = os.stat(path)  # noqa: PTH116 -- a Path costs more than the call
        except (OSError, ValueError):
            return cls(path, None, None)
        return cls(path, status.st_size, status.st_mtime_ns)

    def fields(self, work: str) -> dict[str, Any]:
        """Those that an entry and a strike have in common."""
        about = {"work": work, "size_bytes": self.size_bytes, "modified_ns": self.modified_ns}
        return spelled(self.path) | about


@dataclass(frozen=True, slots=True)
class OnFile:
    """The function, as workers call it."""

    function: Function

    def __call__(self, file: File) -> Any:
        """Return what the function makes of the path."""
        return self.function(file.path)


def work_through(
    run: Run,
    paths: Iterable[str | Idle],
    function: Function,
    *,
    prepare: Callable[[], object] | None = None,
    workers: int = 1,
    limits: WorkerLimits = FILE_LIMITS,
    niceness: int = 0,
    retry_failed: bool = False,
    supervised: bool = True,
    skipped: Callable[[str], None] | None = None,
    tick: Callable[[], None] | None = None,
) -> Generator[Entry]:
    """Do to each file what has not been done yet, and yield its entry when it is in the journal.

    Files whose size, time and settings are those of their last entry are skipped, whatever that
    entry says; a path that is named twice is worked on once. Entries come as they finish.

    Parameters
    ----------
    run : Run
        From `open_run`.
    paths : iterable of str
        Consumed lazily; `genrekit.workers.IDLE` among them says that none is there now. Ending it
        early is how to stop: what is in flight is finished.
    function : callable
        Picklable by name; takes a path and returns what JSON can hold, the same for the same file
        and settings. An entry ``timings_ms`` of a dict that it returns is kept beside the value.
        What it raises makes the file ``failed``.
    prepare : callable, optional
        Called once in each worker before its first file, such as to load a model.
    workers : int
    limits : WorkerLimits
        On one file; passing one ends the worker.
    niceness : int
        How far other processes go before the workers.
    retry_failed : bool
        Whether those that are ``failed`` or ``quarantined`` get another chance.
    supervised : bool
        Whether a single worker is a process of its own too, so that a file that crashes or hangs
        ends nothing else; without, it is this one, which saves starting another for a few files.
    skipped : callable, optional
        Called with each path that needs nothing.
    tick : callable, optional
        Called several times a second.

    Raises
    ------
    GenreError
        If the journal cannot be written, or no worker starts.
    """
    work, journal = run.manifest.work, run.journal

    def on_death(file: File, failure: Failure) -> None:
        journal.strike(DeathRecord(kind=reason_of(failure).kind, **file.fields(work)))

    def ticked() -> None:
        journal.sync_if_due()
        if tick is not None:
            tick()

    todo = unfinished(paths, run, retry_failed, skipped)
    if workers == 1 and not supervised:
        yield from _in_this_process(run, todo, function)
        return
    pool: Pool[File, Any] = Pool(
        OnFile(function),
        workers=workers,
        limits=limits,
        prepare=prepare,
        answers="json",
        attempts=ATTEMPTS,
        niceness=niceness,
    )
    with pool:
        before = _strikes(journal, work)
        for outcome in pool.run(todo, before=before, on_death=on_death, tick=ticked):
            entry = entry_of(outcome, work)
            journal.append(entry)
            yield entry


def _in_this_process(run: Run, todo: Iterable[File | Idle], function: Function) -> Generator[Entry]:
    for file in todo:
        if isinstance(file, Idle):
            continue
        begin, value, failure = time.monotonic(), None, None
        try:
            value = function(file.path)
        except MemoryError:
            failure = Failure("memory", "WorkerMemory", "working on it took too much memory")
        except (GenreError, OSError) as error:
            failure = Failure("error", type(error).__name__, str(error), error)
        outcome = Outcome(file, value, failure, 1, time.monotonic() - begin)
        entry = entry_of(outcome, run.manifest.work)
        run.journal.append(entry)
        run.journal.sync_if_due()
        yield entry


def unfinished(
    paths: Iterable[str | Idle],
    run: Run,
    retry_failed: bool,
    skipped: Callable[[str], None] | None,
) -> Iterator[File | Idle]:
    """Yield each file that is not done yet once, and `IDLE` where the source has none now."""
    journal, work = run.journal, run.manifest.work
    for path in paths:
        if isinstance(path, Idle):
            yield IDLE
            continue
        if not journal.claim(path):
            continue
        file = File.now(path)
        if is_done(journal, file, work, retry_failed):
            if skipped is not None:
                skipped(path)
        else:
            yield file


def is_done(journal: Journal, file: File, work: str, retry_failed: bool) -> bool:
    """Whether the last entry of a file is about it as it is, and is not to be tried again."""
    known = journal.known(file.path)
    if known is None or known.state is None or known.work != work:
        return False
    if (known.size_bytes, known.modified_ns) != (file.size_bytes, file.modified_ns):
        return False
    return known.state == "ok" or not retry_failed


def _strikes(journal: Journal, work: str) -> Callable[[File], int]:
    def strikes(file: File) -> int:
        """How often the file ended a process before, as it is and with these settings."""
        known = journal.known(file.path)
        if known is None or known.state is not None or known.work != work:
            return 0
        same = (known.size_bytes, known.modified_ns) == (file.size_bytes, file.modified_ns)
        return min(known.strikes, ATTEMPTS - 1) if same else 0

    return strikes


def entry_of(outcome: Outcome[File, Any], work: str) -> Entry:
    """Return the terminal entry of an outcome."""
    file, failure = outcome.argument, outcome.failure
    value, timings = _apart(outcome.value)
    state = "ok"
    reason: Reason | None = None
    if failure is not None:
        state = "failed" if failure.kind == "error" else "quarantined"
        reason = reason_of(failure)
    return Entry.model_validate(
        {
            **file.fields(work),
            "state": state,
            "attempts": outcome.attempts,
            "seconds": round(outcome.seconds, 4),
            "timings_ms": timings,
            "at": round(time.time(), 3),
            "reason": reason,
            "value": value,
        }
    )


def _apart(value: Any) -> tuple[JsonValue, dict[str, float]]:
    """Return a value, and the timings that came with it."""
    if not isinstance(value, dict) or not isinstance(value.get(_TIMINGS), dict):
        return value, {}
    rest = {name: one for name, one in value.items() if name != _TIMINGS}
    return rest, value[_TIMINGS]
