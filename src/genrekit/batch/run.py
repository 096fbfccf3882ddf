"""The folder of a run: what is done to which files, and the journal of it.

::

    RUN/
      run.json        what is done: kind, settings (the model among them), versions, sources
      journal.jsonl   one terminal entry for each file, and more; see `genrekit.batch.journal`
      lock            who writes now
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

from pydantic import JsonValue, ValidationError

from genrekit import __version__
from genrekit.batch.entry import Entry, State
from genrekit.batch.journal import Journal, Session
from genrekit.batch.lock import FolderLock
from genrekit.errors import ConfigError
from genrekit.files import replace_file
from genrekit.schema import Contract

MANIFEST = "run.json"
JOURNAL = "journal.jsonl"
_LIBRARIES = ("numpy", "onnxruntime", "soundfile", "soxr", "av")


class RunManifest(Contract):
    """``run.json``.

    ``settings`` are all that a value depends on but the file. ``work`` is the fingerprint of kind
    and settings: entries of another one are as good as none.
    """

    format: int = 1
    kind: str
    settings: dict[str, JsonValue]
    work: str
    sources: tuple[str, ...] = ()
    began: str
    versions: dict[str, str]


class Run:
    """An open run: the only writer of its folder until it is closed.

    Attributes
    ----------
    folder : Path
    manifest : RunManifest
    journal : Journal
    """

    def __init__(
        self, folder: Path, manifest: RunManifest, journal: Journal, lock: FolderLock | None
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.journal = journal
        self._lock = lock

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def entries(self, *, stale: bool = False) -> Iterator[Entry]:
        """Return the last entry of each path, by the bytes of the paths.

        Parameters
        ----------
        stale : bool
            Entries too that were made with other settings.
        """
        work = self.manifest.work
        return (one for one in self.journal.entries() if stale or one.work == work)

    def counts(self) -> dict[State, int]:
        """How many paths are ``ok``, ``failed`` and ``quarantined`` with these settings."""
        return self.journal.counts(self.manifest.work)

    def close(self) -> None:
        """Bring the journal to the disk and let the next one write."""
        try:
            self.journal.close()
        finally:
            if self._lock is not None:
                self._lock.close()


def open_run(
    folder: Path,
    kind: str,
    settings: Mapping[str, JsonValue],
    *,
    sources: Sequence[str] = (),
    redo: bool = False,
) -> Run:
    """Begin a run, or go on with one.

    Parameters
    ----------
    folder : Path
        Made if it is not there; otherwise that of a run of the same kind, or empty.
    kind : str
        What is done, such as ``"predict"``.
    settings : mapping of str to JSON value
        All that a value depends on but the file: the model's hash, options.
    sources : sequence of str
        For people: where the files come from.
    redo : bool
        Whether work may be done again because the settings are others than last time.

    Raises
    ------
    BusyError
        If another process writes to it.
    ConfigError
        If the folder holds something else, or the settings differ and ``redo`` is False: then how
        much would be done again is said.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _check_folder(folder)
    lock = FolderLock(folder)
    try:
        manifest = _manifest(kind, settings, sources)
        journal = Journal(folder / JOURNAL)
        try:
            _check_same_work(folder, manifest, journal, redo)
            session = Session(
                pid=os.getpid(), at=time.time(), work=manifest.work, version=__version__
            )
            journal.begin(session)
        except BaseException:
            journal.close()
            raise
    except BaseException:
        lock.close()
        raise
    return Run(folder, manifest, journal, lock)


def read_run(folder: Path) -> Run:
    """Open a run to read it, whoever writes to it.

    Raises
    ------
    ConfigError
        If the folder is not that of a run.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise ConfigError(f"{folder} is not the folder of a run: there is no {MANIFEST} in it")
    return Run(folder, manifest, Journal(folder / JOURNAL, writing=False), None)


def read_manifest(folder: Path) -> RunManifest | None:
    """``run.json`` of a folder; None if there is none.

    Raises
    ------
    ConfigError
        If it makes no sense.
    """
    path = folder / MANIFEST
    try:
        return RunManifest.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValidationError as error:
        raise ConfigError(
            f"{path} is not what a run of this version of genrekit begins with; name another folder"
        ) from error


def work_fingerprint(kind: str, settings: Mapping[str, JsonValue]) -> str:
    """Sixteen digits for what is done: other digits, other values."""
    settings_json = json.dumps([kind, settings], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(settings_json.encode()).hexdigest()[:16]


def _manifest(kind: str, settings: Mapping[str, JsonValue], sources: Sequence[str]) -> RunManifest:
    return RunManifest(
        kind=kind,
        settings=dict(settings),
        work=work_fingerprint(kind, settings),
        sources=tuple(one.encode("utf-8", "backslashreplace").decode() for one in sources),
        began=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        versions={"genrekit": __version__, "python": python_version(), **_versions()},
    )


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _check_folder(folder: Path) -> None:
    if not (folder / MANIFEST).exists() and any(
        one.name not in ("lock", JOURNAL) and not one.name.startswith(".")
        for one in folder.iterdir()
    ):
        raise ConfigError(
            f"{folder} holds other things than a run; name an empty folder, or a new one"
        )


def _check_same_work(folder: Path, wanted: RunManifest, journal: Journal, redo: bool) -> None:
    """Write ``run.json``, unless it says the same already."""
    there = read_manifest(folder)
    if there is not None and there.work == wanted.work:
        if not set(wanted.sources) <= set(there.sources):
            sources = tuple(dict.fromkeys(there.sources + wanted.sources))
            _write(folder, there.model_copy(update={"sources": sources}))
        return
    if there is not None and there.kind != wanted.kind:
        raise ConfigError(
            f"{folder} is a run of genrekit {there.kind}, not {wanted.kind}; name another folder"
        )
    if there is not None and not redo:
        _refuse(folder, there, wanted, journal)
    _write(folder, wanted)


def _write(folder: Path, manifest: RunManifest) -> None:
    replace_file(folder / MANIFEST, manifest.model_dump_json(indent=2) + "\n")


def _refuse(folder: Path, there: RunManifest, wanted: RunManifest, journal: Journal) -> None:
    names = sorted(there.settings.keys() | wanted.settings.keys())
    changes = [
        f"{name}: {_shown(there.settings.get(name))} then, {_shown(wanted.settings.get(name))} now"
        for name in names
        if there.settings.get(name) != wanted.settings.get(name)
    ]
    done, seconds = 0, 0.0
    for entry in journal.entries():
        if entry.work == there.work:
            done, seconds = done + 1, seconds + entry.seconds
    if not done:
        return
    raise ConfigError(
        f"{folder} was begun with other settings ({'; '.join(changes)}): {done:,} files would be "
        f"worked on again, about {_duration(seconds)} of one core; say --redo to do so, or name "
        "another folder"
    )


def _shown(value: JsonValue) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
