"""README and docs/start.md tell the truth: commands run, and numbers are the measured ones."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
START = (REPOSITORY / "docs" / "start.md").read_text(encoding="utf-8")
#: A stranger reads it in one go, on one screen.
MOST_LINES = 80
# These set up an environment; CI runs them on a clean checkout before it comes here.
SET_UP = ("make ", "pip install")
# Shorter clips than the page asks for; all else is run to the letter.
SHORTER = {
    "--seconds 10": "--seconds 3",
    "data.options.clips_per_genre=4": "data.options.clips_per_genre=4 --set data.options.seconds=3",
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README + START, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    page = "".join(blocks("sh"))
    for written, run in SHORTER.items():
        assert page.count(written) == 1
        page = page.replace(written, run)
    return [line for line in page.splitlines() if line and not line.startswith(SET_UP)]


@pytest.mark.slow
def test_every_command_runs_in_the_order_of_the_pages(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "recipes", tmp_path / "recipes")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    assert len(commands()) > 10
    for command in commands():
        done = subprocess.run(
            command,
            shell=True,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": path},
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert done.stdout or ">" in command, command


@pytest.mark.parametrize("code", blocks("python"))
def test_every_python_block_runs(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_numbers_are_those_that_were_measured() -> None:
    script = REPOSITORY / "benchmarks" / "readme.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_readme_is_short_and_names_the_test_command() -> None:
    assert len(README.splitlines()) <= MOST_LINES
    assert "\nmake test\n" in README
    assert "make test" in (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")
