"""Keep C libraries from writing to the terminal.

mpg123, inside libsndfile, prints its notes about damaged files to C's ``stderr``, and libsndfile
offers no way to stop it. Exchanging C's ``stderr`` for the null device silences such code only:
Python's own ``sys.stderr`` has its own buffer and does not pass through it, so logs of other
threads are not lost.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

_lock = threading.Lock()
_depth = 0
_saved: int | None = None


@contextmanager
def quiet_c_libraries() -> Iterator[None]:
    """Silence C's ``stderr`` inside the block; does nothing where it is not found."""
    found = _streams()
    if found is None:
        yield
        return
    _exchange(*found, +1)
    try:
        yield
    finally:
        _exchange(*found, -1)


def _exchange(stderr: ctypes.c_void_p, null: int, step: int) -> None:
    """Enter (+1) or leave (-1); the first in and the last out exchange the streams."""
    global _depth, _saved
    with _lock:
        if _depth == 0:
            _saved, stderr.value = stderr.value, null
        _depth += step
        if _depth == 0:
            stderr.value = _saved


@cache
def _streams() -> tuple[ctypes.c_void_p, int] | None:
    """C's variable ``stderr`` and a stream to the null device, which stays open."""
    try:
        library = ctypes.CDLL(None)
        stderr = ctypes.c_void_p.in_dll(library, "stderr")
    except (OSError, TypeError, ValueError):
        return None
    library.fopen.restype = ctypes.c_void_p
    null = library.fopen(os.fsencode(os.devnull), b"w")
    return (stderr, null) if null else None
