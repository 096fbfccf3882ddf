"""``genrekit models``: what is in the package and in the store."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from genrekit.cli.options import AsJson
from genrekit.errors import BundleError, ConfigError, outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from genrekit.bundles import Bundle, PromotionStep
    from genrekit.progress import Progress

app = typer.Typer(help="List, show, check and store models.", invoke_without_command=True)

_Name = Annotated[
    str, typer.Argument(metavar="NAME|PATH", help="A name, name@version, name@alias, or a folder.")
]
_Alias = Annotated[str, typer.Option(help="Which alias of default.")]


@app.callback()
def list_models(context: typer.Context, as_json: AsJson = False) -> None:
    """List, show, check and store models; alone, list all that are there."""
    if context.invoked_subcommand is not None:
        return
    from genrekit.bundles import list_bundles
    from genrekit.terminal import print_json

    rows = [_row(summary) for summary in list_bundles()]
    if as_json:
        print_json(rows)
    else:
        _print_rows(rows)


@app.command()
def show(
    name: _Name = "default",
    as_json: AsJson = False,
    diagram: Annotated[
        bool, typer.Option("--diagram", help="Its layers, with shapes and parameters, instead.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Draw the diagram into this .svg.")
    ] = None,
) -> None:
    """Show the card of a model: what it knows, from what data, and how good it is."""
    from genrekit.bundles import load_bundle, read_metadata, render_card
    from genrekit.terminal import print_json, print_markdown

    bundle = load_bundle(name, verify=False)
    if diagram or out is not None:
        _show_diagram(bundle, as_json, out)
        return
    if not as_json:
        print_markdown(render_card(bundle.manifest, bundle.metrics) + _graph_says(bundle))
        return
    print_json(
        {
            "manifest": bundle.manifest.model_dump(mode="json"),
            "metrics": bundle.metrics.model_dump(mode="json"),
            "sha256": bundle.sha256,
            "onnx_metadata": read_metadata(bundle.session),
        }
    )


def _graph_says(bundle: Bundle) -> str:
    """Return what the ONNX file says of itself, as part of a card."""
    from genrekit.bundles import read_metadata

    metadata = read_metadata(bundle.session)
    rows = "".join(f"- {key}: `{value}`\n" for key, value in metadata.items())
    return f"\n## Written into model.onnx\n\n{rows}" if metadata else ""


def _show_diagram(bundle: Bundle, as_json: bool, out: Path | None) -> None:
    from genrekit.cli.paths import check_file
    from genrekit.explain import layer_boxes, parameters_of, read_layers
    from genrekit.pages import diagram_svg, diagram_text
    from genrekit.terminal import print_json, results

    if out is not None:
        check_file(out)
        if out.suffix != ".svg":
            raise ConfigError(
                f"{out} is not a drawing that can be made; name a file that ends in .svg"
            )
    layers = read_layers((bundle.directory / "model.onnx").read_bytes())
    named, count = f"{bundle.manifest.name} {bundle.manifest.version}", parameters_of(layers)
    if out is not None:
        out.write_text(diagram_svg(layer_boxes(layers), named), encoding="utf-8")
    if as_json:
        shown = [asdict(one) for one in layers]
        print_json({"model": named, "parameters": count, "layers": shown})
        return
    results().print(
        diagram_text(layer_boxes(layers)), markup=False, highlight=False, soft_wrap=True
    )
    results().print(f"{named}: {count:,} parameters")


@app.command()
def verify(name: _Name = "default", as_json: AsJson = False) -> None:
    """Check hashes, shapes and the golden clip of a model."""
    from genrekit.bundles import check_metadata, load_bundle
    from genrekit.terminal import print_json, results

    try:
        bundle = load_bundle(name)
        check_metadata(bundle)
    except BundleError as error:
        if as_json:
            print_json({"model": name, "ok": False, "problem": str(error)})
            raise typer.Exit(outcome(error).exit_code) from None
        raise
    if as_json:
        print_json({"model": name, "ok": True, "sha256": bundle.sha256})
    else:
        manifest = bundle.manifest
        results().print(f"{manifest.name} {manifest.version} is intact: {bundle.sha256}")


@app.command()
def add(
    path: Annotated[
        str,
        typer.Argument(metavar="PATH|hf://OWNER/NAME", help="Directory of a bundle, or the hub."),
    ],
    alias: Annotated[str | None, typer.Option(help="Another name for this version.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check a bundle and copy it into the store, to be used by its name."""
    from genrekit.bundles import add_bundle
    from genrekit.download import hub_bundle, is_hub
    from genrekit.terminal import print_json, progress_bars, results

    if is_hub(path):
        with progress_bars() as bars, hub_bundle(path, progress=bars) as folder:
            stored = add_bundle(folder, alias=alias)
    else:
        stored = add_bundle(Path(path), alias=alias)
    name, version = stored.parts[-2:]
    if as_json:
        print_json({"name": name, "version": version, "alias": alias, "directory": str(stored)})
    else:
        results().print(f"{name}@{version} is stored in {stored}")


