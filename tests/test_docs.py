"""The pages under docs hang together: none is an orphan, no link is dead, no named file is gone."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
DOCS = REPOSITORY / "docs"
PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
INDEX = DOCS / "README.md"
#: Modules that are no rooms, and public all the same: contracts, errors, the files of a backbone.
PUBLIC = {"genrekit.schema", "genrekit.errors"}
PUBLIC |= {f"genrekit.models.pretrained.{name}" for name in ("musicnn", "musicnn_weights")}


def links(page: Path) -> set[Path]:
    found = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    return {(page.parent / link).resolve() for link in found if "://" not in link}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_no_link_is_dead(page: Path) -> None:
    assert [link for link in sorted(links(page)) if not link.exists()] == []


def test_the_index_leads_to_every_page() -> None:
    assert set(DOCS.rglob("*.md")) - links(INDEX) - {INDEX} == set()


def test_the_readme_leads_to_the_index() -> None:
    assert INDEX in links(REPOSITORY / "README.md")


@pytest.mark.parametrize("name", ["architecture", "path-of-a-track", "path-of-a-recipe"])
def test_every_named_file_is_there(name: str) -> None:
    page = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    files = re.findall(r"`([a-z0-9_/]+\.py)`", page)
    assert files
    assert [file for file in files if not (REPOSITORY / "src/genrekit" / file).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_python_of_pages_imports_what_is_offered(page: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    imports = re.compile(r"^from (genrekit[\w.]*) import (?:\(([^)]*)\)|(.+))$", re.MULTILINE)
    for module, several, one in imports.findall("\n".join(blocks)):
        found = import_module(module)
        offered = dir(found) if module in PUBLIC else found.__all__
        names = {name.split(" as ")[0].strip() for name in (several or one).split(",")} - {""}
        assert names <= set(offered), module


def test_the_glossary_knows_every_leak_and_the_protocols_of_headlines() -> None:
    from genrekit.evaluation import LeakKind

    page = (DOCS / "glossary.md").read_text("utf-8")
    assert [kind for kind in get_args(LeakKind) if f"`{kind}`" not in page] == []
    words = {word.casefold() for word in re.findall(r"^\*\*(.+?)\*\*$", page, re.MULTILINE)}
    assert words >= {"fault-filtered", "leak", "left out", "held out", "abstention", "embedding"}
    assert words >= {"window", "condition", "temperature", "leave-one-collection-out"}


def test_the_sizes_are_those_that_are_built() -> None:
    script = REPOSITORY / "benchmarks" / "sizes.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
