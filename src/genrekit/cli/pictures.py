"""``genrekit pictures``: audio drawn as spectrogram pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genrekit.cli.options import LeaveOut, Reading, reads_data
from genrekit.errors import EXIT_SOME_TRACKS_FAILED


@reads_data
def pictures(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Audio: a folder or manifest.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder to draw to, with a folder for each genre.")
    ],
    leave_out: LeaveOut = None,
    as_json: Annotated[bool, typer.Option("--json", help="Sum up as JSON.")] = False,
    *,
    reading: Reading,
) -> None:
    """Draw the spectrogram of every track as a picture, as Kaggle's images_original has them.

    Train on them by recipes/networks/pictures.yaml --data OUT.
    """
    from genrekit.cli.paths import check_folder
    from genrekit.datasets.pictures import write_pictures
    from genrekit.terminal import named, print_json, print_problem, results, track

    check_folder(out)
    dataset = reading.open(data, leave_out)
    failed = 0
    for one in track(write_pictures(dataset, out), len(dataset), "Drawing"):
        if one.error is not None:
            failed += 1
            print_problem("error", named(one.item.item_id, str(one.error)))
    drawn = len(dataset) - failed
    if as_json:
        print_json({"folder": str(out), "pictures": drawn, "failed": failed})
    else:
        results().print(f"{out}: {drawn} pictures; {failed} tracks could not be read")
    if failed:
        raise typer.Exit(EXIT_SOME_TRACKS_FAILED)
