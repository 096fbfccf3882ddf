"""The folders that genrekit keeps things in: their size, and whether they can be written."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from genrekit.files import cache_home, home, state_home, try_lock
from genrekit.installation.check import Check

_LITTLE_BYTES = 10**9
# What clocks of one machine may differ by; those of a file server differ by more and are noticed.
_CLOCK_SECONDS = 5.0
_MOVE = "set GENREKIT_HOME to a folder that can be written"
#: Before this version was made: no clock that goes is earlier.
_EARLIEST = time.strptime("2025-01-01", "%Y-%m-%d")


def check_places() -> Iterator[Check]:
    """Measure the places and try to write, lock and date a file in them."""
    named = {"models and data": home(), "cache": cache_home(), "journals": state_home()}
    for name, folder in named.items():
        yield _check_place(name, folder)
    for name, folder in {**named, "temporary files": Path(tempfile.gettempdir())}.items():
        yield _check_space(name, folder)
    yield _check_locks()
    yield _check_clock()


def _check_place(name: str, folder: Path) -> Check:
    there = nearest(folder)
    if there == folder:
        files, size = size_of(folder)
        seen = f"{folder}: {files} files, {size / 1e6:.1f} MB"
    else:
        seen = f"{folder}: not there yet"
    if problem := _unwritable(there):
        # Predicting writes nothing.
        return Check("places", name, "warning", f"{seen}; cannot be written: {problem}", _MOVE)
    return Check("places", name, "ok", seen)


def _unwritable(folder: Path) -> str:
    """Say why no file can be made in a folder; nothing if one can."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".genrekit-doctor-") as file:
            file.write(b"1")
            file.flush()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _check_space(name: str, folder: Path) -> Check:
    there = nearest(folder)
    try:
        free = shutil.disk_usage(there).free
    except OSError as error:
        return Check("space", name, "warning", f"{there}: {error}")
    seen = f"{free / 1e9:.1f} GB are free at {there}"
    if free < _LITTLE_BYTES:
        return Check("space", name, "warning", seen, f"make room, or {_MOVE}")
    return Check("space", name, "ok", seen)


def _check_locks() -> Check:
    """Try whether a second taker of a lock is refused, where runs are kept."""
    where = _trial_folder()
    with tempfile.TemporaryDirectory(dir=where, prefix=".genrekit-doctor-") as folder:
        path = Path(folder, "lock")
        with path.open("wb") as first, path.open("ab") as second:
            taken, taken_twice = try_lock(first), try_lock(second)
    if taken and not taken_twice:
        return Check("machine", "file locks", "ok", f"work at {where}")
    return Check(
        "machine",
        "file locks",
        "warning",
        f"do not work at {where}",
        f"never let two commands write into one run at a time, or {_MOVE} on a local disk",
    )


def _check_clock() -> Check:
    now = time.time()
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    if time.gmtime(now) < _EARLIEST:
        return Check("machine", "clock", "warning", shown, "set the clock: runs are named by it")
    where = _trial_folder()
    with tempfile.NamedTemporaryFile(dir=where, prefix=".genrekit-doctor-") as file:
        file.write(b"1")
        file.flush()
        ahead = os.fstat(file.fileno()).st_mtime - now
    if abs(ahead) > _CLOCK_SECONDS:
        seen = f"{shown}, and files at {where} are dated {ahead:+.0f} s from it"
        return Check("machine", "clock", "warning", seen, "set both clocks: watch goes by them")
    return Check("machine", "clock", "ok", shown)


def _trial_folder() -> Path:
    """Choose where runs are kept, or the folder for temporary files where that is read only."""
    there = nearest(state_home())
    return Path(tempfile.gettempdir()) if _unwritable(there) else there


def nearest(folder: Path) -> Path:
    """Return the folder, or the nearest above it that is there."""
    return next(one for one in (folder, *folder.parents) if one.is_dir())


def size_of(folder: Path) -> tuple[int, int]:
    """Count files and bytes below a folder; what cannot be read counts as nothing."""
    files = size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118 -- many files
            except OSError:
                continue
            files += 1
    return files, size
