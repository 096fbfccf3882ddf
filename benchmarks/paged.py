"""Arguments of the benchmarks that keep what they measured and write pages of it."""

from __future__ import annotations

import argparse
from pathlib import Path


def paged_arguments(about: str | None, *, output: str, keep: str) -> argparse.ArgumentParser:
    """DATA, ``--output``, ``--keep`` and ``--page``."""
    parser = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    parser.add_argument("data", type=Path, nargs="?", help="folder of the published tables")
    parser.add_argument("-o", "--output", type=Path, required=True, help=output)
    parser.add_argument("--keep", type=Path, default=Path(keep), help="what is kept")
    parser.add_argument("--page", action="store_true", help="measure nothing")
    return parser


def paged(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """What was given, once it is enough."""
    options = parser.parse_args()
    if options.data is None and not options.page:
        parser.error("name the folder of the data, or --page")
    return options
