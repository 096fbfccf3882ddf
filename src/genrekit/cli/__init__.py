"""The command line: one file per command, each imported lightly and run lazily."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from genrekit import __version__
from genrekit.cli import (
    ab,
    audit,
    backbones,
    batch,
    calibrate,
    compare,
    datasets,
    demo,
    doctor,
    download,
    ensemble,
    evaluate,
    explain,
    explore,
    explorer,
    export,
    features,
    history,
    index,
    leaks,
    learn,
    models,
    pictures,
    pipeline,
    predict,
    report,
    robustness,
    serve,
    split,
    study,
    tag,
    taxonomy,
    train,
    tune,
    watch,
)
from genrekit.errors import GenreError, outcome
from genrekit.interrupts import INTERRUPTED, end_on_interrupt
from genrekit.terminal import (
    asked_completion,
    log_to_stderr,
    mend_streams,
    plain,
    print_json,
    print_problem,
)

app = typer.Typer(
    help="Tells the genre of music: offline, fast, and with numbers you can trust.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# The order of the flow; --help shows a panel for each group.
_COMMANDS: dict[str, dict[str, Callable[..., None] | typer.Typer]] = {
    "Predict": {
        "predict": predict.predict,
        "batch": batch.app,
        "watch": watch.watch,
        "demo": demo.demo,
        "tag": tag.tag,
        "undo": tag.undo,
        "taxonomy": taxonomy.app,
        "export": export.export,
        "playlist": export.playlist,
        "index": index.index,
        "similar": index.similar,
        "models": models.app,
    },
    "Data": {
        "datasets": datasets.app,
        "download": download.download,
        "audit": audit.audit,
        "split": split.split,
        "leaks": leaks.leaks,
        "explore": explore.explore,
        "features": features.features,
        "pictures": pictures.pictures,
    },
    "Train": {
        "learn": learn.learn,
        "train": train.train,
        "tune": tune.tune,
        "ensemble": ensemble.ensemble,
        "study": study.study,
        "pipeline": pipeline.pipeline,
        "history": history.history,
        "backbones": backbones.backbones,
    },
    "Evaluate": {
        "evaluate": evaluate.evaluate,
        "calibrate": calibrate.calibrate,
        "compare": compare.compare,
        "robustness": robustness.robustness,
        "report": report.report,
    },
    "Explain": {"explain": explain.explain, "explorer": explorer.explorer},
    "Serve": {"serve": serve.serve, "ab": ab.app},
    "Installation": {"doctor": doctor.doctor},
}
for _group, _commands in _COMMANDS.items():
    for _name, _command in _commands.items():
        if isinstance(_command, typer.Typer):
            app.add_typer(_command, name=_name, rich_help_panel=_group)
        else:
            app.command(_name, rich_help_panel=_group)(_command)

_log = logging.getLogger(__name__)


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what is done.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print which, and stop.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --version: all that is installed, as JSON.")
    ] = False,
) -> None:
    log_to_stderr(verbose)
    if version:
        _print_version(as_json)
        raise typer.Exit
    if as_json:
        raise typer.BadParameter("it stands behind the command here, or with --version")
    if context.invoked_subcommand is None:
        raise typer.BadParameter("name a command; genrekit --help lists them")


def _print_version(as_json: bool) -> None:
    if not as_json:
        typer.echo(f"genrekit {__version__}")
        return
    from genrekit.installation import installed

    print_json(installed())


def main() -> None:
    """Run the command line; every expected failure is one line and its own exit code."""
    mend_streams()
    end_on_interrupt()
    # Before NumPy reads it: its arrays are small here, and threads that wait for each other on a
    # busy machine make a prediction take several times as long.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    code = _run()
    try:
        sys.stdout.flush()
    except OSError as error:
        code = _unwritten(error)
    if code == INTERRUPTED:
        # Python would wait for workers first; they end with this process.
        os._exit(INTERRUPTED)
    sys.exit(code)


def _run() -> str | int | None:
    try:
        script = asked_completion()
        if script is not None:
            typer.echo(script, nl=False)
            return 0
        app()
    except SystemExit as stopped:
        # Typer answers 1 when the reader of stdout has left.
        broken = stopped.__context__
        return _unwritten(broken) if isinstance(broken, BrokenPipeError) else stopped.code
    except GenreError as error:
        print_problem("error", "\n".join(plain(line) for line in str(error).split("\n")))
        return outcome(error).exit_code
    except ModuleNotFoundError as error:
        return _not_installed(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        _log.info("where it happened:", exc_info=error)
        print_problem("error", _system_message(error))
        return outcome(GenreError()).exit_code
    return 0


def _not_installed(error: ModuleNotFoundError) -> int:
    """Say what to install for a module of an extra; any other one that is missing is a fault."""
    from genrekit.extras import missing_extra

    missing = missing_extra(error)
    if missing is None:
        raise error
    print_problem("error", str(missing))
    return outcome(missing).exit_code


def _unwritten(error: OSError) -> int:
    """Exit code after stdout failed; nothing more is written to it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):  # head or less has seen enough: nobody to tell
        return 0
    print_problem("error", f"the results cannot be written: {_system_message(error)}")
    return outcome(GenreError()).exit_code


def _system_message(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename is not None else ""
    return plain(f"{where}{error.strerror or error}")
