"""Runs that wrote tags, each a folder that says what takes every change of it back.

A run lies below the place for state (see `genrekit.files.state_home`) in ``tagging/<name>``::

    run.json      when, with what, into what
    changes.jsonl a line for each file, on the disk before the file is changed
    stamps.jsonl  size and time of each file before and after it was written
    undone.jsonl  a line for each file that was taken back
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError

from genrekit.errors import ConfigError, TagError
from genrekit.files import replace_file, state_home, sync_folder
from genrekit.inference import printable
from genrekit.schema import Contract, Sha256
from genrekit.tagging.disk import Stamp, write_all
from genrekit.tagging.splice import Splice

Line = TypeVar("Line", bound=Contract)
_RUN, _CHANGES, _UNDONE, _STAMPS = "run.json", "changes.jsonl", "undone.jsonl", "stamps.jsonl"


class OldBytes(Contract):
    """Bytes of the old file, and which of the new one they take the place of."""

    start: int = Field(ge=0)
    length: int = Field(ge=0)
    base64: str


class Change(Contract):
    """What was done to one file, and what takes it back."""

    path: str = Field(description="absolute; bytes that are not UTF-8 are escapes")
    path_hex: str | None = Field(
        None, description="the bytes of the path, where they are not UTF-8"
    )
    kind: Literal["tags", "sidecar"] = "tags"
    before_sha256: Sha256 | None = Field(description="None for a file that was made")
    after_sha256: Sha256
    modified_ns: int = Field(description="of the old file")
    back: tuple[OldBytes, ...] = ()

    @classmethod
    def of(
        cls,
        path: Path,
        *,
        before_sha256: str | None,
        after_sha256: str,
        modified_ns: int,
        back: Iterable[Splice] = (),
        kind: Literal["tags", "sidecar"] = "tags",
    ) -> Change:
        """Make one of what a program has."""
        text = printable(path)
        return cls(
            path=text,
            path_hex=None if text == str(path) else os.fsencode(path).hex(),
            kind=kind,
            before_sha256=before_sha256,
            after_sha256=after_sha256,
            modified_ns=modified_ns,
            back=tuple(
                OldBytes(start=one.start, length=one.length, base64=b64encode(one.data).decode())
                for one in back
            ),
        )

    @property
    def file(self) -> Path:
        """The file that was changed."""
        return Path(
            self.path if self.path_hex is None else os.fsdecode(bytes.fromhex(self.path_hex))
        )

    @property
    def splices(self) -> list[Splice]:
        """What turns the new file into the old one, in order."""
        return [Splice(one.start, one.length, b64decode(one.base64)) for one in self.back]


class RunInfo(Contract):
    """``run.json``."""

    format_version: Literal[1] = 1
    name: str
    begun: Annotated[str, Field(description="ISO 8601, UTC")]
    genrekit: str
    model: str = ""
    sources: tuple[str, ...] = ()


class _Stamps(Contract):
    path: str
    path_hex: str | None = None
    before: tuple[int, int]
    after: tuple[int, int]


class _Undone(Contract):
    after_sha256: Sha256
    path: str
    path_hex: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run on the disk."""

    folder: Path
    info: RunInfo

    def record(self, change: Change) -> None:
        """Add what takes a change back; it is on the disk when this returns."""
        _append(self.folder / _CHANGES, change)

    def mark_undone(self, change: Change) -> None:
        """Remember that a change was taken back."""
        undone = _Undone(
            after_sha256=change.after_sha256, path=change.path, path_hex=change.path_hex
        )
        _append(self.folder / _UNDONE, undone)

    def remember(self, path: Path, before: Stamp, after: Stamp) -> None:
        """Remember what a file was like before and after, so that it is known again."""
        text = printable(path)
        hidden = None if text == str(path) else os.fsencode(path).hex()
        line = _Stamps(path=text, path_hex=hidden, before=before, after=after)
        _append(self.folder / _STAMPS, line, sync=False)

    def changes(self) -> list[Change]:
        """Return the changes that were not taken back, in the order in which they were made."""
        undone = {
            (one.path, one.path_hex, one.after_sha256)
            for one in _lines(self.folder / _UNDONE, _Undone)
        }
        return [
            one
            for one in _lines(self.folder / _CHANGES, Change)
            if (one.path, one.path_hex, one.after_sha256) not in undone
        ]

    def counts(self) -> tuple[int, int]:
        """How many files were changed, and how many of them were taken back."""
        made = sum(1 for _ in _lines(self.folder / _CHANGES, Change))
        return made, made - len(self.changes())


