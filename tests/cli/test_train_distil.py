"""``genrekit train`` with a recipe of kind distil."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from genrekit.bundles import load_bundle

Run = Callable[..., Any]


@pytest.fixture
def distilling(music: Path, tmp_path: Path) -> Path:
    """A recipe that makes a small network in a second."""
    path = tmp_path / "distil.yaml"
    settings = {
        "kind": "distil",
        "name": "student",
        "teacher": {"name": "vggish", "weights": "random", "width": 4, "dense": 32},
        "student": {"architecture": "cnn", "channels": [4]},
        "frontend": {"kind": "mel", "sample_rate_hz": 8000, "fft_samples": 512, "n_mels": 16},
        "window_seconds": 1.0,
        "music": [{"path": str(music / "jazz")}],
        "validation": [{"path": str(music / "disco"), "name": "other music"}],
        "licence_of_music": "CC0-1.0",
        "steps": 2,
        "batch": 4,
    }
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


def test_a_recipe_becomes_an_encoder(run: Run, distilling: Path, tmp_path: Path) -> None:
    out = tmp_path / "student"
    ran = run("train", distilling, "-o", out, "--jobs", 1, "--set", "name=renamed")
    assert ran.code == 0, ran.err
    head, numbers = ran.out.splitlines()
    assert head == f"{out}: renamed 1.0.0"
    assert numbers.startswith("  agreement with the teacher on other music: R² ")
    assert numbers.endswith("per file (3 files)")
    assert load_bundle(out).manifest.embedding_only
    again = run("train", distilling, "-o", out, "--jobs", 1)
    assert (again.code, again.out) == (5, "")
    assert "exists already" in again.err
    said = run("train", distilling, "-o", out, "--jobs", 1, "--overwrite", "--json")
    (agreed,) = json.loads(said.out)["agreement"]
    assert (agreed["music"], agreed["files"]) == ("other music", 3)


@pytest.mark.parametrize(
    "options",
    [
        ("--data", "."),
        ("--corpus", "folder"),
        ("--label", "genre"),
        ("--id", "name"),
        ("--group", "artist"),
        ("--ignore", "year"),
        ("--option", "a=b"),
        ("--genres", "3"),
        ("--epochs", "3"),
        ("--lr", "0.1"),
        ("--name", "other"),
        ("--no-cache",),
        ("--resume",),
        ("--restart",),
        ("--listen",),
        ("--processes", "2"),
        ("--weights", "file"),
        ("--track", "sqlite:///runs.db"),
    ],
)
def test_options_that_mean_nothing_here(
    run: Run, distilling: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    ran = run("train", distilling, "-o", tmp_path / "out", *options)
    assert ran.code != 0
    assert f"{options[0]}: a recipe of kind distil takes no such option" in " ".join(
        ran.err.split()
    )
    assert not (tmp_path / "out").exists()


def test_a_setting_that_is_wrong(run: Run, distilling: Path, tmp_path: Path) -> None:
    ran = run("train", distilling, "-o", tmp_path / "out", "--set", "student={architecture: mlp}")
    assert ran.code != 0
    assert "a student takes one spectrogram" in " ".join(ran.err.split())
