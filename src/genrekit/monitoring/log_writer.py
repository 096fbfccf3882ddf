"""Writes the log of answers: beside the event loop, bounded, and never in the way of an answer."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

from genrekit.bundles import Bundle
from genrekit.errors import ConfigError, DatasetError, UnknownResourceError, quoted
from genrekit.files import try_lock
from genrekit.monitoring.prediction_log import OTHER, SCHEMA, check_kind, log_files
from genrekit.schema import UNKNOWN, Contract

_log = logging.getLogger(__name__)
_MOST_PENDING = 1000
_ROWS_BETWEEN_LOOKS = 64
_SECONDS_BETWEEN_WARNINGS = 60.0
_SALT_BYTES = 32

Row = Mapping[str, Any]


class Feedback(Contract):
    """What is known of one answer."""

    id: str
    answered: str
    right: bool
    genre: str | None = None


class PredictionLog:
    """The SQLite file of one server, and who may be in it.

    Parameters
    ----------
    path : Path
    most_bytes : int
        Of the file; a larger one is rotated to ``<path>.1``, that to ``<path>.2``, and so on.
    files : int
        Files that are kept.
    on_loss : callable
        Called with the reason for each answer that could not be written.

    Raises
    ------
    ConfigError
        If it cannot be written, is something else, or another server writes it.
    """

    def __init__(
        self, path: Path, most_bytes: int, files: int, on_loss: Callable[[str], None]
    ) -> None:
        self._path, self._most_bytes, self._files = path, most_bytes, files
        self._on_loss = on_loss
        self._rows = 0
        self._pending = threading.BoundedSemaphore(_MOST_PENDING)
        self._warned = -_SECONDS_BETWEEN_WARNINGS
        self._lasting: list[tuple[str, tuple[Any, ...]]] = []
        try:
            self._salt_file = _hold(path.with_name(f"{path.name}.salt"))
        except OSError as error:
            raise ConfigError(f"{path} cannot be the log: {error.strerror or error}") from error
        self._salt = self._salt_file.read(_SALT_BYTES)
        # All of SQLite happens in this one thread.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="answer-log")
        self._database: sqlite3.Connection | None = None
        try:
            self._thread.submit(self._opened).result()
        except (sqlite3.Error, OSError, DatasetError) as error:
            self._thread.shutdown()
            self._salt_file.close()
            raise ConfigError(f"{path} cannot be the log: {error}") from error

    def digest(self, key: str) -> str:
        """Who asked, without who it is: the same key gives the same text in this log alone."""
        return hmac.new(
            self._salt, key.encode("utf-8", "surrogatepass"), hashlib.sha256
        ).hexdigest()[:16]

    def note_models(
        self, bundles: Iterable[Bundle], experiment: str, shares: Mapping[str, float]
    ) -> None:
        """Write which models answer from now on, and for whom."""
        lasting: list[tuple[str, tuple[Any, ...]]] = [
            (
                "INSERT OR REPLACE INTO models VALUES (?, ?, ?, ?, ?)",
                (
                    bundle.sha256,
                    bundle.manifest.name,
                    bundle.manifest.version,
                    json.dumps(bundle.manifest.labels),
                    bundle.metrics.reference and bundle.metrics.reference.model_dump_json(),
                ),
            )
            for bundle in bundles
        ]
        split = (time.time(), experiment, json.dumps(dict(shares)))
        lasting.append(("INSERT INTO splits VALUES (?, ?, ?)", split))
        self._lasting = lasting
        self._submit(lasting)

    def note(self, row: Row) -> None:
        """Write one answer, soon; if that cannot be done it is counted as lost."""
        names, places = ", ".join(row), ", ".join("?" * len(row))
        self._submit([(f"INSERT INTO answers ({names}) VALUES ({places})", tuple(row.values()))])

    async def add_feedback(self, answer_id: str, genre: str | None, right: bool | None) -> Feedback:
        """Write what is true of an answer; the last word counts.

        Raises
        ------
        UnknownResourceError
            If there is no such answer.
        ConfigError
            If it cannot be true, or cannot be written.
        """
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(
                self._thread, self._add_feedback, answer_id, genre, right
            )
        except sqlite3.Error as error:
            self._lose(error)
            raise ConfigError(f"the feedback cannot be written now: {error}") from None

    def close(self) -> None:
        """Write what waits, and close the file."""
        self._thread.submit(self._close)
        self._thread.shutdown()
        self._salt_file.close()

    # --- in the thread --------------------------------------------------------------------------

    def _submit(self, statements: list[tuple[str, tuple[Any, ...]]]) -> None:
        if not self._pending.acquire(blocking=False):
            self._on_loss("busy")
            return
        self._thread.submit(self._write, statements)

    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            self._database = _open(self._path)
        return self._database

    def _close(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            database.close()

    def _execute(self, statements: Iterable[tuple[str, tuple[Any, ...]]]) -> None:
        with self._opened() as database:
            for text, values in statements:
                database.execute(text, values)

    def _write(self, statements: list[tuple[str, tuple[Any, ...]]]) -> None:
        try:
            self._execute(statements)
            self._rows += 1
            if self._rows % _ROWS_BETWEEN_LOOKS == 0:
                self._rotate_if_large()
        except (sqlite3.Error, OSError, DatasetError) as error:
            self._lose(error)
        finally:
            self._pending.release()

    def _lose(self, error: Exception) -> None:
        full = "full" in str(error)
        self._on_loss("full" if full else "error")
        if time.monotonic() - self._warned > _SECONDS_BETWEEN_WARNINGS:
            self._warned = time.monotonic()
            _log.warning("answers are not logged: %s: %s", self._path, error)

    def _rotate_if_large(self) -> None:
        # With what is in the WAL only, where each page may be many times.
        pages, page_bytes = (
            self._opened().execute(f"PRAGMA page_{what}").fetchone()[0]
            for what in ("count", "size")
        )
        if pages * page_bytes < self._most_bytes:
            return
        # Closing the last connection moves what is in the WAL into the file.
        self._close()
        for number, old in reversed(list(enumerate(log_files(self._path), start=1))):
            if number >= self._files:
                old.unlink()
            else:
                old.replace(self._path.with_name(f"{self._path.name}.{number}"))
        self._execute(self._lasting)

    def _add_feedback(self, answer_id: str, genre: str | None, right: bool | None) -> Feedback:
        for path in log_files(self._path):
            if path == self._path:
                found = _write_feedback(self._opened(), answer_id, genre, right)
            else:
                database = sqlite3.connect(path)
                try:
                    found = _write_feedback(database, answer_id, genre, right)
                finally:
                    database.close()
            if found is not None:
                return found
        raise UnknownResourceError(
            f"there is no answer {quoted(answer_id, 40)} in the log; it may be forgotten"
        )


def _write_feedback(
    database: sqlite3.Connection, answer_id: str, genre: str | None, right: bool | None
) -> Feedback | None:
    row = database.execute(
        "SELECT answers.genre, genres, labels FROM answers LEFT JOIN models USING (sha256) "
        "WHERE id = ? AND shadow_of IS NULL",
        (answer_id,),
    ).fetchone()
    if row is None:
        return None
    answered, genres, labels = row[0], json.loads(row[1]), json.loads(row[2] or "[]")
    if genre is not None:
        if genre not in labels and genre != OTHER:
            raise ConfigError(
                f"{quoted(genre, 60)} is not a genre of the model that answered; expected one of "
                f"{', '.join(labels)[:400]}, or {OTHER}"
            )
        is_right = genre in genres
    elif right and answered == UNKNOWN:
        raise ConfigError("the answer was unknown, which no track is; say its genre instead")
    else:
        is_right = bool(right)
    with database:
        database.execute(
            "INSERT INTO feedback VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
            "at = excluded.at, genre = excluded.genre, is_right = excluded.is_right",
            (answer_id, time.time(), genre, is_right),
        )
    return Feedback(id=answer_id, answered=answered, right=is_right, genre=genre)


def _open(path: Path) -> sqlite3.Connection:
    new = not path.exists() or path.stat().st_size == 0
    if new:  # nobody else has to know what is listened to here
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    database = sqlite3.connect(path, timeout=5)
    try:
        if new:
            database.executescript(SCHEMA)
        check_kind(database, path)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        # Else one long transaction leaves a WAL of its size behind.
        database.execute("PRAGMA journal_size_limit = 1048576")
    except BaseException:
        database.close()
        raise
    return database


def _hold(path: Path) -> BinaryIO:
    """Open the file of the salt, made if need be, locked against a second server.

    Raises
    ------
    OSError
        If it cannot be written, or is held.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    file = os.fdopen(handle, "r+b")
    try:
        if not try_lock(file):
            raise OSError("another server writes it; give each its own")
        if len(file.read(_SALT_BYTES)) < _SALT_BYTES:
            file.seek(0)
            file.write(secrets.token_bytes(_SALT_BYTES))
            file.flush()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file
