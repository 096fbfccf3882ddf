"""The word LEAKY on everything that can be cut out of a page and shown elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from genrekit.pages.document import AudioClip, Details, Facts, Listing, Part, Row, Section

LEAKY = "LEAKY"


def marked_leaky(sections: Sequence[Section]) -> list[Section]:
    """Put LEAKY into the title of every section, chart and table, however deep it is folded."""
    return [
        replace(
            section,
            title=_with_mark(section.title) if section.title else "",
            parts=leaky_parts(section.parts),
        )
        for section in sections
    ]


def leaky_parts(parts: Sequence[Part]) -> list[Part]:
    """Return the same parts, with LEAKY in the title of each chart and table."""
    return [_marked(part) for part in parts]


def _marked(part: Part) -> Part:
    if isinstance(part, AudioClip | Facts | Listing):
        return part
    if isinstance(part, Row):
        return replace(part, parts=leaky_parts(part.parts))
    if isinstance(part, Details):
        return replace(part, title=_with_mark(part.title), parts=leaky_parts(part.parts))
    return replace(part, title=_with_mark(part.title))


def _with_mark(title: str) -> str:
    return title if LEAKY in title.split() else f"{title} {LEAKY}".strip()
