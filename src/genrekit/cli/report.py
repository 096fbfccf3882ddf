"""``genrekit report``: one page that says what was measured, and how far it can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from genrekit.reports import Report


def report(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Results files of evaluate, train, study, robustness, compare, audit, explain and "
            "tune; histories; saved models; folders of them.",
        ),
    ],
    out: Annotated[
        list[Path],
        typer.Option("--out", "-o", help="What to write: .html, .md or .tex; repeatable."),
    ],
    title: Annotated[str, typer.Option(help="What the report is called.")] = "",
    figures: Annotated[
        Literal["png", "svg", "pdf"], typer.Option(help="Pictures of the Markdown.")
    ] = "png",
    audio: Annotated[
        Path | None,
        typer.Option(help="Folder of the tracks: a few are put into the page. Never by default."),
    ] = None,
    audio_licence: Annotated[
        str, typer.Option(help="By which that audio may be passed on; shown with each player.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="A Report as JSON.")] = False,
) -> None:
    """Say which model is best, how good, how sure, by which protocol, and what leaks.

    The HTML is one file that works offline, in light and dark, on a phone and on paper. Results of
    different tests are shown apart, with the reason.
    """
    from genrekit.cli.paths import check_file
    from genrekit.reports import report as make_report
    from genrekit.terminal import print_json_line

    for file in out:
        check_file(file)
    found = make_report(
        results, out, title=title, figures=figures, audio=audio, audio_licence=audio_licence
    )
    if as_json:
        print_json_line(found)
    else:
        _show(found)


def _show(found: Report) -> None:
    from genrekit.terminal import plain, print_problem, results

    say = results().print
    for path in found.skipped:
        print_problem("warning", f"{plain(path)} is not a result, and was left out")
    for line in found.answer.split("\n"):
        say(plain(line))
    for group in found.groups[1:]:
        leaky = " LEAKY" if group.leaky else ""
        many = f"{len(group.models)} model{'' if len(group.models) == 1 else 's'}"
        say(f"  apart: {plain(group.protocol)}{leaky}, {many}: {plain(group.apart)}")
    for file in found.files:
        say(plain(file))
