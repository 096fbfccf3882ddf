"""``genrekit study``: all classical models on one table, under all protocols it allows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrekit.cli.options import Jobs, LeaveOut, Reading, reads_table
from genrekit.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import ValidationError

    from genrekit.models import ClassicalConfig
    from genrekit.training import ProtocolConfig


@reads_table
def study(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="Features: CSV, TSV, Parquet.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the report.")],
    leave_out: LeaveOut = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[,SETTING=VALUE]",
            help="A model and its settings (knn,neighbours=1); repeatable. Default: all.",
        ),
    ] = None,
    protocol: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[,SETTING=VALUE]",
            help="A protocol and its settings (grouped-kfold,n_folds=5); repeatable. Default: all "
            "that fit the table.",
        ),
    ] = None,
    checks: Annotated[
        bool, typer.Option("--checks/--no-checks", help="Audit the table first.")
    ] = True,
    learning_curve: Annotated[
        bool,
        typer.Option("--learning-curve", help="Fit the best models on growing parts, too."),
    ] = False,
    importance: Annotated[
        bool,
        typer.Option("--importance/--no-importance", help="Shuffle columns under the best model."),
    ] = True,
    seed: Annotated[int, typer.Option(min=0, help="Of the models.")] = 0,
    jobs: Jobs = None,
    keep: Annotated[
        Path | None,
        typer.Option(help="Folder that keeps what each fit scored: a stopped study goes on."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The StudyResult as JSON.")] = False,
    *,
    reading: Reading,
) -> None:
    """Check a table, fit and test classical models on it, and say which are better.

    Writes NAME.html and NAME.md for people, NAME.json for machines, figures, and NAME.runs with a
    results file for each model and protocol; NAME is the table's. Leaky protocols stand beside
    honest ones.
    """
    from genrekit.cli.paths import check_folder
    from genrekit.experiments import complete_study
    from genrekit.reports import write_study_report
    from genrekit.terminal import print_json_line, progress_bars, results
    from genrekit.workers import cores

    check_folder(out)
    dataset = replace(reading, corpus=_kind(table)).open(table, leave_out)
    with progress_bars() as progress:
        found = complete_study(
            dataset,
            models=None if model is None else [_model(text) for text in model],
            protocols=None if protocol is None else [_protocol(text) for text in protocol],
            checks=checks,
            learning_curve=learning_curve,
            importance=importance,
            seed=seed,
            workers=jobs or cores(),
            keep=keep,
            progress=progress,
        )
    options_text = [f"--model {one}" for one in model or ()] + [
        f"--protocol {one}" for one in protocol or ()
    ]
    options_text += ["--learning-curve"] if learning_curve else []
    command = " ".join([f"genrekit study {table.name}", *options_text])
    pages = write_study_report(found, out, table.stem, command)
    if as_json:
        print_json_line(found.result)
    else:
        for page in pages:
            results().print(str(page))


def _kind(table: Path) -> str:
    """Return what the study reads, which is always a table.

    Raises
    ------
    ConfigError
        If the path is something else.
    """
    from genrekit.datasets import corpus_of

    seen = corpus_of(table)
    if seen != "table":
        raise ConfigError(
            f"{table} is a {seen}, and a study takes a table of features; write one with "
            f"genrekit features {table} --labels -o features.csv"
        )
    return seen


def _protocol(text: str) -> ProtocolConfig:
    """``grouped-kfold,n_folds=5`` as a configuration."""
    from pydantic import ValidationError

    from genrekit.cli.options import read_settings
    from genrekit.datasets import PROTOCOLS
    from genrekit.training import ProtocolConfig

    name, *settings = text.split(",")
    PROTOCOLS.get(name.strip())
    try:
        return ProtocolConfig.model_validate({"name": name.strip(), **read_settings(settings)})
    except ValidationError as error:
        raise ConfigError(_unfit("--protocol", text, error)) from None


def _model(text: str) -> ClassicalConfig:
    """``knn,neighbours=1`` as a configuration."""
    from pydantic import ValidationError

    from genrekit.cli.options import read_settings
    from genrekit.models import classical_config

    name, *settings = text.split(",")
    try:
        return classical_config({"architecture": name.strip(), **read_settings(settings)})
    except ValidationError as error:
        raise ConfigError(_unfit("--model", text, error)) from None


def _unfit(option: str, text: str, error: ValidationError) -> str:
    problem = error.errors()[0]
    setting = ".".join(str(part) for part in problem["loc"])
    return f"{option} {text!r} has a setting that does not fit: {setting}: {problem['msg']}"
