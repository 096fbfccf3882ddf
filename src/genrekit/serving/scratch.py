"""Folders for what lies only as long as a server runs, and what is left of those that were killed.

Each holds a file that its server keeps locked. The system lets go of the lock however the server
ends, so a folder whose lock can be taken belongs to nobody any more.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from genrekit.files import try_lock

_log = logging.getLogger(__name__)
_LOCK = ".genrekit-lock"
_MADE = re.compile(r"[a-z0-9_]{8}")


@contextmanager
def scratch_folder(within: Path, prefix: str) -> Iterator[Path]:
    """Return a private folder that is deleted afterwards, or else by the next `delete_abandoned`.

    Parameters
    ----------
    within : Path
        Where it is made.
    prefix : str
        What its name begins with.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=within))
    files = folder / "files"
    try:
        files.mkdir()
        with (folder / f"{_LOCK}.new").open("wb") as held:
            try_lock(held)
            # Under its own name only now: what has one and is not locked is swept.
            (folder / f"{_LOCK}.new").rename(folder / _LOCK)
            yield files
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def delete_abandoned(within: Path, prefix: str) -> None:
    """Delete the folders of `scratch_folder` whose servers are gone; others are never touched."""
    for folder in sorted(within.glob(f"{prefix}*")):
        if _MADE.fullmatch(folder.name.removeprefix(prefix)):
            with suppress(OSError):  # another server may be faster, or it is another user's
                _delete_if_abandoned(folder)


def _delete_if_abandoned(folder: Path) -> None:
    found = folder.lstat()
    is_own = not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
    if not stat.S_ISDIR(found.st_mode) or not is_own or (folder / _LOCK).is_symlink():
        return
    with (folder / _LOCK).open("rb+") as held:
        if not try_lock(held):
            return
        _log.warning("deleting %s, which a server that was killed left behind", folder)
        shutil.rmtree(folder, ignore_errors=os.name != "nt")
