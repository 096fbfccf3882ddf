"""Tables for papers: LaTeX with booktabs."""

from __future__ import annotations

from collections.abc import Sequence

from genrekit.pages import Table
from genrekit.reports.document import Document, models_table
from genrekit.reports.groups import Group
from genrekit.reports.methods import Statement

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",
    "]": "{]}",
}


def latex(text: str) -> str:
    """Text in which nothing is a command; what cannot be printed is a space."""
    shown = "".join(one if one.isprintable() else " " for one in text)
    return "".join(_SPECIAL.get(one, one) for one in shown)


def render_latex(document: Document) -> str:
    """Return a table for every set of tests that can be compared, strictest protocol first."""
    head = "% Needs \\usepackage{booktabs} and \\usepackage[T1]{fontenc}.\n"
    tables = [
        _table(models_table(group), _caption(group), f"tab:genrekit-{number}")
        for number, group in enumerate(document.groups, start=1)
    ]
    return head + "\n".join([*tables, *_methods(document.methods)])


def _methods(statements: Sequence[Statement]) -> list[str]:
    """Return the paragraph on methods; its references stand in the file beside it."""
    if not statements:
        return []
    statement_text = " ".join(f"{latex(one.text)}{_cited(one.cites)}." for one in statements)
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
    return latex(caption)


def _table(table: Table, caption: str, label: str) -> str:
    lines = [
        "\\begin{table}",
        "  \\centering",
        f"  \\caption{{{caption}}}",
        f"  \\label{{{label}}}",
        f"  \\begin{{tabular}}{{{'l' * len(table.headings)}}}",
        "    \\toprule",
        _row(table.headings),
        "    \\midrule",
        *(_row(row) for row in table.rows),
        "    \\bottomrule",
        "  \\end{tabular}",
        "\\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"    {' & '.join(latex(cell) for cell in cells)} \\\\"
