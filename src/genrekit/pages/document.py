"""What a page says, before it is HTML, Markdown or LaTeX."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from genrekit.pages.charts import Chart


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Rows of text under headings.

    Parameters
    ----------
    keys : sequence of str
        What each row is about, for the cells of a chart: ``true > told``. Pressing one shows it.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    keys: Sequence[str] = ()


@dataclass(frozen=True, slots=True, eq=False)
class AudioClip:
    """Audio to listen to: a file of it, or what such a file holds."""

    caption: str
    audio: Path | bytes
    media_type: str = "audio/wav"


@dataclass(frozen=True, slots=True, eq=False)
class Fact:
    """A number or a word that is read first, and what it is; ``mood`` is good, bad, or nothing."""

    name: str
    value: str
    note: str = ""
    mood: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """What is read first, side by side."""

    facts: Sequence[Fact]


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """Text to be copied, line by line as it is."""

    title: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Details:
    """Parts that are shown when their title is pressed."""

    title: str
    text: str = ""
    parts: Sequence[Part] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """Parts that stand side by side where there is room."""

    parts: Sequence[Part]


Part = Chart | Table | AudioClip | Facts | Listing | Details | Row


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """A heading, a few sentences, and what belongs to them."""

    title: str
    text: str = ""
    parts: Sequence[Part] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A title, a lead, and sections; whatever a file or a genre is called in them stays text.

    Parameters
    ----------
    lead : str
        Lines are paragraphs; what stands between ``**`` is bold, there and in texts of sections.
    foot : str
        A last line.
    contents : bool
        List the sections under the lead; Markdown is short enough without.
    """

    title: str
    lead: str = ""
    sections: Sequence[Section] = ()
    foot: str = ""
    contents: bool = False


def charts_of(sections: Iterable[Section]) -> list[Chart]:
    """All charts, in their order on the page."""
    return [chart for section in sections for part in section.parts for chart in _charts(part)]


def _charts(part: Part) -> Iterator[Chart]:
    if isinstance(part, Details | Row):
        for inner in part.parts:
            yield from _charts(inner)
    elif not isinstance(part, Table | AudioClip | Facts | Listing):
        yield part


def file_name(title: str) -> str:
    """Return what the picture of a chart is called."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:80] or "chart"
