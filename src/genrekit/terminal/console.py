"""Results go to stdout, everything else to stderr."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from genrekit.interrupts import interrupts_afterwards

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn, TaskID

    from genrekit.schema import Contract

Thing = TypeVar("Thing")


def mend_streams() -> None:
    """Let output go nowhere where a stream is closed, and through where it is not UTF-8."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


@cache
def results() -> Console:
    """Console on stdout."""
    from rich.console import Console

    # A pipe or a file has no width: lines are as long as what is in them.
    width = None if sys.stdout.isatty() else 1000
    return Console(soft_wrap=True, highlight=False, markup=False, emoji=False, width=width)


@cache
def errors() -> Console:
    """Console on stderr."""
    from rich.console import Console

    return Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)


# Control characters, separators of lines, and bytes of file names that are not UTF-8.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def plain(text: object) -> str:
    """``text`` on one line, unable to steer the terminal: what could is escaped."""
    return _UNPRINTABLE.sub(lambda m: m[0].encode("unicode_escape").decode(), str(text))


def named(path: object, message: str) -> str:
    """``message`` on one line, beginning with the path if it does not already."""
    known = message.startswith((f"{path} ", f"{path}: ", f"{str(path)!r} "))
    return plain(message if known else f"{path}: {message}")


def print_problem(kind: Literal["error", "warning"], message: str) -> None:
    """Write one line to stderr."""
    from rich.text import Text

    style = "bold red" if kind == "error" else "yellow"
    errors().print(Text.assemble((f"{kind}: ", style), message))


def print_json(value: Any) -> None:
    """Write ``value`` to stdout as one line of JSON, at once."""
    _print_line(json.dumps(value, ensure_ascii=False))


def print_json_line(record: Contract) -> None:
    """Write a record as a line of JSON to stdout, as `print_json` does."""
    with interrupts_afterwards():
        line = record.model_dump_json()
    _print_line(line)


def _print_line(line: str) -> None:
    """Write to stdout at once, in UTF-8 whatever the locale is."""
    sys.stdout.flush()
    # The escape of half a surrogate pair is what JSON calls it too.
    sys.stdout.buffer.write(line.encode(errors="backslashreplace") + b"\n")
    sys.stdout.buffer.flush()


def print_markdown(text: str) -> None:
    """Show Markdown: laid out in a terminal, as it is elsewhere."""
    from rich.markdown import Markdown

    if results().is_terminal:
        results().print(Markdown(text), soft_wrap=False)
    else:
        results().file.write(text)


def track(
    things: Iterable[Thing], total: int | None, what: str, *, shown: bool = True
) -> Iterator[Thing]:
    """Pass ``things`` on under a progress bar, drawn only where somebody watches."""
    with _bars(shown and total != 1, transient=True) as progress:
        yield from progress.track(things, total=total, description=what)


def _bars(shown: bool, *, transient: bool = False, in_bytes: bool = False) -> Progress:
    from rich.progress import Progress

    watched = errors().is_terminal and not errors().is_dumb_terminal
    return Progress(
        *_columns(in_bytes),
        console=errors(),
        transient=transient,
        disable=not (shown and watched),
        # It would send what is written to stdout to the console of the bars, which is stderr.
        redirect_stdout=False,
    )


def _columns(in_bytes: bool) -> tuple[ProgressColumn, ...]:
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn() if in_bytes else MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )


def workers(jobs: int | None, tracks: int) -> int:
    """Choose how many processes: as asked for; else few for few tracks, as each takes a second."""
    from genrekit.workers import cores

    return max(1, min(jobs, tracks) if jobs else min(cores(), tracks // 4))


def log_to_stderr(verbose: bool) -> None:
    """Show warnings of the library, and with ``verbose`` what it does."""
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s", stream=_Stderr())


class _Stderr:
    """Whatever is stderr at the time: under a progress bar, something that writes above it."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


class Bars:
    """One bar for each stage of long work; what is called with how far it is."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown
        self._bars: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Draw how far a stage is."""
        if stage not in self._bars:
            self._bars[stage] = self._shown.add_task(stage, total=total)
        self._shown.update(self._bars[stage], completed=done, total=total)

    def note(self, stage: str, text: str) -> None:
        """Write something beside a stage that has been drawn."""
        if text:
            self._shown.update(self._bars[stage], description=f"{stage} ({text})")


@contextmanager
def progress_bars(*, in_bytes: bool = False) -> Iterator[Bars]:
    """Draw one bar per stage of what is passed the callable that this gives."""
    with _bars(True, in_bytes=in_bytes) as shown:
        yield Bars(shown)
