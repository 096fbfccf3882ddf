"""``genrekit train``: a recipe to a saved model."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genrekit.cli.options import (
    Jobs,
    NoCache,
    OtherData,
    Overrides,
    Overwrite,
    Reading,
    pointed_at,
    reads_data_of_recipe,
)

if TYPE_CHECKING:
    from genrekit.bundles import Bundle
    from genrekit.training import EpochRecord, Recipe, Tracker

_SHORT = "Short for --set, which wins over them"

Genres = Annotated[
    str | None,
    typer.Option(
        "--genres",
        metavar="N|GENRE,...",
        help="Only the N most common genres, or those named (labels.most_common, labels.keep).",
        rich_help_panel=_SHORT,
    ),
]
Epochs = Annotated[
    int | None,
    typer.Option("--epochs", min=1, help="Of a network (training.epochs).", rich_help_panel=_SHORT),
]
Rate = Annotated[
    float | None,
    typer.Option(
        "--lr", help="Learning rate of a network (training.learning_rate).", rich_help_panel=_SHORT
    ),
]
Name = Annotated[
    str | None,
    typer.Option("--name", help="Of the model (name).", rich_help_panel=_SHORT),
]


@reads_data_of_recipe
def train(
    recipe: Annotated[
        Path,
        typer.Argument(
            metavar="RECIPE.yaml|DATA",
            help="What to make; or a folder, table or manifest, for a recipe that fits it.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Directory of the model to write.")],
    data: OtherData = None,
    overrides: Overrides = None,
    genres: Genres = None,
    epochs: Epochs = None,
    learning_rate: Rate = None,
    name: Name = None,
    overwrite: Overwrite = False,
    jobs: Jobs = None,
    no_cache: NoCache = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue a network whose training was stopped.")
    ] = False,
    listening: Annotated[
        bool,
        typer.Option(
            "--listen", help="Keep recordings together that sound alike; refuse parts that do not."
        ),
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Drop the checkpoints of a training that was stopped.")
    ] = False,
    processes: Annotated[
        int, typer.Option(min=1, help="Processes that train a network together, each on its rows.")
    ] = 1,
    weights: Annotated[
        Path | None,
        typer.Option("--weights", help="File with the published weights of the backbone."),
    ] = None,
    track: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Write the run to MLflow too: sqlite:///runs.db."),
    ] = None,
    experiment: Annotated[str, typer.Option(help="Of MLflow, that the run is in.")] = "genrekit",
    as_json: Annotated[bool, typer.Option("--json", help="Sum up as JSON.")] = False,
    *,
    reading: Reading,
) -> None:
    """Train a model from audio or a table of features, test what was saved, and write its card.

    A folder of audio by genre is enough: genrekit train MUSIC -o mine. OUT.results gets a results
    file for each protocol, for genrekit compare and report.
    """
    from genrekit.bundles import load_bundle
    from genrekit.cli.history import draw_beside
    from genrekit.cli.paths import check_folder, open_cache
    from genrekit.distil import is_distil_recipe
    from genrekit.terminal import progress_bars
    from genrekit.training import is_recipe, with_weights
    from genrekit.workers import cores

    check_folder(out.parent)
    short = _shorthand(genres=genres, epochs=epochs, rate=learning_rate, name=name)
    if is_recipe(recipe) and is_distil_recipe(recipe):
        _refuse(
            recipe,
            {
                "--data": data is not None,
                "--corpus": reading.corpus is not None,
                "--label": reading.label is not None,
                "--id": reading.item_id is not None,
                "--group": reading.group is not None,
                "--ignore": bool(reading.ignore),
                "--option": bool(reading.settings),
                "--no-cache": no_cache,
                "--resume": resume,
                "--restart": restart,
                "--listen": listening,
                "--processes": processes > 1,
                "--weights": weights is not None,
                "--track": track is not None,
                **dict.fromkeys(short, True),
            },
        )
        _distil(recipe, out, overrides or (), jobs or cores(), overwrite)
        _sum_up(load_bundle(out), as_json)
        return
    changes = [*short.values(), *(overrides or ())]
    read = _read(recipe, out, data, reading, changes)
    if weights is not None:
        read = with_weights(read, weights)
    trained = partial(
        _train,
        read,
        out,
        processes,
        workers=jobs or cores(),
        cache=open_cache(not no_cache),
        overwrite=overwrite,
        resume=resume,
        restart=restart,
        listen=listening,
        results=True,
    )
    if os.environ.get("RANK", "0") != "0":  # another process tells how far all of them are
        logging.disable(logging.WARNING)
        trained()
        return
    with progress_bars() as bars, _tracked(read, track, experiment) as tracker:

        def each_epoch(fit: str, record: EpochRecord) -> None:
            bars.note(f"{fit}: epochs", _epoch_text(record))
            if tracker is not None:
                tracker.each_epoch(fit, record)

        trained(progress=bars, each_epoch=each_epoch)
        if tracker is not None:
            tracker.bundle(out)
    draw_beside(out)
    _sum_up(load_bundle(out), as_json)


def _read(
    recipe: Path,
    out: Path,
    data: Path | None,
    reading: Reading,
    overrides: Sequence[str],
) -> Recipe:
    """Return a recipe pointed at the data that was named, or one made for such data."""
    from genrekit.errors import ConfigError
    from genrekit.training import is_recipe, load_recipe, recipe_for

    if is_recipe(recipe):
        return pointed_at(load_recipe(recipe, overrides), data, reading)
    if data is not None:
        raise ConfigError(
            f"{recipe} is not a recipe (.yaml) but data, and so is --data {data}; name one, "
            "or a recipe"
        )
    corpus, extra = reading.corpus, reading.options(recipe, reading.corpus)
    return recipe_for(recipe, out.name, corpus=corpus, options=extra, overrides=overrides)


def _refuse(recipe: Path, given: Mapping[str, bool]) -> None:
    from genrekit.errors import ConfigError

    named = [option for option, is_given in given.items() if is_given]
    if named:
        raise ConfigError(
            f"{', '.join(named)}: a recipe of kind distil takes no such option; {recipe} names "
            "its music and weights itself, --set changes them, and a stopped run goes on by itself"
        )


def _distil(
    recipe: Path, out: Path, overrides: Sequence[str], workers: int, overwrite: bool
) -> None:
    from genrekit.distil import distil, load_distil_recipe
    from genrekit.terminal import progress_bars

    read = load_distil_recipe(recipe, overrides)
    with progress_bars() as progress:
        distil(read, out, workers=workers, overwrite=overwrite, progress=progress)


def _train(recipe: Recipe, out: Path, processes: int, **options: Any) -> None:
    from genrekit.training import train

    if processes == 1 and "WORLD_SIZE" not in os.environ:  # which torchrun sets
        train(recipe, out, **options)
        return
    from genrekit.training import train_together

    train_together(recipe, out, processes=processes, arguments=sys.argv[1:], **options)


@contextmanager
def _tracked(recipe: Recipe, store: str | None, experiment: str) -> Iterator[Tracker | None]:
    """Write a run to MLflow, if a store is named."""
    if store is None:
        yield None
        return
    from genrekit.training import tracked

    with tracked(recipe, store, experiment=experiment) as tracker:
        yield tracker


def _epoch_text(record: EpochRecord) -> str:
    """Scores of an epoch on what is fitted on, and after a slash those of validation."""
    loss, accuracy = f"{record.train_loss:.3f}", f"{record.train_accuracy:.2f}"
    if record.valid_loss is not None:
        loss = f"{loss}/{record.valid_loss:.3f}"
        accuracy = f"{accuracy}/{record.valid_accuracy:.2f}"
    top3 = record.train_top3 if record.valid_top3 is None else record.valid_top3
    third = "" if top3 is None else f", top-3 {top3:.2f}"
    return f"loss {loss}, accuracy {accuracy}{third}, rate {record.learning_rate:.1g}"


def _sum_up(bundle: Bundle, as_json: bool) -> None:
    from genrekit.pages import over_folds
    from genrekit.terminal import print_json, results

    if as_json:
        metrics = bundle.metrics.model_dump(mode="json")
        print_json({"bundle": str(bundle.directory), "sha256": bundle.sha256, **metrics})
        return
    results().print(f"{bundle.directory}: {bundle.manifest.name} {bundle.manifest.version}")
    for one in bundle.metrics.agreement:
        results().print(
            f"  agreement with the teacher on {one.music}: R² {one.r2_windows:.3f} per window, "
            f"{one.r2_files:.3f} per file ({one.files} files)"
        )
    for result in bundle.metrics.results:
        name, value = "accuracy", result.accuracy
        if result.multi_label is not None:
            name, value = "mAP", result.multi_label.mean_average_precision
        leaky = ", LEAKY" if result.leaky else ""
        folds = f"; {over_folds(result)}" if result.over_folds is not None else ""
        results().print(
            f"  {result.protocol}{leaky}: {name} {value.value:.3f} "
            f"[{value.low:.3f}, {value.high:.3f}] on {result.items} {result.unit}s{folds}"
        )


def _shorthand(
    *, genres: str | None, epochs: int | None, rate: float | None, name: str | None
) -> dict[str, str]:
    """Return the overrides of a recipe, each by the option that gave it."""
    settings: dict[str, tuple[str, Any]] = {}
    if genres is not None:
        number = genres.strip()
        named = [one.strip() for one in genres.split(",") if one.strip()]
        chosen = ("most_common", int(number)) if number.isdecimal() else ("keep", named)
        settings["--genres"] = (f"labels.{chosen[0]}", chosen[1])
    for option, setting, value in (
        ("--epochs", "training.epochs", epochs),
        ("--lr", "training.learning_rate", rate),
        ("--name", "name", name),
    ):
        if value is not None:
            settings[option] = (setting, value)
    return {
        option: f"{setting}={json.dumps(value)}" for option, (setting, value) in settings.items()
    }
