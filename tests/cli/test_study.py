from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from genrekit.cli import app
from genrekit.errors import ConfigError


@pytest.fixture
def segments(tmp_path: Path) -> Path:
    """Three alike segments of each of 60 tracks that are nothing like their genre."""
    rng = np.random.default_rng(0)
    file = tmp_path / "segments.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["track", "a", "b", "c", "label"])
        for track in range(60):
            centre = rng.normal(0, 1, 3)
            for _ in range(3):
                numbers = (centre + rng.normal(0, 0.05, 3)).tolist()
                writer.writerow([f"t{track}", *numbers, ("jazz", "rock")[track % 2]])
    return file


def test_chosen_models_under_all_protocols(segments: Path, tmp_path: Path) -> None:
    models = ["--model", "knn,neighbours=1", "--model", "logistic,c=0.5,balance=oversample"]
    out = tmp_path / "out"
    answer = CliRunner().invoke(
        app, ["study", str(segments), *models, "-o", str(out), "-j", "1", "--no-checks"]
    )
    assert answer.exit_code == 0, answer.output
    study = json.loads((out / "segments.json").read_text(encoding="utf-8"))
    assert [cell["model"]["architecture"] for cell in study["cells"]] == ["knn"] * 2 + [
        "logistic"
    ] * 2
    grouped, leaky = study["cells"][:2]
    assert grouped["by_rows"]["items"] == leaky["result"]["items"] == 180
    assert grouped["by_rows"]["accuracy"]["value"] < 0.7 < leaky["result"]["accuracy"]["value"]
    assert leaky["by_rows"] is None
    page = (out / "segments.md").read_text(encoding="utf-8")
    assert f"`genrekit study segments.csv {' '.join(models)}`" in page
    assert "## Accuracy row by row" in page
    assert "balance oversample" in page


@pytest.mark.parametrize("model", ["knn,neighbours=0", "knn,size=3", "knn,balance=weights"])
def test_settings_that_do_not_fit_are_refused(model: str, segments: Path, tmp_path: Path) -> None:
    answer = CliRunner().invoke(
        app, ["study", str(segments), "--model", model, "-o", str(tmp_path / "out")]
    )
    assert isinstance(answer.exception, ConfigError)
    assert repr(model) in str(answer.exception)
