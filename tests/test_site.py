"""The documentation builds as a site without dead links, and fetches nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
#: What a browser fetches by itself when it opens a page.
_FETCHED = re.compile(
    r'<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)="(?:https?:)?//[^"]+'
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as ``make site`` builds it: what is wrong ends the build."""
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)]
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.slow
def test_pages_fetch_nothing_from_other_hosts(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 60
    assert {
        str(page): found for page in pages if (found := _FETCHED.findall(page.read_text("utf-8")))
    } == {}
    styles = [path.read_text("utf-8") for path in site.rglob("*.css")]
    assert not any(re.search(r"url\(['\"]?(?:https?:)?//", style) for style in styles)


@pytest.mark.slow
def test_rooms_are_documented_by_their_docstrings(site: Path) -> None:
    page = (site / "api" / "genrekit.datasets" / "index.html").read_text("utf-8")
    assert 'id="genrekit.datasets.load_dataset"' in page
    assert "Load a corpus by its name" in page


@pytest.mark.slow
def test_links_of_the_repository_lead_to_pages_of_the_site(site: Path) -> None:
    home = (site / "index.html").read_text("utf-8")
    assert 'href="contributing/"' in home
    assert 'src="pictures/page.png"' in home
    assert not re.search(r'href="[^"]*\.md[#"]', home)
    assert "repository:" not in home
