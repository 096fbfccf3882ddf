"""``genrekit history``: what was written into tags, or how the training of a network went."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from genrekit.training import Epoch


def history(
    place: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME|PATH", help="A network, its folder while it learns, or a history.jsonl."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Draw the curves: PNG, SVG or PDF.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each epoch.")] = False,
) -> None:
    """List the runs that wrote tags; of a network show loss, accuracy and rate by epoch.

    With --out, the epochs are drawn as curves.
    """
    if place is None:
        _list_runs(out, as_json=as_json)
        return
    from genrekit.cli.paths import check_file
    from genrekit.terminal import print_json_line
    from genrekit.training import draw_curves, read_history

    epochs = read_history(place)
    if out is not None:
        check_file(out)
        draw_curves(epochs, out, title=Path(place).name)
    if as_json:
        for epoch in epochs:
            print_json_line(epoch)
    else:
        _show(epochs)


def _list_runs(out: Path | None, *, as_json: bool) -> None:
    from genrekit.cli.tag_show import show_runs
    from genrekit.errors import ConfigError
    from genrekit.tagging import list_runs

    if out is not None:
        raise ConfigError("--out draws the training of a network; name the network")
    show_runs(list_runs(), as_json=as_json)


def _show(epochs: Sequence[Epoch]) -> None:
    from rich.table import Table

    from genrekit.terminal import results
    from genrekit.training import lowest_loss

    table = Table(box=None, header_style="dim")
    sides = ("loss", "accuracy", "top-3", "validation loss", "accuracy", "top-3")
    for heading in ("epoch", *sides, "rate", ""):
        table.add_column(heading, justify="right")
    lowest = lowest_loss(epochs)
    for one in epochs:
        trained = (one.train_loss, one.train_accuracy, one.train_top3)
        numbers = (*trained, one.valid_loss, one.valid_accuracy, one.valid_top3)
        cells = ["" if number is None else f"{number:.3f}" for number in numbers]
        mark = "lowest" if one is lowest and one.valid_loss is not None else ""
        table.add_row(str(one.epoch), *cells, f"{one.learning_rate:.2g}", mark)
    results().print(table)


def draw_beside(bundle: Path) -> Path | None:
    """Curves of a network as ``<bundle>.curves.png``; None for other models or no matplotlib."""
    from importlib.util import find_spec

    from genrekit.training import HISTORY, draw_curves, read_history

    if find_spec("matplotlib") is None or not (bundle / HISTORY).is_file():
        return None
    path = bundle.with_name(f"{bundle.name}.curves.png")
    return draw_curves(read_history(bundle), path, title=bundle.name)