def runs_home() -> Path:
    """Return the folder of all runs."""
    return state_home() / "tagging"


def begin_run(*, model: str = "", sources: Sequence[str | Path] = ()) -> Run:
    """Make the folder of a new run.

    Raises
    ------
    TagError
        ``no_undo`` if it cannot be made: nothing is written then.
    """
    from genrekit import __version__

    now = datetime.now(UTC)
    name = f"{now:%Y%m%d-%H%M%S-%f}"
    info = RunInfo(
        name=name,
        begun=now.isoformat(timespec="seconds"),
        genrekit=__version__,
        model=model,
        sources=tuple(printable(Path(one).absolute()) for one in sources),
    )
    folder = runs_home() / name
    try:
        folder.mkdir(parents=True)
        replace_file(folder / _RUN, info.model_dump_json(indent=2) + "\n")
        sync_folder(folder.parent)
    except OSError as error:
        raise TagError(
            "no_undo",
            f"what takes changes back cannot be kept in {folder} ({error.strerror or error}), and "
            "without that nothing is written; set GENREKIT_HOME to a folder of yours",
        ) from error
    return Run(folder, info)


def list_runs() -> list[Run]:
    """All runs, the latest first; folders that are not runs are left out."""
    home = runs_home()
    names = sorted(home.iterdir(), reverse=True) if home.is_dir() else []
    return [run for folder in names if (run := _read(folder)) is not None]


def find_run(name: str) -> Run:
    """Return the run of a name, or of the beginning of one; ``last`` is the latest.

    Raises
    ------
    ConfigError
        If there is none, or several begin so.
    """
    runs = list_runs()
    if name == "last" and runs:
        return runs[0]
    found = [one for one in runs if one.info.name.startswith(name)] if name else []
    if len(found) != 1:
        some = ", ".join(one.info.name for one in (found or runs)[:5]) or "none yet"
        what = "several runs begin with" if found else "there is no run"
        raise ConfigError(f"{what} {name!r}; genrekit history lists them: {some}")
    return found[0]


def _read(folder: Path) -> Run | None:
    try:
        return Run(folder, RunInfo.model_validate_json((folder / _RUN).read_bytes()))
    except (OSError, ValidationError):
        return None


def own_changes() -> dict[str, dict[Stamp, Stamp]]:
    """By path, what a file was like before we wrote it, by what it was like afterwards."""
    found: dict[str, dict[Stamp, Stamp]] = {}
    for run in reversed(list_runs()):
        for one in _lines(run.folder / _STAMPS, _Stamps):
            path = one.path if one.path_hex is None else os.fsdecode(bytes.fromhex(one.path_hex))
            found.setdefault(path, {})[Stamp(*one.after)] = Stamp(*one.before)
    return found


def _append(path: Path, line: Contract, *, sync: bool = True) -> None:
    is_new = not path.exists()
    # What was broken off by a loss of power must not run into this line.
    is_cut_off = not is_new and not _ends_line(path)
    data = b"\n" * is_cut_off + line.model_dump_json().encode() + b"\n"
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0))
    try:
        write_all(handle, [data])
        if sync:
            os.fsync(handle)
    finally:
        os.close(handle)
    if is_new and sync:
        sync_folder(path.parent)


def _ends_line(path: Path) -> bool:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size == 0:
            return True
        file.seek(size - 1)
        return file.read(1) == b"\n"


def _lines(path: Path, kind: type[Line]) -> Iterator[Line]:
    """Yield the whole lines of a file; one that was broken off was followed by no change."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                yield kind.model_validate_json(line)
            except ValidationError:
                continue
