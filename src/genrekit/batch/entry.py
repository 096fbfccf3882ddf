"""What a journal says of one file: exactly one terminal entry, with a typed reason if it failed."""

from __future__ import annotations

import os
from typing import Any, Literal

from pydantic import Field, JsonValue

from genrekit.errors import (
    AudioContentError,
    AudioFormatError,
    AudioLimitError,
    AudioNotFoundError,
)
from genrekit.schema import Contract
from genrekit.workers import Failure, RemoteError

State = Literal["ok", "failed", "quarantined"]
ReasonKind = Literal[
    "missing", "format", "content", "limit", "system", "other", "crash", "hang", "memory", "killed"
]

_OF_ERRORS: tuple[tuple[type[Exception], ReasonKind], ...] = (
    (AudioNotFoundError, "missing"),
    (AudioFormatError, "format"),
    (AudioContentError, "content"),
    (AudioLimitError, "limit"),
)
_MISSING = ("FileNotFoundError", "IsADirectoryError", "NotADirectoryError")
# Subclasses of OSError, by the name that is told by a worker.
_OF_SYSTEM = ("OSError", "PermissionError", "BlockingIOError", "TimeoutError", "ConnectionError")


class Reason(Contract):
    """Why there is no value.

    ``kind`` is ``missing`` (no such file), ``format`` (not audio, or damaged beyond recovery),
    ``content`` (empty, too short, not finite), ``limit`` (a decoding cap), ``system`` (the file
    system refuses), ``other`` (an error of another type); of those in quarantine ``crash``,
    ``hang``, ``memory`` or ``killed``, for what happened to the process.
    """

    kind: ReasonKind
    type: str
    message: str


class _About(Contract):
    """A file as it was when it was worked on, and what was done."""

    path: str = Field(description="bytes that are not UTF-8 as escapes")
    path_hex: str | None = Field(None, description="the bytes of such a path")
    work: str = Field(description="fingerprint of what was done: kind and settings")
    size_bytes: int | None = Field(None, description="None where there was no file")
    modified_ns: int | None = None

    @property
    def key(self) -> bytes:
        """The bytes of the path."""
        return self.path.encode() if self.path_hex is None else bytes.fromhex(self.path_hex)

    @property
    def file(self) -> str:
        """The path, as it opens the file."""
        return os.fsdecode(self.key)


class Entry(_About):
    """What became of one file; the last one of a path counts.

    ``ok`` has a value. ``failed`` says why there is none. ``quarantined`` says what the file did,
    twice, to the process that worked on it. ``value`` is the same whenever and wherever the file is
    worked on; what differs (times, attempts) is beside it.
    """

    state: State
    attempts: int = 1
    seconds: float = Field(0.0, description="wall time of the last attempt")
    timings_ms: dict[str, float] = Field({})
    at: float = Field(0.0, description="when it ended, in seconds since 1970")
    reason: Reason | None = None
    value: JsonValue = None


class DeathRecord(_About):
    """A file ended the process that worked on it; after the second time it is quarantined."""

    kind: ReasonKind


def spelled(path: str) -> dict[str, str]:
    """Return the fields of a path in an entry."""
    text = _plain(path)
    return {"path": text} if text == path else {"path": text, "path_hex": os.fsencode(path).hex()}


def reason_of(failure: Failure) -> Reason:
    """Return the typed reason of a worker's failure; it reads the same in every run."""
    if failure.kind != "error":
        return Reason(kind=failure.kind, type=failure.type, message=failure.message)
    kind = _kind(failure)
    error: Any = failure.error
    message = failure.message
    if isinstance(error, AudioLimitError) and error.limit == "wall_seconds":
        # How much more than the limit it took is chance.
        message = str(AudioLimitError(error.limit, error.allowed, error.allowed, error.advice))
    return Reason(kind=kind, type=failure.type, message=_plain(message))


def _kind(failure: Failure) -> ReasonKind:
    error = failure.error
    for kind, name in _OF_ERRORS:
        if isinstance(error, kind):
            return name
    if failure.type in _MISSING:
        return "missing"
    named = isinstance(error, RemoteError) and failure.type in _OF_SYSTEM
    return "system" if named or isinstance(error, OSError) else "other"


def _plain(text: str) -> str:
    """``text`` as JSON can hold it: bytes of a name that are not UTF-8 become escapes."""
    return text.encode("utf-8", "backslashreplace").decode()
