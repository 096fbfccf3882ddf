"""What workers on other machines do alike: paths come as text, entries go back as JSON."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from genrekit.batch.entry import Entry
from genrekit.batch.work import File, entry_of
from genrekit.workers import Pool


def spelled_path(path: str) -> str:
    """Spell a path as hexadecimal bytes: engines refuse text that is not UTF-8."""
    return os.fsencode(path).hex()


def remote_entries(pool: Pool[File, Any], paths: Iterable[object], work: str) -> Iterator[Entry]:
    """Work on paths as `spelled_path` gives them, and yield their entries as they finish.

    Parameters
    ----------
    pool : Pool
        Of the child process of one worker.
    work : str
        Fingerprint, for the entries.
    """
    files = [File.now(os.fsdecode(bytes.fromhex(str(one)))) for one in paths]
    for outcome in pool.run(files):
        yield entry_of(outcome, work)
