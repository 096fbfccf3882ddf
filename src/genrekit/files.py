"""Files that are there whole or not at all, and the places where genrekit keeps what is a user's.

A place is below ``$GENREKIT_HOME`` if that is set. Otherwise it is where the system wants it, by
``$XDG_DATA_HOME``, ``$XDG_CACHE_HOME`` and ``$XDG_STATE_HOME`` or, on macOS and Windows too, by
`platformdirs`.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, Literal

import platformdirs

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_log = logging.getLogger(__name__)
_PART = ".part"


def home() -> Path:
    """Where models and data are kept, which cannot be made again without a user's help."""
    place = _place("data")
    if os.environ.get("GENREKIT_HOME") or os.environ.get("XDG_DATA_HOME"):
        return place
    return moved(Path.home() / ".local" / "share" / "genrekit", place)


def cache_home() -> Path:
    """Where features and the like are kept, which are made again when they are gone."""
    return _place("cache")


def state_home() -> Path:
    """Where journals are kept: what was done to files of the user, so that it can be undone."""
    return _place("state")


@cache
def shipped(package: str, name: str) -> Path:
    """Return a file or folder of a package; unpacked where it lies in a ZIP archive.

    Parameters
    ----------
    package : str
        The package's name, such as ``genrekit.serving``.
    name : str
        Of a file or folder in it.

    Returns
    -------
    Path
        In the package itself; or a copy below `cache_home`, made once for each content.

    Raises
    ------
    OSError
        If it is in neither place, or the copy cannot be written.
    """
    from importlib.resources import files

    there = files(package) / name
    if isinstance(there, Path):
        return there
    content = dict(_content_of(there, name))
    if not content:
        raise FileNotFoundError(errno.ENOENT, "this is missing: install genrekit again", str(there))
    digest = hashlib.sha256()
    for path, data in sorted(content.items()):
        digest.update(f"{path} {len(data)} ".encode() + data)
    folder = cache_home() / "unpacked" / digest.hexdigest()[:16]
    if not folder.is_dir():
        with replacing_folder(folder) as fresh:
            for path, data in content.items():
                (fresh / path).parent.mkdir(parents=True, exist_ok=True)
                (fresh / path).write_bytes(data)
    return folder / name


def _content_of(there: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    if there.is_file():
        yield path, there.read_bytes()
    elif there.is_dir():
        for entry in there.iterdir():
            yield from _content_of(entry, f"{path}/{entry.name}")


def _place(kind: Literal["data", "cache", "state"]) -> Path:
    if chosen := os.environ.get("GENREKIT_HOME"):
        return Path(chosen)
    if given := os.environ.get(f"XDG_{kind.upper()}_HOME"):
        return Path(given) / "genrekit"
    return Path(getattr(platformdirs, f"user_{kind}_dir")("genrekit", appauthor=False))


def moved(old: Path, new: Path) -> Path:
    """Move ``old`` to ``new`` and return its place: ``old`` where it cannot be moved.

    What lies at ``old`` is moved, and a warning says so; it is left alone where there is something
    at ``new`` already.
    """
    if old == new or not old.exists():
        return new
    if not new.exists():
        try:
            new.parent.mkdir(parents=True, exist_ok=True)
            old.rename(new)
        except OSError as error:
            if not new.exists():  # another process may have been faster
                _warn_once(f"{old} cannot be moved to {new} and is used where it is: {error}")
                return old
        else:
            _log.warning("%s has moved to %s", old, new)
    elif any(old.iterdir() if old.is_dir() else [old]):
        _warn_once(f"{old} is no longer used, {new} is: move what you want to keep, or delete it")
    return new


@cache
def _warn_once(message: str) -> None:
    _log.warning("%s", message)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a file that takes the place of ``path`` when the block ends without an error.

    Whatever happens, a loss of power included, ``path`` is the old file or the new one, whole.

    Parameters
    ----------
    path : Path
        Its folder is made.

    Yields
    ------
    BinaryIO
        A new file beside it; only its owner may read or write what only the owner may in the old.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{secrets.token_hex(8)}{_PART}")
    try:
        with part.open("xb") as file:
            with suppress(OSError):
                part.chmod(path.stat().st_mode & 0o777)
            yield file
            sync_file(file)
        part.replace(path)
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def replace_file(path: Path, content: bytes | str) -> None:
    """Write ``content``, text as UTF-8, in the place of ``path``, as `replacing` does."""
    with replacing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Fill a folder that takes the place of ``path`` when the block ends without an error.

    A loss of power may cost the name while an old folder makes room for the new one, but never
    leaves a folder of which a part is missing.

    Parameters
    ----------
    path : Path
        Its folder is made.

    Yields
    ------
    Path
        A new, empty folder beside it.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    work_dir = path.with_name(f".{secrets.token_hex(8)}{_PART}")
    fresh = work_dir / "new"
    try:
        fresh.mkdir(parents=True)
        yield fresh
        sync_tree(fresh)
        if path.exists():
            path.rename(work_dir / "old")
        fresh.rename(path)
        sync_folder(path.parent)
    finally:
        shutil.rmtree(work_dir, ignore_errors=True)


def sync_file(file: IO[bytes]) -> None:
    """Wait until what was written is on the disk."""
    file.flush()
    os.fsync(file.fileno())


def sync_tree(folder: Path) -> None:
    """Wait until the files of a folder, and their names, are on the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb+" if os.name == "nt" else "rb") as file:
                sync_file(file)
        elif path.is_dir():
            sync_folder(path)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, on systems that can be told to."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def try_lock(file: IO[bytes]) -> bool:
    """Lock an open file until it is closed, or its process ends; False if another one holds it."""
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows
        return _try_lock_windows(file)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _try_lock_windows(file: IO[bytes]) -> bool:
    import msvcrt

    try:
        file.seek(0)
        getattr(msvcrt, "locking")(file.fileno(), getattr(msvcrt, "LK_NBLCK"), 1)  # noqa: B009
    except OSError:
        return False
    return True


def is_part(path: Path) -> bool:
    """Whether a name is one that `replacing` gives to a file while it is written."""
    return path.name.startswith(".") and path.name.endswith(_PART)
