"""The table of rooms in docs/architecture.md: files and lines of each, at a commit and today.

python benchmarks/rooms.py COMMIT   # rewrite it
"""

from __future__ import annotations

import argparse
import re
import subprocess
from collections import Counter
from pathlib import Path

from genrekit.markdown import markdown_table

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
_SECTION = re.compile(r"(<!-- rooms -->\n).*?(<!-- /rooms -->)", re.DOTALL)
_GROUND = "(below them)"


def counted(commit: str | None) -> tuple[Counter[str], Counter[str]]:
    """Files and lines of each room; None counts those that are here."""
    revision = [] if commit is None else [commit]
    command = ["git", "grep", "-c", "", *revision, "--", "src/genrekit/*.py", "src/genrekit/*.pyi"]
    found = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    files: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    for line in found.splitlines():
        path, count = line.rsplit(":", 1)
        room, inside, _ = path.split("src/genrekit/", 1)[1].partition("/")
        name = room if inside else _GROUND
        files[name] += path.endswith(".py")  # a stub is no file of its own
        lines[name] += int(count)
    return files, lines


def rooms(commit: str) -> str:
    """The table."""
    (files, lines), (new_files, new_lines) = counted(commit), counted(None)
    rows = []
    for name in sorted(files | new_files):
        before, after = (files[name], lines[name]), (new_files[name], new_lines[name])
        rows.append([f"{count:,}" if count else "" for count in (*before, *after)])
        rows[-1].insert(0, name)
    totals = (files.total(), lines.total(), new_files.total(), new_lines.total())
    rows.append(["all", *(f"{count:,}" for count in totals)])
    headings = ("room", f"files at {commit[:7]}", "lines", "files", "lines")
    return f"{markdown_table(headings, rows)}\n"


def main() -> None:
    """Write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("commit", help="to compare with")
    table = rooms(parser.parse_args().commit)
    page = PAGE.read_text(encoding="utf-8")
    page = _SECTION.sub(lambda found: f"{found[1]}\n{table}\n{found[2]}", page)
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
