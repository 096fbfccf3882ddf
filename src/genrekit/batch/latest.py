"""What a journal says last of each path, on disk: memory does not grow with the number of paths.

It is made anew from the journal whenever that is opened, and gone when it is closed; nothing is
ever recovered from it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from genrekit.batch.entry import DeathRecord, Entry, State

_TABLE = """
CREATE TABLE latest (
    path BLOB PRIMARY KEY, state TEXT, work TEXT, size INTEGER, modified INTEGER,
    begin INTEGER, length INTEGER, strikes INTEGER NOT NULL DEFAULT 0,
    claimed INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID
"""
_ADD = """
INSERT INTO latest (path, state, work, size, modified, begin, length, strikes)
VALUES (?, ?, ?, ?, ?, ?, ?, 0)
ON CONFLICT (path) DO UPDATE SET state = excluded.state, work = excluded.work,
    size = excluded.size, modified = excluded.modified, begin = excluded.begin,
    length = excluded.length, strikes = 0
"""
# A strike says nothing of the answer that is there already; it counts for the file as it is.
_STRIKE = """
INSERT INTO latest (path, work, size, modified, strikes) VALUES (?, ?, ?, ?, 1)
ON CONFLICT (path) DO UPDATE SET strikes = strikes + 1,
    work = CASE WHEN state IS NULL THEN excluded.work ELSE work END,
    size = CASE WHEN state IS NULL THEN excluded.size ELSE size END,
    modified = CASE WHEN state IS NULL THEN excluded.modified ELSE modified END
"""
_CLAIM = """
INSERT INTO latest (path, claimed) VALUES (?, 1)
ON CONFLICT (path) DO UPDATE SET claimed = 1 WHERE claimed = 0
"""
_CACHE_KIB = 8192


@dataclass(frozen=True, slots=True)
class Known:
    """What the last entry of a path was about; ``state`` is None where there are only strikes."""

    state: State | None
    work: str | None
    size_bytes: int | None
    modified_ns: int | None
    strikes: int


class Latest:
    """Path to where its last entry is, in a file that nobody else sees.

    Parameters
    ----------
    path : Path
        Where it may be; what is there is replaced.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.unlink(missing_ok=True)
        self._base = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in (
            "journal_mode = OFF",
            "synchronous = OFF",
            "locking_mode = EXCLUSIVE",
            "temp_store = FILE",
            f"cache_size = -{_CACHE_KIB}",
        ):
            self._base.execute(f"PRAGMA {pragma}").fetchall()
        self._base.execute(_TABLE)
        if os.name != "nt":
            path.unlink()

    def add(self, entry: Entry, begin: int, length: int) -> None:
        """Take in an entry, and where its line is."""
        self._base.execute(
            _ADD,
            (
                entry.key,
                entry.state,
                entry.work,
                entry.size_bytes,
                entry.modified_ns,
                begin,
                length,
            ),
        )

    def strike(self, strike: DeathRecord) -> None:
        """Take in a strike."""
        row = (strike.key, strike.work, strike.size_bytes, strike.modified_ns)
        self._base.execute(_STRIKE, row)

    def known(self, path: str) -> Known | None:
        """Return what is known of a path."""
        found = self._base.execute(
            "SELECT state, work, size, modified, strikes FROM latest WHERE path = ?",
            (os.fsencode(path),),
        ).fetchone()
        return None if found is None else Known(*found)

    def claim(self, path: str) -> bool:
        """Whether this is the first time that the path is claimed."""
        return self._base.execute(_CLAIM, (os.fsencode(path),)).rowcount == 1

    def forget_claims(self) -> None:
        """Let every path be claimed once more."""
        self._base.execute("UPDATE latest SET claimed = 0 WHERE claimed = 1")

    def places(self) -> Iterator[tuple[int, int]]:
        """Where the last entry of each path is, by the bytes of the paths."""
        chosen = "SELECT begin, length FROM latest WHERE state IS NOT NULL ORDER BY path"
        yield from self._base.execute(chosen)

    def counts(self, work: str | None = None) -> dict[State, int]:
        """How many paths are in each state, of one fingerprint or of all."""
        asked = "SELECT state, count(*) FROM latest WHERE state IS NOT NULL"
        rows = (
            self._base.execute(f"{asked} GROUP BY state")
            if work is None
            else self._base.execute(f"{asked} AND work = ? GROUP BY state", (work,))
        )
        return dict(rows.fetchall())

    def close(self) -> None:
        """Forget all of it."""
        self._base.close()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
