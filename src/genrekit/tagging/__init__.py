"""Genres in the tags of audio files: plan, write, and undo to the byte.

Nothing but the genre and two fields of our own changes in a file; every other byte stays what it
is. A change is a few replaced stretches of bytes (`splice`), so what takes it back is as small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.tagging.answers import answering
    from genrekit.tagging.choose import MISSING, Labels, Mode, Rules, choose_genres, scores_of
    from genrekit.tagging.containers import read_tags
    from genrekit.tagging.disk import Stamp, clean_leftovers
    from genrekit.tagging.exporting import track_of
    from genrekit.tagging.exports import DOCUMENTS, TABLES, Track, export_documents, export_table
    from genrekit.tagging.names import Naming, own_spelling, read_mapping, warnings_for
    from genrekit.tagging.plan import Plan, PlannedFile, make_plan
    from genrekit.tagging.plan_file import plan_csv, plan_json, read_plan, write_plan
    from genrekit.tagging.playlists import export_playlists, m3u8, play_on
    from genrekit.tagging.restore import Undone, is_below, undo
    from genrekit.tagging.runs import Change, Run, begin_run, find_run, list_runs
    from genrekit.tagging.taxonomy import Taxonomy, check_taxonomy, load_taxonomy, shipped
    from genrekit.tagging.values import Wanted
    from genrekit.tagging.writer import WriteOptions, write_tags
    from genrekit.tagging.writing import Outcome, carry_out

__all__ = [
    "DOCUMENTS",
    "MISSING",
    "TABLES",
    "Change",
    "Labels",
    "Mode",
    "Naming",
    "Outcome",
    "Plan",
    "PlannedFile",
    "Rules",
    "Run",
    "Stamp",
    "Taxonomy",
    "Track",
    "Undone",
    "Wanted",
    "WriteOptions",
    "answering",
    "begin_run",
    "carry_out",
    "check_taxonomy",
    "choose_genres",
    "clean_leftovers",
    "export_documents",
    "export_playlists",
    "export_table",
    "find_run",
    "is_below",
    "list_runs",
    "load_taxonomy",
    "m3u8",
    "make_plan",
    "own_spelling",
    "plan_csv",
    "plan_json",
    "play_on",
    "read_mapping",
    "read_plan",
    "read_tags",
    "scores_of",
    "shipped",
    "track_of",
    "undo",
    "warnings_for",
    "write_plan",
    "write_tags",
]

# Resolved on first use: who needs one module of this room does not import the others.
_HOMES = {
    "answering": "genrekit.tagging.answers",
    "MISSING": "genrekit.tagging.choose",
    "Labels": "genrekit.tagging.choose",
    "Mode": "genrekit.tagging.choose",
    "Rules": "genrekit.tagging.choose",
    "choose_genres": "genrekit.tagging.choose",
    "scores_of": "genrekit.tagging.choose",
    "read_tags": "genrekit.tagging.containers",
    "Stamp": "genrekit.tagging.disk",
    "clean_leftovers": "genrekit.tagging.disk",
    "track_of": "genrekit.tagging.exporting",
    "DOCUMENTS": "genrekit.tagging.exports",
    "TABLES": "genrekit.tagging.exports",
    "Track": "genrekit.tagging.exports",
    "export_documents": "genrekit.tagging.exports",
    "export_table": "genrekit.tagging.exports",
    "Naming": "genrekit.tagging.names",
    "own_spelling": "genrekit.tagging.names",
    "read_mapping": "genrekit.tagging.names",
    "warnings_for": "genrekit.tagging.names",
    "Plan": "genrekit.tagging.plan",
    "PlannedFile": "genrekit.tagging.plan",
    "make_plan": "genrekit.tagging.plan",
    "plan_csv": "genrekit.tagging.plan_file",
    "plan_json": "genrekit.tagging.plan_file",
    "read_plan": "genrekit.tagging.plan_file",
    "write_plan": "genrekit.tagging.plan_file",
    "export_playlists": "genrekit.tagging.playlists",
    "m3u8": "genrekit.tagging.playlists",
    "play_on": "genrekit.tagging.playlists",
    "Undone": "genrekit.tagging.restore",
    "is_below": "genrekit.tagging.restore",
    "undo": "genrekit.tagging.restore",
    "Change": "genrekit.tagging.runs",
    "Run": "genrekit.tagging.runs",
    "begin_run": "genrekit.tagging.runs",
    "find_run": "genrekit.tagging.runs",
    "list_runs": "genrekit.tagging.runs",
    "Taxonomy": "genrekit.tagging.taxonomy",
    "check_taxonomy": "genrekit.tagging.taxonomy",
    "load_taxonomy": "genrekit.tagging.taxonomy",
    "shipped": "genrekit.tagging.taxonomy",
    "Wanted": "genrekit.tagging.values",
    "WriteOptions": "genrekit.tagging.writer",
    "write_tags": "genrekit.tagging.writer",
    "Outcome": "genrekit.tagging.writing",
    "carry_out": "genrekit.tagging.writing",
}

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