@app.command()
def export(
    name: _Name,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write.")],
    form: Annotated[
        Literal["hub", "edge", "web"],
        typer.Option(
            "--format",
            help="hub: for the Hugging Face hub. edge: one graph from audio to genres, for phones "
            "and other programs. web: a page that listens in the browser.",
        ),
    ] = "hub",
    data: Annotated[
        Path | None,
        typer.Option("--data", help="edge: compare precisions on this folder of audio."),
    ] = None,
    ort: Annotated[
        Path | None,
        typer.Option("--ort", help="web: the unpacked npm package onnxruntime-web."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a model as a folder for the hub, for phones, or for the browser."""
    from genrekit.terminal import print_json, progress_bars

    _check_options(form, data, ort)
    with progress_bars() as bars:
        exported = _EXPORTS[form](name, out, data or ort, bars)
    if as_json:
        print_json({"directory": str(out), "format": form, **exported})
    else:
        _print_export(form, out, exported)


def _check_options(form: str, data: Path | None, ort: Path | None) -> None:
    for option, given, wanted in (("--data", data, "edge"), ("--ort", ort, "web")):
        if given is not None and form != wanted:
            raise ConfigError(f"{option} is for --format {wanted}, and --format is {form}")
        if given is not None and not given.is_dir():
            raise ConfigError(f"{option} names {given}, which is not a folder")


def _export_hub(name: str, out: Path, _: Path | None, progress: Progress) -> dict[str, Any]:
    from genrekit.bundles import export_hub

    export_hub(name, out)
    return {}


def _export_edge(name: str, out: Path, data: Path | None, progress: Progress) -> dict[str, Any]:
    from genrekit.edge import export_edge

    return export_edge(name, out, data=data, progress=progress).model_dump(mode="json")


def _export_web(name: str, out: Path, ort: Path | None, progress: Progress) -> dict[str, Any]:
    from genrekit.edge import export_web

    return export_web(name, out, runtime=ort, progress=progress).model_dump(mode="json")


_EXPORTS: dict[str, Callable[[str, Path, Path | None, Progress], dict[str, Any]]] = {
    "hub": _export_hub,
    "edge": _export_edge,
    "web": _export_web,
}


def _print_export(form: str, out: Path, exported: dict[str, Any]) -> None:
    from genrekit.terminal import results

    if form == "hub":
        results().print(f"{out} is ready: huggingface-cli upload OWNER/NAME {out}")
        return
    for one in exported["precisions"]:
        results().print(_precision_line(one, exported["tracks"]))
    if form == "edge":
        results().print(
            f"{out} is ready, compared on {exported['compared']}; model.json describes it"
        )
    else:
        megabytes = sum(path.stat().st_size for path in out.iterdir()) / 1e6
        results().print(f"{out} is ready, {megabytes:.1f} MB: python -m http.server -d {out}")


def _precision_line(one: dict[str, Any], tracks: int) -> str:
    if not one["kept"]:
        return f"{one['kind']} is left out: {one['why']}"
    sizes = (f"{file['name']} {file['bytes'] / 1e6:.2f} MB" for file in one["files"])
    return (
        f"{one['kind']}: {', '.join(sizes)}: {one['agreement']:.1%} of {tracks} tracks get the "
        f"answer of predict, no probability differs by more than {one['largest_difference']:.1g}"
    )


@app.command("alias")
def set_alias(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A stored model.")],
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="A word, such as best.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="Such as 0.1.0.")],
    as_json: AsJson = False,
) -> None:
    """Let NAME@ALIAS mean NAME@VERSION from now on."""
    from genrekit.bundles import set_alias as store_alias
    from genrekit.terminal import print_json, results

    store_alias(name, alias, version)
    if as_json:
        print_json({"name": name, "alias": alias, "version": version})
    else:
        results().print(f"{name}@{alias} is {name}@{version}")


@app.command()
def promote(
    name: Annotated[
        str, typer.Argument(metavar="NAME@VERSION", help="A stored or packaged model.")
    ],
    alias: _Alias = "champion",
    as_json: AsJson = False,
) -> None:
    """Let default@champion mean this model from now on; servers that run follow."""
    from genrekit.bundles import promote as store_promotion

    _print_step(store_promotion(name, alias), alias, as_json)


@app.command()
def rollback(alias: _Alias = "champion", as_json: AsJson = False) -> None:
    """Undo the last promotion; servers that run follow."""
    from genrekit.bundles import roll_back

    _print_step(roll_back(alias), alias, as_json)


@app.command()
def history(alias: _Alias = "champion", as_json: AsJson = False) -> None:
    """Show what was promoted and rolled back, oldest first."""
    from genrekit.bundles import promotion_history
    from genrekit.terminal import print_json, results

    steps = promotion_history(alias)
    if as_json:
        print_json([step.model_dump(mode="json") for step in steps])
        return
    for step in steps:
        results().print(f"{step.at}  {step.action:<9}  {step.model}")


def _print_step(step: PromotionStep, alias: str, as_json: bool) -> None:
    from genrekit.terminal import print_json, results

    if as_json:
        print_json({"alias": f"default@{alias}", **step.model_dump(mode="json")})
    else:
        results().print(f"default@{alias} is {step.model}")


def _row(summary: Any) -> dict[str, Any]:
    manifest = summary.manifest
    return {
        "name": summary.name,
        "version": summary.version,
        "aliases": list(summary.aliases),
        "architecture": manifest.architecture if manifest else None,
        "genres": len(manifest.labels) if manifest else None,
        "size_bytes": summary.size_bytes,
        "packaged": summary.packaged,
        "directory": str(summary.directory),
        "problem": summary.problem,
    }


def _print_rows(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    from genrekit.terminal import results

    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("name", "version", "aliases", "architecture", "genres", "size", "from"):
        table.add_column(heading)
    for row in rows:
        table.add_row(
            row["name"],
            row["version"],
            ", ".join(row["aliases"]),
            row["problem"] or row["architecture"],
            str(row["genres"] or ""),
            f"{row['size_bytes'] / 1e6:.2f} MB",
            "the package" if row["packaged"] else "the store",
        )
    results().print(table)
