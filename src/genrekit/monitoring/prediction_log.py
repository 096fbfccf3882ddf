"""The log of a server: what was answered, by which model, and what people said of it.

A SQLite file without audio, names of files or addresses. Who asked is a hash whose salt lies in
another file.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from genrekit.errors import DatasetError
from genrekit.monitoring.drift import Tally
from genrekit.schema import Reference

#: Arm, hash of the model, and whether it was a shadow.
Key = tuple[str, str, bool]

APPLICATION_ID = 0x67724C67  # "grLg"
FORMAT_VERSION = 1
SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {FORMAT_VERSION};
CREATE TABLE models (
    sha256 TEXT PRIMARY KEY, name TEXT, version TEXT, labels TEXT, reference TEXT
);
CREATE TABLE splits (at REAL, experiment TEXT, shares TEXT);
CREATE TABLE answers (
    id TEXT PRIMARY KEY, at REAL, arm TEXT, sha256 TEXT, experiment TEXT, dealt INTEGER,
    sender TEXT, genre TEXT, genres TEXT, confidence REAL, scores TEXT, seconds REAL,
    analysis_ms REAL, wall_ms REAL, warnings TEXT, inputs TEXT, shadow_of TEXT
);
CREATE INDEX answers_of_shadows ON answers (shadow_of) WHERE shadow_of IS NOT NULL;
CREATE TABLE feedback (id TEXT PRIMARY KEY, at REAL, genre TEXT, is_right INTEGER);
"""
_LONGEST_SUFFIX = 6
#: Feedback that no model's genre is right.
OTHER = "other"


Watch = Callable[
    [Iterable[tuple["LoggedAnswer", dict[str, float]]], int],
    Iterable[tuple["LoggedAnswer", dict[str, float]]],
]


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """A model that answered; ``reference`` is None for bundles from before there was one."""

    sha256: str
    name: str
    version: str
    labels: tuple[str, ...]
    reference: Reference | None


@dataclass(frozen=True, slots=True)
class LoggedSplit:
    """How senders were assigned from a time on."""

    at: float
    experiment: str
    shares: dict[str, float]


@dataclass(frozen=True, slots=True)
class LoggedAnswer:
    """One answer, with what was said of it.

    Attributes
    ----------
    at : float
        Seconds since 1970.
    assigned : bool
        Whether the sender was assigned to this arm; else it asked for the model by name.
    sender : str
        A salted hash.
    analysis_ms, wall_ms : float
        What the model's worker took, and that with the wait before it.
    shadow_of : str or None
        The answer that was given, where this one was not.
    true_genre : str or None
        What the feedback says that it is; `OTHER` where it is none of the model's.
    is_right : bool or None
        Whether the genre told was right; None without feedback.
    """

    id: str
    at: float
    arm: str
    sha256: str
    experiment: str
    assigned: bool
    sender: str
    genre: str
    genres: tuple[str, ...]
    confidence: float
    seconds: float
    analysis_ms: float
    wall_ms: float
    shadow_of: str | None
    true_genre: str | None
    is_right: bool | None


@dataclass(frozen=True, slots=True)
class Log:
    """What is in one log and its rotated files.

    Attributes
    ----------
    answers : tuple of LoggedAnswer
        In the order of time.
    models : dict of str to LoggedModel
        By hash.
    tallies : dict of Key to Tally
        What each model was given and answered, counted against its reference; only of models that
        have one. The numbers themselves may be more than there is memory for.
    """

    answers: tuple[LoggedAnswer, ...]
    models: dict[str, LoggedModel]
    splits: tuple[LoggedSplit, ...]
    tallies: dict[Key, Tally] = field(default_factory=dict)


def key_of(answer: LoggedAnswer) -> Key:
    """Return the model in its place: arm, hash, and whether it was a shadow."""
    return answer.arm, answer.sha256, answer.shadow_of is not None


def log_files(path: Path) -> list[Path]:
    """Return the log at ``path`` and what was rotated from it, newest first."""
    rotated = [
        (int(one.name.rsplit(".", 1)[1]), one)
        for one in path.parent.glob(f"{path.name}.*")
        if one.name.removeprefix(f"{path.name}.").isdecimal()
    ]
    return [path, *(one for _, one in sorted(rotated))]


def audio_folder(path: Path) -> Path:
    """Where a server that was asked to keeps the audio that the log at ``path`` is of."""
    return path.with_name(f"{path.name}.audio")


def keep_audio(path: Path, answer_id: str, audio: Path, suffix: str, most_bytes: int) -> None:
    """Keep the audio of an answer beside the log at ``path``, and delete the oldest beyond a limit.

    Parameters
    ----------
    suffix : str
        Of the name that it came with; what is not a plain one is left out.
    most_bytes : int
        Of all audio that is kept.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    folder = audio_folder(path)
    folder.mkdir(mode=0o700, exist_ok=True)
    plain = suffix[1:].isalnum() and suffix.isascii() and len(suffix) <= _LONGEST_SUFFIX
    target = folder / f"{answer_id}{suffix.lower() if plain else ''}"
    part = target.with_name(f".{target.name}")
    shutil.copyfile(audio, part)
    part.replace(target)
    kept = sorted((one.stat().st_mtime_ns, one.stat().st_size, one) for one in folder.iterdir())
    excess = sum(size for _, size, _ in kept) - most_bytes
    for _, size, one in kept:
        if excess <= 0:
            break
        one.unlink(missing_ok=True)
        excess -= size


def kept_audio(path: Path) -> dict[str, Path]:
    """Return the audio that was kept, by the id of the answer; empty where none was."""
    folder = audio_folder(path)
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return {one.stem: one for one in files if not one.name.startswith(".")}


def logged_inputs(path: Path) -> dict[str, dict[str, float]]:
    """Return a model's input for each answer, by its id; see `read_log` for errors."""
    found: dict[str, dict[str, float]] = {}
    for one in log_files(path):
        with _opened(one) as database:
            try:
                rows = database.execute("SELECT id, inputs FROM answers").fetchall()
                found |= {answer_id: json.loads(inputs) for answer_id, inputs in rows}
            except (sqlite3.Error, ValueError, TypeError) as error:
                raise DatasetError(f"{one} is damaged: {error}") from error
    return found


