"""``genrekit study``: all classical models on one table, under all protocols it allows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrekit.errors import ConfigError

if TYPE_CHECKING:
    from genrekit.models import ClassicalConfig


def study(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="Features: CSV, TSV, Parquet.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the report.")],
    leave_out: Annotated[
        Path | None, typer.Option(help="File of track ids to leave out, one a line.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[,SETTING=VALUE]",
            help="A model and its settings (knn,neighbours=1); repeatable. Default: all.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="How to read the table (label_column=genre)."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the models.")] = 0,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Processes; by default all cores.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The StudyResult as JSON.")] = False,
) -> None:
    """Fit and test classical models, leaky protocols beside honest ones.

    Writes NAME.md for people and NAME.json for machines into the folder, NAME being the table's.
    """
    from genrekit.cli.console import cores, follow, print_json_line, results
    from genrekit.cli.data import open_dataset
    from genrekit.cli.outputs import check_folder
    from genrekit.training import render_study_markdown, study_steps

    check_folder(out)
    dataset = open_dataset(table, "table", leave_out, settings or ())
    models = None if model is None else [_model(text) for text in model]
    steps = study_steps(dataset, models=models, seed=seed, workers=jobs or cores())
    result = follow(steps).result
    assert result is not None, "the last step carries the result"
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{table.stem}.json").write_text(result.model_dump_json(indent=1) + "\n")
    page = out / f"{table.stem}.md"
    command = " --model ".join([f"genrekit study {table.name}", *(model or ())])
    page.write_text(render_study_markdown(result, command), encoding="utf-8")
    if as_json:
        print_json_line(result.model_dump_json())
    else:
        results().print(str(page))


def _model(text: str) -> ClassicalConfig:
    """``knn,neighbours=1`` as a configuration."""
    from pydantic import ValidationError

    from genrekit.cli.data import read_settings
    from genrekit.models import classical_config

    name, *settings = text.split(",")
    try:
        return classical_config({"architecture": name.strip(), **read_settings(settings)})
    except ValidationError as error:
        problem = error.errors()[0]
        setting = ".".join(str(part) for part in problem["loc"])
        raise ConfigError(
            f"--model {text!r} has a setting that does not fit: {setting}: {problem['msg']}"
        ) from None
