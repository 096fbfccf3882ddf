"""``genrekit explorer``: results, data and embeddings in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def explorer(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH...]",
            help="Results files or folders of them, tables, folders of music, indexes.",
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where it listens.")] = 8501,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open it in a browser.")
    ] = True,
) -> None:
    """Look at results, data and embeddings in a browser, until Ctrl-C.

    It listens on this machine alone. Further files can be opened on the page.
    """
    from genrekit.explorer import launch

    launch(paths or [], port=port, browser=browser)
