"""Short options of ``genrekit train`` for the settings that are changed most."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

_PANEL = "Short for --set, which wins over them"

Genres = Annotated[
    str | None,
    typer.Option(
        "--genres",
        metavar="N|GENRE,...",
        help="Only the N most common genres, or those named (labels.most_common, labels.keep).",
        rich_help_panel=_PANEL,
    ),
]
Epochs = Annotated[
    int | None,
    typer.Option("--epochs", min=1, help="Of a network (training.epochs).", rich_help_panel=_PANEL),
]
Rate = Annotated[
    float | None,
    typer.Option(
        "--lr", help="Learning rate of a network (training.learning_rate).", rich_help_panel=_PANEL
    ),
]
Name = Annotated[
    str | None,
    typer.Option("--name", help="Of the model (name).", rich_help_panel=_PANEL),
]


def shorthand(
    *, genres: str | None, epochs: int | None, rate: float | None, name: str | None
) -> dict[str, str]:
    """Overrides of a recipe, each by the option that it was said with."""
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
