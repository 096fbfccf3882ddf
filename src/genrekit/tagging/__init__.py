"""Genres in the tags of audio files: plan, write, and undo to the byte.

Nothing but the genre and two fields of our own changes in a file; every other byte stays what it
is. A change is a few replaced stretches of bytes (`splice`), so what takes it back is as small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

__all__ = [
    "Change",
    "Naming",
    "Outcome",
    "Plan",
    "PlannedFile",
    "Rules",
    "Run",
    "Stamp",
    "Taxonomy",
    "Undone",
    "Wanted",
    "WriteOptions",
    "begin_run",
    "carry_out",
    "check_taxonomy",
    "clean_leftovers",
    "find_run",
    "list_runs",
    "listener",
    "load_taxonomy",
    "make_plan",
    "plan_csv",
    "plan_json",
    "read_plan",
    "read_tags",
    "shipped",
    "undo",
    "write_plan",
    "write_tags",
]

_HOMES = {
    "Change": "genrekit.tagging.runs",
    "Naming": "genrekit.tagging.names",
    "Outcome": "genrekit.tagging.writing",
    "Plan": "genrekit.tagging.plan",
    "PlannedFile": "genrekit.tagging.plan",
    "Rules": "genrekit.tagging.choose",
    "Run": "genrekit.tagging.runs",
    "Stamp": "genrekit.tagging.disk",
    "Taxonomy": "genrekit.tagging.taxonomy",
    "Undone": "genrekit.tagging.restore",
    "Wanted": "genrekit.tagging.values",
    "WriteOptions": "genrekit.tagging.writer",
    "begin_run": "genrekit.tagging.runs",
    "carry_out": "genrekit.tagging.writing",
    "check_taxonomy": "genrekit.tagging.taxonomy",
    "clean_leftovers": "genrekit.tagging.disk",
    "find_run": "genrekit.tagging.runs",
    "list_runs": "genrekit.tagging.runs",
    "listener": "genrekit.tagging.listen",
    "load_taxonomy": "genrekit.tagging.taxonomy",
    "make_plan": "genrekit.tagging.plan",
    "plan_csv": "genrekit.tagging.plan_file",
    "plan_json": "genrekit.tagging.plan_file",
    "read_plan": "genrekit.tagging.plan_file",
    "read_tags": "genrekit.tagging.containers",
    "shipped": "genrekit.tagging.taxonomy",
    "undo": "genrekit.tagging.restore",
    "write_plan": "genrekit.tagging.plan_file",
    "write_tags": "genrekit.tagging.writer",
}

if TYPE_CHECKING:
    from genrekit.tagging.choose import Rules
    from genrekit.tagging.containers import read_tags
    from genrekit.tagging.disk import Stamp, clean_leftovers
    from genrekit.tagging.listen import listener
    from genrekit.tagging.names import Naming
    from genrekit.tagging.plan import Plan, PlannedFile, make_plan
    from genrekit.tagging.plan_file import plan_csv, plan_json, read_plan, write_plan
    from genrekit.tagging.restore import Undone, undo
    from genrekit.tagging.runs import Change, Run, begin_run, find_run, list_runs
    from genrekit.tagging.taxonomy import Taxonomy, check_taxonomy, load_taxonomy, shipped
    from genrekit.tagging.values import Wanted
    from genrekit.tagging.writer import WriteOptions, write_tags
    from genrekit.tagging.writing import Outcome, carry_out

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
