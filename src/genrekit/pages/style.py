"""How pages look, and the script that draws their charts."""

from __future__ import annotations

import json

from genrekit.pages.figures import ON_DARK

#: Nothing is fetched from anywhere.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data: blob:; media-src data:"
)

_LIGHT = """\
--ink: #1b1f24; --page: #fff; --card: #f5f7f9; --soft: #58616c; --line: #d9dee4; --link: #0b62a3;
--good: #0a7350; --bad: #b3261e; --shade: rgb(20 30 40 / .34);"""
_DARK = """\
--ink: #e7eaee; --page: #13161a; --card: #1c2127; --soft: #9fa9b5; --line: #343b44; --link: #7cbcf0;
--good: #5fcba3; --bad: #ff8f86; --shade: rgb(180 200 220 / .4);"""

STYLE = f"""\
:root {{ color-scheme: light dark; {_LIGHT} }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ {_DARK} }} }}
* {{ box-sizing: border-box; }}
body {{ font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; margin: 0;
  color: var(--ink); background: var(--page); overflow-wrap: anywhere; }}
main {{ max-width: 64rem; margin: 0 auto; padding: 2rem 1rem 3rem; }}
h1 {{ font-size: clamp(1.5rem, 1.1rem + 2vw, 2.2rem); line-height: 1.2; margin: 0 0 1rem;
  letter-spacing: -.01em; }}
h2 {{ font-size: 1.3rem; line-height: 1.3; border-top: 1px solid var(--line); padding-top: 1.6rem;
  margin: 2.6rem 0 .6rem; }}
p {{ margin: .6rem 0; max-width: 46rem; }}
.lead {{ font-size: 1.08rem; }}
a {{ color: var(--link); }}
nav {{ display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; margin: 1.4rem 0 0; font-size: .92rem; }}
nav a {{ padding: .2rem 0; }}
.facts {{ display: grid; grid-template-columns: repeat(2, 1fr); gap: .7rem; margin: 1.4rem 0; }}
@media (min-width: 44rem) {{ .facts {{ grid-template-columns: repeat(3, 1fr); }} }}
.facts div {{ background: var(--card); border-radius: 10px; padding: .8rem 1rem; }}
.facts dt {{ color: var(--soft); font-size: .84rem; }}
.facts dd {{ margin: 0; font-size: .84rem; }}
.facts .value {{ font-size: 1.45rem; line-height: 1.25; font-weight: 650; }}
.facts .good .value {{ color: var(--good); }}
.facts .bad .value {{ color: var(--bad); }}
figure {{ margin: 1.2rem 0; }}
figcaption, caption {{ color: var(--soft); font-size: .92rem; text-align: left;
  padding-bottom: .3rem; }}
.soft, footer {{ color: var(--soft); }}
footer {{ border-top: 1px solid var(--line); margin-top: 3rem; padding-top: 1rem;
  font-size: .88rem; }}
.beside {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr));
  gap: 0 1.4rem; }}
.beside > * {{ min-width: 0; }}
/* What sticks out of the page casts a shadow at the side where there is more. */
.wide {{ overflow-x: auto; margin: .8rem 0; background:
  linear-gradient(90deg, var(--page) 40%, transparent) left / 3rem 100%,
  linear-gradient(270deg, var(--page) 40%, transparent) right / 3rem 100%,
  linear-gradient(90deg, var(--shade), transparent) left / 1rem 100%,
  linear-gradient(270deg, var(--shade), transparent) right / 1rem 100%;
  background-repeat: no-repeat; background-attachment: local, local, scroll, scroll; }}
.wide:focus-visible, summary:focus-visible {{ outline: 2px solid var(--link);
  outline-offset: 2px; }}
table {{ border-collapse: collapse; font-size: .94rem; overflow-wrap: break-word; }}
th, td {{ text-align: left; padding: .32rem 1.2rem .32rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }}
th {{ color: var(--soft); font-weight: 600; font-size: .86rem; vertical-align: bottom; }}
td {{ white-space: nowrap; }}
td.long {{ white-space: normal; }}
td.number, th.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
@media screen and (max-width: 44rem) {{
  th:first-child, td:first-child {{ position: sticky; left: 0; background: var(--page); }}
  td.long {{ min-width: 18rem; }} }}
tr.shown > td {{ background: color-mix(in srgb, var(--link) 22%, transparent); }}
pre {{ font: .85rem/1.5 ui-monospace, monospace; overflow-x: auto; }}
details {{ border: 1px solid var(--line); border-radius: 8px; padding: .45rem .9rem;
  margin: .5rem 0; }}
summary {{ cursor: pointer; }}
details[open] > summary {{ margin-bottom: .4rem; }}
.chart {{ min-height: 8rem; }}
.cells {{ min-width: var(--least, 30rem); }}
.drawing svg {{ display: block; min-width: 34rem; width: 100%; height: auto; }}
.drawing svg text {{ fill: var(--ink); }}
.drawing svg [style*="stroke: #000000"] {{ stroke: var(--ink) !important; }}
.drawing svg [style*="fill: #ffffff"] {{ fill: none !important; }}
audio {{ width: 100%; max-width: 24rem; }}
@page {{ margin: 16mm; }}
@media print {{
  body {{ font-size: 10.5pt; }}
  main {{ max-width: none; padding: 0; }}
  h2 {{ break-after: avoid; }}
  figure, tr, .facts div {{ break-inside: avoid; }}
  .beside {{ grid-template-columns: 1fr 1fr; }}
  .wide {{ overflow: visible; }}
  table, th {{ font-size: 8pt; }}
  th, td {{ padding-right: .6rem; }}
  td:not(.number) {{ white-space: normal; }}
  .facts {{ grid-template-columns: repeat(3, 1fr); }}
  .facts div {{ border: 1px solid var(--line); }}
  details {{ border: 0; padding: 0; }} details > summary {{ list-style: none; font-weight: 600; }}
  nav, audio {{ display: none; }}
}}"""

