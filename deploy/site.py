"""What mkdocs needs to know of this repository: which files are pages, and in which order.

Pages stay where they are read anyway: README, CONTRIBUTING and CHANGELOG at the top, the card in
the packaged model, notebooks in their folder. Links between them are written for the repository and
rewritten for the site. Navigation is the index, docs/README.md. Rooms have a page each, made from
their docstrings.
"""

from __future__ import annotations

import json
import os
import re
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File, Files

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "src" / "genrekit"
INDEX = "docs/README.md"
API = "docs/api.md"
NOTEBOOKS = "docs/notebooks.md"
# Where files of the repository are on the site, if not where their folder says.
PLACES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "src/genrekit/bundles/packaged/box/CARD.md": "card.md",
    INDEX: "pages.md",
}
#: How much a page counts in a search, by how its address begins; others count 1.
SOUGHT = {"glossary": 8, "start": 2, "api/": 0.3, "changelog": 0.3, "results/": 0.7}
_LINK = re.compile(r"(?<=\]\()([^)#\s]+)(?=[)#])")
_OUTSIDE = re.compile(r"(!?)\[([^\]]*)\]\((repository:[^)]*)\)")


def place(source: str) -> str | None:
    """Where a file of the repository is on the site; None if it is not on it."""
    if source in PLACES:
        return PLACES[source]
    if source.startswith("docs/"):
        return source.removeprefix("docs/")
    if source.startswith("notebooks/") and source.endswith(".ipynb"):
        return str(PurePosixPath(source).with_suffix(".md"))
    return None


def rooms() -> list[str]:
    """Rooms whose ``__init__`` names what they offer, the package itself first."""
    doors = sorted(PACKAGE.glob("*/__init__.py"))
    offering = [door.parent.name for door in doors if "__all__" in door.read_text("utf-8")]
    return ["genrekit", *(f"genrekit.{name}" for name in offering if name != "cli")]


# --- navigation ---------------------------------------------------------------------------------


def on_config(config: Any) -> Any:
    """Navigation: the sections of the index, each with the pages that it leads to."""
    text = (REPOSITORY / INDEX).read_text(encoding="utf-8")
    _, *sections = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    config.nav = [{"Home": ["index.md", {"All pages": "pages.md"}]}]
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        found = [resolve(INDEX, link) for link in _LINK.findall(body)]
        places = [place(source) for source in dict.fromkeys(found)]
        pages = [page for page in places if page is not None and page.endswith(".md")]
        config.nav.append({title: [entry for page in pages for entry in _with_below(page)]})
    return config


def _with_below(page: str) -> list[Any]:
    """A page in the navigation, with those that the build makes below it."""
    if page == place(API):
        return [page, *(f"api/{name}.md" for name in rooms())]
    if page == place(NOTEBOOKS):
        below = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
        return [{"Notebooks": [page, *(f"notebooks/{one.stem}.md" for one in below)]}]
    return [page]


# --- pages --------------------------------------------------------------------------------------


def on_files(files: Files, config: Any) -> Files:
    """Take in what lies outside docs, and a page of each room."""
    for source in [INDEX, API]:
        files.remove(files.src_uris[source.removeprefix("docs/")])
    for source, uri in PLACES.items():
        _add(files, config, uri, (REPOSITORY / source).read_text(encoding="utf-8"))
    _add(files, config, "api.md", _api_page())
    for name in rooms():
        _add(files, config, f"api/{name}.md", _room_page(name))
    for notebook in sorted((REPOSITORY / "notebooks").glob("*.ipynb")):
        _add(files, config, f"notebooks/{notebook.stem}.md", notebook_page(notebook))
        uri = f"notebooks/{notebook.name}"
        files.append(File.generated(config, uri, abs_src_path=str(notebook)))
    return files


def _add(files: Files, config: Any, uri: str, content: str) -> None:
    files.append(File.generated(config, uri, content=content))


def _api_page() -> str:
    page = (REPOSITORY / API).read_text(encoding="utf-8")
    return page + "\n" + "".join(f"- [{name}](api/{name}.md)\n" for name in rooms())


def _room_page(room: str) -> str:
    """What a room offers; its stub is read for that, which the reference alone would not do."""
    offered = json.dumps(import_module(room).__all__)
    return f"# {room}\n\n::: {room}\n    options: {{members: {offered}}}\n"


def notebook_page(notebook: Path) -> str:
    """Text and code of a notebook; its outputs come when somebody runs it."""
    parts = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        parts.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
    heading, *rest = parts
    return "\n\n".join([heading, f"[Download this notebook]({notebook.name})", *rest])


# --- links --------------------------------------------------------------------------------------


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Lead links of the repository to pages of the site, and what is not on it to its host."""
    here = page.file.src_uri
    # Who looks for a word wants to read what it means before where it is used.
    weights = [weight for start, weight in SOUGHT.items() if here.startswith(start)]
    page.meta.setdefault("search", {"boost": weights[0] if weights else 1})
    sources = {uri: source for source, uri in PLACES.items()}
    source = sources.get(here, f"docs/{here}")
    if here.startswith("notebooks/"):
        source = str(PurePosixPath(here).with_suffix(".ipynb"))
    led = _LINK.sub(lambda link: _led(link.group(), source, here), markdown)
    return _OUTSIDE.sub(lambda link: _outside(link, config.repo_url), led)


def resolve(source: str, link: str) -> str:
    """The file of the repository that a link in ``source`` leads to."""
    return os.path.normpath(PurePosixPath(source).parent / link).replace(os.sep, "/")


def _led(link: str, source: str, here: str) -> str:
    target = resolve(source, link)
    if ":" in link or not (REPOSITORY / target).exists() or source == target:
        return link
    uri = place(target)
    if uri is None or (REPOSITORY / target).is_dir():
        return f"repository:{target}"
    return os.path.relpath(uri, PurePosixPath(here).parent).replace(os.sep, "/")


def _outside(link: re.Match[str], address: str | None) -> str:
    picture, text, target = link.groups()
    if not address or picture:
        return text
    return f"[{text}]({address.rstrip('/')}/blob/main/{target.removeprefix('repository:')})"
