"""``genrekit pipeline``."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from genrekit.features import build_frontend
from genrekit.schema import Gtzan57Config


def test_a_recipe_is_carried_out_and_a_gate_has_an_exit_code(run: Any, tmp_path: Path) -> None:
    names = build_frontend(Gtzan57Config()).feature_names
    rng = np.random.default_rng(5)
    with (tmp_path / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", *names, "label"])
        for place, genre in enumerate(("dub", "polka")):
            for number in range(16):
                row = rng.normal(place, 1.0, len(names)).round(4)
                writer.writerow([f"{genre}-{number}.wav", *row, genre])
    training = {
        "name": "two",
        "data": {"corpus": "table", "path": "table.csv"},
        "model": {"architecture": "logistic"},
        "protocol": {"name": "holdout", "shares": [0.5, 0.1, 0.4]},
    }
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(training))
    recipe = {"recipe": "train.yaml", "gate": {"most_bytes": 10}}
    (tmp_path / "life.yaml").write_text(yaml.safe_dump(recipe))
    held = run("pipeline", str(tmp_path / "life.yaml"), "-o", str(tmp_path / "work"), "--json")
    assert held.code == 10, held.err
    report = json.loads(held.out)
    assert report["outcome"] == "the challenger did not pass the gate"
    assert "FAILED" in (tmp_path / "work" / "report.md").read_text()


def test_what_is_missing_is_reported(run: Any, tmp_path: Path) -> None:
    alone = run("pipeline")
    assert alone.code == 2
    assert "--out" in alone.err
    none = run("pipeline", "--from-log", str(tmp_path / "none.db"))
    assert none.code == 4
    assert "genrekit serve --log" in none.err
