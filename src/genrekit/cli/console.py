"""Results go to stdout, everything else to stderr."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from genrekit.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import ProgressColumn

Thing = TypeVar("Thing")


class Step(Protocol):
    """How far some long work is."""

    @property
    def stage(self) -> str:
        """What is being done."""
        ...

    @property
    def done(self) -> int:
        """Finished parts of the stage."""
        ...

    @property
    def total(self) -> int:
        """All parts of the stage."""
        ...


AnyStep = TypeVar("AnyStep", bound=Step)


@cache
def results() -> Console:
    """Console on stdout."""
    from rich.console import Console

    # A pipe or a file has no width: lines are as long as what is in them.
    return Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else 1000)


@cache
def errors() -> Console:
    """Console on stderr."""
    from rich.console import Console

    return Console(stderr=True, soft_wrap=True, highlight=False)


def print_json(value: Any) -> None:
    """Write ``value`` to stdout as one line of JSON, at once."""
    print_json_line(json.dumps(value, ensure_ascii=False))


def print_json_line(line: str) -> None:
    """Write a line that is JSON already to stdout, at once."""
    results().file.write(line + "\n")
    results().file.flush()


def print_markdown(text: str) -> None:
    """Show Markdown: laid out in a terminal, as it is elsewhere."""
    from rich.markdown import Markdown

    if results().is_terminal:
        results().print(Markdown(text))
    else:
        results().file.write(text)


def track(things: Iterable[Thing], total: int | None, what: str) -> Iterator[Thing]:
    """Pass ``things`` on under a progress bar, drawn only where somebody watches."""
    from rich.progress import Progress

    quiet = not errors().is_terminal or total == 1
    with Progress(*_columns(), console=errors(), transient=True, disable=quiet) as progress:
        yield from progress.track(things, total=total, description=what)


def _columns(in_bytes: bool = False) -> tuple[ProgressColumn, ...]:
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn() if in_bytes else MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def log_to_stderr(verbose: bool) -> None:
    """Show warnings of the library, and with ``verbose`` what it does."""
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")


def follow(steps: Iterable[AnyStep], *, in_bytes: bool = False) -> AnyStep:
    """Draw one bar per stage of some long work, and return its last step."""
    from rich.progress import Progress, TaskID

    quiet = not errors().is_terminal
    bars: dict[str, TaskID] = {}
    last: AnyStep | None = None
    with Progress(*_columns(in_bytes), console=errors(), disable=quiet) as progress:
        for last in steps:
            if last.stage not in bars:
                bars[last.stage] = progress.add_task(last.stage, total=last.total)
            progress.update(bars[last.stage], completed=last.done, total=last.total)
    if last is None:
        raise ConfigError("there was nothing to do")
    return last
