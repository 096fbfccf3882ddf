"""Documents as Markdown, their charts as pictures beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from genrekit.markdown import as_line, blocks, fenced, markdown_table, plain
from genrekit.pages.document import AudioClip, Details, Document, Facts, Listing, Part, Row, Table


def render_markdown(document: Document, pictures: Mapping[int, str] | None = None) -> str:
    """Return a document as Markdown; equal documents give equal text.

    Parameters
    ----------
    pictures : mapping of int to str, optional
        Where the picture of each chart is, by the chart's ``id``; others are left out.
    """
    written = [f"# {plain(document.title)}", *_paragraphs(document.lead)]
    for section in document.sections:
        written += [f"## {plain(section.title)}"] if section.title else []
        written += _paragraphs(section.text)
        for part in section.parts:
            written += _part(part, pictures or {})
    written += ["---", plain(document.foot)] if document.foot else []
    return blocks(*written)


def _paragraphs(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        if line:
            pieces = re.split(r"\*\*(.+?)\*\*", line)
            text = "".join(
                f"**{plain(piece)}**" if number % 2 else plain(piece)
                for number, piece in enumerate(pieces)
            )
            yield as_line(text)


def _part(part: Part, pictures: Mapping[int, str]) -> Iterator[str]:
    if isinstance(part, Table | Listing):
        if part.title:
            yield f"{plain(part.title)}:"
        yield _laid_out(part)
    elif isinstance(part, Facts):
        notes = [f" ({plain(one.note)})" if one.note else "" for one in part.facts]
        yield "\n".join(
            f"- {plain(one.name)}: **{plain(one.value)}**{note}"
            for one, note in zip(part.facts, notes, strict=True)
        )
    elif isinstance(part, Details):
        yield f"**{plain(part.title)}**"
        yield from _paragraphs(part.text)
        for inner in part.parts:
            yield from _part(inner, pictures)
    elif isinstance(part, Row):
        for inner in part.parts:
            yield from _part(inner, pictures)
    elif isinstance(part, AudioClip):
        yield f"- {plain(part.caption)}"
    elif id(part) in pictures:
        yield f"![{plain(part.title)}]({pictures[id(part)]})"


def _laid_out(part: Table | Listing) -> str:
    if isinstance(part, Table):
        return markdown_table(part.headings, part.rows)
    return fenced(part.text)
