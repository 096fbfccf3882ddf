"""Text and tables for papers: LaTeX with booktabs."""

from __future__ import annotations

from collections.abc import Sequence

from genrekit.pages.document import Table

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


def latex_text(text: str) -> str:
    """Text in which nothing is a command; what cannot be printed is a space."""
    shown = "".join(one if one.isprintable() else " " for one in text)
    return "".join(_SPECIAL.get(one, one) for one in shown)


def latex_table(table: Table, caption: str, label: str) -> str:
    """Return a table; its caption is LaTeX, its cells are text."""
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
    return f"    {' & '.join(latex_text(cell) for cell in cells)} \\\\"
