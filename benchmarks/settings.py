"""The table of the server's settings.

python benchmarks/settings.py   # rewrite it in docs/serving.md
"""

from __future__ import annotations

import re
from pathlib import Path

from pydantic.fields import FieldInfo

from genrekit.serving.settings import Settings

PAGE = Path(__file__).resolve().parents[1] / "docs" / "serving.md"
_SECTION = re.compile(r"(<!-- settings -->\n).*?(<!-- /settings -->)", re.DOTALL)


def settings_table() -> str:
    """One line for each setting: name, default, meaning."""
    lines = ["| name | default | meaning |", "|---|---|---|"]
    lines += [
        f"| `{name.upper()}` | {_default(field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(lines) + "\n"


def updated(page: str) -> str:
    """Return the page with the table between its markers."""
    return _SECTION.sub(lambda found: found[1] + settings_table() + found[2], page)


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value == ():
        return ""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
