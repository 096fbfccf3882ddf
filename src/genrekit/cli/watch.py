"""``genrekit watch``: the genre of what arrives in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genrekit.cli.options import Model
from genrekit.errors import EXIT_SOME_TRACKS_FAILED


def watch(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where music arrives.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="RUN", help="Folder of the run; gone on with.")
    ],
    model: Model = "default",
    every: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="Between two looks at the folder.")
    ] = 5.0,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Processes.")] = 1,
    nice: Annotated[int, typer.Option(min=0, max=19, help="How far others go first.")] = 10,
    redo: Annotated[bool, typer.Option("--redo", help="Do all again for a changed model.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One TrackPrediction a line, as they are there.")
    ] = False,
) -> None:
    """Predict new and changed files when their size has stopped changing, until Ctrl-C.

    The run is one of genrekit batch: it is gone on with, and its table is written at the end. Exits
    with 3 when some files failed.
    """
    from genrekit.batch import Analysis, watch_folder
    from genrekit.interrupts import stops_in_two_steps
    from genrekit.terminal import show_entry, show_summary

    analysis = Analysis(model)
    identity = analysis.identity()
    with stops_in_two_steps() as stop:
        summary = watch_folder(
            folder,
            out,
            analysis,
            workers=jobs,
            niceness=nice,
            every_seconds=every,
            redo=redo,
            stop=stop,
            on_entry=lambda entry: show_entry(entry, identity, as_json),
        )
    if not as_json:
        show_summary(summary, out, stopped=False)
    if summary.failed or summary.quarantined:
        raise typer.Exit(EXIT_SOME_TRACKS_FAILED)
