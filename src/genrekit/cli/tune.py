"""``genrekit tune``: look for good settings of a recipe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from genrekit.cli.options import NoCache, OtherData, Overrides, Reading, reads_data_of_recipe

if TYPE_CHECKING:
    from genrekit.experiments import TuneResult

_OF_PLAN = "By default as the recipe says."


@reads_data_of_recipe
def tune(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE.yaml", help="What to tune.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for what is found.")],
    space: Annotated[
        Path | None,
        typer.Option(metavar="SPACE.yaml", help="What to look for, in place of the section tune."),
    ] = None,
    data: OtherData = None,
    overrides: Overrides = None,
    method: Annotated[
        Literal["tpe", "random", "grid"] | None, typer.Option(help=f"How to choose. {_OF_PLAN}")
    ] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, help=f"In all, earlier runs counted. {_OF_PLAN}")
    ] = None,
    objective: Annotated[
        list[str] | None,
        typer.Option(
            help="What to judge by: accuracy, log_loss, mean_average_precision, latency_ms, "
            f"size_bytes; repeatable. {_OF_PLAN}"
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help=f"Of what is random. {_OF_PLAN}")] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Trials at a time; one repeats them exactly.")
    ] = 1,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, help="Processes for features; by default all cores."),
    ] = None,
    no_cache: NoCache = False,
    as_json: Annotated[bool, typer.Option("--json", help="The TuneResult as JSON.")] = False,
    *,
    reading: Reading,
) -> None:
    """Try settings on folds of the training part; the same command continues what was stopped.

    Tracks that the recipe tests are never looked at. Writes the best recipe, all trials and charts.
    """
    from genrekit.cli.paths import check_folder, open_cache
    from genrekit.experiments import tune_recipe
    from genrekit.terminal import print_json_line, progress_bars
    from genrekit.workers import cores

    check_folder(out)
    plan = _plan(method=method, trials=trials, objectives=objective, seed=seed)
    with progress_bars() as bars:
        result = tune_recipe(
            recipe,
            out,
            space=space,
            overrides=[*_of_data(recipe, data, reading), *(overrides or ()), *plan],
            data=data,
            cache=open_cache(not no_cache),
            jobs=jobs or cores(),
            workers=workers,
            progress=bars,
            each_trial=lambda found: bars.note("trials", _best_text(found)),
        )
    _draw(result, out)
    if as_json:
        print_json_line(result)
    else:
        _show(result, out)


def _of_data(recipe: Path, data: Path | None, reading: Reading) -> Iterator[str]:
    """How to read the data, as settings of the section ``data``."""
    import json

    corpus = reading.corpus
    if corpus is not None:
        yield f"data.corpus={json.dumps(corpus)}"
    if not reading.settings and not reading.names_columns:
        return
    if data is None:
        from genrekit.training import known_path, load_recipe

        own = load_recipe(recipe).data
        data, corpus = known_path(own.path or Path()), corpus or own.corpus
    for name, value in reading.options(data, corpus).items():
        yield f"data.options.{name}={json.dumps(value)}"


def _plan(**options: Any) -> Iterator[str]:
    """Options as settings of the section ``tune``."""
    import json

    for name, value in options.items():
        if value is not None:
            yield f"tune.{name}={json.dumps(value)}"


def _draw(result: TuneResult, out: Path) -> None:
    from genrekit.errors import MissingExtraError
    from genrekit.experiments import write_charts
    from genrekit.terminal import print_problem

    try:
        write_charts(result, out)
    except MissingExtraError as error:
        print_problem("warning", f"nothing was drawn: {error}")


def _show(result: TuneResult, out: Path) -> None:
    from genrekit.experiments import BEST, trials_text, values_text
    from genrekit.terminal import plain, print_problem, results

    for record in result.trials:
        if record.error:
            print_problem("warning", plain(f"trial {record.number} failed: {record.error}"))
    results().print(f"{trials_text(result.trials)} of {plain(result.recipe)}, {result.method}")
    if result.best is None:
        print_problem("warning", "no trial was completed, so there is no best recipe")
        return
    for record in result.front:
        values = values_text(record.values, result.objectives)
        results().print(f"  trial {record.number}: {values}")
        results().print(f"    {plain(_settings_text(record.settings))}")
    results().print(str(out / BEST))


def _best_text(result: TuneResult) -> str:
    if result.best is None:
        return ""
    name = result.objectives[0]
    return f"best {name} {result.best.values[name]:.4g}"


def _settings_text(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())
