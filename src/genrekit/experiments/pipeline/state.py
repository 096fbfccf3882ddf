"""What a pipeline has done: each stage's outputs, and the key of everything that it read.

A stage whose key is the same, and whose outputs are what they were, is skipped. The file is
replaced whole after each stage, so that a pipeline that was killed goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from genrekit import __version__
from genrekit.errors import ConfigError
from genrekit.files import replace_file, try_lock
from genrekit.schema import Contract, Sha256

_FILE, _LOCK = "pipeline.json", ".lock"


class Done(Contract):
    """A stage that was done."""

    key: Sha256
    outputs: dict[str, Sha256]
    at: str


class Stages(Contract):
    """``pipeline.json``."""

    format_version: int = 1
    stages: dict[str, Done] = Field({}, description="by name")
    files: dict[str, tuple[int, int, Sha256]] = Field(
        {}, description="size, time and digest, so that music is not read again to be told the same"
    )


class State:
    """The folder of a pipeline.

    Parameters
    ----------
    folder : Path
        Made if it is not there.

    Raises
    ------
    ConfigError
        If another pipeline works in it, or what is in it is damaged.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._lock = (folder / _LOCK).open("ab")
        if not try_lock(self._lock):
            self._lock.close()
            raise ConfigError(f"another pipeline works in {folder}; wait for it")
        self._known = _read(folder / _FILE)

    def close(self) -> None:
        """Let another pipeline work in the folder."""
        self._lock.close()

    def is_done(self, stage: str, key: str) -> bool:
        """Whether a stage was done with this key, and its outputs are as it left them."""
        done = self._known.stages.get(stage)
        if done is None or done.key != key:
            return False
        return all(
            _exists(self.folder / name) and digest_of(self.folder / name) == sha256
            for name, sha256 in done.outputs.items()
        )

    def note(self, stage: str, key: str, outputs: Iterable[Path]) -> None:
        """Write that a stage is done."""
        found = {path.relative_to(self.folder).as_posix(): digest_of(path) for path in outputs}
        at = datetime.now(UTC).isoformat(timespec="seconds")
        stages = {**self._known.stages, stage: Done(key=key, outputs=found, at=at)}
        self._write(self._known.model_copy(update={"stages": stages}))

    def content_of(self, files: Iterable[Path]) -> str:
        """Digest of the contents of files; those that have not changed are not read again."""
        known, found = self._known.files, {}
        whole = hashlib.sha256()
        for path in sorted(set(files)):
            status = path.stat()
            stamp = (status.st_size, status.st_mtime_ns)
            before = known.get(str(path))
            same = before is not None and before[:2] == stamp
            sha256 = before[2] if before is not None and same else digest_of(path)
            found[str(path)] = (*stamp, sha256)
            whole.update(f"{path.name}\0{sha256}\n".encode())
        self._write(self._known.model_copy(update={"files": {**known, **found}}))
        return whole.hexdigest()

    def _write(self, known: Stages) -> None:
        self._known = known
        replace_file(self.folder / _FILE, known.model_dump_json(indent=1) + "\n")


def _read(path: Path) -> Stages:
    try:
        return Stages.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Stages()
    except (OSError, ValidationError) as error:
        raise ConfigError(f"{path} is damaged; delete it to begin again: {error}") from error


def _exists(path: Path) -> bool:
    return path.is_file() or path.is_dir()


def key_of(stage: str, reads: Mapping[str, Any]) -> str:
    """Digest of everything that a stage reads."""
    content = json.dumps([__version__, stage, reads], sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()


def digest_of(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of a folder."""
    if path.is_dir():
        whole = hashlib.sha256()
        for inner in sorted(one for one in path.rglob("*") if one.is_file()):
            whole.update(f"{inner.relative_to(path).as_posix()}\0{digest_of(inner)}\n".encode())
        return whole.hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
