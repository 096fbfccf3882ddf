"""What people say of a server's answers teaches the next model, and is not tested with."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import soundfile
import yaml

from genrekit.bundles import load_bundle
from genrekit.datasets.split_file import read_split
from genrekit.experiments import load_pipeline, run_pipeline
from genrekit.features.cache import FeatureCache
from genrekit.jukebox import synthesise

GENRES = ("classical", "disco", "metal")


def clip(path: Path, genre: str, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    song = synthesise(genre, seconds=3, seed=seed)
    soundfile.write(path, song.samples, song.sample_rate_hz)
    return path


@pytest.fixture
def music(tmp_path: Path) -> Path:
    for place, genre in enumerate(GENRES):
        for number in range(6):
            clip(tmp_path / "music" / genre / f"{number}.flac", genre, 10 * place + number)
    return tmp_path / "music"


def write_recipe(folder: Path, music: Path, name: str, model: Any, **settings: Any) -> Path:
    training = {
        "name": "mine",
        "data": {"path": str(music)},
        "frontend": {"kind": "gtzan57"},
        "windows": {"window_seconds": 3, "hop_seconds": 3},
        "model": model,
        "protocol": {"name": "holdout", "shares": [0.5, 0.0, 0.5]},
    }
    (folder / f"train-{name}.yaml").write_text(yaml.safe_dump(training))
    pipeline = {"recipe": f"train-{name}.yaml", **settings}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(pipeline))
    return folder / f"{name}.yaml"


def told(server: Any, sound: Path, genre: str) -> None:
    """Send a file as the page does, and say what it was."""
    answer = server.post("/analysis/predict", sound.read_bytes(), headers={"X-File-Name": "a.flac"})
    said = server.client.post("/api/v1/feedback", json={"id": answer.json()["id"], "genre": genre})
    assert said.status_code == 200, said.text


def test_corrections_of_a_server_teach_and_a_fragile_model_is_held_back(
    serving: Any, music: Path, tmp_path: Path
) -> None:
    cache, log = FeatureCache(tmp_path / "cache"), tmp_path / "answers.db"
    gate = {"margin": 1.0, "robustness_margin": 1.0, "distortions": ["noise"]}
    recipe = write_recipe(tmp_path, music, "first", {"architecture": "logistic"}, gate=gate)
    first = run_pipeline(load_pipeline(recipe), tmp_path / "first", cache=cache)
    assert "champion now" in first.outcome
    tested = set(read_split(tmp_path / "first" / "split.json").folds[0].test)

    with serving(answer_log=log, keep_audio=True) as server:
        told(server, clip(tmp_path / "new.flac", "metal", 99), "metal")
        told(
            server, music / next(one for one in sorted(tested) if one.startswith("disco")), "disco"
        )
        told(server, music / "classical" / "0.flac", "reggae")  # no genre of the data

    strict = {**gate, "robustness_margin": 0.0}
    recipe = write_recipe(
        *(tmp_path, music, "second", {"architecture": "tree", "depth": 1}),
        gate=strict,
        feedback=str(log),
    )
    second = run_pipeline(load_pipeline(recipe), tmp_path / "second", cache=cache)
    lessons = (tmp_path / "second" / "lessons.csv").read_text()
    rows = list(csv.DictReader(lessons.splitlines()))
    said = [row for row in rows if row["origin"] == "feedback"]
    # Neither what is tested with, nor a genre that the data does not have.
    assert [(row["label"], row["split"]) for row in said] == [("metal", "train")]
    assert {row["id"] for row in rows if row["split"] == "test"} == tested
    before = load_bundle(tmp_path / "first" / "models" / "seed-0").manifest
    after = load_bundle(tmp_path / "second" / "models" / "seed-0").manifest
    assert after.provenance.tracks == before.provenance.tracks + 1
    assert "1 tracks, too, that people" in after.description
    assert second.tested == first.tested
    assert second.gate is not None
    verdicts = {one.rule: one for one in second.gate.verdicts}
    assert not verdicts["robustness"].passed, verdicts
    assert second.outcome == "the challenger did not pass the gate"
