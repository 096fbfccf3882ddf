"""The program of a worker process: it reads arguments, and answers what a function makes of them.

The first frame says which function, and what it may cost. See `genrekit.workers.worker` for the
other side.
"""

from __future__ import annotations

import json
import multiprocessing.spawn
import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from genrekit.workers.confine import (
    end_with_parent,
    limit_memory,
    limit_wall,
    private_pipes,
    set_niceness,
)
from genrekit.workers.frames import read_frame, write_frame

START = b"S"
ARGUMENT = b"A"
READY = b"R"
VALUE = b"V"
ERROR = b"E"
MEMORY = b"M"

Answers = Literal["json", "pickle"]


@dataclass(frozen=True, slots=True)
class Start:
    """What a worker is told first; ``task`` holds the function and what to call before it."""

    preparation: dict[str, Any]
    task: bytes
    answers: Answers
    memory_bytes: int | None
    wall_seconds: float | None
    niceness: int


def main() -> None:
    """Work until stdin ends, or nobody is there to take an answer."""
    with suppress(BrokenPipeError):
        _work()


def _work() -> None:
    inbox, outbox = private_pipes()
    end_with_parent()
    first = read_frame(inbox)
    if first is None:
        return
    start: Start = pickle.loads(first[1])  # noqa: S301 -- from the process that started this one
    try:
        function = _begin(start)
    except Exception as error:  # noqa: BLE001 -- whatever it is, the parent says it
        write_frame(outbox, ERROR, packed_error(error, "pickle"))
        return
    write_frame(outbox, READY)
    while (frame := read_frame(inbox)) is not None:
        limit_wall(start.wall_seconds or 0)
        kind, payload = _answer(function, frame[1], start.answers)
        limit_wall(0)
        write_frame(outbox, kind, payload)
        if kind == MEMORY:  # who knows what else is broken now
            os._exit(0)


def _begin(start: Start) -> Callable[[Any], Any]:
    set_niceness(start.niceness)
    # What the parent's own module defines is found here too, as with multiprocessing.
    multiprocessing.spawn.prepare(start.preparation)
    function, prepare = pickle.loads(start.task)  # noqa: S301 -- as above
    if prepare is not None:
        prepare()
    if start.memory_bytes is not None:
        limit_memory(start.memory_bytes)
    assert callable(function)
    return function  # type: ignore[no-any-return]


def _answer(
    function: Callable[[Any], Any], payload: bytes, answers: Answers
) -> tuple[bytes, bytes]:
    try:
        value = function(pickle.loads(payload))  # noqa: S301 -- as above
        if answers == "json":
            return VALUE, json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()
        return VALUE, pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        return MEMORY, b""
    except Exception as error:  # noqa: BLE001 -- it is the parent's to decide about
        return ERROR, packed_error(error, answers)


def packed_error(error: Exception, answers: Answers) -> bytes:
    """Return an error as bytes; one that cannot be pickled is told by its type and message."""
    record = {"type": type(error).__name__, "message": str(error)}
    if answers == "json":
        args = [one if isinstance(one, int | float) else str(one) for one in error.args]
        return json.dumps({**record, "module": type(error).__module__, "args": args}).encode()
    try:
        packed = pickle.dumps(error, pickle.HIGHEST_PROTOCOL)
        pickle.loads(packed)  # noqa: S301 -- some can be written but not read
    except Exception:  # noqa: BLE001 -- a class may define anything
        return pickle.dumps(RuntimeError(f"{record['type']}: {record['message']}"))
    return packed
