"""A process that decodes and scores for the server, and may be killed at any time.

``python -m genrekit.serving.worker`` reads frames from stdin and writes frames to stdout. Whatever
a file does to it (crash, hang, swallow memory) ends this process and no other.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any, BinaryIO

from genrekit.audio import DecodeLimits
from genrekit.errors import AudioLimitError, BusyError, GenreError
from genrekit.inference import Classifier
from genrekit.serving.frames import JSON, error_to_json, read_frame, to_bytes, write_frame
from genrekit.serving.operations import OPERATIONS
from genrekit.serving.work import Bench, Work, WorkerConfig

_LATE_SECONDS = 2.0  # the server kills first; the alarm is for when it is gone


def main() -> None:
    """Load the models, say so, and work until stdin ends."""
    inbox, outbox = _pipes()
    first = read_frame(inbox)
    if first is None:
        return
    config = WorkerConfig.model_validate_json(first[1])
    try:
        classifiers = {name: Classifier.load(place) for name, place in config.models.items()}
    except GenreError as error:
        write_frame(outbox, JSON, to_bytes({"error": error_to_json(error)}))
        return
    limits = DecodeLimits(
        bytes=config.upload_bytes,
        seconds=config.audio_seconds,
        decoded_bytes=1 << 30,
        wall_seconds=config.wall_seconds,
    )
    _limit_memory(config.memory_bytes)
    if hasattr(os, "nice"):
        os.nice(config.niceness)
    write_frame(outbox, JSON, b'{"ready":true}')
    bench = Bench(classifiers, limits, inbox, outbox)
    while (frame := read_frame(inbox)) is not None:
        if frame[0] == JSON:  # anything else belongs to a stream that is over
            _serve(bench, config, Work.model_validate_json(frame[1]))


def _serve(bench: Bench, config: WorkerConfig, work: Work) -> None:
    _limit_time(config, work)
    try:
        answer: dict[str, Any] = {"answer": OPERATIONS.get(work.operation)(bench, work)}
    except GenreError as error:
        answer = {"error": error_to_json(error)}
    except MemoryError:
        allowed = config.memory_bytes
        refused = AudioLimitError("memory_bytes", allowed, allowed + 1, "give a smaller file")
        answer = {"error": error_to_json(refused)}
    except OSError as error:  # a stream is kept on disk while it lasts
        full = BusyError(f"the server has no room on its disk now: {error.strerror}", 30)
        answer = {"error": error_to_json(full)}
    signal.setitimer(signal.ITIMER_REAL, 0)
    write_frame(bench.outbox, JSON, json.dumps(answer, separators=(",", ":")).encode())


def _pipes() -> tuple[BinaryIO, BinaryIO]:
    """Private copies of stdin and stdout: a codec that prints must not be taken for an answer."""
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


def _limit_memory(allowance_bytes: int) -> None:
    """Bound the address space to what is used now and the allowance."""
    if sys.platform != "linux":
        return
    import resource
    from pathlib import Path

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + allowance_bytes
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_time(config: WorkerConfig, work: Work) -> None:
    """Let the kernel end this process should the work take too long."""
    wall = work.wall_seconds or config.wall_seconds
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, wall + _LATE_SECONDS)
    if sys.platform == "linux":
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        spent = int(used.ru_utime + used.ru_stime)
        share = config.cpu_seconds * max(1.0, wall / config.wall_seconds)
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (spent + 1 + int(share), hard))


if __name__ == "__main__":
    main()
