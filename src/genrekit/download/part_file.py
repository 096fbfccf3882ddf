"""The bytes of a download that is not finished, and which edition of the file they are of."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from genrekit.download.checksums import feed, named_sum, new_hash
from genrekit.errors import DatasetError
from genrekit.schema import Contract

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class PartNote(Contract):
    """Which edition of a file the bytes are of: ETag or date, and the size announced."""

    url: str
    validator: str = ""
    total_bytes: int | None = None


def part_of(file: Path) -> Path:
    """Where the bytes of ``file`` lie until it is complete."""
    return file.with_name(f"{file.name}.part")


def disk_fault(path: Path, problem: OSError) -> DatasetError:
    """Return what to tell a user whose disk is full or read-only."""
    if problem.errno in _FULL:
        return DatasetError(
            f"{path}: the disk is full; what has come is kept, and the same command goes on from "
            "there once there is room"
        )
    return DatasetError(f"{path}: {problem}; may genrekit write there?")


class PartFile:
    """The bytes so far on disk, with their running hash.

    Parameters
    ----------
    file : Path
        Where the complete file will be.
    url : str
        Where it comes from.
    checksum : str, optional
        The one it must have, such as ``"sha1:2fd4e1..."``.

    Attributes
    ----------
    done : int
        Bytes that are here.
    resumed : bool
        Whether they come from more than one answer of the server.
    seen_sum : str
        Their checksum, once `finish` has computed it.
    """

    def __init__(self, file: Path, url: str, checksum: str | None) -> None:
        self.file = file
        self.path = part_of(file)
        self.checksum = checksum
        self.note = PartNote(url=url)
        self.done = 0
        self.resumed = False
        self.seen_sum = ""
        self._note_path = self.path.with_name(f"{self.path.name}.json")
        self._running = new_hash(checksum) if checksum else None

    @property
    def trusted(self) -> bool:
        """Whether anything can tell that the file has not changed since these bytes came."""
        return bool(self.note.validator or self.checksum)

    def recall(self) -> Iterator[int]:
        """Take up what an earlier call left; yield ``done`` while it is read."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        if not self.path.is_file():
            return
        try:
            note = PartNote.model_validate_json(self._note_path.read_bytes())
        except (OSError, ValidationError):
            return
        if note.url != self.note.url:
            return
        self.note = note
        for count in feed(self.path, self._running):
            self.done += count
            yield self.done
        self.resumed = self.done > 0

    def restart(self, note: PartNote) -> None:
        """Forget all bytes; those to come are of the edition ``note``."""
        self.note, self.done, self.resumed = note, 0, False
        self._running = new_hash(self.checksum) if self.checksum else None
        self.path.write_bytes(b"")
        self._note_path.write_text(note.model_dump_json(), encoding="utf-8")

    def append(self, stream: IO[bytes], data: bytes) -> None:
        """Write ``data`` to the unbuffered ``stream``, which is open at the end of `path`."""
        rest = memoryview(data)
        while rest:
            rest = rest[stream.write(rest) :]
        self.done += len(data)
        if self._running is not None:
            self._running.update(data)

    def finish(self) -> bool:
        """Give the file its name; if its checksum is wrong, drop its bytes and return False."""
        if self.checksum and self._running is not None:
            self.seen_sum = named_sum(self.checksum, self._running)
        right = not self.checksum or self.seen_sum == self.checksum
        if right:
            self.path.replace(self.file)
        self.path.unlink(missing_ok=True)
        self._note_path.unlink(missing_ok=True)
        return right
