"""Every genrekit command that a page, a recipe or a notebook shows is one that there is.

It is parsed by the command line itself and not run: names of commands and options, how many values
they take, and what those may be.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from genrekit.cli import app

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = [
    *REPOSITORY.glob("*.md"),
    *sorted((REPOSITORY / "docs").rglob("*.md")),
    *sorted((REPOSITORY / "recipes").rglob("*.yaml")),
    *sorted((REPOSITORY / "notebooks").glob("*.ipynb")),
]
# A line of a block, with those that continue it; or code in a sentence.
_LINE = re.compile(r"^(?:#? *)(genrekit (?:[^\n\\]|\\\n#?)*)$", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`(genrekit\s[^`]+)`")
#: Files of the repository that a command may name.
_RECIPE = re.compile(r"^recipes/\S+\.yaml$")


@cache
def root() -> Any:
    return typer.main.get_command(app)


def text_of(page: Path) -> str:
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n\n".join("".join(cell["source"]) for cell in cells)
    return text


def commands(page: Path) -> Iterator[str]:
    text = text_of(page)
    if page.suffix == ".yaml":
        blocks, prose = [text], ""
    else:
        blocks, prose = _FENCED.findall(text), _FENCED.sub("", text)
    for block in blocks:
        yield from (re.sub(r"\\\n#?", " ", found) for found in _LINE.findall(block))
    yield from (" ".join(found.split()) for found in _INLINE.findall(prose))


def words_of(command: str) -> list[str]:
    """The words after ``genrekit``, without comments, pipes and what an ellipsis stands for."""
    command = re.split(r" [|>&<]|;| \.\.\.| {2,}#", command)[0]
    return shlex.split(command, comments=True)[1:]


def wrong(words: list[str]) -> str | None:
    """What the command line has against a command; None if nothing."""
    command: Any = root()
    names: list[str] = []
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        if words[0] not in command.commands and names == ["batch"]:
            words = ["run", *words]  # what it does unless something else is named
        if words[0] not in command.commands:
            return f"there is no command {' '.join([*names, words[0]])}"
        names.append(words[0])
        command, words = command.commands[words[0]], words[1:]
    known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    known |= {"--help", "-h"}
    for word in words:
        if re.match(r"--?[a-zA-Z]", word) and word.partition("=")[0] not in known:
            return f"{' '.join(names)} has no option {word}"
        if _RECIPE.match(word) and not (REPOSITORY / word).is_file():
            return f"there is no {word}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_command_is_one_that_there_is(page: Path) -> None:
    found = {command: wrong(words_of(command)) for command in commands(page)}
    assert {command: why for command, why in found.items() if why} == {}


def test_what_is_wrong_is_found() -> None:
    assert wrong(["predikt", "song.mp3"]) == "there is no command predikt"
    assert wrong(["models", "shwo"]) == "there is no command models shwo"
    assert wrong(["predict", "song.mp3", "--topp", "3"]) == "predict has no option --topp"
    assert wrong(["train", "recipes/classical/svn.yaml", "-o", "x"])
    assert wrong(["train", "recipes/classical/svm.yaml", "-o", "x", "--set", "a.b=1"]) is None
