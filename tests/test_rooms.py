"""A room has one door, its ``__init__``: it offers names, and nobody goes past it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

SOURCES = Path(__file__).resolve().parents[1] / "src" / "genrekit"
#: Others import from a room itself, never from a module in it.
ROOMS = {path.parent.name for path in SOURCES.glob("*/__init__.py")}
#: One module for each name in a catalog is a door of its own: `genrekit.datasets.fma`.
CATALOGS = {"datasets": "DATASETS", "models": "NETWORKS"}
#: Files that import what a published network is made of.
OPEN = ("distil/blocks.py", "distil/recipe.py")


@cache
def imports(path: Path) -> list[ast.ImportFrom]:
    """All ``from genrekit... import`` of a module, in functions too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [one for one in ast.walk(tree) if isinstance(one, ast.ImportFrom) and one.module]
    return [one for one in found if str(one.module).split(".")[0] == "genrekit"]


@cache
def doors() -> frozenset[str]:
    """Modules that others may import from: rooms, packages in rooms, and what catalogs name."""
    packages = [path.parent.relative_to(SOURCES) for path in SOURCES.rglob("__init__.py")]
    found = {".".join(path.parts) for path in packages}
    for room, name in CATALOGS.items():
        catalog = getattr(import_module(f"genrekit.{room}"), name)
        found |= {catalog.target(one).partition(":")[0].partition(".")[2] for one in catalog}
    return frozenset(found)


def past_the_door() -> Iterator[str]:
    for path in sorted(SOURCES.rglob("*.py")):
        own = path.relative_to(SOURCES).parts[0]
        if path.relative_to(SOURCES).as_posix().startswith(OPEN):
            continue
        for one in imports(path):
            _, *places = str(one.module).split(".")
            if not places or places[0] == own or places[0] not in ROOMS:
                continue
            inner = [a.name for a in one.names if (SOURCES / places[0] / f"{a.name}.py").exists()]
            behind = [name for name in inner if f"{places[0]}.{name}" not in doors()]
            if ".".join(places) not in doors() or behind:
                yield f"{path.relative_to(SOURCES)}:{one.lineno} {one.module} {' '.join(behind)}"


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_a_room_can_be_taken_in_at_a_glance(room: str) -> None:
    """More files than this are two rooms."""
    assert len(list((SOURCES / room).rglob("*.py"))) <= 40


def test_nobody_imports_past_a_door() -> None:
    assert list(past_the_door()) == []


@pytest.mark.parametrize("stub", sorted(SOURCES.rglob("*.pyi")), ids=lambda path: path.parent.name)
def test_no_name_of_a_room_has_two_homes(stub: Path) -> None:
    names = re.findall(r" as (\w+)$", stub.read_text(encoding="utf-8"), re.MULTILINE)
    assert names
    assert len(names) == len(set(names))


def _is_there(package: ModuleType, name: str) -> bool:
    """Whether a door gives a name, or asks for a package of an extra that is not installed."""
    try:
        return hasattr(package, name)
    except ModuleNotFoundError as error:
        return not (error.name or "genrekit").startswith("genrekit")


@pytest.mark.parametrize("room", sorted(ROOMS - {"cli", "explorer"}))
def test_every_name_that_a_room_offers_is_there(room: str) -> None:
    package = import_module(f"genrekit.{room}")
    assert [name for name in package.__all__ if not _is_there(package, name)] == []
    with pytest.raises(AttributeError, match="something_else"):
        _ = package.something_else


@pytest.mark.parametrize("room", sorted(ROOMS - {"cli", "explorer"}))
def test_no_module_takes_the_name_of_what_its_room_offers(room: str) -> None:
    """Importing a module puts it into its package, over the name that was offered."""
    modules = {path.stem for path in (SOURCES / room).glob("*.py")}
    assert modules & set(import_module(f"genrekit.{room}").__all__) == set()


def module_file(name: str) -> Path | None:
    place = SOURCES.parent.joinpath(*name.split("."))
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if path.is_file():
            return path
    return None


def imported_files(path: Path) -> set[Path]:
    """What a module imports, in functions and for the type checker too, but for its own package."""
    found = set()
    for one in imports(path):
        for alias in one.names:
            file = module_file(f"{one.module}.{alias.name}") or module_file(str(one.module))
            if file is not None and file.name != "__init__.py":
                found.add(file)
    return found


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Not even late, inside a function, or only to name a type: such modules are one module."""
    modules = [path for path in sorted(SOURCES.rglob("*.py")) if path.name != "__init__.py"]
    try:
        TopologicalSorter({path: imported_files(path) for path in modules}).prepare()
    except CycleError as error:
        circle = [str(path.relative_to(SOURCES)) for path in error.args[1]]
        pytest.fail(f"these import each other: {' <- '.join(circle)}")
