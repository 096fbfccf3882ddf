"""What is declared is what is imported, and its licences are known."""

from __future__ import annotations

import re
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
# Where a module is not called as its package is.
PACKAGE_OF = {
    "PIL": "pillow",
    "mlflow": "mlflow-skinny",
    "sklearn": "scikit-learn",
    "xgboost": "xgboost-cpu",
    "yaml": "pyyaml",
}
# Not imported by us: uvicorn speaks WebSocket with it.
UNSEEN = {"websockets"}
TOOLS = {"test", "dev", "docs", "notebooks"}
_IMPORT = re.compile(
    r"^ *(?:from (\w+)(?:\.\w+)* import |import (\w+)(?:\.\w+)*(?: as \w+)?$)", re.MULTILINE
)


def _names(requirements: list[str]) -> set[str]:
    return {str(canonicalize_name(Requirement(one).name)) for one in requirements} - {"genrekit"}


CORE = _names(PROJECT["dependencies"])
EXTRAS = {extra: _names(found) for extra, found in PROJECT["optional-dependencies"].items()}
OFFERED = set().union(*(found for extra, found in EXTRAS.items() if extra not in TOOLS))


@cache
def _imported() -> set[str]:
    """Packages that the source imports, inside functions too."""
    found: set[tuple[str, str]] = set()
    for path in (REPOSITORY / "src" / "genrekit").rglob("*.py"):
        # Not parsed: four hundred files take seconds. Prose is told by what must follow.
        found |= set(_IMPORT.findall(path.read_text("utf-8")))
    tops = {a or b for a, b in found} - set(sys.stdlib_module_names) - {"genrekit"}
    return {str(canonicalize_name(PACKAGE_OF.get(name, name))) for name in tops}


def test_all_that_is_imported_is_declared() -> None:
    assert _imported() <= CORE | OFFERED


def test_all_that_is_declared_is_imported() -> None:
    assert _imported() >= (CORE | OFFERED) - UNSEEN


def test_what_is_copyleft_is_an_extra_of_its_own() -> None:
    assert EXTRAS["tag"] == {"mutagen"}
    assert "mutagen" not in CORE


@pytest.mark.parametrize("name", ["uvicorn", "h11"])
def test_what_is_subclassed_inside_is_pinned(name: str) -> None:
    (found,) = (
        Requirement(one)
        for one in PROJECT["optional-dependencies"]["serve"]
        if Requirement(one).name == name
    )
    assert {one.operator for one in found.specifier} >= {">=", "<"}


def test_the_licences_page_knows_every_dependency() -> None:
    page = (REPOSITORY / "docs" / "licences.md").read_text("utf-8")
    listed = {canonicalize_name(name) for name in re.findall(r"^\| (\S+) \| ", page, re.MULTILINE)}
    assert listed >= CORE | OFFERED
    assert "not stated" not in page
    assert re.search(r"^\| av .* \| libx264 \| \*\*GPL", page, re.MULTILINE)
    assert re.search(r"^\| soxr .* \| libsoxr \| \*\*LGPL", page, re.MULTILINE)
