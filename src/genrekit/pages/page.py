"""One page of charts, tables and sounds that needs nothing but itself."""

from __future__ import annotations

import base64
import gzip
import json
import re
from functools import cache
from html import escape

from genrekit.extras import naming_extra
from genrekit.pages.charts import Chart, Heatmap, Ranks, significance_of
from genrekit.pages.charts_html import figure
from genrekit.pages.critical_difference import critical_difference_svg
from genrekit.pages.document import (
    AudioClip,
    Details,
    Document,
    Fact,
    Facts,
    Listing,
    Part,
    Row,
    Section,
    Table,
    charts_of,
)
from genrekit.pages.style import DRAW, POLICY, STYLE


def render_page(document: Document) -> str:
    """Return a document as HTML that needs nothing but itself.

    Raises
    ------
    MissingExtraError
        Without plotly, or with a diagram of ranks without matplotlib.
    """
    numbered = {
        id(chart): f"chart-{number}"
        for number, chart in enumerate(charts_of(document.sections))
        if not isinstance(chart, Ranks)
    }
    body = ["<main>", f"<h1>{escape(document.title)}</h1>", *_paragraphs(document.lead, "lead")]
    opening = [section for section in document.sections if not section.title]
    rest = [section for section in document.sections if section.title]
    body += [_section(section, "opening", numbered) for section in opening]
    if document.contents:
        links = (
            f'<a href="#part-{number}">{escape(section.title)}</a>'
            for number, section in enumerate(rest)
        )
        body.append(f'<nav aria-label="Contents">{" ".join(links)}</nav>')
    body += [_section(one, f"part-{number}", numbered) for number, one in enumerate(rest)]
    body += [f"<footer>{escape(document.foot)}</footer>"] if document.foot else []
    body.append("</main>")
    head = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        f"<title>{escape(document.title)}</title>",
        f"<style>{STYLE}</style>",
        "</head>",
        "<body>",
    ]
    scripts = _scripts() if numbered else []
    return "\n".join([*head, *body, *scripts, "</body>", "</html>"]) + "\n"


# --- parts --------------------------------------------------------------------------------------


def _section(section: Section, name: str, numbered: dict[int, str]) -> str:
    heading = f"<h2>{escape(section.title)}</h2>" if section.title else ""
    parts = (_part(part, numbered) for part in section.parts)
    return "\n".join(
        [f'<section id="{name}">', heading, *_paragraphs(section.text), *parts, "</section>"]
    )


def _paragraphs(text: str, kind: str = "") -> list[str]:
    named = f' class="{kind}"' if kind else ""
    return [f"<p{named}>{_marked(line)}</p>" for line in text.split("\n") if line]


def _marked(text: str) -> str:
    return re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escape(text))


def _part(part: Part, numbered: dict[int, str]) -> str:
    if isinstance(part, Table):
        return _table(part)
    if isinstance(part, AudioClip):
        return _sound(part)
    if isinstance(part, Listing):
        caption = f"<figcaption>{escape(part.title)}</figcaption>" if part.title else ""
        return f'<figure>{caption}<pre class="wide" tabindex="0">{escape(part.text)}</pre></figure>'
    if isinstance(part, Facts):
        return f'<dl class="facts">{"".join(map(_fact, part.facts))}</dl>'
    if isinstance(part, Details):
        inner = "".join([*_paragraphs(part.text), *(_part(one, numbered) for one in part.parts)])
        return f"<details><summary>{_marked(part.title)}</summary>{inner}</details>"
    if isinstance(part, Row):
        inner = "".join(_part(one, numbered) for one in part.parts)
        return f'<div class="beside">{inner}</div>'
    return _figure(part, numbered)


# What counts as a number in a table: one with its interval, a share, a p-value, counts.
_NUMBER = re.compile(r"(?:[<+\-]? ?[\d.,]+ ?%?(?: \[[^\]]*\])?(?: / [\d.]+)?(?: \*)?)?")