def read_log(path: Path, *, since: float = 0.0, watch: Watch = lambda rows, _: rows) -> Log:
    """Read a log; a server may go on writing it.

    Parameters
    ----------
    since : float
        Only answers from then on, seconds since 1970.
    watch : callable
        Passes rows on and may show how far it is; is told how many there are.

    Raises
    ------
    DatasetError
        If it is none, or cannot be read.
    """
    if not path.is_file():
        raise DatasetError(f"there is no log at {path}; genrekit serve --log writes one")
    answers: list[LoggedAnswer] = []
    models: dict[str, LoggedModel] = {}
    splits: list[LoggedSplit] = []
    tallies: dict[Key, Tally] = {}
    for one in log_files(path):
        with _opened(one) as database:
            try:
                models |= {model.sha256: model for model in _models(database)}
                splits += _splits(database)
                total = database.execute(_COUNT, (since,)).fetchone()[0]
                for answer, inputs in watch(_answers(database, since), total):
                    answers.append(answer)
                    _tally(tallies, models, answer, inputs)
            except (sqlite3.Error, ValueError, TypeError, KeyError) as error:
                raise DatasetError(f"{one} is damaged: {error}") from error
    answers.sort(key=lambda answer: answer.at)
    splits.sort(key=lambda split: split.at)
    return Log(tuple(answers), models, tuple(splits), tallies)


def _tally(
    tallies: dict[Key, Tally],
    models: Mapping[str, LoggedModel],
    answer: LoggedAnswer,
    inputs: Mapping[str, float],
) -> None:
    model, key = models.get(answer.sha256), key_of(answer)
    if model is None or model.reference is None:
        return
    if key not in tallies:
        tallies[key] = Tally(model.reference)
    tallies[key].add(answer.genre, answer.confidence, inputs)


def check_kind(database: sqlite3.Connection, path: Path) -> None:
    """Raise `DatasetError` unless an open file is a log of this format."""
    try:
        kind = database.execute("PRAGMA application_id").fetchone()[0]
        version = database.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        raise DatasetError(f"{path} is not a log of answers: {error}") from error
    if kind != APPLICATION_ID:
        raise DatasetError(f"{path} is not a log of answers; genrekit serve --log writes one")
    if version != FORMAT_VERSION:
        raise DatasetError(
            f"{path} has log format {version}, this genrekit reads {FORMAT_VERSION}; take the "
            "genrekit that wrote it"
        )


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        database = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
    except sqlite3.Error as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    try:
        check_kind(database, path)
        yield database
    finally:
        database.close()


def _models(database: sqlite3.Connection) -> Iterator[LoggedModel]:
    rows = database.execute("SELECT sha256, name, version, labels, reference FROM models")
    for sha256, name, version, labels, reference in rows:
        read = None if reference is None else Reference.model_validate_json(reference)
        yield LoggedModel(sha256, name, version, tuple(json.loads(labels)), read)


def _splits(database: sqlite3.Connection) -> Iterator[LoggedSplit]:
    for at, experiment, shares in database.execute("SELECT at, experiment, shares FROM splits"):
        yield LoggedSplit(at, experiment, json.loads(shares))


_COLUMNS = (
    *("id", "at", "arm", "sha256", "experiment", "dealt", "sender", "genre", "genres"),
    *("confidence", "seconds", "analysis_ms", "wall_ms", "shadow_of"),
)
_COUNT = "SELECT count(*) FROM answers WHERE at >= ?"


def _answers(
    database: sqlite3.Connection, since: float
) -> Iterator[tuple[LoggedAnswer, dict[str, float]]]:
    columns = ", ".join(f"answers.{column}" for column in _COLUMNS)
    rows = database.execute(
        f"SELECT {columns}, feedback.genre, feedback.is_right, answers.inputs "
        "FROM answers LEFT JOIN feedback USING (id) WHERE answers.at >= ?",
        (since,),
    )
    for *values, true_genre, is_right, inputs in rows:
        right = None if is_right is None else bool(is_right)
        yield _answer(values, true_genre, right), json.loads(inputs)


def _answer(values: Sequence[Any], true_genre: str | None, is_right: bool | None) -> LoggedAnswer:
    found = dict(zip(_COLUMNS, values, strict=True))
    found["genres"] = tuple(json.loads(found["genres"]))
    found["assigned"] = bool(found.pop("dealt"))  # as the column is called
    return LoggedAnswer(**found, true_genre=true_genre, is_right=is_right)
