"""CONTRIBUTING tells the truth: a package that follows it to the letter trains and predicts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^```(?:python|toml|yaml)\n# (\S+)\n(.*?)^```", PAGE, re.DOTALL | re.M))
COMMANDS = "".join(re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.M)).splitlines()


def install(folder: Path) -> None:
    """Lay the package out as pip would, entry points included."""
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    about = folder / "crates-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: crates\nVersion: 1.0\n")
    groups = tomllib.loads(FILES["pyproject.toml"])["project"]["entry-points"]
    (about / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in points.items())
            for group, points in groups.items()
        )
    )


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    name, *arguments = command.split()
    assert name == "genrekit"
    places = [str(folder), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [sys.executable, "-m", "genrekit", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))},
    )


@pytest.mark.slow
def test_the_page_followed_to_the_letter_trains_and_predicts(tmp_path: Path) -> None:
    install(tmp_path)
    commands = [one for one in COMMANDS if not one.startswith("make ")]
    assert len(commands) > 4
    for command in commands:
        done = run(command, tmp_path)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert done.stdout, command
    for name in ("naive-bayes", "band-profile"):
        assert f'"architecture": "{name}"' in (tmp_path / name / "manifest.json").read_text()


def test_an_entry_point_that_leads_nowhere_says_so(tmp_path: Path) -> None:
    install(tmp_path)
    (tmp_path / "naive_bayes.py").write_text("def build(config, seed): ...")
    done = run("genrekit train naive-bayes.yaml -o out", tmp_path)
    assert done.returncode == 2
    assert "naive_bayes has no 'NaiveBayes'" in done.stderr.replace("\n", " ")
