"""Names and docstrings use the words of the field: `words.csv` says which in place of which."""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parents[1] / "src" / "genrekit"
FILE = Path(__file__).with_name("words.csv")
PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
WORD = re.compile(r"[A-Za-z]+")
#: What must be called so: fields that are stored or sent, terms of music, names of others.
NAMED_SO = {
    ("explain/records.py", "usual"),  # a field of an explanation
    ("jukebox/", "sheet"),  # of music
    ("learn/report.py", "heard"),  # fields of a report
    ("learn/report.py", "told"),
    ("jukebox/nonmusic.py", "crowd"),
    ("features/harmony.py", "workshop"),  # of a conference
    ("models/module.py", "usual"),  # a method of networks
    ("monitoring/", "dealt"),  # a column of the log
    ("monitoring/", "judged"),  # a field of a report
    ("serving/recorder.py", "dealt"),
    ("serving/rest_learn.py", "heard"),  # a field of an answer
    ("serving/server.py", "listen"),  # a socket does
    ("serving/server.py", "listener"),
    ("serving/work.py", "dealt"),
    ("training/preparation.py", "listen"),  # an option
    ("training/stages.py", "listen"),
}
#: The packaged model's own making, and published networks as their authors name what is in them.
LEFT_OUT = ("distil/", "models/box.py", "models/musicnn.py", "models/pretrained/")


@cache
def banned() -> dict[str, dict[str, str]]:
    """By place, ``name`` or ``text``: words, and what to write instead."""
    found: dict[str, dict[str, str]] = {"name": {}, "text": {}}
    with FILE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for place in ("name", "text") if row["where"] == "both" else (row["where"],):
                found[place][row["word"]] = row["instead"]
    return found


def names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """What a module names itself, with the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id if isinstance(node, ast.Name) else node.attr


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text is not None:
                yield node.body[0].lineno, text


def private_words(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    place = path.relative_to(SOURCES).as_posix()
    allowed = {word for start, word in NAMED_SO if place.startswith(start)}
    for kind, found, pattern in (("name", names(tree), PART), ("text", docstrings(tree), WORD)):
        for line, text in found:
            words = {word.lower() for word in pattern.findall(text)} - allowed
            for word in sorted(words & set(banned()[kind])):
                yield f"{place}:{line} {word}: write {banned()[kind][word]}"


@pytest.mark.parametrize("room", sorted({path.name for path in SOURCES.iterdir()} - {"py.typed"}))
def test_no_private_word_is_in_a_name_or_a_docstring(room: str) -> None:
    files = sorted((SOURCES / room).rglob("*.py")) or sorted(SOURCES.glob(room))
    files = [
        file for file in files if not file.relative_to(SOURCES).as_posix().startswith(LEFT_OUT)
    ]
    assert [one for file in files if file.suffix == ".py" for one in private_words(file)] == []


def test_each_word_stands_once_in_the_list_and_has_another_one() -> None:
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    listed = [row["word"] for row in rows]
    assert listed == sorted(set(listed), key=listed.index)
    assert all(row["instead"] and row["where"] in ("name", "text", "both") for row in rows)