DRAW = (
    f"'use strict'; const ON_DARK = {json.dumps(ON_DARK)};"
    + """
const charts = [...document.querySelectorAll('.chart')];
const printed = matchMedia('print'), dark = matchMedia('(prefers-color-scheme: dark)');

async function unpack() {
  const packed = atob(document.getElementById('plotly').textContent);
  const bytes = Uint8Array.from(packed, one => one.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  const script = document.createElement('script');
  script.textContent = await new Response(stream).text();
  document.head.append(script);
}

function draw(box) {
  const style = getComputedStyle(document.documentElement);
  const [ink, line, page] = ['--ink', '--line', '--page'].map(
    name => style.getPropertyValue(name).trim());
  // Black is one of the colours, and cannot be seen on a dark page; nor can the darkest others.
  let text = document.getElementById(box.id + '-data').textContent.replaceAll('#000000', ink);
  if (dark.matches && !printed.matches)
    for (const [light, shown] of Object.entries(ON_DARK)) text = text.replaceAll(light, shown);
  const one = JSON.parse(text), narrow = box.clientWidth < 560;
  const layout = Object.assign({}, one.layout, {paper_bgcolor: 'rgba(0,0,0,0)',
    plot_bgcolor: 'rgba(0,0,0,0)', font: {color: ink, size: narrow ? 11 : 12,
    family: 'system-ui, sans-serif'}, hoverlabel: {bgcolor: page, font: {color: ink}}});
  layout.legend = narrow || box.closest('.beside')
    ? {orientation: 'h', y: -0.22, yanchor: 'top', x: 0} : {};
  if (narrow) layout.margin = Object.assign({}, layout.margin, {l: 46, r: 8});
  if (matchMedia('(pointer: coarse)').matches) layout.dragmode = false;
  for (const axis of ['xaxis', 'yaxis'])
    layout[axis] = Object.assign({gridcolor: line, zerolinecolor: line}, layout[axis]);
  box.style.height = layout.height + 'px';
  return Plotly.react(box, one.data, layout, {responsive: true, displayModeBar: false});
}

function plain(text) {
  const area = document.createElement('textarea');
  area.innerHTML = text;
  return area.value;
}

function open_cell(event) {
  const at = event.points[0], name = plain(at.y + ' > ' + at.x);
  const row = [...document.querySelectorAll('tr')].find(one => one.dataset.key === name);
  if (!row) return;
  for (const one of document.querySelectorAll('tr.shown')) one.classList.remove('shown');
  row.classList.add('shown');
  if (row.closest('details')) row.closest('details').open = true;
  row.scrollIntoView({block: 'center'});
}

async function draw_all() {
  for (const box of charts) await draw(box);
  document.documentElement.dataset.drawn = 'yes';
}

unpack().then(async () => {
  await draw_all();
  for (const box of document.querySelectorAll('.cells'))
    box.on('plotly_click', open_cell);
  dark.addEventListener('change', draw_all);
  // On paper everything is open, and light.
  printed.addEventListener('change', draw_all);
  addEventListener('beforeprint', () => {
    for (const one of document.querySelectorAll('details')) one.open = true;
  });
  for (const one of document.querySelectorAll('details'))
    one.addEventListener('toggle', () => {
      for (const box of one.querySelectorAll('.chart')) Plotly.Plots.resize(box);
    });
});"""
)
