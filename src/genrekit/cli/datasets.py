"""``genrekit datasets``: what corpora there are, what of them is here, and whether it is sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genrekit.cli.options import AsJson
from genrekit.errors import DatasetError, outcome

if TYPE_CHECKING:
    from genrekit.download import Fault

app = typer.Typer(help="List corpora, and check copies of them.", invoke_without_command=True)


@app.callback()
def list_datasets(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--in", help="Folder with a folder per corpus; by default the user's genrekit folder."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List corpora, and check copies of them; alone, list all with licence and what is here."""
    if context.invoked_subcommand is not None:
        return
    from genrekit.datasets import DATASETS
    from genrekit.terminal import print_json

    rows = [_row(name, folder) for name in DATASETS]
    if as_json:
        print_json(rows)
    else:
        _print_rows(rows)


@app.command()
def verify(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which corpus it should be.")],
    path: Annotated[Path, typer.Argument(metavar="DIR", help="The copy.")],
    checksums: Annotated[
        bool, typer.Option(help="Compute checksums where they are published: reads every byte.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Check a copy against its index: counts, layout, headers, checksums; exit code 4 on faults."""
    from genrekit.download import verify_copy
    from genrekit.terminal import progress_bars

    with progress_bars() as progress:
        copy = verify_copy(name, path, checksums=checksums, progress=progress)
    _report(name, path, copy.files, copy.faults, as_json)
    if any(not fault.known for fault in copy.faults):
        raise typer.Exit(outcome(DatasetError()).exit_code)


def _report(name: str, path: Path, checked: int, faults: Sequence[Fault], as_json: bool) -> None:
    from rich.table import Table

    from genrekit.terminal import print_json, results

    unknown = sum(not fault.known for fault in faults)
    if as_json:
        rows = [asdict(fault) | {"file": str(fault.file)} for fault in faults]
        print_json(
            {
                "corpus": name,
                "path": str(path),
                "ok": not unknown,
                "files_checked": checked,
                "faults": rows,
            }
        )
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("fault", "file", "what"):
        table.add_column(heading, overflow="fold")
    for fault in faults:
        kind = f"{fault.kind}, known" if fault.known else fault.kind
        table.add_row(kind, _plain(str(fault.file)), _plain(fault.message))
    if faults:
        results().print(table)
    results().print(
        f"{name} in {path}: {checked} files checked, {unknown} faults, "
        f"{len(faults) - unknown} known ones",
        markup=False,
    )


def _plain(text: str) -> Any:
    from rich.text import Text

    return Text(text.encode(errors="surrogateescape").decode(errors="backslashreplace"))


def _row(name: str, root: Path | None) -> dict[str, Any]:
    from genrekit.datasets import corpus_info
    from genrekit.download import OFFERS, YOUR_OWN, corpus_folder, present_parts

    info, folder = corpus_info(name), corpus_folder(name, root)
    offer = OFFERS.get(name)
    return {
        "name": name,
        **{key: value for key, value in asdict(info).items() if key != "faults"},
        "faults": list(info.faults),
        "download": list(offer.sizes) if offer else [],
        "folder": None if name in YOUR_OWN else str(folder),
        "present": list(present_parts(name, folder)),
    }


def _print_rows(rows: list[dict[str, Any]]) -> None:
    from rich.text import Text

    from genrekit.terminal import results

    for row in rows:
        here = ", ".join(row["present"]) or "nothing"
        lines = {
            "licence": row["licence"],
            "sizes": row["sizes"],
            "download" if row["download"] else "get it": ", ".join(row["download"])
            or row["obtain"],
            "here": f"{here} in {row['folder']}" if row["folder"] else "",
        }
        results().print(Text.assemble((row["name"], "bold"), f"  {row['title']}"))
        for label, text in lines.items():
            if text:
                results().print(Text.assemble((f"  {label:<10}", "dim"), text))
