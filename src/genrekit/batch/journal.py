"""The one journal: lines that are only ever added, and read again from the beginning.

An entry is in the journal before it is returned. What counts is what replay finds: a line that
was cut off by a crash is cut away and its file is worked on again, and nothing that only a clean
exit writes is needed. One process writes; see `genrekit.batch.lock`.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from genrekit.batch.entry import DeathRecord, Entry, State
from genrekit.batch.latest import Known, Latest
from genrekit.errors import GenreError
from genrekit.files import sync_folder
from genrekit.schema import Contract

_log = logging.getLogger(__name__)
_INDEX = ".latest.sqlite"


class Session(Contract):
    """A process begins to write; what it knows is what stands above its line."""

    pid: int
    at: float
    work: str
    version: str


class _Line(Contract):
    entry: Entry | None = None
    strike: DeathRecord | None = None
    session: Session | None = None


class Journal:
    """The journal of one run.

    Parameters
    ----------
    path : Path
        Made if it is not there.
    writing : bool
        False reads what is there, also while another process adds to it.
    sync_entries : int
    sync_seconds : float
        Entries are on the disk after so many of them, or so long, whatever comes first; a crash of
        the process alone costs none.

    Raises
    ------
    OSError
        If it cannot be read or written.
    """

    def __init__(
        self,
        path: Path,
        *,
        writing: bool = True,
        sync_entries: int = 64,
        sync_seconds: float = 1.0,
    ) -> None:
        self.path = path
        self._writing = writing
        self._sync_entries, self._sync_seconds = sync_entries, sync_seconds
        self._loose, self._loose_since = 0, 0.0
        folder = path.parent
        index = folder / _INDEX if writing else folder / f"{_INDEX}.{os.getpid()}"
        self._latest = Latest(index)
        self._file: IO[bytes] = path.open("a+b" if writing else "rb", buffering=0)
        try:
            self._end = self._replay()
        except BaseException:
            self.close()
            raise
        if writing:
            sync_folder(folder)

    def _replay(self) -> int:
        """Read everything there is, and cut away a line without an end."""
        position = damaged = 0
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                damaged += not self._take(line, position)
                position += len(line)
        if damaged:
            _log.warning(
                "%s: %d damaged lines are ignored; what they were about is done again",
                self.path,
                damaged,
            )
        if self._writing and self._file.seek(0, os.SEEK_END) > position:
            self._file.truncate(position)
        return position

    def _take(self, line: bytes, position: int) -> bool:
        try:
            found = _Line.model_validate_json(line)
        except ValidationError:
            return False
        if found.entry is not None:
            self._latest.add(found.entry, position, len(line))
        if found.strike is not None:
            self._latest.strike(found.strike)
        return True

    def append(self, entry: Entry) -> None:
        """Add the terminal entry of a path; it is safe from a crash of this process on return.

        Raises
        ------
        GenreError
            If there is no room; the journal is then as it was.
        """
        begin = self._end
        self._latest.add(entry, begin, self._write(_Line(entry=entry)))

    def strike(self, strike: DeathRecord) -> None:
        """Add that a file ended the process that worked on it; raises as `append` does."""
        self._write(_Line(strike=strike))
        self._latest.strike(strike)

    def begin(self, session: Session) -> None:
        """Add who writes from here on; raises as `append` does."""
        self._write(_Line(session=session))

    def _write(self, content: _Line) -> int:
        line = content.model_dump_json(exclude_defaults=True).encode() + b"\n"
        try:
            written = self._file.write(line)
            if written != len(line):
                raise OSError(f"only {written} of {len(line)} bytes were taken")
        except OSError as error:
            self._file.truncate(self._end)
            raise GenreError(
                f"{self.path} cannot be written ({error.strerror or error}); make room, and run "
                "the same command again: it goes on from here"
            ) from error
        self._end += len(line)
        self._loose_since = self._loose_since if self._loose else time.monotonic()
        self._loose += 1
        if self._loose >= self._sync_entries:
            self.sync()
        return len(line)

    def sync_if_due(self) -> None:
        """Bring entries to the disk that have waited long enough."""
        if self._loose and time.monotonic() - self._loose_since >= self._sync_seconds:
            self.sync()

    def sync(self) -> None:
        """Wait until all entries are on the disk."""
        if self._loose:
            os.fsync(self._file.fileno())
            self._loose = 0

    def known(self, path: str) -> Known | None:
        """Return what is known of a path."""
        return self._latest.known(path)

    def claim(self, path: str) -> bool:
        """Whether nobody asked for this path before since the journal was opened."""
        return self._latest.claim(path)

    def forget_claims(self) -> None:
        """Let every path be claimed once more."""
        self._latest.forget_claims()

    def counts(self, work: str | None = None) -> dict[State, int]:
        """How many paths are in each state, of one fingerprint or of all."""
        return self._latest.counts(work)

    def entries(self) -> Iterator[Entry]:
        """Yield the last entry of each path, by the bytes of the paths."""
        with self.path.open("rb") as file:
            for begin, length in self._latest.places():
                file.seek(begin)
                found = _Line.model_validate_json(file.read(length)).entry
                if found is not None:
                    yield found

    def close(self) -> None:
        """Bring everything to the disk and let go."""
        try:
            if self._writing and not self._file.closed:
                self.sync()
        finally:
            self._file.close()
            self._latest.close()
