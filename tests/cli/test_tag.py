"""``genrekit tag``, ``undo``, ``history``, ``taxonomy``: from a plan to the bytes and back."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genrekit.tagging import read_tags

Run = Callable[..., Any]


@pytest.fixture
def library(music: Path, tmp_path: Path) -> Path:
    """Two tracks without tags, and a file that is not audio."""
    folder = tmp_path / "library"
    folder.mkdir()
    for name in ("jazz 0.wav", "jazz 1.wav"):
        shutil.copy(music / "jazz" / name, folder / name)
    (folder / "broken.mp3").write_bytes(b"nothing" * 100)
    return folder


def test_plan_write_and_undo(run: Run, library: Path, tiny_bundle: Path) -> None:
    options = ("--model", tiny_bundle, "--relative", "0", "--top", "2", "-j", "1")
    before = {path.name: path.read_bytes() for path in library.iterdir()}
    plan = library.parent / "plan.csv"
    shown = run("tag", library, *options, "--out", plan)
    assert shown.code == 3, shown.err  # of the broken one
    assert "Nothing is written yet" in shown.out
    assert {path.name: path.read_bytes() for path in library.iterdir()} == before

    command = f"{sys.executable} -c \"open(r'{library.parent / 'ran'}', 'a').write('x')\""
    done = run("tag", "--plan", plan, "--write", "--run-after", command)
    assert (done.code, done.out.split()[:2]) == (0, ["2", "written."]), done.err
    assert len(read_tags(library / "jazz 0.wav")["genre"]) == 2
    assert read_tags(library / "jazz 0.wav")["model"] == ("tiny@0.1.0",)
    assert (library.parent / "ran").read_text() == "x"

    again = run("tag", library, *options, "--replace", "--json")
    rows = {Path(row["file"]).name: row for row in json.loads(again.out)["files"]}
    assert rows["jazz 0.wav"]["why"] == "left alone: it has these already"

    (listed,) = json.loads(run("history", "--json").out)
    assert (listed["files"], listed["undone"]) == (2, 0)
    assert "2 restorable" in run("undo", "last", "--dry-run").out
    assert run("undo", listed["name"]).out.strip() == "2 restored"
    assert {path.name: path.read_bytes() for path in library.iterdir()} == before


class Terminal(io.StringIO):
    """Somebody who answers."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("answer", "option", "code", "said"),
    [
        ("n", (), 3, "hard links"),
        ("y", (), 0, "2 files with several names"),
        (None, (), 3, "has 2 names (hard links)"),
        (None, ("--hard-links", "separate"), 0, ""),
        ("y", ("--hard-links", "leave"), 3, "has 2 names (hard links)"),
    ],
)
def test_hard_links_ask_or_are_named(
    answer: str | None,
    option: tuple[str, ...],
    code: int,
    said: str,
    run: Run,
    library: Path,
    tiny_bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (library / "broken.mp3").unlink()
    for name in ("jazz 0.wav", "jazz 1.wav"):
        (library.parent / name).hardlink_to(library / name)
    before = (library / "jazz 0.wav").read_bytes()
    plan = library.parent / "plan.csv"
    run("tag", library, "--model", tiny_bundle, "--relative", "0", "-j", "1", "--out", plan)
    monkeypatch.setattr(sys, "stdin", Terminal(f"{answer}\n") if answer else io.StringIO())
    done = run("tag", "--plan", plan, "--write", *option)
    assert done.code == code, done.err
    assert said in done.err
    assert ((library / "jazz 0.wav").read_bytes() == before) == bool(code)
    assert (library.parent / "jazz 0.wav").read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="modes of folders mean nothing there")
def test_a_folder_that_cannot_be_written_to_is_named(
    run: Run, library: Path, tiny_bundle: Path
) -> None:
    (library / "broken.mp3").unlink()
    plan = library.parent / "plan.csv"
    run("tag", library, "--model", tiny_bundle, "--relative", "0", "-j", "1", "--out", plan)
    before = {path.name: path.read_bytes() for path in library.iterdir()}
    library.chmod(0o555)
    try:
        done = subprocess.run(
            [*bound_by_modes(), sys.executable, "-m", "genrekit", "tag", "--plan", plan, "--write"],
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        library.chmod(0o755)
    assert done.returncode == 3, done.stderr
    assert done.stderr.count("lies in a folder that cannot be written to") == 2
    assert {path.name: path.read_bytes() for path in library.iterdir()} == before


def bound_by_modes() -> list[str]:
    """What a command has to begin with, so that modes of files hold for root, too."""
    if os.getuid():
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root writes everywhere, and there is no setpriv to prevent that")
    return ["setpriv", "--bounding-set", "-dac_override", "--inh-caps", "-dac_override"]


def test_nothing_is_listened_to_twice(
    run: Run, library: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--model", tiny_bundle, "--replace", "-j", "1")
    run("tag", library, *options, "--write")

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("it listens again")

    monkeypatch.setattr("genrekit.tagging.answers.work_through", refuse)
    second = run("tag", library, *options, "--csv")
    assert second.out.count("it has these already") == 2
    run("undo", "last")
    assert run("tag", library, *options, "--csv").out.count(",missing,") == 2


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "name the music"),
        ((".", "--replace", "--add"), "exclude each other"),
        ((".", "--parents", "some"), "none, with, only"),
        ((".", "--plan", "x.csv"), "leave out the folders"),
        (("--plan", "x.csv"), "cannot be read"),
    ],
)
def test_what_makes_no_sense_is_reported(
    arguments: tuple[str, ...], word: str, run: Run, tmp_path: Path
) -> None:
    said = run("tag", *arguments)
    assert said.code == 2
    assert word in said.err


def test_undo_says_what_it_needs(run: Run) -> None:
    assert "name one run" in run("undo").err
    assert "is not a date" in run("undo", "--since", "yesterday").err
    assert "there is no run" in run("undo", "2020").err
    assert "No tags were written" in run("history").out


def test_taxonomy(run: Run, tmp_path: Path) -> None:
    assert run("taxonomy", "check", "gtzan").code == 0
    tree = tmp_path / "genres-tree.yaml"
    tree.write_text("- rock:\n    - folk, rock\n")
    odd = run("taxonomy", "check", tree)
    assert (odd.code, "players cut a genre" in odd.out) == (2, True)
    assert run("taxonomy", "show", tree).out == "rock\n  folk, rock\n"
    assert run("taxonomy", "show", "box", "--genre", "hiphop").out.strip() == "hip hop"
