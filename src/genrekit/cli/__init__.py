"""The command line: one file per command, each imported lightly and run lazily."""

from __future__ import annotations

import logging
import os
import sys
from typing import Annotated

import typer

from genrekit import __version__
from genrekit.cli import (
    ab,
    audit,
    backbones,
    compare,
    datasets,
    demo,
    download,
    evaluate,
    explain,
    explore,
    explorer,
    features,
    history,
    index,
    leaks,
    models,
    predict,
    report,
    robustness,
    serve,
    split,
    study,
    train,
    tune,
)
from genrekit.cli.console import log_to_stderr, mend_streams, plain, print_problem
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
app.command("tune")(tune.tune)
app.command("backbones")(backbones.backbones)
app.command("history")(history.history)
app.command("audit")(audit.audit)
app.command("split")(split.split)
app.command("leaks")(leaks.leaks)
app.command("index")(index.index)
app.command("similar")(index.similar)
app.command("serve")(serve.serve)
app.add_typer(ab.app, name="ab")
app.command("evaluate")(evaluate.evaluate)
app.command("compare")(compare.compare)
app.command("explain")(explain.explain)
app.command("explore")(explore.explore)
app.command("explorer")(explorer.explorer)
app.command("report")(report.report)
app.command("robustness")(robustness.robustness)
app.command("study")(study.study)
app.add_typer(models.app, name="models")
app.command("download")(download.download)
app.add_typer(datasets.app, name="datasets")

_log = logging.getLogger(__name__)
_INTERRUPTED = 130  # what a shell reports after Ctrl-C


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"genrekit {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what is done.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print which."),
    ] = False,
) -> None:
    log_to_stderr(verbose)


def main() -> None:
    """Run the command line; every expected failure is one line and its own exit code."""
    mend_streams()
    # Before NumPy reads it: its arrays are small here, and threads that wait for each other on a
    # busy machine make a prediction take several times as long.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    code = _run()
    try:
        sys.stdout.flush()
    except OSError as error:
        code = _unwritten(error)
    sys.exit(code)


def _run() -> str | int | None:
    try:
        app()
    except SystemExit as stopped:
        # Typer answers 1 when the reader of stdout has left.
        broken = stopped.__context__
        return _unwritten(broken) if isinstance(broken, BrokenPipeError) else stopped.code
    except GenreError as error:
        print_problem("error", "\n".join(plain(line) for line in str(error).split("\n")))
        return outcome(error).exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED
    except OSError as error:
        _log.info("where it happened:", exc_info=error)
        print_problem("error", _said_by_system(error))
        return outcome(GenreError()).exit_code
    return 0


def _unwritten(error: OSError) -> int:
    """Exit code after stdout failed; nothing more is written to it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):  # head or less has seen enough: nobody to tell
        return 0
    print_problem("error", f"the results cannot be written: {_said_by_system(error)}")
    return outcome(GenreError()).exit_code


def _said_by_system(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename is not None else ""
    return plain(f"{where}{error.strerror or error}")
