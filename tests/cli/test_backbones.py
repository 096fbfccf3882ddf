"""``genrekit backbones``: what is published, and what of it is on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from genrekit.cli import app
from genrekit.errors import ConfigError


def test_backbones_are_listed_with_licence_and_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "mine.tflite"
    weights.write_bytes(b"weights")
    monkeypatch.setenv("GENREKIT_WEIGHTS_YAMNET", str(weights))
    listed = {
        one["name"]: one
        for one in json.loads(
            CliRunner().invoke(app, ["backbones", "--json"], catch_exceptions=False).stdout
        )
    }
    assert listed["yamnet"]["path"] == str(weights)
    assert listed["yamnet"]["licence"] == "Apache-2.0"
    assert listed["choi2017"]["path"] is None
    assert listed["choi2017"]["variable"] == "GENREKIT_WEIGHTS_CHOI2017"
    assert len(listed["vggish"]["sha256"]) == 64
    shown = CliRunner().invoke(app, ["backbones"], catch_exceptions=False).stdout
    assert "not here" in shown
    assert "CC-BY-4.0" in shown


def test_what_is_here_is_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = tmp_path / "mine.hdf5"
    weights.write_bytes(b"weights")
    monkeypatch.setenv("GENREKIT_WEIGHTS_CHOI2017", str(weights))
    found = CliRunner().invoke(app, ["backbones", "--fetch", "choi2017"], catch_exceptions=False)
    assert str(weights) in found.stdout.replace("\n", "")
    with pytest.raises(ConfigError, match="choi2017"):
        CliRunner().invoke(app, ["backbones", "--fetch", "choi"], catch_exceptions=False)
