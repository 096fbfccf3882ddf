"""Audits as one page: every finding with the files that it is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec

import numpy as np

from genrekit.audit import KINDS, SEVERITIES, AuditReport, Finding, Kind, Severity
from genrekit.pages import (
    Bars,
    Details,
    Document,
    Fact,
    Facts,
    Lines,
    Part,
    Row,
    Section,
    Table,
    render_page,
)

#: Items that are listed for one finding; the rest is counted.
LISTED_ITEMS = 100
_MOST_BARS = 40
_BINS = 30


def render_audits_html(reports: Sequence[AuditReport]) -> str:
    """All audits as one page; its charts are there if plotly is installed."""
    names = ", ".join(report.data for report in reports)
    title = f"Audit of {names}" if len(reports) <= 3 else f"Audit of {len(reports)} sets"
    sections = [Section("", parts=[_summary(reports)])] if len(reports) > 1 else []
    sections += [_section(report) for report in reports]
    return render_page(Document(title, sections=sections, contents=len(reports) > 1))


def _summary(reports: Sequence[AuditReport]) -> Table:
    rows = []
    for report in reports:
        severities = [finding.severity for finding in report.findings]
        counts = [str(severities.count(severity)) for severity in SEVERITIES]
        rows.append([report.data, report.medium, *counts])
    return Table(("set", "kind", *(f"{severity}s" for severity in SEVERITIES)), rows)


def _section(report: AuditReport) -> Section:
    parts: list[Part] = [_facts(report), *(_kind(report, kind) for kind in report.counts())]
    if find_spec("plotly") is not None:
        parts.append(Row(list(_charts(report))))
    return Section(report.data, "\n".join(_text_of(report)), parts)


def _text_of(report: AuditReport) -> Iterator[str]:
    columns = f", {report.columns} columns" if report.columns else ""
    yield (
        f"{report.title}: {report.items} items of {report.recordings} recordings by their names, "
        f"{len(report.labels)} labels{columns}."
    )
    yield f"Checked: {', '.join(report.checks)}."
    if report.skipped:
        reasons = "; ".join(f"{one.check} ({one.reason})" for one in report.skipped)
        yield f"Not checked: {reasons}."
    if report.repetitions is not None and (known := report.repetitions.summary()):
        yield f"{known.capitalize()}."
    if not report.findings:
        yield "Nothing was found."


def _facts(report: AuditReport) -> Facts:
    severities = [finding.severity for finding in report.findings]
    counts = {severity: severities.count(severity) for severity in SEVERITIES}
    return Facts(
        [
            Fact(f"{severity.capitalize()}s", str(count), mood=_mood(severity, count))
            for severity, count in counts.items()
        ]
    )


def _mood(severity: Severity, count: int) -> str:
    if severity != "error":
        return ""
    return "bad" if count else "good"


def _kind(report: AuditReport, kind: Kind) -> Details:
    findings = [finding for finding in report.findings if finding.kind == kind]
    info = KINDS[kind]
    accuracy_text = ""
    if kind == "suspicious-label" and report.label_accuracy is not None:
        accuracy = report.label_accuracy
        accuracy_text = (
            f" The model that doubts them has an out-of-fold accuracy of {accuracy:.2f}."
        )
    rows = [[finding.message, _numbers(finding), _files(finding)] for finding in findings]
    return Details(
        f"**{info.title}** ({info.severity}, {len(findings)})",
        f"{info.advice}.{accuracy_text}",
        [Table(("what was seen", "numbers", "files"), rows)],
    )


def _numbers(finding: Finding) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in finding.evidence.items())


def _files(finding: Finding) -> str:
    files = [item.file or item.item_id for item in finding.items]
    more = f" and {len(files) - LISTED_ITEMS} more" if len(files) > LISTED_ITEMS else ""
    return ", ".join(files[:LISTED_ITEMS]) + more


def _charts(report: AuditReport) -> Iterator[Bars | Lines]:
    ranked = sorted(report.labels.items(), key=lambda pair: -pair[1])[:_MOST_BARS]
    if ranked:
        labels, counts = [label for label, _ in ranked], [float(count) for _, count in ranked]
        yield Bars(f"Items of each label in {report.data}", labels, counts, "items")
    for values, title, unit in (
        (report.seconds, "Length of the files", "seconds"),
        (report.loudness_db, "Loudness of the files", "root mean square, dB"),
    ):
        if values:
            yield _histogram(values, f"{title} in {report.data}", unit)


def _histogram(values: Sequence[float], title: str, unit: str) -> Lines:
    """How often values occur, as steps."""
    counts, edges = np.histogram(np.asarray(values, float), bins=_BINS)
    sides = np.repeat(edges, 2)
    heights = np.concatenate([[0], np.repeat(counts, 2), [0]]).astype(float)
    return Lines(title, sides, {"files": heights}, unit, "files", filled=True)
