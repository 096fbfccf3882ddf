"""What is made of a journal when all is done: the table and the summary."""

from __future__ import annotations

from genrekit.batch.run import Run
from genrekit.batch.summary import Summary, summarise
from genrekit.batch.table import Format, write_table
from genrekit.files import replace_file

SUMMARY = "summary.json"


def finish(run: Run, kind: Format = "jsonl") -> Summary:
    """Write ``results.jsonl`` or ``results.parquet``, and ``summary.json``.

    Everything is made anew from the journal, so it may be done at any time, and again.
    """
    write_table(run.folder, run.manifest, run.entries(), kind)
    return write_summary(run)


def write_summary(run: Run) -> Summary:
    """Write ``summary.json`` alone."""
    summary = summarise(run.entries())
    replace_file(run.folder / SUMMARY, summary.model_dump_json(indent=2) + "\n")
    return summary
