"""How far a batch is, and what it came to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from genrekit.interrupts import stops_in_two_steps
from genrekit.terminal.console import errors, named, plain, print_json_line, print_problem, results

if TYPE_CHECKING:
    from genrekit.batch import BatchProgress, Entry, Report, Summary
    from genrekit.schema import ModelIdentity

_LINE_EVERY_SECONDS = 30.0
_DRAW_EVERY_SECONDS = 0.5
_FILES_SHOWN = 5
_STOPPING = "finishing what is in flight; Ctrl-C again stops at once, and the run can go on later"


@contextmanager
def following() -> Iterator[tuple[Callable[[], bool], Report]]:
    """Yield what says whether to stop, and what draws progress: a line that changes, or new ones.

    The first Ctrl-C asks to stop, the second is the usual one.
    """
    live = errors().is_terminal and not errors().is_dumb_terminal
    with stops_in_two_steps() as stop:
        view = _View(live, stop)
        try:
            yield stop, view.report
        finally:
            view.close()


class _View:
    def __init__(self, live: bool, stop: Callable[[], bool]) -> None:
        self._live, self._stop = live, stop
        self._asked_to_stop = False
        self._drawn = time.monotonic() if not live else 0.0
        self._shown: BatchProgress | None = None
        self._status = errors().status("Listening") if live else None
        if self._status is not None:
            self._status.start()

    def report(self, progress: BatchProgress) -> None:
        """Draw when it is time, and say what went wrong at once."""
        entry = progress.last
        if entry is not None and entry.reason is not None:
            print_problem("error", named(entry.path, entry.reason.message))
        if self._stop() and not self._asked_to_stop:
            self._asked_to_stop = True
            print_problem("warning", _STOPPING)
        now = time.monotonic()
        every = _DRAW_EVERY_SECONDS if self._live else _LINE_EVERY_SECONDS
        if now - self._drawn < every:
            return
        self._drawn = now
        if self._status is not None:
            self._status.update(progress_line(progress))
        else:
            errors().print(progress_line(progress))

    def close(self) -> None:
        """Draw no more."""
        if self._status is not None:
            self._status.stop()


def progress_line(progress: BatchProgress) -> str:
    """``1,200 of 31,000 done (12 failed, 300 skipped), 11.5 a second, 43 min left``."""
    of = "" if progress.total is None else f" of {progress.total:,}"
    notes = [
        f"{count:,} {word}"
        for count, word in ((progress.failed, "failed"), (progress.skipped, "skipped"))
        if count
    ]
    noted = f" ({', '.join(notes)})" if notes else ""
    left = progress.seconds_left
    tail = "" if left is None else f", {_duration(left)} left"
    return f"{progress.done:,}{of} done{noted}, {_rate(progress.per_second)}{tail}"


def _rate(per_second: float) -> str:
    if per_second >= 1 or per_second == 0:
        return f"{per_second:.1f} a second"
    return f"{per_second * 60:.1f} a minute"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"


def show_summary(summary: Summary, out: Path, stopped: bool) -> None:
    """Print what a run came to, with the first files of each kind of failure."""
    bad = summary.failed + summary.quarantined
    show = results().print
    show(
        f"{plain(out)}: {summary.ok:,} answered, {bad:,} not"
        + (f" ({summary.quarantined:,} in quarantine)" if summary.quarantined else "")
    )
    for kind, failures in summary.failures.items():
        show(f"  {kind}: {failures.count:,}")
        for path in failures.files[:_FILES_SHOWN]:
            show(f"    {plain(path)}")
        if failures.count > _FILES_SHOWN:
            show(f"    and {failures.count - _FILES_SHOWN:,} more; see summary.json")
    for stage, times in summary.stages_ms.items():
        show(f"  {stage}: {times.p50:g} ms (p50), {times.p95:g} ms (p95)")
    if summary.slowest:
        slow = summary.slowest[0]
        show(f"  slowest: {slow.seconds:.1f} s, {plain(slow.path)}")
    if stopped:
        show("  stopped before the end; the same command goes on, and then writes the table")


def show_entry(entry: Entry, model: ModelIdentity, as_json: bool) -> None:
    """Print one answer as it comes, or why there is none."""
    from genrekit.batch import prediction_of

    answer = prediction_of(entry, model)
    if answer.error is not None:
        print_problem("error", named(answer.path, answer.error.message))
    if as_json:
        print_json_line(answer)
    elif answer.error is None:
        results().print(f"{plain(answer.genre)}  {plain(answer.path)}")
