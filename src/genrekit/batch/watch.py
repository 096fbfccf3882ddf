"""A folder, for as long as it is watched: what is new or has changed, once it is whole."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from genrekit.batch.analysis import Analysis
from genrekit.batch.entry import Entry
from genrekit.batch.finish import finish
from genrekit.batch.run import Run, open_run
from genrekit.batch.sources import walk
from genrekit.batch.summary import Summary
from genrekit.batch.table import Format, check_format
from genrekit.batch.work import FILE_LIMITS, File, is_done, work_through
from genrekit.errors import ConfigError
from genrekit.workers import WorkerLimits

#: Other processes go first: whoever watches is in no hurry.
NICENESS = 10
# Looking at a large folder takes its time, and takes no more than this share of it.
_LOOKING_SHARE = 0.05
_NAP_SECONDS = 0.2

State = tuple[int | None, int | None]


class Arrivals:
    """What there is to do in a folder, look by look.

    A file is to be done when its size and time are those of the look before, and not those of its
    entry in the journal.
    """

    def __init__(self, run: Run, folder: Path) -> None:
        self._run, self._folder = run, folder
        self._changing: dict[str, State] = {}

    def look(self) -> list[str]:
        """Return the files that have stopped changing since the last look."""
        ready: list[str] = []
        changing: dict[str, State] = {}
        for path in walk(self._folder):
            file = File.now(path)
            state = (file.size_bytes, file.modified_ns)
            if is_done(self._run.journal, file, self._run.manifest.work, False):
                continue
            if self._changing.get(path) == state:
                ready.append(path)
            else:
                changing[path] = state
        self._changing = changing
        return ready


def watch_folder(
    folder: Path,
    out: Path,
    analysis: Analysis,
    *,
    workers: int = 1,
    limits: WorkerLimits = FILE_LIMITS,
    niceness: int = NICENESS,
    every_seconds: float = 5.0,
    redo: bool = False,
    table: Format = "jsonl",
    stop: Callable[[], bool],
    on_entry: Callable[[Entry], None] = lambda entry: None,
) -> Summary:
    """Predict what arrives in a folder until ``stop`` says so, then write the table.

    Parameters
    ----------
    folder : Path
    out : Path
        Folder of the run, outside of ``folder`` or hidden in it.
    analysis : Analysis
    workers, limits, niceness, redo, table
        As for `genrekit.batch.engine.BatchOptions`; workers are there while there is work.
    every_seconds : float
        Between two looks; a large folder is looked at less often.
    stop : callable
    on_entry : callable
        Told of each entry when it is in the journal.

    Raises
    ------
    ConfigError
        If ``folder`` is not a folder; and what `genrekit.batch.engine.run_batch` raises.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder; name one to watch")
    check_format(table)
    settings = analysis.settings()
    with open_run(out, "predict", settings, sources=[str(folder)], redo=redo) as run:
        arrivals = Arrivals(run, folder)
        while not stop():
            begin = time.monotonic()
            ready = arrivals.look()
            scan_seconds = time.monotonic() - begin
            if ready:
                run.journal.forget_claims()
            todo = (path for path in ready if not stop())
            for entry in work_through(
                run,
                todo,
                analysis,
                prepare=analysis.prepare,
                workers=workers,
                limits=limits,
                niceness=niceness,
            ):
                on_entry(entry)
            run.journal.sync()
            _sleep(max(every_seconds, scan_seconds / _LOOKING_SHARE), stop)
        return finish(run, table)


def _sleep(seconds: float, stop: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while not stop() and (left := end - time.monotonic()) > 0:
        time.sleep(min(left, _NAP_SECONDS))
