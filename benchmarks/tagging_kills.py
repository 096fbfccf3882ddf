"""End a save at every one of its writes, renames and flushes to disk, and look what is left.

``python benchmarks/tagging_kills.py FILE...`` prints a line of JSON for each file and fault: how
many points, and how many of them left neither the old nor the new file, or no way back.
"""

from __future__ import annotations

import builtins
import errno
import itertools
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

Save = Callable[[Path], None]
FAULTS = {"kill": None, "no space": errno.ENOSPC, "input/output error": errno.EIO}


class Outcome(NamedTuple):
    """What the faults at all points of a save did."""

    points: int
    damaged: int
    not_undone: int
    left_behind: int


class Fault:
    """Counts operations and, at one of them, kills the process or raises."""

    def __init__(self, at: int, error: int | None) -> None:
        self.at, self.error, self.seen = at, error, 0

    def hit(self, half_of: Callable[[], Any] | None = None) -> None:
        self.seen += 1
        if self.seen != self.at:
            return
        if half_of is not None:
            half_of()
        if self.error is None:
            os.kill(os.getpid(), signal.SIGKILL)
        else:
            raise OSError(self.error, os.strerror(self.error))

    def install(self) -> None:
        write = os.write

        def counted_write(handle: int, data: Any) -> int:
            self.hit(lambda: write(handle, data[: len(data) // 2]))
            return write(handle, data)

        os.write = counted_write
        for name in ("fsync", "replace", "rename", "ftruncate", "utime", "chmod", "unlink"):
            setattr(os, name, self._counted(getattr(os, name)))
        opened = builtins.open
        builtins.open = lambda *a, **k: _Counted(opened(*a, **k), self)  # type: ignore[assignment]

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            self.hit()
            return function(*arguments, **options)

        return counted


class _Counted:
    """A file whose writes are counted: that is how other programs save."""

    def __init__(self, file: Any, fault: Fault) -> None:
        self._file, self._fault = file, fault

    def write(self, data: Any) -> int:
        def half() -> None:
            self._file.write(data[: len(data) // 2])
            self._file.flush()

        self._fault.hit(half)
        return int(self._file.write(data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _Counted:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Any:
        return iter(self._file)


def child(work: Callable[[], None]) -> int:
    """How a process ended that did some work: 0, or what it was killed by."""
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001
            os._exit(1)
        os._exit(0)
    return os.waitpid(process, 0)[1]


def faults_everywhere(source: Path, save: Save, error: int | None, sound: Any) -> Outcome:
    """Save a copy of a file again and again, with a fault at the next point each time.

    ``sound(folder, path)`` says whether the file is whole, whether the old one can be had back,
    and whether something is left behind.
    """
    damaged = not_undone = left = 0
    for point in itertools.count(1):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            path = Path(shutil.copy(source, folder / f"song{source.suffix}"))
            os.environ["GENREKIT_HOME"] = str(folder / ".home")
            report = folder.parent / f"{folder.name}.count"

            def work(point: int = point, path: Path = path, report: Path = report) -> None:
                fault = Fault(point, error)
                fault.install()
                try:
                    save(path)
                finally:
                    if fault.seen < point:
                        os._exit(7)

            ended = os.waitstatus_to_exitcode(child(work))
            if ended == 7:
                return Outcome(point - 1, damaged, not_undone, left)
            whole, undone, clean = sound(folder, path)
            damaged += not whole
            not_undone += not undone
            left += not clean
    raise AssertionError


def save_with_genrekit(path: Path) -> None:
    from genrekit.tagging import Wanted, begin_run, write_tags

    run = begin_run()
    write_tags(path, Wanted(("Jazz", "Ñandú"), {"model": "box@1"}), record=run.record)


def outcome_of(old: bytes, new: bytes) -> Callable[[Path, Path], tuple[bool, bool, bool]]:
    """Whole is the old file or the new one; the old one comes back; nothing stays hidden."""
    from genrekit.tagging import clean_leftovers, list_runs, undo

    def sound(folder: Path, path: Path) -> tuple[bool, bool, bool]:
        whole = path.read_bytes() in (old, new)
        clean_leftovers([folder])
        clean = {one.name for one in folder.iterdir()} <= {path.name, ".home"}
        undo(list_runs())
        return whole, path.read_bytes() == old, clean

    return sound


def genrekit_everywhere(source: Path, error: int | None) -> Outcome:
    """Faults at every point of our own save."""
    old = source.read_bytes()
    with tempfile.TemporaryDirectory() as name:
        os.environ["GENREKIT_HOME"] = str(Path(name, ".home"))
        path = Path(shutil.copy(source, Path(name, f"song{source.suffix}")))
        save_with_genrekit(path)
        new = path.read_bytes()
    assert old != new
    return faults_everywhere(source, save_with_genrekit, error, outcome_of(old, new))


def main() -> None:
    # Imported once, before the children are made.
    import genrekit.audio.stream
    import genrekit.tagging.restore
    import genrekit.tagging.writer  # noqa: F401

    faults = [one for one in sys.argv[1:] if one in FAULTS] or list(FAULTS)
    for name in (one for one in sys.argv[1:] if one not in FAULTS):
        for fault in faults:
            found = genrekit_everywhere(Path(name), FAULTS[fault])
            print(json.dumps({"file": name, "fault": fault, **found._asdict()}))


if __name__ == "__main__":
    main()
