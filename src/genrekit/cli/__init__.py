"""The command line: one file per command, each imported lightly and run lazily."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from genrekit import __version__
from genrekit.cli import datasets, demo, download, evaluate, features, models, predict, study, train
from genrekit.cli.console import errors, log_to_stderr
from genrekit.errors import GenreError, outcome

app = typer.Typer(
    help="Tells the genre of music: offline, fast, and with numbers you can trust.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("predict")(predict.predict)
app.command("demo")(demo.demo)
app.command("features")(features.features)
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("study")(study.study)
app.add_typer(models.app, name="models")
app.command("download")(download.download)
app.add_typer(datasets.app, name="datasets")

_INTERRUPTED = 130  # what a shell reports after Ctrl-C


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"genrekit {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what is done.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say which.")
    ] = False,
) -> None:
    log_to_stderr(verbose)


def main() -> None:
    """Run the command line; every expected failure is one line and its own exit code."""
    try:
        app()
    except GenreError as error:
        errors().print(f"[bold red]error:[/] {error}", highlight=False)
        sys.exit(outcome(error).exit_code)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output (head, less) has left; there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
