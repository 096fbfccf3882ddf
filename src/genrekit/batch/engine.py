"""A catalogue through a model, on this machine: sources, journal, workers, table."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from genrekit.batch.analysis import Analysis
from genrekit.batch.entry import Entry
from genrekit.batch.finish import finish, write_summary
from genrekit.batch.on_ray import RayOptions, ray_through
from genrekit.batch.prefetch import PathCount, below_load, until, without_waiting
from genrekit.batch.run import Run, open_run
from genrekit.batch.sources import Shard, SourceOptions, is_again_readable, read_sources
from genrekit.batch.summary import Summary
from genrekit.batch.table import Format, check_format
from genrekit.batch.work import FILE_LIMITS, work_through
from genrekit.workers import Idle, WorkerLimits


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How a catalogue is worked through; nothing here changes an answer.

    Attributes
    ----------
    workers : int
    limits : WorkerLimits
        On one file.
    niceness : int
        How far other processes go before the workers.
    max_load : float, optional
        While more processes than this want a core, no file is begun.
    retry_failed : bool
        Whether those that failed get another chance.
    redo : bool
        Whether a changed model, or changed options, may make all be done again.
    table : str
        ``jsonl`` or ``parquet``.
    ray : RayOptions, optional
        Works on a cluster instead of here; ``workers`` and ``max_load`` are then of no use.
    """

    workers: int = 1
    limits: WorkerLimits = FILE_LIMITS
    niceness: int = 0
    max_load: float | None = None
    retry_failed: bool = False
    redo: bool = False
    table: Format = "jsonl"
    ray: RayOptions | None = None


@dataclass(slots=True)
class BatchProgress:
    """How far a batch is; one object that is shown again and again.

    Attributes
    ----------
    done, failed, skipped : int
        Files of this session; ``failed`` are among those done, ``skipped`` need nothing.
    total : int or None
        Files of the sources, once they are counted.
    last : Entry or None
        What ended last.
    """

    began: float = field(default_factory=time.monotonic)
    done: int = 0
    failed: int = 0
    skipped: int = 0
    total: int | None = None
    last: Entry | None = None

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self.began

    @property
    def per_second(self) -> float:
        """Files that were done, by the seconds since the beginning."""
        return self.done / max(self.seconds, 1e-9)

    @property
    def seconds_left(self) -> float | None:
        """At this rate; None while that is not known."""
        if self.total is None or not self.done:
            return None
        return max(0, self.total - self.done - self.skipped) / self.per_second


Report = Callable[[BatchProgress], None]


def run_batch(
    sources: Sequence[str],
    folder: Path,
    analysis: Analysis,
    options: BatchOptions | None = None,
    *,
    reading: SourceOptions | None = None,
    shard: Shard | None = None,
    stop: Callable[[], bool] = lambda: False,
    report: Report = lambda progress: None,
) -> Summary:
    """Predict every file of the sources, and write the table.

    Parameters
    ----------
    sources : sequence of str
        As for `read_sources`.
    folder : Path
        Of the run; it is begun or gone on with.
    analysis : Analysis
        What is asked of each file.
    options : BatchOptions, optional
    reading, shard
        As for `read_sources`.
    stop : callable
        Once it says so, what is in flight is finished and no table is written.
    report : callable
        Told of every file, and several times a second.

    Returns
    -------
    Summary
        Of the whole run, not only of this session.

    Raises
    ------
    ConfigError, BundleError, BusyError
        As `open_run` and `Analysis.settings` do, before any file is read.
    GenreError
        As `work_through` does.
    """
    how = options or BatchOptions()
    check_format(how.table)
    paths = read_sources(sources, reading, shard)
    settings = analysis.settings()
    with open_run(folder, "predict", settings, sources=sources, redo=how.redo) as run:
        count = None
        if is_again_readable(sources):
            count = PathCount(read_sources(sources, reading, shard))
        steps = _steps(run, until(stop, without_waiting(paths)), analysis, how, count, stop, report)
        for _ in steps:
            pass
        return write_summary(run) if stop() else finish(run, how.table)


def _steps(
    run: Run,
    paths: Iterable[str | Idle],
    analysis: Analysis,
    how: BatchOptions,
    count: PathCount | None,
    stop: Callable[[], bool],
    report: Report,
) -> Iterator[Entry]:
    progress = BatchProgress()

    def skipped(path: str) -> None:
        progress.skipped += 1

    def tick() -> None:
        progress.total = None if count is None else count.total
        report(progress)

    if how.ray is None:
        held = paths if how.max_load is None else below_load(how.max_load, paths)
        through = partial(work_through, run, held, workers=how.workers)
    else:
        through = partial(ray_through, run, paths, how=how.ray, stop=stop)
    for entry in through(
        analysis,
        prepare=analysis.prepare,
        limits=how.limits,
        niceness=how.niceness,
        retry_failed=how.retry_failed,
        skipped=skipped,
        tick=tick,
    ):
        progress.done += 1
        progress.failed += entry.state != "ok"
        progress.last = entry
        report(progress)
        progress.last = None
        yield entry
