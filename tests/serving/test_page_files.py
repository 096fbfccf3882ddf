"""The files of the page, without a browser: nothing inline, nothing from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from genrekit.files import shipped

FOLDER = shipped("genrekit.serving", "static")
SCRIPTS = sorted(FOLDER.glob("*.js"))
# Namespaces are names, not places that anything is fetched from.
_ELSEWHERE = re.compile(r"""(?:https?:|wss?:)?//(?!www\.w3\.org/2000/svg)[a-z0-9-]+\.[a-z]""")


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.inline: list[str] = []
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self._open = tag

    def handle_data(self, data: str) -> None:
        if self._open in ("script", "style") and data.strip():
            self.inline.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._open = ""


@pytest.fixture(scope="module")
def page() -> _Page:
    return _Page((FOLDER / "index.html").read_text("utf-8"))


def _ids(page: _Page) -> list[str]:
    return [attributes["id"] for _, attributes in page.tags if "id" in attributes]


def test_nothing_is_inline(page: _Page) -> None:
    assert not page.inline
    for tag, attributes in page.tags:
        assert tag != "style"
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_nothing_comes_from_elsewhere(path: Path) -> None:
    assert not _ELSEWHERE.findall(path.read_text("utf-8").lower())


def test_everything_that_is_linked_is_there(page: _Page) -> None:
    linked = [a[name] for _, a in page.tags for name in ("src", "href") if name in a]
    for link in linked:
        assert link.startswith(("#", "/api/")) or (FOLDER / link).is_file(), link
    for script in SCRIPTS:
        for module in re.findall(r'from "\./([^"]+)"', script.read_text("utf-8")):
            assert (FOLDER / module).is_file(), (script.name, module)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_id_that_a_script_uses_exists(script: Path, page: _Page) -> None:
    text = script.read_text("utf-8")
    used = set(re.findall(r'(?:\$|getElementById)\("([^"]+)"\)', text))
    assert used <= set(_ids(page))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_what_is_imported_is_exported(script: Path) -> None:
    for names, module in re.findall(
        r'import \{([^}]+)\} from "\./([^"]+)"', script.read_text("utf-8")
    ):
        exported = re.findall(
            r"export (?:async )?(?:function|const|class) (\w+)", (FOLDER / module).read_text()
        )
        assert {name.strip() for name in names.split(",")} <= set(exported), module


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_put_no_text_in_as_html(script: Path) -> None:
    text = script.read_text("utf-8")
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text)


def test_ids_are_unique_and_what_refers_to_them_finds_them(page: _Page) -> None:
    ids = _ids(page)
    assert len(ids) == len(set(ids))
    for _, attributes in page.tags:
        for name in ("for", "aria-labelledby", "aria-controls"):
            assert set(attributes.get(name, "").split()) <= set(ids), attributes


def test_every_control_has_a_name(page: _Page) -> None:
    labelled = {attributes.get("for") for tag, attributes in page.tags if tag == "label"}
    for tag, attributes in page.tags:
        if tag in ("input", "select"):
            assert attributes.get("id") in labelled or attributes.get("aria-label"), attributes
        if tag == "progress":
            assert attributes.get("aria-label"), attributes
        if tag == "canvas":
            assert attributes.get("aria-hidden") == "true" or attributes.get("aria-label")


def test_the_page_is_served_with_a_strict_policy(server: Any) -> None:
    answer = server.client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["cache-control"] == "no-cache"
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    script = server.client.get("/main.js")
    assert "javascript" in script.headers["content-type"]
    assert server.client.get("/../app.py").status_code == 404
    assert server.client.get("/nothing.html").json()["error"]["message"]


def test_the_pictures_of_the_docs_are_there_and_small() -> None:
    docs = Path(__file__).parents[2] / "docs"
    linked = set(re.findall(r"pictures/[a-z-]+\.png", (docs / "page.md").read_text("utf-8")))
    pictures = [docs / one for one in linked]
    assert len(pictures) >= 6
    assert sum(picture.stat().st_size for picture in pictures) < 1_000_000
