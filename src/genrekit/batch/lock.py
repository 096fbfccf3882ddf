"""One writer for each folder; who comes second is told who holds it."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

from pydantic import ValidationError

from genrekit.errors import BusyError
from genrekit.files import try_lock
from genrekit.schema import Contract

_NAME = "lock"
_RETRY_SECONDS = 30


class Holder(Contract):
    """Who writes."""

    pid: int
    host: str
    began: float


class FolderLock:
    """Held from when it is made until `close`, or until the process ends in whatever way.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    BusyError
        If another process holds it; says which, and since when.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / _NAME
        self._file = path.open("a+b", buffering=0)
        if not try_lock(self._file):
            self._file.close()
            raise BusyError(_message(folder, path), _RETRY_SECONDS)
        holder = Holder(pid=os.getpid(), host=platform.node(), began=time.time())
        self._file.truncate(0)
        self._file.write(holder.model_dump_json().encode())

    def close(self) -> None:
        """Let go."""
        self._file.close()


def _message(folder: Path, path: Path) -> str:
    try:
        holder = Holder.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return f"{folder} is being written to by another process; wait until it has ended"
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(holder.began))
    return (
        f"{folder} is being written to by process {holder.pid} on {holder.host} since {since}; "
        "wait until it has ended, or name another folder"
    )
