"""Notebooks run from first cell to last, in small, and are committed without outputs."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
#: What a notebook needs that the tests of the core do without.
pytest.importorskip("torch")
pytest.importorskip("matplotlib")


@cache
def read(notebook: Path) -> Any:
    return json.loads(notebook.read_text(encoding="utf-8"))


def code_of(notebook: Path) -> list[str]:
    return ["".join(one["source"]) for one in read(notebook)["cells"] if one["cell_type"] == "code"]


def text_of(notebook: Path) -> str:
    cells = read(notebook)["cells"]
    return "\n".join("".join(one["source"]) for one in cells if one["cell_type"] == "markdown")


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips and features of one notebook serve the others."""
    return tmp_path_factory.mktemp("notebooks")


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_it_runs(notebook: Path, shared_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = []
    monkeypatch.setattr(pyplot, "show", lambda: shown.extend(pyplot.get_fignums()))
    monkeypatch.setenv("GENREKIT_HOME", str(shared_home))
    monkeypatch.setenv("GENREKIT_NOTEBOOK_SMALL", "1")
    monkeypatch.delenv("GENREKIT_NOTEBOOK_DATA", raising=False)
    monkeypatch.chdir(notebook.parent)
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, code in enumerate(code_of(notebook), start=1):
        exec(compile(code, f"{notebook.name}, code cell {number}", "exec"), names)
    pyplot.close("all")
    assert shown, "a notebook without a picture"


def test_there_are_ten() -> None:
    assert [notebook.stem[:2] for notebook in NOTEBOOKS] == [f"{n:02}" for n in range(1, 11)]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_outputs_are_stripped(notebook: Path) -> None:
    for cell in read(notebook)["cells"]:
        assert cell["metadata"] == {}
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
    assert set(read(notebook)["metadata"]) == {"kernelspec", "language_info"}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_it_links_to_pages_that_are_there(notebook: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", text_of(notebook))
    assert any(link.startswith("../docs/") for link in links)
    assert [link for link in links if not (notebook.parent / link).exists()] == []


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_it_imports_what_is_offered_and_nothing_else(notebook: Path) -> None:
    """A module inside a room may change from day to day; what the room names does not."""
    from importlib import import_module

    code = "\n".join(code_of(notebook))
    found = re.findall(r"^from (genrekit[\w.]*) import (?:\(([^)]*)\)|(.+))$", code, re.MULTILINE)
    assert found
    for module, several, one in found:
        offered = import_module(module)
        names = [name.strip() for name in (several or one).split(",") if name.strip()]
        if module != "genrekit.schema":  # contracts: all of them are public
            assert hasattr(offered, "__path__"), f"{module} is a module inside a room"
            assert set(names) <= set(offered.__all__), module
