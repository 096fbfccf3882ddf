"""``genrekit export`` and ``genrekit playlist``: answers for other programs and for players."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrekit.cli.options import Jobs, Mapping, Model
from genrekit.errors import EXIT_SOME_TRACKS_FAILED, ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genrekit.cli.tag_plan import Wishes
    from genrekit.tagging import Track


def export(
    sources: Annotated[list[Path], typer.Argument(metavar="FOLDER|FILE", help="Music.")],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="A .csv, .jsonl or .parquet file; a folder with --as."),
    ],
    kind: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="m3u8|acousticbrainz|jams", help="Playlists, or a file for each track."
        ),
    ] = None,
    top: Annotated[int, typer.Option(min=1, max=100, help="Genres per track, at most.")] = 5,
    relative: Annotated[
        float, typer.Option(min=0, max=1, help="Genres below this part of the best score are not.")
    ] = 0.5,
    taxonomy: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE", help="Names of genres, their parents and spellings; box."
        ),
    ] = None,
    mapping: Mapping = None,
    model: Model = "default",
    jobs: Jobs = None,
) -> None:
    """Write what the model says of music: a table, playlists by genre, or a file for each track.

    Tracks are decoded once, also by genrekit tag. Exits with 3 when some could not be read.
    """
    from genrekit.cli.tag_plan import Wishes as Asked

    wishes = Asked(
        top=top, relative=relative, taxonomy=taxonomy, mapping=mapping, model=model, jobs=jobs
    )
    _check(kind, out)
    tracks, failed = _tracks(sources, wishes)
    _write(tracks, kind, out)
    if failed:
        raise typer.Exit(EXIT_SOME_TRACKS_FAILED)


def _check(kind: str | None, out: Path) -> None:
    from genrekit.cli.paths import check_file, check_folder
    from genrekit.tagging import DOCUMENTS, TABLES

    if kind is None:
        if out.suffix.lower() not in TABLES:
            raise ConfigError(f"{out} is not called {', '.join(TABLES)}; or name a kind with --as")
        check_file(out)
    elif kind not in (*DOCUMENTS, "m3u8"):
        raise ConfigError(f"--as is {', '.join((*DOCUMENTS, 'm3u8'))}, not {kind!r}")
    else:
        check_folder(out)


def _tracks(sources: Sequence[Path], wishes: Wishes) -> tuple[list[Track], int]:
    """Answers with names, and how many files have none."""
    from genrekit.cli.paths import find_tracks
    from genrekit.cli.tag_plan import naming_of, rules_of
    from genrekit.tagging import answering, track_of
    from genrekit.terminal import named, print_problem, progress_bars, workers

    rules, naming = rules_of(wishes), naming_of(wishes)
    files = [path.absolute() for path in find_tracks([str(one) for one in sources])]
    with progress_bars() as progress:
        answer_files = answering(
            wishes.model, workers=workers(wishes.jobs, len(files)), progress=progress
        )
        answers = dict(answer_files(files))
    tracks, failed = [], 0
    for path in files:
        answer = answers[path]
        if answer.error is not None:
            failed += 1
            print_problem("error", named(path, answer.error.message))
        else:
            tracks.append(track_of(path, answer, rules, naming))
    return tracks, failed


def _write(tracks: Sequence[Track], kind: str | None, out: Path) -> None:
    from genrekit.tagging import export_documents, export_playlists, export_table
    from genrekit.terminal import results

    if kind is None:
        export_table(tracks, out)
        results().print(f"{len(tracks)} tracks in {out}")
        return
    made = export_playlists(tracks, out) if kind == "m3u8" else export_documents(tracks, kind, out)
    results().print(f"{len(made)} files in {out}")


def playlist(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The track to go on from.")],
    index: Annotated[Path, typer.Option("--index", help="Made by genrekit index.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The playlist, .m3u8; else it is printed.")
    ] = None,
    length: Annotated[int, typer.Option("--length", "-n", min=2, max=5000, help="Tracks.")] = 25,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Where the model is now, if it was moved.")
    ] = None,
) -> None:
    """Play on from a track: what sounds like it, no artist twice in a row."""
    from genrekit.batch import describe_file, read_index
    from genrekit.cli.index import _own_name
    from genrekit.cli.paths import check_file
    from genrekit.files import replace_file
    from genrekit.inference import Classifier
    from genrekit.tagging import m3u8, play_on
    from genrekit.terminal import results

    if out is not None:
        check_file(out)
    library = read_index(index)
    classifier = Classifier.load(model or library.manifest.asked_for)
    library.check_model(classifier)
    own = _own_name(file, Path(library.manifest.folder))
    near = library.similar(describe_file(classifier, file), top=4 * length, without=own)
    found = play_on(library, near, file.absolute(), length=length)
    folder = Path.cwd() if out is None else out.parent
    text = m3u8(((path, path.stem, 0.0) for path in found), folder)
    if out is None:
        results().file.write(text)
    else:
        replace_file(out, text)
