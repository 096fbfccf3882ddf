"""``genrekit tune``, ``genrekit history``, and the curves of ``genrekit train``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from genrekit.experiments import TuneResult
from genrekit.experiments.tune_report import TrialRecord
from genrekit.training import load_recipe

Run = Callable[..., Any]
SPACE = """\
trials: 2
folds: 2
objectives: [accuracy]
space:
  model.c: {low: 0.01, high: 10, log: true, points: 3}
"""


@pytest.fixture
def space(tmp_path: Path) -> Path:
    path = tmp_path / "space.yaml"
    path.write_text(SPACE)
    return path


def test_a_search_on_the_command_line(
    run: Run, recipe: Path, table: Path, space: Path, tmp_path: Path
) -> None:
    out = tmp_path / "found"
    command = ("tune", recipe, "--space", space, "--data", table, "-o", out)
    ran = run(*command)
    assert (ran.code, ran.err) == (0, "")
    head, best, _, path = ran.out.splitlines()
    assert head == "2 trials of small.yaml, tpe"
    assert best.startswith("  trial ")
    assert path == str(out / "best.yaml")
    assert load_recipe(out / "best.yaml").name == "small"
    longer = run(*command, "--trials", 4, "--json")
    result = TuneResult.model_validate_json(longer.out)
    assert len(result.trials) == 4
    assert result.best is not None
    lines = (out / "trials.jsonl").read_text().splitlines()
    assert tuple(map(TrialRecord.model_validate_json, lines)) == result.trials
    with Image.open(out / "history.png") as picture:
        assert picture.width > picture.height > 300
    page = (out / "report.html").read_text()
    assert page.count('class="chart"') == 1, "one setting has no rivals in importance"
    (tmp_path / "search.json").write_text(longer.out)
    assert run("report", tmp_path / "search.json", "-o", tmp_path / "r.html").code == 0
    assert "no track of the test was looked at" in (tmp_path / "r.html").read_text()
    refused = run(*command, "--seed", 5)
    assert (refused.code, refused.out) == (2, "")
    assert "another recipe, space or data" in refused.err


def test_a_grid_with_a_front(run: Run, recipe: Path, table: Path, tmp_path: Path) -> None:
    space = tmp_path / "space.yaml"
    space.write_text(
        "folds: 2\nspace:\n  model.architecture: {choices: [knn, tree]}\n"
        "  model.neighbours: {choices: [1, 5], when: {model.architecture: knn}}\n"
        "  model.depth: {choices: [1, 8], when: {model.architecture: tree}}\n"
    )
    ran = run(
        *("tune", recipe, "--space", space, "--data", table, "-o", tmp_path / "found", "--json"),
        *("--method", "grid", "--objective", "accuracy", "--objective", "size_bytes"),
    )
    result = TuneResult.model_validate_json(ran.out)
    assert [len(one.settings) for one in result.trials] == [2] * 4
    assert set(result.importance) <= {
        *("model.architecture", "model.neighbours", "model.depth"),
    }
    found = tmp_path / "found"
    assert {"front.png", "history.png", "importance.png"} <= {path.name for path in found.iterdir()}
    assert len(list((found / "front").iterdir())) == len(result.front) >= 1


def test_a_recipe_without_a_space(run: Run, recipe: Path, table: Path, tmp_path: Path) -> None:
    ran = run("tune", recipe, "--data", table, "-o", tmp_path / "found")
    assert (ran.code, ran.out) == (2, "")
    assert "has no section tune" in ran.err
    assert not (tmp_path / "found").exists()


def test_a_network_leaves_its_curves(run: Run, recipe: Path, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "net"
    settings = ("model={architecture: mlp, layers: [4]}", "training={epochs: 2, batch_size: 32}")
    options = [part for setting in settings for part in ("--set", setting)]
    assert run("train", recipe, "--data", table, "-o", out, *options).code == 0
    assert (tmp_path / "net.curves.png").is_file()
    shown = run("history", out, "-o", tmp_path / "again.svg")
    assert (shown.code, shown.err) == (0, "")
    assert len(shown.out.splitlines()) == 3
    assert shown.out.count("lowest") == 1
    assert (tmp_path / "again.svg").is_file()
    epochs = [json.loads(line) for line in run("history", out, "--json").out.splitlines()]
    assert [epoch["epoch"] for epoch in epochs] == [1, 2]
    wrong = run("history", out, "-o", tmp_path / "curves.txt")
    assert (wrong.code, wrong.out) == (2, "")
    assert "is not a figure" in wrong.err


@pytest.mark.slow
def test_processes_share_a_search_that_can_be_interrupted(
    run: Run,
    start: Callable[..., subprocess.Popen[bytes]],
    recipe: Path,
    table: Path,
    space: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "found"
    command = ("tune", recipe, "--space", space, "--data", table, "-o", out, "--seed", 3)
    started = start(*command, "--trials", 10_000, "--workers", 2)
    for _ in range(1200):
        if (out / "best.yaml").exists() or started.poll() is not None:
            break
        time.sleep(0.05)
    os.killpg(started.pid, signal.SIGINT)
    _, error = started.communicate(timeout=60)
    assert started.returncode == 130, error
    done = len((out / "trials.jsonl").read_text().splitlines())
    ran = run(*command, "--trials", done + 1, "--json")
    result = TuneResult.model_validate_json(ran.out)
    assert {one.state for one in result.trials} <= {"complete", "pruned"}
    assert len(result.trials) >= done + 1
    assert len({one.settings["model.c"] for one in result.trials}) == len(result.trials)
    assert not (out / "rows").exists()
