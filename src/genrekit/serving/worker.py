"""A process that decodes and scores for the server, and may be killed at any time.

``python -m genrekit.serving.worker`` reads frames from stdin and writes frames to stdout. Whatever
a file does to it (crash, hang, swallow memory) ends this process and no other.
"""

from __future__ import annotations

import json
from typing import Any

from genrekit.audio import DecodeLimits
from genrekit.errors import AudioLimitError, BusyError, GenreError
from genrekit.inference import Classifier
from genrekit.serving.frames import JSON, to_bytes
from genrekit.serving.operations import OPERATIONS
from genrekit.serving.work import WorkerConfig, WorkerContext, WorkerRequest
from genrekit.workers import (
    error_to_json,
    limit_memory,
    limit_processor,
    limit_wall,
    private_pipes,
    read_frame,
    set_niceness,
    write_frame,
)


def main() -> None:
    """Load the models, say so, and work until stdin ends."""
    inbox, outbox = private_pipes()
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
    limit_memory(config.memory_bytes)
    set_niceness(config.niceness)
    write_frame(outbox, JSON, b'{"ready":true}')
    context = WorkerContext(classifiers, limits, inbox, outbox)
    while (frame := read_frame(inbox)) is not None:
        if frame[0] == JSON:  # anything else belongs to a stream that is over
            _serve(context, config, WorkerRequest.model_validate_json(frame[1]))


def _serve(context: WorkerContext, config: WorkerConfig, work: WorkerRequest) -> None:
    _limit_time(config, work)
    try:
        answer: dict[str, Any] = {"answer": OPERATIONS.get(work.operation)(context, work)}
    except GenreError as error:
        answer = {"error": error_to_json(error)}
    except MemoryError:
        allowed = config.memory_bytes
        refused = AudioLimitError("memory_bytes", allowed, allowed + 1, "give a smaller file")
        answer = {"error": error_to_json(refused)}
    except OSError as error:  # a stream is kept on disk while it lasts
        full = BusyError(f"the server has no room on its disk now: {error.strerror}", 30)
        answer = {"error": error_to_json(full)}
    limit_wall(0)
    write_frame(context.outbox, JSON, json.dumps(answer, separators=(",", ":")).encode())


def _limit_time(config: WorkerConfig, work: WorkerRequest) -> None:
    """Let the kernel end this process should the work take too long."""
    wall = work.wall_seconds or config.wall_seconds
    limit_wall(wall)
    limit_processor(config.cpu_seconds * max(1.0, wall / config.wall_seconds))


if __name__ == "__main__":
    main()
