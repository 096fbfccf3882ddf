"""One file takes the place of another: whole, on the disk, with the same owner and mode.

Whatever happens on the way, the kill of the process and a loss of power included, the name leads
to the old file or to the new one, never to a part of either.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

from genrekit.errors import TagError
from genrekit.files import sync_folder, try_lock

_PREFIX, _SUFFIX = ".genrekit-", ".part"
_CHUNK_BYTES = 1 << 20
_IS_WINDOWS = os.name == "nt"
_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_STATES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "no_space"),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), "read_only"),
    errno.ENAMETOOLONG: "name_too_long",
    errno.ENOENT: "missing",
}


class Stamp(NamedTuple):
    """How a file was when it was looked at; another stamp says that it has changed."""

    size_bytes: int
    modified_ns: int


def stamp_of(status: os.stat_result) -> Stamp:
    """Return the stamp in what the system says of a file."""
    return Stamp(status.st_size, status.st_mtime_ns)


@contextmanager
def named_failures(path: Path) -> Iterator[None]:
    """Turn what the system refuses into a `TagError` with a word for it."""
    try:
        yield
    except OSError as error:
        state = _STATES.get(error.errno or 0, "io_error")
        reason = error.strerror or str(error)
        raise TagError(state, f"{path} is left as it is: {reason}") from error


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file to read it, never waiting for a pipe that is called like one.

    Raises
    ------
    TagError
        ``not_a_file`` for a pipe, a socket or a device, and what `named_failures` says.
    """
    with named_failures(path):
        handle = os.open(path, os.O_RDONLY | _NO_WAIT)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise TagError("not_a_file", f"{path} is not a file that can be tagged")
            yield file


def real_file(path: Path, *, separate_hard_links: bool = False) -> tuple[Path, os.stat_result]:
    """Return the file that a name leads to, if it may be replaced.

    Raises
    ------
    TagError
        ``missing``, ``not_a_file``, ``read_only``, or ``hard_linked`` unless links may be cut.
    """
    with named_failures(path):
        real = path.resolve(strict=True)
        status = real.stat()
    if not stat.S_ISREG(status.st_mode):
        raise TagError("not_a_file", f"{path} is not a file that can be written")
    if not status.st_mode & 0o222 or not os.access(real, os.W_OK):
        raise TagError("read_only", f"{path} is write-protected")
    if not os.access(real.parent, os.W_OK | os.X_OK):
        raise TagError("read_only", f"{path} lies in a folder that cannot be written to")
    if status.st_nlink > 1 and not separate_hard_links:
        raise TagError(
            "hard_linked",
            f"{path} has {status.st_nlink} names (hard links), and only this one would get the new "
            "genre, in a copy of its own: allow that with --hard-links separate",
        )
    return real, status


def replace_content(
    real: Path,
    pieces: Iterable[bytes],
    *,
    status: os.stat_result,
    modified_ns: int | None,
    check: Callable[[Path, str], None],
) -> None:
    """Put a new file in the place of ``real``.

    Parameters
    ----------
    real : Path
        Not a link.
    pieces : iterable of bytes
        What the new file holds.
    status : os.stat_result
        Of the old file when it was read; it must not have changed until the end.
    modified_ns : int or None
        When the new file shall have been changed; None is now.
    check : callable
        Called with the path of the new file while it is hidden, and the SHA-256 of what was to be
        written; the last chance to raise.

    Raises
    ------
    TagError
        If the system refuses, or the old file changed meanwhile. The old file is untouched then.
    """
    part = real.with_name(f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}")
    with named_failures(real):
        try:
            with _hidden(part) as handle:
                digest = write_all(handle, pieces)
                _keep_attributes(real, part, handle, status, modified_ns)
                os.fsync(handle)
                check(part, digest)
            if stamp_of(real.stat()) != stamp_of(status):
                raise TagError("changed", f"{real} was changed by another program meanwhile")
            os.replace(part, real)  # noqa: PTH105
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        sync_folder(real.parent)


@contextmanager
def _hidden(part: Path) -> Iterator[int]:
    """Return a new file that is locked for as long as it is worked on."""
    handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(handle, "wb", buffering=0) as file:
        if not _IS_WINDOWS:  # there, nobody could read what is locked, and an open file stays
            try_lock(file)
        yield handle


def write_all(handle: int, pieces: Iterable[bytes]) -> str:
    """Write all of each piece, and return the SHA-256 of them together."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
        left = memoryview(piece)
        while left:
            left = left[os.write(handle, left) :]
    return digest.hexdigest()


def _keep_attributes(
    real: Path, part: Path, handle: int, status: os.stat_result, modified_ns: int | None
) -> None:
    created = os.fstat(handle)
    if (created.st_uid, created.st_gid) != (status.st_uid, status.st_gid):
        try:
            os.chown(part, status.st_uid, status.st_gid)
        except OSError as error:
            raise TagError(
                "read_only", f"{real} belongs to another user or group, which could not be kept"
            ) from error
    shutil.copystat(real, part)
    if modified_ns is None:
        os.utime(part)
    else:
        os.utime(part, ns=(status.st_atime_ns, modified_ns))


def digest_of(file: IO[bytes]) -> str:
    """Return the SHA-256 of all of an open file."""
    file.seek(0)
    digest = hashlib.sha256()
    while piece := file.read(_CHUNK_BYTES):
        digest.update(piece)
    return digest.hexdigest()


def clean_leftovers(folders: Iterable[Path]) -> list[Path]:
    """Delete what a process that was killed left hidden in folders, unless it still works on it."""
    found = []
    for folder in folders:
        for path in _leftovers(folder):
            with suppress(OSError):
                if _is_abandoned(path):
                    path.unlink()
                    found.append(path)
    return found


def _is_abandoned(path: Path) -> bool:
    """Whether nobody holds it; on Windows deleting it fails otherwise."""
    if _IS_WINDOWS:
        return True
    with path.open("rb") as file:
        return try_lock(file)


def _leftovers(folder: Path) -> list[Path]:
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        return []
    return [folder / name for name in names if name.startswith(_PREFIX) and name.endswith(_SUFFIX)]
