"""``genrekit study``: all classical models on one table, under all protocols it allows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def study(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="Features: CSV, TSV, Parquet.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the report.")],
    leave_out: Annotated[
        Path | None, typer.Option(help="File of track ids to leave out, one a line.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the models.")] = 0,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Processes; by default all cores.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The StudyResult as JSON.")] = False,
) -> None:
    """Fit and test every classical model, leaky protocols beside honest ones.

    Writes NAME.md for people and NAME.json for machines into the folder, NAME being the table's.
    """
    from genrekit.cli.console import cores, follow, print_json_line, results
    from genrekit.datasets import load_dataset
    from genrekit.training import render_study_markdown, study_steps

    dataset = load_dataset("table", table, leave_out=leave_out)
    result = follow(study_steps(dataset, seed=seed, workers=jobs or cores())).result
    assert result is not None, "the last step carries the result"
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{table.stem}.json").write_text(result.model_dump_json(indent=1) + "\n")
    page = out / f"{table.stem}.md"
    page.write_text(render_study_markdown(result), encoding="utf-8")
    if as_json:
        print_json_line(result.model_dump_json())
    else:
        results().print(str(page))
