"""Many tracks: find them, and predict them in parallel and in order."""

from __future__ import annotations

from genrekit.batch.find import find_audio
from genrekit.batch.local import predict_many

__all__ = ["find_audio", "predict_many"]
