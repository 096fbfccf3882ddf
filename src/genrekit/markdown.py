"""Markdown by hand: text in which nothing is markup, lists, tables, and blocks one below the other.

Whatever a file, a genre or a model is called, it stays text. What has charts is a page of
`genrekit.pages`, which is written as Markdown by the same means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

# An underscore inside a word is not markup, and names are full of them; nor is a lone bracket.
_MARKUP = re.compile(r"[\\`*<>|~]|\](?=[(\[:])|(?<!\w)_|_(?!\w)|&(?=[#\w])|(?<=:)//")

# What makes a heading or a list of a line.
_START = re.compile(r"^\s*(#+|[+-]|\d+[.)])(?=\s)")


def plain(text: str) -> str:
    """Return text on one line in which nothing is markup."""
    line = "".join(one if one.isprintable() else " " for one in text)
    return _MARKUP.sub(lambda found: "".join(f"\\{one}" for one in found[0]), line)


def as_line(marked: str) -> str:
    """Return Markdown of one line that neither a heading nor a list begins with."""
    return _START.sub(lambda found: f"{found[1][:-1]}\\{found[1][-1]}", marked)


def blocks(*parts: str) -> str:
    """Put parts one below the other; empty ones are left out."""
    return "\n\n".join(part for part in parts if part) + "\n"


def section(title: str, *parts: str) -> str:
    """Put parts under a heading; there is none where all of them are empty."""
    body = [part for part in parts if part]
    return "\n\n".join([f"## {title}", *body]) if body else ""


def bullets(lines: Iterable[str]) -> str:
    """Make a list of lines that are Markdown; empty ones are left out."""
    return "\n".join(f"- {as_line(line)}" for line in lines if line)


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in which whatever a track is called stays text."""
    return marked_table(map(plain, headings), ([plain(cell) for cell in row] for row in rows))


def marked_table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table of cells that are Markdown."""
    head = list(headings)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def fenced(text: str) -> str:
    """Lines as they are, between fences that are longer than any in them."""
    longest = max((len(one) for one in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text.rstrip()}\n{fence}"
