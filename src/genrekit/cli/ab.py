"""``genrekit ab``: what a server's log says of models side by side, and of drift."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrekit.cli.options import AsJson

if TYPE_CHECKING:
    from genrekit.monitoring import Drift, Log

app = typer.Typer(help="Compare models on live traffic, and look for drift.", no_args_is_help=True)

_Log = Annotated[
    Path, typer.Argument(metavar="LOG", help="Written by genrekit serve --log; rotated files too.")
]
_Since = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Only answers from then on, UTC."),
]


@app.command()
def report(
    log: _Log,
    since: _Since = None,
    out: Annotated[
        list[Path] | None,
        typer.Option("--out", "-o", help="Write .html or .md; repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Say which model is better on live traffic, how sure that is, and what drifted."""
    from genrekit.monitoring import report_arms
    from genrekit.pages import render_markdown, save_document
    from genrekit.reports import arms_document, in_short
    from genrekit.terminal import print_json_line, print_markdown

    _check(out or ())
    found = report_arms(_read(log, since), seed=seed)
    document = arms_document(found)
    for file in out or ():
        save_document(document, file)
    if as_json:
        print_json_line(found)
    else:
        print_markdown(render_markdown(in_short(document)))


@app.command()
def drift(log: _Log, since: _Since = None, as_json: AsJson = False) -> None:
    """Compare what each model was given and answered with the reference in its bundle."""
    from genrekit.monitoring import drift_of
    from genrekit.terminal import print_json

    found = drift_of(_read(log, since))
    if as_json:
        print_json({name: one and one.model_dump(mode="json") for name, one in found.items()})
        return
    for name, one in found.items():
        _show(name, one)


def _check(files: list[Path] | tuple[()]) -> None:
    from genrekit.cli.paths import check_file
    from genrekit.errors import ConfigError

    for file in files:
        if file.suffix not in (".html", ".md"):
            raise ConfigError(f"{file} is not a report; name a file that ends in .html or .md")
        check_file(file)


def _read(log: Path, since: datetime | None) -> Log:
    from genrekit.monitoring import read_log
    from genrekit.terminal import track

    seconds = since.replace(tzinfo=UTC).timestamp() if since else 0.0
    return read_log(log, since=seconds, watch=lambda rows, total: track(rows, total, "Reading"))


def _show(name: str, one: Drift | None) -> None:
    from rich.table import Table

    from genrekit.terminal import plain, results

    say = results().print
    if one is None:
        say(f"{plain(name)}: its bundle has no reference")
        return
    if one.level == "too few":
        say(f"{plain(name)}: {one.tracks} answers are too few to tell")
        return
    say(f"{plain(name)}: drift {one.level}, {one.tracks} answers")
    table = Table(box=None, header_style="dim", pad_edge=True)
    for heading in ("number", "PSI", "by chance", "Jensen-Shannon", "drift"):
        table.add_column(heading)
    for shift in one.moved or one.shifts[:5]:
        table.add_row(
            shift.of, f"{shift.psi:.3f}", f"{shift.noise:.3f}", f"{shift.js:.3f}", shift.level
        )
    say(table)
