"""The claims page: its commands are commands, and its numbers are those beside it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from genrekit.catalog import Catalog
from genrekit.cli import app
from genrekit.datasets import DATASETS, PROTOCOLS
from genrekit.datasets.label_maps import label_map
from genrekit.download import OFFERS
from genrekit.training import load_recipe

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs" / "results" / "claims.md"


def commands() -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return "".join(blocks).replace("\\\n", " ").splitlines()


def parsed(line: str) -> tuple[str, dict[str, object]]:
    """A command's name and what it was given, refused as a terminal would refuse it."""
    program, name, *arguments = shlex.split(line)
    assert program == "genrekit"
    command = vars(typer.main.get_command(app))["commands"][name]
    with command.make_context(name, arguments) as context:
        return name, context.params


@pytest.mark.parametrize("line", commands())
def test_every_command_is_one(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setenv("GENREKIT_DATA", "data")
    name, given = parsed(line)
    settings = given.get("settings") or given.get("overrides") or ()
    assert isinstance(settings, list | tuple)
    if name == "train":
        load_recipe(Path(str(given["recipe"])), list(settings))
    if name == "download":
        assert given["size"] in (None, *OFFERS[str(given["name"])].sizes)
    for key, known in (("corpus", DATASETS), ("protocol", PROTOCOLS)):
        _known(given.get(key), known)
    if isinstance(given.get("label_map"), str):
        label_map(str(given["label_map"]))


def _known(name: object, catalog: Catalog) -> None:
    if isinstance(name, str):
        assert name in catalog


def test_a_command_that_is_none_is_seen() -> None:
    with pytest.raises(Exception, match="No such option: --mapp"):
        parsed("genrekit evaluate default --data fma --mapp gtzan-fma")


def test_the_page_is_made_from_the_numbers_beside_it(tmp_path: Path) -> None:
    for file in PAGE.parent.glob("*.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    script, page = REPOSITORY / "benchmarks" / "claims.py", tmp_path / "claims.md"
    done = subprocess.run(
        [sys.executable, script, "--page", "-o", page], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert page.read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8")


def test_every_claim_has_its_numbers_or_its_commands() -> None:
    text = PAGE.read_text(encoding="utf-8")
    table = text.partition("| claim |")[2].partition("\n\n")[0].splitlines()[2:]
    assert len(table) == 17
    for line in table:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert len(cells) == 6
        assert "[" in cells[4] or "](#" in cells[5] or " times that" in cells[4], line


def test_links_of_the_page_lead_somewhere() -> None:
    text = PAGE.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}
    for link in re.findall(r"\]\(([^)]+)\)", text):
        file, _, anchor = link.partition("#")
        assert (PAGE.parent / file).exists() if file else anchor in anchors, link
