"""One page of charts, tables and sounds that needs nothing but itself."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from genrekit.errors import MissingExtraError
from genrekit.explain.charts import Chart
from genrekit.explain.charts_html import figure
from genrekit.explain.charts_png import save_chart


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """Rows of text under headings."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """A WAV file to listen to."""

    caption: str
    path: Path


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """A heading, a few sentences, and what belongs to them."""

    title: str
    text: str = ""
    parts: Sequence[Chart | Sheet | Sound] = field(default_factory=tuple)


_STYLE = """\
:root { color-scheme: light dark; --ink: #1c1f24; --page: #fff; --soft: #5d6672; --line: #d8dde3; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --page: #14171b; --soft: #9aa4b0;
  --line: #333a42; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h2 { border-top: 1px solid var(--line); padding-top: 1.2rem; margin-top: 2.2rem; }
figure { margin: 1rem 0; } figcaption, .soft { color: var(--soft); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; } th, td { text-align: left; padding: .25rem .7rem;
  border-bottom: 1px solid var(--line); vertical-align: top; font-variant-numeric: tabular-nums; }
audio { width: 100%; max-width: 24rem; }
@media print { figure, tr { break-inside: avoid; } audio { display: none; } }"""

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data: blob:; media-src data:"
)

_DRAW = """\
function draw() {
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue('--ink'), line = style.getPropertyValue('--line');
  for (const box of document.querySelectorAll('.chart')) {
    const one = JSON.parse(document.getElementById(box.id + '-data').textContent);
    const layout = Object.assign({}, one.layout, {paper_bgcolor: 'rgba(0,0,0,0)',
      plot_bgcolor: 'rgba(0,0,0,0)', font: {color: ink}});
    for (const axis of ['xaxis', 'yaxis'])
      layout[axis] = Object.assign({gridcolor: line, zerolinecolor: line}, layout[axis]);
    Plotly.react(box, one.data, layout, {responsive: true, displayModeBar: false});
  }
}
draw();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);"""


def write_page(
    title: str, lead: str, sections: Sequence[Section], path: Path, pictures: Path
) -> tuple[Path, ...]:
    """Write a page, and each chart as a PNG into the folder ``pictures``; return what was written.

    Raises
    ------
    MissingExtraError
        Without plotly or matplotlib.
    """
    pictures.mkdir(parents=True, exist_ok=True)
    drawn = [
        save_chart(chart, pictures / f"{_file_name(chart.title)}.png")
        for chart in _charts(sections)
    ]
    path.write_text(render_page(title, lead, sections), encoding="utf-8")
    return (path, *drawn)


def render_page(title: str, lead: str, sections: Sequence[Section]) -> str:
    """The page as HTML; whatever a file is called, it stays text."""
    numbered = {id(chart): f"chart-{number}" for number, chart in enumerate(_charts(sections))}
    body = [f"<h1>{escape(title)}</h1>", f"<p>{escape(lead)}</p>"]
    for section in sections:
        body += ["<section>", f"<h2>{escape(section.title)}</h2>"]
        body += [f"<p>{escape(text)}</p>" for text in section.text.split("\n") if text]
        body += [_part(part, numbered) for part in section.parts]
        body.append("</section>")
    scripts = [f"<script>{_plotly()}</script>", f"<script>{_DRAW}</script>"] if numbered else []
    head = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
    ]
    return "\n".join([*head, *body, *scripts, "</body>", "</html>"]) + "\n"


def _charts(sections: Sequence[Section]) -> list[Chart]:
    return [
        part
        for section in sections
        for part in section.parts
        if not isinstance(part, Sheet | Sound)
    ]


def _part(part: Chart | Sheet | Sound, numbered: dict[int, str]) -> str:
    if isinstance(part, Sheet):
        head = "".join(f"<th>{escape(text)}</th>" for text in part.headings)
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in part.rows
        )
        caption = f"<p class='soft'>{escape(part.title)}</p>" if part.title else ""
        return f"{caption}<div class='wide'><table><tr>{head}</tr>{rows}</table></div>"
    if isinstance(part, Sound):
        data = base64.b64encode(part.path.read_bytes()).decode()
        return (
            f"<figure><figcaption>{escape(part.caption)}</figcaption>"
            f'<audio controls preload="none" src="data:audio/wav;base64,{data}"></audio></figure>'
        )
    name = numbered[id(part)]
    # Inside of a script only a closing tag could end it.
    data = json.dumps(figure(part), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    return (
        f'<figure><figcaption>{escape(part.title)}</figcaption><div class="chart" id="{name}">'
        f'</div><script type="application/json" id="{name}-data">{data}</script></figure>'
    )


def _plotly() -> str:
    try:
        from plotly.offline import get_plotlyjs
    except ModuleNotFoundError:
        raise MissingExtraError("plotly", "report") from None
    script: str = get_plotlyjs()
    return script


def _file_name(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:80] or "chart"
