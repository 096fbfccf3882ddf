"""Genres in the tags of audio files: plan, write, and undo to the byte.

Nothing but the genre and two fields of our own changes in a file; every other byte stays what it
is. A change is a few replaced stretches of bytes (`splice`), so what takes it back is as small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

__all__ = [
    "Change",
    "Run",
    "Stamp",
    "Undone",
    "Wanted",
    "WriteOptions",
    "begin_run",
    "clean_leftovers",
    "find_run",
    "list_runs",
    "read_tags",
    "undo",
    "write_tags",
]

_HOMES = {
    "Change": "genrekit.tagging.runs",
    "Run": "genrekit.tagging.runs",
    "Stamp": "genrekit.tagging.disk",
    "Undone": "genrekit.tagging.restore",
    "Wanted": "genrekit.tagging.values",
    "WriteOptions": "genrekit.tagging.writer",
    "begin_run": "genrekit.tagging.runs",
    "clean_leftovers": "genrekit.tagging.disk",
    "find_run": "genrekit.tagging.runs",
    "list_runs": "genrekit.tagging.runs",
    "read_tags": "genrekit.tagging.containers",
    "undo": "genrekit.tagging.restore",
    "write_tags": "genrekit.tagging.writer",
}

if TYPE_CHECKING:
    from genrekit.tagging.containers import read_tags
    from genrekit.tagging.disk import Stamp, clean_leftovers
    from genrekit.tagging.restore import Undone, undo
    from genrekit.tagging.runs import Change, Run, begin_run, find_run, list_runs
    from genrekit.tagging.values import Wanted
    from genrekit.tagging.writer import WriteOptions, write_tags

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