_LEAST_REM = 30
#: Text of a column that is given room on a phone.
_LONG = 40


def _table(table: Table) -> str:
    columns = range(len(table.headings))
    numeric = {
        column
        for column in columns
        if table.rows and all(_NUMBER.fullmatch(row[column]) for row in table.rows)
    }
    long = {column for column in columns if any(len(row[column]) > _LONG for row in table.rows)}
    kinds = [_column_kind(column in numeric, column in long) for column in columns]
    keys = [f' data-key="{escape(key)}"' for key in table.keys] or [""] * len(table.rows)
    head = "".join(
        f'<th scope="col"{kind}>{escape(text)}</th>'
        for kind, text in zip(kinds, table.headings, strict=True)
    )
    rows = "".join(
        f"<tr{key}>"
        + "".join(f"<td{kind}>{_marked(cell)}</td>" for kind, cell in zip(kinds, row, strict=True))
        + "</tr>"
        for row, key in zip(table.rows, keys, strict=True)
    )
    caption = f"<caption>{escape(table.title)}</caption>" if table.title else ""
    drawn = f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="wide" tabindex="0">{drawn}</div>'


def _column_kind(numeric: bool, long: bool) -> str:
    if numeric:
        return ' class="number"'
    return ' class="long"' if long else ""


def _sound(sound: AudioClip) -> str:
    audio = sound.audio if isinstance(sound.audio, bytes) else sound.audio.read_bytes()
    data = base64.b64encode(audio).decode()
    return (
        f"<figure><figcaption>{escape(sound.caption)}</figcaption>"
        f'<audio controls preload="none" aria-label="{escape(sound.caption)}" '
        f'src="data:{sound.media_type};base64,{data}"></audio></figure>'
    )


def _fact(fact: Fact) -> str:
    note = f'<dd class="soft">{escape(fact.note)}</dd>' if fact.note else ""
    return (
        f'<div class="{fact.mood}"><dt>{escape(fact.name)}</dt>'
        f'<dd class="value">{escape(fact.value)}</dd>{note}</div>'
    )


def _figure(chart: Chart, numbered: dict[int, str]) -> str:
    result = significance_of(chart)
    below = f"<br><b>{escape(result)}</b>" if result else ""
    caption = f"<figcaption>{escape(chart.title)}{below}</figcaption>" if chart.title else ""
    if isinstance(chart, Ranks):
        drawing = critical_difference_svg(chart.found, chart.names, chart.title)
        named = f'role="img" aria-label="{escape(chart.title)}"'
        return f'<figure>{caption}<div class="wide drawing" {named}>{drawing}</div></figure>'
    name = numbered[id(chart)]
    # Inside of a script only a closing tag could end it.
    data = json.dumps(figure(chart), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    box = f'id="{name}" role="img" aria-label="{escape(chart.title)}"></div>'
    drawn = f'<div class="chart" {box}'
    if isinstance(chart, Heatmap):
        least = f'style="--least: {_least_rem(chart)}rem"'
        drawn = f'<div class="wide" tabindex="0"><div class="chart cells" {least} {box}</div>'
    script = f'<script type="application/json" id="{name}-data">{data}</script>'
    return f"<figure>{caption}{drawn}{script}</figure>"


def _least_rem(chart: Heatmap) -> int:
    """Below this a map is scrolled and not squeezed: a letter's height for each named column."""
    return 12 + len(chart.x) if isinstance(chart.x[0], str) else _LEAST_REM


# --- what draws ---------------------------------------------------------------------------------


def _scripts() -> list[str]:
    missing = "<noscript><p>The charts need JavaScript; the tables do not.</p></noscript>"
    packed = f'<script type="text/plain" id="plotly">{_plotly()}</script>'
    return [missing, packed, f"<script>{DRAW}</script>"]


@cache
def _plotly() -> str:
    """Pack Plotly's script: a page of two megabytes in place of five."""
    with naming_extra():
        from plotly.offline import get_plotlyjs
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), 9, mtime=0)).decode()
