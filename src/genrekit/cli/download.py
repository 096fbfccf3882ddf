"""``genrekit download``: corpora that may be fetched freely, and where to get the others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genrekit.errors import ConfigError, outcome

if TYPE_CHECKING:
    from genrekit.download import DownloadPlan

_INTERRUPTED = 130


def download(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A corpus: see genrekit datasets.")],
    size: Annotated[
        str | None, typer.Option(help="How much of it; a wrong one lists what there is.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="Folder for it; by default the user's genrekit folder.")
    ] = None,
    keep_archives: Annotated[
        bool, typer.Option("--keep-archives", help="Keep archives after they are unpacked.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say as JSON what was done.")] = False,
) -> None:
    """Fetch a corpus: resumed after a break, checked, unpacked; exit code 2 if it is not free.

    For a corpus that may not be fetched freely it says where to get it and where to put it.
    """
    from genrekit.download import OFFERS, plan_download
    from genrekit.download import download as fetch_corpus
    from genrekit.terminal import errors, progress_bars

    if name not in OFFERS:
        _say_where(name, to, as_json)
        raise typer.Exit(outcome(ConfigError()).exit_code)
    plan = plan_download(name, size, to)
    try:
        with progress_bars(in_bytes=True) as progress:
            fetch_corpus(plan, keep_archives=keep_archives, progress=progress)
    except KeyboardInterrupt:
        errors().print(
            f"stopped; what has come is kept in {plan.folder}, and the same command goes on from "
            "there"
        )
        raise typer.Exit(_INTERRUPTED) from None
    _report(plan, as_json)


def _say_where(name: str, to: Path | None, as_json: bool) -> None:
    from genrekit.datasets import corpus_info
    from genrekit.download import corpus_folder
    from genrekit.terminal import print_json, results

    info, folder = corpus_info(name), to or corpus_folder(name)
    if as_json:
        print_json(
            {
                "corpus": name,
                "fetched": False,
                "licence": info.licence,
                "obtain": info.obtain,
                "folder": str(folder),
                "layout": info.layout,
            }
        )
        return
    lines = {
        "licence": info.licence,
        "get it": info.obtain,
        "put it": f"in {folder}, or anywhere else",
        "layout": info.layout,
    }
    results().print(f"{info.title} is not fetched by genrekit.", markup=False)
    for label, text in lines.items():
        results().print(f"  {label:<9}{text}", markup=False)


def _report(plan: DownloadPlan, as_json: bool) -> None:
    from genrekit.download import OFFERS
    from genrekit.terminal import print_json, results

    fetched = [archive.target for archive in plan.missing]
    rest = OFFERS[plan.corpus].rest
    if as_json:
        answer: dict[str, Any] = {
            "corpus": plan.corpus,
            "size": plan.size,
            "folder": str(plan.folder),
            "fetched": fetched,
            "there_before": [a.target for a in plan.archives if a not in plan.missing],
            "rest": rest,
        }
        print_json(answer)
        return
    if fetched:
        what = fetched[0] if len(fetched) == 1 else f"{len(fetched)} of {len(plan.archives)} parts"
        summary = f"{plan.corpus} {plan.size}: {what} fetched to {plan.folder}"
    else:
        summary = (
            f"{plan.corpus} {plan.size} is complete already in {plan.folder}; nothing was done"
        )
    for line in filter(None, (summary, rest)):
        results().print(line, markup=False)
