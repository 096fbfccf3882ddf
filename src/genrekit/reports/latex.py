"""Tables for papers: LaTeX with booktabs."""

from __future__ import annotations

from collections.abc import Sequence

from genrekit.pages import latex_table, latex_text
from genrekit.reports.document import ReportDocument, models_table
from genrekit.reports.groups import Group
from genrekit.reports.methods import Statement


def render_latex(document: ReportDocument) -> str:
    """Return a table for every set of tests that can be compared, strictest protocol first."""
    head = "% Needs \\usepackage{booktabs} and \\usepackage[T1]{fontenc}.\n"
    tables = [
        latex_table(models_table(group), _caption(group), f"tab:genrekit-{number}")
        for number, group in enumerate(document.groups, start=1)
    ]
    return head + "\n".join([*tables, *_methods(document.methods)])


def _methods(statements: Sequence[Statement]) -> list[str]:
    """Return the paragraph on methods; its references stand in the file beside it."""
    if not statements:
        return []
    statement_text = " ".join(f"{latex_text(one.text)}{_cited(one.cites)}." for one in statements)
    return [f"\\paragraph{{Methods}} {statement_text}\n"]


def _cited(cites: Sequence[str]) -> str:
    return f"~\\cite{{{','.join(cites)}}}" if cites else ""


def _caption(group: Group) -> str:
    one = group.best.run.result
    caption = (
        f"{one.items} {one.unit}s of {one.dataset}, protocol {group.title}, split "
        f"{one.split_fingerprint[:8]}. Brackets hold 95 % intervals."
    )
    if group.comparison is not None:
        caption += " Models that share a letter cannot be told apart at 5 % (Holm)."
    return latex_text(caption)
