"""The one supervised pool: processes that may crash, hang or run out of memory, and are replaced.

Whatever a file does to the process that works on it ends that process and no other; the file's
outcome says what happened. Everything in genrekit that works on many things goes through `Pool`:
`genrekit.batch` with a journal, `ordered_map` where results are wanted in order, the server with a
queue of its own in front.
"""

from __future__ import annotations

from genrekit.workers.child import Answers
from genrekit.workers.ordered import WorkerDied, ordered_map
from genrekit.workers.pool import IDLE, Failure, FailureKind, Idle, Outcome, Pool
from genrekit.workers.worker import WorkerLimits

__all__ = [
    "IDLE",
    "Answers",
    "Failure",
    "FailureKind",
    "Idle",
    "Outcome",
    "Pool",
    "WorkerDied",
    "WorkerLimits",
    "ordered_map",
]
