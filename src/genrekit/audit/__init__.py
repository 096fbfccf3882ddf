"""What is wrong with data: files, duplicates, labels, balance, tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.audit.confident_learning import find_label_issues, out_of_fold
    from genrekit.audit.finding import KINDS, SEVERITIES, AuditReport, Finding, Kind, Severity
    from genrekit.audit.markdown import render_audits_markdown
    from genrekit.audit.plan import make_plan
    from genrekit.audit.run import run_audit
    from genrekit.audit.table import load_table

__all__ = [
    "KINDS",
    "SEVERITIES",
    "AuditReport",
    "Finding",
    "Kind",
    "Severity",
    "find_label_issues",
    "load_table",
    "make_plan",
    "out_of_fold",
    "render_audits_markdown",
    "run_audit",
]

# Resolved on first use: who needs one module of this room does not import the others.
_HOMES = {
    "find_label_issues": "genrekit.audit.confident_learning",
    "out_of_fold": "genrekit.audit.confident_learning",
    "KINDS": "genrekit.audit.finding",
    "SEVERITIES": "genrekit.audit.finding",
    "AuditReport": "genrekit.audit.finding",
    "Finding": "genrekit.audit.finding",
    "Kind": "genrekit.audit.finding",
    "Severity": "genrekit.audit.finding",
    "render_audits_markdown": "genrekit.audit.markdown",
    "make_plan": "genrekit.audit.plan",
    "run_audit": "genrekit.audit.run",
    "load_table": "genrekit.audit.table",
}

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
