"""Features on disk, so that nothing is computed twice.

An entry's key is the hash of the audio file's bytes, the excerpt, the version of the decoder, and
the front-end's fingerprint: a changed file, excerpt, configuration or code is another key, and a
renamed file is not.
Entries are written to a temporary file and renamed, so several processes may share one directory.
"""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.audio import DECODER_VERSION, open_file
from genrekit.files import cache_home, home, is_part, moved, replacing
from genrekit.schema import ExcerptConfig

DEFAULT_LIMIT_BYTES = 2 * 1024**3
# Pruning goes below the limit by this much, so that it does not run again at the next entry.
_PRUNE_TO = 0.9
_ENTRIES_BETWEEN_CHECKS = 256
_ABANDONED_SECONDS = 24 * 3600


@dataclass(slots=True)
class FeatureCache:
    """A directory of ``.npy`` files with a limit on their total size.

    Parameters
    ----------
    directory : Path
        Created on the first entry; by default ``features`` below `genrekit.files.cache_home`.
    limit_bytes : int
        When the entries take more, those unused for longest are removed.
    """

    directory: Path
    limit_bytes: int = DEFAULT_LIMIT_BYTES
    _entries_until_check: int = 0

    @classmethod
    def default(cls) -> FeatureCache:
        """Return the user's cache; one that lies with the models, where it was once, is moved."""
        return cls(moved(home() / "features", cache_home() / "features"))

    def get(self, key: str) -> NDArray[np.float32] | None:
        """Return the features stored under ``key``, or None; a damaged entry counts as none."""
        path = self._path(key)
        try:
            with path.open("rb") as file:
                features: NDArray[np.float32] = np.lib.format.read_array(file, allow_pickle=False)
            os.utime(path)
        except (OSError, ValueError, EOFError):
            return None
        return features if features.dtype == np.float32 else None

    def put(self, key: str, features: NDArray[np.float32]) -> None:
        """Store ``features``; afterwards the whole cache is within its limit, or nearly so."""
        path = self._path(key)
        with replacing(path) as file:
            np.save(file, features, allow_pickle=False)
        if self._entries_until_check <= 0:
            self.prune()
            self._entries_until_check = _ENTRIES_BETWEEN_CHECKS
        self._entries_until_check -= 1

    def prune(self) -> int:
        """Remove what was unused for longest until the limit holds; returns bytes removed."""
        self._delete_abandoned()
        entries = []
        for path in self.directory.glob("*/*.npy"):
            try:
                status = path.stat()
            except FileNotFoundError:  # another process pruned it
                continue
            entries.append((status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, size, _ in entries)
        removed = 0
        if total > self.limit_bytes:
            for _, size, path in sorted(entries):
                path.unlink(missing_ok=True)
                removed += size
                if total - removed <= self.limit_bytes * _PRUNE_TO:
                    break
        return removed

    def _delete_abandoned(self) -> None:
        """Remove what processes that were killed had begun to write."""
        before = time.time() - _ABANDONED_SECONDS
        for path in self.directory.glob("*/.*"):
            with suppress(OSError):
                if is_part(path) and path.stat().st_mtime < before:
                    path.unlink()

    def _path(self, key: str) -> Path:
        return self.directory / key[:2] / f"{key}.npy"


def cache_key(path: Path, excerpt: ExcerptConfig, frontend_fingerprint: str) -> str:
    """Key of one file's features: 64 hexadecimal digits.

    Raises
    ------
    AudioNotFoundError
        If there is no readable regular file; a pipe is never waited for.
    """
    with open_file(path) as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(excerpt.model_dump_json().encode())
    digest.update(f"decoder {DECODER_VERSION}".encode())
    digest.update(frontend_fingerprint.encode())
    return digest.hexdigest()
