"""Reports that people want to read, of everything that was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.reports.arms import arms_document, in_short
    from genrekit.reports.auditing import render_audits_html
    from genrekit.reports.best_model import genre_section, sureness_section
    from genrekit.reports.comparing import (
        ranks_chart,
        render_comparison_html,
        render_comparison_markdown,
    )
    from genrekit.reports.document import make_document
    from genrekit.reports.groups import Entry, Group, distinct_names, groups_of
    from genrekit.reports.inputs import read_inputs
    from genrekit.reports.robustness import plot_robustness, render_robustness_markdown
    from genrekit.reports.studying import study, write_study_report
    from genrekit.reports.write import Report, report, write_document

__all__ = [
    "Entry",
    "Group",
    "Report",
    "arms_document",
    "distinct_names",
    "genre_section",
    "groups_of",
    "in_short",
    "make_document",
    "plot_robustness",
    "ranks_chart",
    "read_inputs",
    "render_audits_html",
    "render_comparison_html",
    "render_comparison_markdown",
    "render_robustness_markdown",
    "report",
    "study",
    "sureness_section",
    "write_document",
    "write_study_report",
]

# Resolved on first use: who needs one module of this room does not import the others.
_HOMES = {
    "arms_document": "genrekit.reports.arms",
    "in_short": "genrekit.reports.arms",
    "render_audits_html": "genrekit.reports.auditing",
    "genre_section": "genrekit.reports.best_model",
    "sureness_section": "genrekit.reports.best_model",
    "ranks_chart": "genrekit.reports.comparing",
    "render_comparison_html": "genrekit.reports.comparing",
    "render_comparison_markdown": "genrekit.reports.comparing",
    "make_document": "genrekit.reports.document",
    "Entry": "genrekit.reports.groups",
    "Group": "genrekit.reports.groups",
    "distinct_names": "genrekit.reports.groups",
    "groups_of": "genrekit.reports.groups",
    "read_inputs": "genrekit.reports.inputs",
    "plot_robustness": "genrekit.reports.robustness",
    "render_robustness_markdown": "genrekit.reports.robustness",
    "study": "genrekit.reports.studying",
    "write_study_report": "genrekit.reports.studying",
    "Report": "genrekit.reports.write",
    "report": "genrekit.reports.write",
    "write_document": "genrekit.reports.write",
}

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
