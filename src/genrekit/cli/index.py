"""``genrekit index`` and ``genrekit similar``: what is like what in a library."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from genrekit.cli.options import AsJson
from genrekit.errors import EXIT_SOME_TRACKS_FAILED


def index(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Music to index.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of the index; made, or brought up to date.")
    ],
    model: Annotated[
        str,
        typer.Option("--model", "-m", metavar="NAME|PATH", help="A network gives its embedding."),
    ] = "default",
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Processes; by default one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Describe every track of a folder by a vector, for genrekit similar and the server.

    Files that have not changed are not listened to again. Ctrl-C keeps what is done. Exits with 3
    when some could not be read.
    """
    from genrekit.batch import read_index, update_index
    from genrekit.cli.paths import check_folder
    from genrekit.terminal import named, print_json, print_problem, results, track

    check_folder(out)
    failed = 0
    with closing(update_index(folder, out, model, workers=jobs or 1)) as steps:
        last = first = next(steps)
        for last in track(steps, first.total, first.stage):
            if last.failure is not None:
                failed += 1
                print_problem("error", named(*last.failure))
    tracks = len(read_index(out).manifest.tracks)
    if as_json:
        print_json(
            {"tracks": tracks, "listened": last.done - failed, "kept": last.kept, "failed": failed}
        )
    else:
        results().print(
            f"{tracks} tracks in {out}: {last.done - failed} listened to, {last.kept} unchanged, "
            f"{failed} could not be read"
        )
    if failed:
        raise typer.Exit(EXIT_SOME_TRACKS_FAILED)


def similar(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The track to compare with.")],
    index: Annotated[Path, typer.Option("--index", help="Made by genrekit index.")],
    top: Annotated[int, typer.Option(min=1, metavar="K", help="Tracks shown.")] = 10,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Where the model is now, if it was moved."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find the tracks of an index that are most like a file; 1 is the same."""
    from genrekit.batch import describe_file, read_index
    from genrekit.inference import Classifier
    from genrekit.terminal import plain, print_json, results

    library = read_index(index)
    classifier = Classifier.load(model or library.manifest.asked_for)
    library.check_model(classifier)
    own = _own_name(file, Path(library.manifest.folder))
    found = library.similar(describe_file(classifier, file), top=top, without=own)
    if as_json:
        print_json([one.model_dump() for one in found])
        return
    for one in found:
        results().print(f"{one.similarity:6.3f}  {plain(one.path)}")


def _own_name(file: Path, folder: Path) -> str:
    """Return what the index calls the file itself, so that it is not its own neighbour."""
    whole = file.absolute()
    return whole.relative_to(folder).as_posix() if whole.is_relative_to(folder) else ""
