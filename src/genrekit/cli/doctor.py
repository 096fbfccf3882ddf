"""``genrekit doctor``: whether what is installed works, and what is missing for what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from genrekit.installation import Check

_STYLE = {"ok": "green", "absent": "dim", "warning": "yellow", "broken": "bold red"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Check codecs, extras, folders, processors and the model, and say what to install.

    Ends with 0 if genrekit can read music and predict, whatever else is missing, and with 1 if not.
    """
    from genrekit.installation import examine, installed, is_broken
    from genrekit.terminal import print_json

    checks = examine()
    broken = is_broken(checks)
    if as_json:
        print_json({"ok": not broken, "checks": [asdict(one) for one in checks], **installed()})
    else:
        _print_checks(checks, broken)
    if broken:
        raise typer.Exit(1)


def _print_checks(checks: Sequence[Check], broken: bool) -> None:
    from rich.text import Text

    from genrekit.terminal import plain, results

    about = ""
    for one in checks:
        if one.about != about:
            about = one.about
            results().print(about)
        line = Text.assemble(f"  {one.name:<16} ", (f"{one.state:<8}", _STYLE[one.state]))
        line.append(plain(one.seen))
        results().print(line)
        if one.advice:
            results().print(f"{'':27}{plain(one.advice)}")
    works = "genrekit works: it reads music and predicts. What is absent is only for what it names."
    results().print(f"\n{'genrekit cannot work: see what is broken above.' if broken else works}")
