"""What a worker process does to itself: private pipes, bounds on memory and time, no orphans."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

#: Who waits for a worker ends it at its limit; the kernel does so later, when nobody is there.
LATE_SECONDS = 2.0
_LOOK_EVERY_SECONDS = 1.0
#: One file is worked on by one thread: the cores go to the workers, not to the libraries in them.
THREAD_CAPS = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    ),
    "1",
)


def cores() -> int:
    """Count the processor's cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Private copies of stdin and stdout: a codec that prints must not be taken for an answer.

    Ctrl-C and the end of a terminal reach the whole process group; only the parent answers them.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    inbox = os.fdopen(os.dup(0), "rb")
    outbox = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return inbox, outbox


def set_niceness(niceness: int) -> None:
    """Let other processes go before this one."""
    if niceness and hasattr(os, "nice"):
        os.nice(niceness)


def limit_memory(allowance_bytes: int) -> None:
    """Bound the address space to what is used now and the allowance; only Linux can be told to."""
    if sys.platform != "linux":
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + allowance_bytes
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit_wall(seconds: float) -> None:
    """Let the kernel end this process should it still work ``LATE_SECONDS`` after its limit.

    0 takes the limit away.
    """
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds + LATE_SECONDS if seconds else 0)


def limit_processor(seconds: float) -> None:
    """Let the kernel end this process should it use that much more of a processor."""
    if sys.platform != "linux":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (spent + 1 + int(seconds), hard))


def end_with_parent() -> None:
    """End this process when its parent is gone, which cannot end it any more."""
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_SECONDS)
    os._exit(1)
