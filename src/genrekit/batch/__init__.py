"""Many tracks: find them, predict them in parallel and in order, index what is like what."""

from __future__ import annotations

from genrekit.batch.find import find_audio
from genrekit.batch.index import describe_file, read_index, update_index
from genrekit.batch.local import predict_many

__all__ = ["describe_file", "find_audio", "predict_many", "read_index", "update_index"]
