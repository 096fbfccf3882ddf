"""``genrekit backbones``: published networks that a head can be fitted on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from genrekit.cli.options import AsJson

if TYPE_CHECKING:
    from genrekit.models.pretrained import PublishedConfig


def backbones(
    fetch: Annotated[
        list[str] | None,
        typer.Option("--fetch", metavar="NAME", help="Get its weights now; repeatable."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List published networks with their licences, and where their weights are on this machine."""
    from genrekit.models.pretrained import BACKBONES, backbone_config
    from genrekit.terminal import print_json

    for name in fetch or ():
        _fetch(backbone_config({"name": name}))
    configs: list[PublishedConfig] = [backbone_config({"name": name}) for name in BACKBONES]
    if as_json:
        print_json([_row(config) for config in configs])
    else:
        _print_rows(configs)


def _row(config: PublishedConfig) -> dict[str, Any]:
    from genrekit.models.pretrained import local_weights

    source = config.source
    path = local_weights(source, None)
    return {
        **source.model_dump(mode="json"),
        "sample_rate_hz": config.sample_rate_hz,
        "variable": source.variable,
        "path": None if path is None else str(path),
    }


def _print_rows(configs: list[PublishedConfig]) -> None:
    from rich.table import Table

    from genrekit.terminal import results

    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("name", "licence", "MB", "rate", "weights"):
        table.add_column(heading, justify="right" if heading in ("MB", "rate") else "left")
    for row in map(_row, configs):
        size, rate = f"{row['about_bytes'] / 1e6:.0f}", f"{row['sample_rate_hz']:,}"
        table.add_row(row["name"], row["licence"], size, rate, row["path"] or "not here")
    results().print(table)


def _fetch(config: PublishedConfig) -> None:
    from genrekit.models.pretrained import local_weights
    from genrekit.terminal import progress_bars
    from genrekit.training import fetched_weights

    if local_weights(config.source, None) is not None:
        return
    with progress_bars(in_bytes=True) as bars:
        fetched_weights(config, progress=bars)
