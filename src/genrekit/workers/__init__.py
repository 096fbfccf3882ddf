"""The one supervised pool: processes that may crash, hang or run out of memory, and are replaced.

Whatever a file does to the process that works on it ends that process and no other; the file's
outcome says what happened. Everything in genrekit that works on many things goes through `Pool`:
`genrekit.batch` with a journal, `ordered_map` where results are wanted in order. The server has a
queue of its own in front of processes of its own program, which are confined, framed, ended and
understood by the same functions.
"""

from __future__ import annotations

from genrekit.workers.child import Answers
from genrekit.workers.confine import (
    THREAD_CAPS,
    cores,
    limit_memory,
    limit_processor,
    limit_wall,
    private_pipes,
    set_niceness,
)
from genrekit.workers.frames import HEAD, packed, read_frame, write_frame
from genrekit.workers.ordered import WorkerDied, ordered_map
from genrekit.workers.pool import IDLE, Failure, FailureKind, Idle, Outcome, Pool
from genrekit.workers.wire import error_from_json, error_to_json
from genrekit.workers.worker import LONG_LIMITS, RemoteError, WorkerLimits, cause_of_death

__all__ = [
    "HEAD",
    "IDLE",
    "LONG_LIMITS",
    "THREAD_CAPS",
    "Answers",
    "Failure",
    "FailureKind",
    "Idle",
    "Outcome",
    "Pool",
    "RemoteError",
    "WorkerDied",
    "WorkerLimits",
    "cause_of_death",
    "cores",
    "error_from_json",
    "error_to_json",
    "limit_memory",
    "limit_processor",
    "limit_wall",
    "ordered_map",
    "packed",
    "private_pipes",
    "read_frame",
    "set_niceness",
    "write_frame",
]
