"""Rules of the code that no linter has: read from the source, nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCES = sorted((REPOSITORY / "src").rglob("*.py"))
TESTS = sorted((REPOSITORY / "tests").rglob("*.py"))
ARRAYS = {"NDArray", "ndarray", "Tensor", "DataFrame", "csr_array"}
#: Values of one run, which nothing compares or hands on.
WORKSHOPS = ("genrekit/models/pretrained/", "genrekit/jukebox/")
CLOCKS = {f"time.{name}" for name in ("time", "perf_counter", "monotonic", "process_time")}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def names(node: ast.AST) -> set[str]:
    found = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    return found | {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}


@cache
def definitions(path: Path) -> list[ast.ClassDef | ast.FunctionDef]:
    """Classes and functions, however deep."""
    return [one for one in ast.walk(tree(path)) if isinstance(one, ast.ClassDef | ast.FunctionDef)]


@cache
def array_names(path: Path) -> frozenset[str]:
    """What arrays are called in a module: NumPy's own name, and aliases of it."""
    found = set(ARRAYS)
    for node in tree(path).body:
        if isinstance(node, ast.Assign) and not isinstance(node.value, ast.Call):
            if names(node.value) & found and "Callable" not in names(node.value):
                found |= {one.id for one in node.targets if isinstance(one, ast.Name)}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("genrek"):
            home = REPOSITORY / "src" / (node.module.replace(".", "/") + ".py")
            if home in SOURCES and home != path:
                found |= {one.asname or one.name for one in node.names} & array_names(home)
    return frozenset(found)


def comparable_dataclasses_of_arrays() -> Iterator[str]:
    for path in SOURCES:
        if any(place in path.as_posix() for place in WORKSHOPS):
            continue
        for node in definitions(path):
            if isinstance(node, ast.ClassDef) and any(
                "dataclass" in names(made) and "eq=False" not in ast.unparse(made)
                for made in node.decorator_list
            ):
                fields = [one for one in node.body if isinstance(one, ast.AnnAssign)]
                kinds = [field for field in fields if "Callable" not in names(field.annotation)]
                if any(names(field.annotation) & array_names(path) for field in kinds):
                    yield f"{path.relative_to(REPOSITORY)}: {node.name}"


def test_dataclasses_that_hold_arrays_compare_by_identity() -> None:
    """The equality that dataclasses make up asks an array whether it is true, which raises."""
    assert list(comparable_dataclasses_of_arrays()) == []


def test_no_function_is_called_underscore() -> None:
    """Such a name says nothing in a traceback, and nobody can search for it."""
    unnamed = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}"
        for path in SOURCES
        for node in definitions(path)
        if isinstance(node, ast.FunctionDef) and node.name == "_"
    ]
    assert unnamed == []


def clocked(test: ast.AST, clocks: set[str]) -> bool:
    """Whether an assertion compares what a clock says, itself or by a name that holds it."""
    return any(
        (isinstance(one, ast.Call) and ast.unparse(one.func) in CLOCKS)
        or (isinstance(one, ast.Name) and one.id in clocks)
        for one in ast.walk(test)
    )


@pytest.mark.parametrize(
    "path",
    [path for path in TESTS if any(clock in path.read_text(encoding="utf-8") for clock in CLOCKS)],
    ids=lambda path: path.name,
)
def test_no_assertion_depends_on_the_clock(path: Path) -> None:
    """A busy machine is slow and nothing is wrong; waiting until a deadline is another thing."""
    found = []
    for function in definitions(path):
        if not isinstance(function, ast.FunctionDef):
            continue
        inner = [
            one
            for loop in ast.walk(function)
            if isinstance(loop, ast.While)
            for one in ast.walk(loop)
        ]
        clocks = {
            target.id
            for one in ast.walk(function)
            if isinstance(one, ast.Assign) and clocked(one.value, set())
            for target in one.targets
            if isinstance(target, ast.Name)
        }
        found += [
            one.lineno
            for one in ast.walk(function)
            if isinstance(one, ast.Assert) and one not in inner and clocked(one.test, clocks)
        ]
    assert found == [], f"{path.relative_to(REPOSITORY)} asserts how long something takes"
