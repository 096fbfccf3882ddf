"""Audits as one HTML page that needs nothing but itself: no script, no host, no font."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from genrekit.evaluation.audit_charts import bars, histogram
from genrekit.evaluation.audit_finding import KINDS, AuditReport, Finding, Kind

#: Items that are listed for one finding; the rest is counted.
LISTED_ITEMS = 100

_STYLE = """\
:root { color-scheme: light dark; --ink: #1c1f24; --page: #fff; --soft: #5d6672; --line: #d8dde3;
  --bar: #2f6fb0; --error: #b3261e; --warning: #8a5a00; --note: #33658a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --page: #14171b; --soft: #9aa4b0;
  --line: #333a42; --bar: #6ea8e0; --error: #ff8a80; --warning: #f0b95a; --note: #8cbfe6; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h2 { border-top: 1px solid var(--line); padding-top: 1.5rem; margin-top: 2.5rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line);
  vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.error { color: var(--error); } .warning { color: var(--warning); } .note { color: var(--note); }
.soft, figcaption { color: var(--soft); }
details { border: 1px solid var(--line); border-radius: 6px; padding: .5rem .8rem;
  margin: .6rem 0; }
summary { cursor: pointer; }
li { margin: .3rem 0; } code { font-size: .9em; }
figure { margin: 1rem 0; } svg { width: 100%; height: auto; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; } svg rect { fill: var(--bar); }"""

_HEAD = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
<h1>{title}</h1>"""


def render_audits_html(reports: Sequence[AuditReport]) -> str:
    """All reports as one page; whatever a file is called, it stays text."""
    names = ", ".join(report.data for report in reports)
    title = f"Audit of {names}" if len(reports) <= 3 else f"Audit of {len(reports)} sets"
    parts = [_HEAD.format(title=escape(title), style=_STYLE)]
    if len(reports) > 1:
        parts.append(_contents(reports))
    for number, report in enumerate(reports):
        parts += _section(report, number)
    return "\n".join([*parts, "</body>", "</html>"]) + "\n"


def _contents(reports: Sequence[AuditReport]) -> str:
    rows = []
    for number, report in enumerate(reports):
        severities = [finding.severity for finding in report.findings]
        cells = "".join(
            f'<td class="number {one}">{severities.count(one)}</td>'
            for one in ("error", "warning", "note")
        )
        link = f'<a href="#set-{number}">{escape(report.data)}</a>'
        rows.append(f"<tr><td>{link}</td><td>{report.medium}</td>{cells}</tr>")
    head = "<tr><th>set</th><th>kind</th><th>errors</th><th>warnings</th><th>notes</th></tr>"
    return f"<table>{head}{''.join(rows)}</table>"


def _section(report: AuditReport, number: int) -> Iterator[str]:
    columns = f", {report.columns} columns" if report.columns else ""
    yield f'<section id="set-{number}"><h2>{escape(report.data)}</h2>'
    yield (
        f"<p>{escape(report.title)}: {report.items} items of {report.recordings} recordings by "
        f"their names, {len(report.labels)} labels{columns}.</p>"
    )
    yield f'<p class="soft">Checked: {escape(", ".join(report.checks))}.</p>'
    if report.skipped:
        reasons = "; ".join(f"{one.check} ({one.reason})" for one in report.skipped)
        yield f'<p class="soft">Not checked: {escape(reasons)}.</p>'
    yield from _known(report)
    if not report.findings:
        yield "<p>Nothing was found.</p>"
    for kind in report.counts():
        yield _kind(report, kind)
    yield bars(report.labels, "Items of each label")
    yield histogram(report.seconds, "Length of the files", "s")
    yield histogram(report.loudness_db, "Loudness of the files (root mean square)", "dB")
    yield "</section>"


def _known(report: AuditReport) -> Iterator[str]:
    known = report.repetitions
    if known is None or known.recall is None:
        return
    found, total = known.exact_found + known.near_found, known.exact_known + known.near_known
    one = known.recall
    yield (
        f"<p>Of {total} known repetitions {found} were found: {one.value:.2f} "
        f"[{one.low:.2f}, {one.high:.2f}].</p>"
    )


def _kind(report: AuditReport, kind: Kind) -> str:
    findings = [finding for finding in report.findings if finding.kind == kind]
    info = KINDS[kind]
    accuracy = report.label_accuracy
    judge = (
        f" The model that doubts them has an out-of-fold accuracy of {accuracy:.2f}."
        if kind == "suspicious-label" and accuracy is not None
        else ""
    )
    is_open = " open" if info.severity == "error" and len(findings) <= 20 else ""
    items = "".join(f"<li>{_finding(finding)}</li>" for finding in findings)
    return (
        f'<details{is_open}><summary><b class="{info.severity}">{escape(info.title)}</b> '
        f'<span class="soft">({info.severity}, {len(findings)})</span></summary>'
        f"<p>{escape(info.advice)}.{judge}</p><ol>{items}</ol></details>"
    )


def _finding(finding: Finding) -> str:
    text = escape(finding.message)
    numbers = ", ".join(f"{name} {value:g}" for name, value in finding.evidence.items())
    if numbers:
        text += f'<br><span class="soft">{escape(numbers)}</span>'
    files = [item.file or item.item_id for item in finding.items]
    if files:
        shown = ", ".join(f"<code>{escape(file)}</code>" for file in files[:LISTED_ITEMS])
        more = f" and {len(files) - LISTED_ITEMS} more" if len(files) > LISTED_ITEMS else ""
        text += f"<br>{shown}{more}"
    return text
