"""Records for what cannot be answered, and names that every record can hold."""

from __future__ import annotations

from pathlib import Path

from genrekit.schema import ErrorRecord, TrackPrediction


def error_record(path: str | Path, error: Exception) -> TrackPrediction:
    """Return the answer for a track that could not be analysed."""
    record = ErrorRecord(type=type(error).__name__, message=printable(str(error)))
    return TrackPrediction(path=printable(path), error=record)


def printable(path: str | Path) -> str:
    """``path`` as text that JSON can hold: bytes of a name that are not UTF-8 become escapes."""
    return str(path).encode("utf-8", "backslashreplace").decode()
