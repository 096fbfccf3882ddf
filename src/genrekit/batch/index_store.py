"""An index on disk: ``index.json``, and the vectors that it names by their hash.

While a folder is listened to, new vectors are in the journal of a run in the folder of the index;
at the end they become part of it. Whatever interrupts that, the index is the old one or the new
one, and the journal is read again.
"""

from __future__ import annotations

import hashlib
import io
import logging
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from genrekit.errors import ConfigError
from genrekit.files import replace_file
from genrekit.schema import Contract, ModelIdentity, Sha256

_log = logging.getLogger(__name__)
_JSON = "index.json"
_AGAIN = "delete it and index again"
# What numpy and zipfile raise on files that are not what they should be, pickles among them.
_UNREADABLE = (
    *(OSError, ValueError, TypeError, KeyError, EOFError, MemoryError, NotImplementedError),
    *(RuntimeError, zipfile.BadZipFile, zlib.error),
)
Vector = NDArray[np.float32]


class IndexedTrack(Contract):
    """One track, and how its file was when it was listened to."""

    path: str = Field(description="relative to the folder, with forward slashes")
    size_bytes: int
    modified_ns: int


class IndexManifest(Contract):
    """``index.json``."""

    format_version: Literal[1] = 1
    folder: str
    asked_for: str = Field(description="the model as it was named")
    model: ModelIdentity
    kind: Literal["embedding", "features"]
    tracks: tuple[IndexedTrack, ...]
    vectors_sha256: Sha256


def has_index(directory: Path) -> bool:
    """Whether there is an index, readable or not."""
    return (directory / _JSON).exists()


def read_files(directory: Path) -> tuple[IndexManifest, Vector]:
    """Return what lies in a folder: the manifest, and a row for each of its tracks.

    Raises
    ------
    ConfigError
        If there is no index, or its files do not hold together.
    """
    try:
        manifest = IndexManifest.model_validate_json((directory / _JSON).read_bytes())
        raw = (directory / _vectors_name(manifest.vectors_sha256)).read_bytes()
    except (OSError, ValidationError) as error:
        reason = error.strerror if isinstance(error, OSError) else "index.json is not one of ours"
        raise ConfigError(
            f"there is no index in {directory} ({reason}); make one: genrekit index FOLDER -o "
            f"{directory}"
        ) from None
    if hashlib.sha256(raw).hexdigest() != manifest.vectors_sha256:
        raise ConfigError(f"the vectors in {directory} are damaged; {_AGAIN}")
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as stored:
            vectors = _checked(stored["vectors"], len(manifest.tracks))
    except _UNREADABLE as error:
        raise ConfigError(f"the vectors in {directory} cannot be used: {error}; {_AGAIN}") from None
    return manifest, vectors


def write_files(directory: Path, manifest: IndexManifest, table: Vector) -> None:
    """Write an index in the place of the one that is there.

    Parameters
    ----------
    manifest : IndexManifest
        Its hash is filled in here.
    table : (n_tracks, size) float32
    """
    buffer = io.BytesIO()
    np.savez(buffer, vectors=table)
    raw = buffer.getvalue()
    sha256 = hashlib.sha256(raw).hexdigest()
    current = _vectors_name(sha256)
    replace_file(directory / current, raw)
    text = manifest.model_copy(update={"vectors_sha256": sha256}).model_dump_json(indent=1)
    replace_file(directory / _JSON, text)
    old = [path for path in directory.glob("vectors-*.npz") if path.name != current]
    for path in old:
        with suppress(OSError):
            path.unlink()


def _checked(stored: NDArray[Any], count: int) -> Vector:
    """Raise `ValueError` unless it is a table of ``count`` rows of plain numbers."""
    if stored.ndim != 2 or len(stored) != count:
        raise ValueError(f"they have shape {stored.shape}, the tracks want {count} rows")
    if stored.dtype.kind not in "fiu":
        raise ValueError(f"they are of type {stored.dtype}, not numbers")
    with np.errstate(over="ignore"):
        table: Vector = stored.astype(np.float32)
    if not np.isfinite(table).all():
        raise ValueError("some of them are not finite")
    return table


def _vectors_name(sha256: str) -> str:
    return f"vectors-{sha256[:16]}.npz"
