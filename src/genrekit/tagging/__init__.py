"""Genres in the tags of audio files: plan, write, and undo to the byte.

Nothing but the genre and two fields of our own changes in a file; every other byte stays what it
is. A change is a few replaced stretches of bytes (`splice`), so what takes it back is as small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

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

_HOMES = {
    "Change": "genrekit.tagging.runs",
    "DOCUMENTS": "genrekit.tagging.exports",
    "Labels": "genrekit.tagging.choose",
    "MISSING": "genrekit.tagging.choose",
    "Mode": "genrekit.tagging.choose",
    "Naming": "genrekit.tagging.names",
    "Outcome": "genrekit.tagging.writing",
    "Plan": "genrekit.tagging.plan",
    "PlannedFile": "genrekit.tagging.plan",
    "Rules": "genrekit.tagging.choose",
    "Run": "genrekit.tagging.runs",
    "Stamp": "genrekit.tagging.disk",
    "TABLES": "genrekit.tagging.exports",
    "Taxonomy": "genrekit.tagging.taxonomy",
    "Track": "genrekit.tagging.exports",
    "Undone": "genrekit.tagging.restore",
    "Wanted": "genrekit.tagging.values",
    "WriteOptions": "genrekit.tagging.writer",
    "begin_run": "genrekit.tagging.runs",
    "carry_out": "genrekit.tagging.writing",
    "check_taxonomy": "genrekit.tagging.taxonomy",
    "choose_genres": "genrekit.tagging.choose",
    "clean_leftovers": "genrekit.tagging.disk",
    "export_documents": "genrekit.tagging.exports",
    "export_playlists": "genrekit.tagging.playlists",
    "export_table": "genrekit.tagging.exports",
    "find_run": "genrekit.tagging.runs",
    "is_below": "genrekit.tagging.restore",
    "list_runs": "genrekit.tagging.runs",
    "answering": "genrekit.tagging.answers",
    "load_taxonomy": "genrekit.tagging.taxonomy",
    "m3u8": "genrekit.tagging.playlists",
    "make_plan": "genrekit.tagging.plan",
    "plan_csv": "genrekit.tagging.plan_file",
    "plan_json": "genrekit.tagging.plan_file",
    "play_on": "genrekit.tagging.playlists",
    "own_spelling": "genrekit.tagging.names",
    "read_mapping": "genrekit.tagging.names",
    "read_plan": "genrekit.tagging.plan_file",
    "read_tags": "genrekit.tagging.containers",
    "scores_of": "genrekit.tagging.choose",
    "shipped": "genrekit.tagging.taxonomy",
    "track_of": "genrekit.tagging.exporting",
    "undo": "genrekit.tagging.restore",
    "warnings_for": "genrekit.tagging.names",
    "write_plan": "genrekit.tagging.plan_file",
    "write_tags": "genrekit.tagging.writer",
}

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

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
