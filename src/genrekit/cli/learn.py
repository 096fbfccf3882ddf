"""``genrekit learn``: genres of one's own from a handful of tracks."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrekit.errors import EXIT_SOME_TRACKS_FAILED, ConfigError

if TYPE_CHECKING:
    from genrekit.learn import LearnOptions, LearnReport


class By(StrEnum):
    """Where genres are told."""

    tag = "tag"
    folder = "folder"
    csv = "csv"


def learn(
    source: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER|LIST.csv", help="Labelled music; not with --again."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the model to write.")
    ] = None,
    by: Annotated[
        By,
        typer.Option(help="Genres are the files' own tags, the first folder, or in a list."),
    ] = By.folder,
    several: Annotated[
        bool, typer.Option("--several", help="A track may have several genres.")
    ] = False,
    model: Annotated[
        str,
        typer.Option("--model", "-m", metavar="NAME|PATH", help="Whose embedding to learn on."),
    ] = "default",
    extend: Annotated[
        bool, typer.Option("--extend", help="Add the genres to those of the model.")
    ] = False,
    again: Annotated[
        str | None,
        typer.Option(metavar="NAME|PATH", help="Learn a model again, from what it was made of."),
    ] = None,
    corrections: Annotated[
        Path | None,
        typer.Option(help="CSV of path and genre; - leaves a track out. New paths are added."),
    ] = None,
    feedback: Annotated[
        Path | None,
        typer.Option(help="Log of a server that kept what was sent: what people said counts."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the model; that of --out.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write the report as Markdown, too.")] = None,
    store: Annotated[
        bool, typer.Option("--store/--no-store", help="Store it, to be used by its name anywhere.")
    ] = True,
    curve: Annotated[
        bool, typer.Option("--curve/--no-curve", help="Say what more tracks would bring.")
    ] = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model there.")] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Processes; by default few for few.")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Listen to all anew.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A LearnReport as JSON.")] = False,
) -> None:
    """Learn genres of your own from labelled tracks, and say what can be trusted of them.

    Five tracks a genre are enough to begin with. The model is used like any other: genrekit predict
    song.mp3 -m NAME. Exits with 3 when some tracks could not be read.
    """
    from genrekit.bundles import add_bundle
    from genrekit.cli.paths import open_cache
    from genrekit.learn import learn as learn_from
    from genrekit.learn import render_report
    from genrekit.terminal import print_json_line, print_markdown, progress_bars

    first = _options(by, several, model, extend, curve)
    source, out, options, name = _asked(source, out, first, again, corrections, feedback, name)
    with progress_bars() as bars:
        found = learn_from(
            source,
            out,
            options,
            name=name,
            overwrite=overwrite,
            workers=_workers(jobs),
            cache=open_cache(not no_cache),
            progress=bars,
        )
    if store:
        add_bundle(out)
    if report is not None:
        report.write_text(render_report(found), encoding="utf-8")
    if as_json:
        print_json_line(found)
    else:
        print_markdown(render_report(found) + _next(found, out, store))
    if found.unreadable:
        raise typer.Exit(EXIT_SOME_TRACKS_FAILED)


def _options(by: By, several: bool, model: str, extend: bool, curve: bool) -> LearnOptions:
    from genrekit.learn import LearnOptions

    return LearnOptions(by=by.value, several=several, model=model, extend=extend, curve=curve)


def _asked(
    source: Path | None,
    out: Path | None,
    options: LearnOptions,
    again: str | None,
    corrections: Path | None,
    feedback: Path | None,
    name: str | None,
) -> tuple[Path, Path, LearnOptions, str | None]:
    """Return what to learn from, where to, and how."""
    from dataclasses import replace

    from genrekit.learn import read_corrections, read_feedback, relearning

    changes = {} if feedback is None else read_feedback(feedback)
    changes |= {} if corrections is None else read_corrections(corrections)
    if (source is None) == (again is None):
        raise ConfigError("name a folder or a list to learn from, or a model with --again")
    if again is not None:
        known = relearning(again, changes)
        source, options, name = (
            known.source,
            replace(known.options, curve=options.curve),
            (name or known.name),
        )
    else:
        options = replace(options, corrections=changes)
    assert source is not None
    if out is None and name is None:
        raise ConfigError("say with --out (-o) where the model goes, such as -o my-genres")
    return source, out or Path(f"{name}"), options, name


def _workers(jobs: int | None) -> int:
    from genrekit.workers import cores

    return jobs or max(1, cores() // 2)


def _next(found: LearnReport, out: Path, stored: bool) -> str:
    """Return what to do with the model."""
    named = found.name if stored else f"./{out}" if not out.is_absolute() else str(out)
    return f"\nWritten: {out}. Try it: genrekit predict SONG -m {named}\n"
