"""How far long work is: the callback that every room passes down."""

from __future__ import annotations

from collections.abc import Callable

#: Called with the stage, for people, and with how many of its steps are done, of how many.
Progress = Callable[[str, int, int], None]


def silent(stage: str, done: int, total: int) -> None:
    """Report nothing."""
