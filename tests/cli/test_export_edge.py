"""``genrekit models export`` for phones and browsers: what it prints, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare on five tracks, not on a hundred."""
    from genrekit.edge import export
    from genrekit.edge.tracks import synthetic_tracks

    monkeypatch.setattr(export, "synthetic_tracks", lambda: synthetic_tracks(5))


def test_it_prints_each_precision(run: Run, tiny_bundle: Path, tmp_path: Path, few: None) -> None:
    out = tmp_path / "out"
    asked = ("models", "export", tiny_bundle, "--format", "edge", "-o", out)
    said = run(*asked)
    assert said.code == 0
    first, *_, last = said.out.splitlines()
    assert first.startswith("fp32: fp32.onnx 0.")
    assert "100.0% of 5 tracks get the answer of predict" in first
    assert last == f"{out} is ready, compared on 5 synthetic tracks; model.json describes it"
    again = run(*asked)
    assert again.code != 0
    assert "exists already" in again.err


def test_it_is_printed_as_json(run: Run, tiny_bundle: Path, tmp_path: Path, few: None) -> None:
    out = tmp_path / "out"
    said = run("models", "export", tiny_bundle, "--format", "edge", "-o", out, "--json")
    found = json.loads(said.out)
    assert found["directory"] == str(out)
    assert found["precisions"][0]["agreement"] == 1


def test_options_of_another_format_are_refused(run: Run, tiny_bundle: Path, tmp_path: Path) -> None:
    asked = ("models", "export", tiny_bundle, "-o", tmp_path / "out")
    refused = run(*asked, "--data", tmp_path)
    assert refused.code == 2
    assert "--data is for --format edge, and --format is hub" in refused.err
    missing = run(*asked, "--format", "web", "--ort", tmp_path / "nowhere")
    assert "is not a folder" in missing.err
