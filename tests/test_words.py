"""Names and texts use the words of the field: `words.csv` says which in place of which.

Texts are docstrings, comments, messages, scripts and pages of the browser, and documentation.
"""

from __future__ import annotations

import ast
import csv
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCES = REPOSITORY / "src" / "genrekit"
FILE = Path(__file__).with_name("words.csv")
PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
WORD = re.compile(r"[A-Za-z]+")
#: Python 3.12 has tokens of their own for what stands between the braces of an f-string.
_TEXTS = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
#: What must be called so: fields that are stored or sent, terms of music, names of others.
NAMED_SO = {
    ("benchmarks/features.py", "bench"),  # a target of make
    ("benchmarks/readme.py", "bench"),
    ("benchmarks/serving.py", "listener"),  # of a socket
    ("datasets/jamendo.py", "workshop"),  # of a conference
    ("docs/pipeline.md", "lessons"),  # a file in the work folder of a pipeline
    ("experiments/pipeline/feedback.py", "lessons"),
    ("explain/records.py", "usual"),  # a field of an explanation
    ("jukebox/", "sheet"),  # of music
    ("learn/report.py", "heard"),  # fields of a report
    ("learn/report.py", "told"),
    ("jukebox/nonmusic.py", "crowd"),
    ("features/harmony.py", "workshop"),  # of a conference
    ("models/module.py", "usual"),  # a method of networks
    ("monitoring/prediction_log.py", "dealt"),  # a column of the log
    ("monitoring/", "judged"),  # a field of a report
    ("reports/references.py", "workshop"),  # of a conference
    ("serving/learning.py", "heard"),  # a field of an answer
    ("serving/recorder.py", "dealt"),
    ("serving/rest_learn.py", "heard"),  # a field of an answer
    ("serving/server.py", "listen"),  # a socket does
    ("serving/server.py", "listener"),
    ("serving/static/piles.js", "heard"),  # a field of an answer
    ("tagging/answers.py", "heard"),  # the folder of what was predicted for tags
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


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Docstrings, messages and comments."""
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type in _TEXTS:
                yield token.start[0], token.string


def private_words(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    place = path.relative_to(SOURCES if SOURCES in path.parents else REPOSITORY).as_posix()
    allowed = {word for start, word in NAMED_SO if place.startswith(start)}
    for kind, found, pattern in (("name", names(tree), PART), ("text", texts(path), WORD)):
        for line, text in found:
            words = {word.lower() for word in pattern.findall(text)} - allowed
            for word in sorted(words & set(banned()[kind])):
                yield f"{place}:{line} {word}: write {banned()[kind][word]}"


@pytest.mark.parametrize("room", sorted({path.name for path in SOURCES.iterdir()} - {"py.typed"}))
def test_no_private_word_is_in_a_name_or_a_text(room: str) -> None:
    files = sorted((SOURCES / room).rglob("*.py")) or sorted(SOURCES.glob(room))
    files = [
        file for file in files if not file.relative_to(SOURCES).as_posix().startswith(LEFT_OUT)
    ]
    assert [one for file in files if file.suffix == ".py" for one in private_words(file)] == []


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "benchmarks").glob("*.py")), ids=lambda path: path.name
)
def test_no_private_word_is_in_a_benchmark(path: Path) -> None:
    assert list(private_words(path)) == []


def pages() -> Iterator[Path]:
    """What is read in a browser, and the documentation; what a command measured is as it was."""
    for kind in ("js", "html", "css"):
        yield from SOURCES.rglob(f"static/*.{kind}")
    yield from (REPOSITORY / "docs").glob("*.md")
    yield from (REPOSITORY / "notebooks").glob("*.ipynb")
    yield REPOSITORY / "README.md"


@pytest.mark.parametrize("page", sorted(pages()), ids=lambda page: page.name)
def test_no_private_word_is_in_a_page(page: Path) -> None:
    place = page.relative_to(REPOSITORY).as_posix()
    allowed = {word for start, word in NAMED_SO if place.endswith(start)}
    lines = page.read_text(encoding="utf-8").splitlines()
    found = [
        f"{place}:{number} {word}: write {banned()['text'][word]}"
        for number, line in enumerate(lines, 1)
        for word in sorted({one.lower() for one in WORD.findall(line)} & set(banned()["text"]))
        if word not in allowed
    ]
    assert found == []


def test_each_word_stands_once_in_the_list_and_has_another_one() -> None:
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    listed = [row["word"] for row in rows]
    assert listed == sorted(set(listed), key=listed.index)
    assert all(row["instead"] and row["where"] in ("name", "text", "both") for row in rows)
