"""What a worker is started with, what it is asked for, and what it works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Literal

from genrekit.audio import DecodeLimits
from genrekit.inference import Classifier
from genrekit.schema import Contract, ExcerptConfig
from genrekit.serving.live import PcmFormat


class WorkerConfig(Contract):
    """What a worker is started with.

    ``models`` are names and where each lies; ``niceness`` is how far others go first.
    """

    models: dict[str, str]
    niceness: int = 0
    memory_bytes: int
    cpu_seconds: int
    wall_seconds: float
    upload_bytes: int
    audio_seconds: float


class Explaining(Contract):
    """What is to be explained of a file, and how."""

    genre: str | None = None
    piece_seconds: float = 1.0
    fill: Literal["all", "cut", "silence", "noise"] = "all"
    spectrogram: bool = True
    time_line: bool = True
    picture: bool = False


class WorkerRequest(Contract):
    """One request to a worker.

    ``operation`` is a name in `genrekit.serving.operations.OPERATIONS`. ``sender`` and ``assigned``
    are for the log: a hash of who asks, and whether the model was chosen by it. ``every_seconds``
    is how much of a stream lies between two verdicts at most; 0 asks for none.
    """

    operation: str
    path: str
    name: str = ""
    model: str
    excerpt: ExcerptConfig | None = None
    segments: bool = False
    tags: bool = False
    unknown_below: float | None = None
    features: str | None = None
    pcm: PcmFormat | None = None
    every_seconds: float = 0.0
    seconds: float | None = None
    wall_seconds: float | None = None
    sender: str = ""
    assigned: bool = False
    explaining: Explaining | None = None


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """What operations work with."""

    classifiers: dict[str, Classifier]
    limits: DecodeLimits
    inbox: BinaryIO
    outbox: BinaryIO
