"""Audits as Markdown for ``docs/results``: what was found in each set, and what was not."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from statistics import median

from genrekit.audit.finding import (
    KINDS,
    SEVERITIES,
    AuditReport,
    Kind,
    KnownRepetitions,
)
from genrekit.markdown import as_line, blocks, bullets, markdown_table, plain, section

#: Findings of one kind that are listed; the rest is counted.
LISTED = 12
#: Recall of repetitions of whole tracks says little for pieces shorter than this.
TRACK_SECONDS = 25.0

_INTRODUCTION = """\
Made by `{command}`. Every set that was recognised below DATA is listed; files without labels are \
no sets. The audit sees names, labels and what is in the files, and does not use what is published \
about their faults. genrekit {version}."""

_REPETITIONS = """\
Where the names are GTZAN's, the duplicates found are held against the {known} repetitions that \
genrekit knows ({exact} exact, {near} near). Those were measured on three feature tables \
(features_30_sec, librosa_statistics_149 and choi2017_features), so recall on these is flattered; \
other tables, pictures and audio had no part in it. B. L. Sturm's catalogue (arXiv:1306.1461) \
counts 50 exact replicas and 22 further excerpts of the same recordings among all 1000 tracks."""

_LABELS = """\
Labels are doubted by confident learning over out-of-fold probabilities of a forest, recordings \
and duplicates kept in one fold. The accuracy of that forest is given with them: the lower it is, \
the more of its doubts are its own mistakes."""


def render_audits_markdown(reports: Sequence[AuditReport], command: str) -> str:
    """All reports as one page; equal reports give equal text."""
    return blocks(
        "# What an audit finds in real data",
        _INTRODUCTION.format(command=command, version=version("genrekit")),
        _summary(reports),
        *_notes(reports),
        *map(_section, reports),
    )


def _notes(reports: Sequence[AuditReport]) -> list[str]:
    notes = []
    if any(report.repetitions for report in reports):
        from genrekit.datasets import EXACT_REPETITIONS, NEAR_REPETITIONS

        exact, near = len(EXACT_REPETITIONS), len(NEAR_REPETITIONS)
        notes.append(_REPETITIONS.format(known=exact + near, exact=exact, near=near))
    if any(report.label_accuracy is not None for report in reports):
        notes.append(_LABELS)
    return notes


def _summary(reports: Sequence[AuditReport]) -> str:
    header = ["set", "kind", "items", "labels", *(f"{one}s" for one in SEVERITIES)]
    rows = []
    for report in reports:
        severities = [finding.severity for finding in report.findings]
        counts = [str(severities.count(severity)) for severity in SEVERITIES]
        known = _recall(report.repetitions)
        size = [report.data, report.medium, str(report.items), str(len(report.labels))]
        rows.append([*size, *counts, known])
    return markdown_table([*header, "known repetitions found"], rows)


def _recall(known: KnownRepetitions | None) -> str:
    if known is None or known.recall is None:
        return ""
    found = known.exact_found + known.near_found
    one = known.recall
    total = known.exact_known + known.near_known
    return f"{found} of {total}: {one.value:.2f} [{one.low:.2f}, {one.high:.2f}]"


def _section(report: AuditReport) -> str:
    counts = ", ".join(f"{plain(label)} {count}" for label, count in _largest(report.labels))
    columns = f", {report.columns} columns" if report.columns else ""
    facts = [
        f"{as_line(plain(report.title))}. {report.items} items of {report.recordings} recordings "
        f"by their names{columns}. {counts}.",
        f"Checked: {', '.join(report.checks)}.",
    ]
    if report.skipped:
        reasons = "; ".join(f"{plain(one.check)} ({plain(one.reason)})" for one in report.skipped)
        facts.append(f"Not checked: {reasons}.")
    if not report.findings:
        facts.append("Nothing was found.")
    kinds = (_kind(report, kind) for kind in report.counts())
    return section(plain(report.data), *facts, *kinds, *_known(report))


def _largest(labels: dict[str, int], most: int = 12) -> list[tuple[str, int]]:
    ranked = sorted(labels.items(), key=lambda pair: -pair[1])
    rest = sum(count for _, count in ranked[most:])
    more = [(f"{len(ranked) - most} further labels", rest)] if rest else []
    return [*ranked[:most], *more]


def _kind(report: AuditReport, kind: Kind) -> str:
    findings = [finding for finding in report.findings if finding.kind == kind]
    info = KINDS[kind]
    ranking = ""
    if kind == "suspicious-label" and report.label_accuracy is not None:
        ranking = f", most doubtful first (accuracy of the judge {report.label_accuracy:.2f})"
    head = f"**{info.title}** ({info.severity}, {len(findings)}{ranking}): {info.advice}."
    lines = [plain(finding.message) for finding in findings[:LISTED]]
    if len(findings) > LISTED:
        lines.append(f"and {len(findings) - LISTED} more")
    return f"{head}\n\n{bullets(lines)}"


def _known(report: AuditReport) -> list[str]:
    known = report.repetitions
    if known is None or (known.recall is None and not known.further):
        return []
    lines = ["No known repetition has both of its tracks here."]
    if known.recall is not None:
        lines = [
            f"Of the known repetitions with both tracks here, {known.exact_found} of "
            f"{known.exact_known} exact and {known.near_found} of {known.near_known} near ones "
            "were found."
        ]
    if report.seconds and median(report.seconds) < TRACK_SECONDS:
        lines.append(
            f"The files last {median(report.seconds):.1f} s (median), and the list is about tracks "
            "of 30 s: short pieces of one recording need not share any audio."
        )
    if known.missed:
        lines.append(f"Missed: {_pairs(known.missed)}.")
    if known.further:
        lines.append(f"Found besides: {_pairs(known.further)}.")
    return [" ".join(lines)]


def _pairs(pairs: Sequence[tuple[str, str]]) -> str:
    return "; ".join(f"{one} and {other}" for one, other in pairs)
