"""``genrekit pipeline``: from data to the model in production, in one command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrekit.cli.options import AsJson, NoCache
from genrekit.errors import EXIT_NOT_PROMOTED, ConfigError

if TYPE_CHECKING:
    from genrekit.experiments import Proposals


def pipeline(
    recipe: Annotated[
        Path | None, typer.Argument(metavar="RECIPE.yaml", help="Of kind: pipeline.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the work; kept for the next run.")
    ] = None,
    from_log: Annotated[
        Path | None,
        typer.Option(help="Propose what to label of what a server was sent, and train nothing."),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Tracks proposed.")] = 20,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Processes; by default one.")
    ] = None,
    no_cache: NoCache = False,
    as_json: AsJson = False,
) -> None:
    """Audit, split, train, test, compare with the champion, and promote what passes the gate.

    A stage is skipped where nothing that it reads has changed, so the command may run from cron;
    one that was killed goes on where it was. Exits with 10 when the gate holds a model back.
    """
    from genrekit.cli.paths import check_folder, open_cache
    from genrekit.experiments import load_pipeline, render_pipeline, run_pipeline
    from genrekit.terminal import print_json_line, print_markdown, progress_bars

    if from_log is not None:
        _propose(from_log, top, out, as_json)
        return
    if recipe is None or out is None:
        raise ConfigError("name a recipe and, with --out (-o), a folder for its work")
    check_folder(out)
    cache = open_cache(not no_cache)
    with progress_bars() as bars:
        found = run_pipeline(
            load_pipeline(recipe), out, workers=jobs or 1, cache=cache, progress=bars
        )
    if as_json:
        print_json_line(found)
    else:
        print_markdown(render_pipeline(found))
    if not found.passed:
        raise typer.Exit(EXIT_NOT_PROMOTED)


def _propose(log: Path, top: int, out: Path | None, as_json: bool) -> None:
    from genrekit.experiments import proposals_csv, propose_labels
    from genrekit.terminal import plain, print_json_line, results

    found = propose_labels(log, top)
    if out is not None:
        out.write_text(proposals_csv(found), encoding="utf-8")
    if as_json:
        print_json_line(found)
        return
    _show(found)
    for one in found.proposals:
        results().print(
            f"{one.confidence:.3f}  {plain(one.answered):<12} {one.why:<20} "
            f"{plain(one.path or one.id)}"
        )


def _show(found: Proposals) -> None:
    from genrekit.terminal import plain, results

    results().print(f"{found.answers} answers, {found.labelled} of them labelled")
    for model, drift in found.drift.items():
        moved = ", ".join(shift.of for shift in drift.moved)
        results().print(f"{plain(model)}: drift {drift.level}{f' in {moved}' if moved else ''}")
