"""A pipeline trains, compares, promotes, is killed and goes on, and holds a worse model back."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from genrekit.bundles import find_bundle, load_bundle, promotion_history, roll_back
from genrekit.errors import ConfigError, DatasetError
from genrekit.experiments import load_pipeline, render_pipeline, run_pipeline
from genrekit.experiments.pipeline.state import State
from genrekit.features import build_frontend
from genrekit.files import replace_file
from genrekit.schema import Gtzan57Config

STAGES = [
    *("split", "audit", "train seed 0", "train seed 1", "evaluate seed 0", "evaluate seed 1"),
    *("evaluate the champion", "gate"),
]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three genres that the 57 columns tell apart, and their parts."""
    names = build_frontend(Gtzan57Config()).feature_names
    rng = np.random.default_rng(5)
    path = tmp_path_factory.mktemp("table") / "table.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", *names, "label"])
        for place, genre in enumerate(("dub", "polka", "zydeco")):
            for number in range(30):
                row = rng.normal(place * 0.9, 1.0, len(names)).round(5)
                writer.writerow([f"{genre}-{number}.wav", *row, genre])
    return path


def write_recipe(folder: Path, table: Path, *, c: float = 0.1, **settings: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    training = {
        "name": "three",
        "data": {"corpus": "table", "path": str(table)},
        "frontend": {"kind": "gtzan57"},
        "model": {"architecture": "logistic", "c": c},
        "protocol": {"name": "holdout", "shares": [0.5, 0.1, 0.4]},
    }
    (folder / "train.yaml").write_text(yaml.safe_dump(training))
    pipeline = {"kind": "pipeline", "recipe": "train.yaml", "seeds": [0, 1], **settings}
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(pipeline))
    return folder / "pipeline.yaml"


def run(recipe: Path, folder: Path) -> Any:
    return run_pipeline(load_pipeline(recipe), folder)


def test_a_model_is_promoted_a_worse_one_is_not_and_one_command_rolls_back(
    table: Path, tmp_path: Path
) -> None:
    gate = {"margin": 0.02, "genre_margin": 0.2, "least_accuracy": 0.3, "slower": 20.0}
    recipe = write_recipe(tmp_path, table, gate=gate)
    first = run(recipe, tmp_path / "work")
    assert first.outcome == "three@0.1.0 is default@champion now"
    assert [one.stage for one in first.stages] == STAGES
    assert first.gate.note
    assert load_bundle("default@champion").manifest.name == "three"
    # Nothing has changed: nothing is done.
    again = run(recipe, tmp_path / "work")
    assert not any(one.done for one in again.stages)
    assert "champion already" in again.outcome
    # A model that knows nothing is held back, and says why.
    poor = write_recipe(tmp_path / "poor", table, c=1e-7, gate=gate)
    held = run(poor, tmp_path / "work")
    assert held.outcome == "the challenger did not pass the gate"
    assert [one.passed for one in held.gate.verdicts if one.rule == "not worse"] == [False]
    assert "FAILED" in render_pipeline(held)
    assert load_bundle("default@champion").manifest.version == "0.1.0"
    # One that is as good, by a rule that allows it, takes its place.
    other = write_recipe(tmp_path / "other", table, c=0.3, gate={"margin": 0.3})
    better = run(other, tmp_path / "work")
    assert better.outcome == "three@0.2.0 is default@champion now"
    assert better.gate.difference is not None
    roll_back()
    assert load_bundle("default@champion").manifest.version == "0.1.0"
    # What was rolled back is not promoted again by the next run from cron.
    assert "not promoted again" in run(other, tmp_path / "work").outcome


@pytest.mark.parametrize("stage", ["split", "train seed 0", "gate"])
def test_a_pipeline_killed_after_any_stage_goes_on(
    stage: str, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = write_recipe(tmp_path, table)
    note = State.note

    def killed(self: State, name: str, *arguments: Any) -> None:
        if name == stage:
            raise KeyboardInterrupt
        note(self, name, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(State, "note", killed)
        with pytest.raises(KeyboardInterrupt):
            run(recipe, tmp_path / "work")
    assert not promotion_history()
    done = run(recipe, tmp_path / "work")
    begun = [one.stage for one in done.stages if one.done]
    assert begun == STAGES[STAGES.index(stage) :]
    assert "is default@champion now" in done.outcome


def test_a_pipeline_killed_once_it_has_promoted_notes_it_and_promotes_once(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = write_recipe(tmp_path, table, seeds=[0])
    promoted = tmp_path / "work" / "promoted.json"
    with monkeypatch.context() as patched:

        def killed(path: Path, content: str | bytes) -> None:
            if path == promoted:
                raise KeyboardInterrupt
            replace_file(path, content)

        patched.setattr("genrekit.experiments.pipeline.run.replace_file", killed)
        with pytest.raises(KeyboardInterrupt):
            run(recipe, tmp_path / "work")
    assert "champion already" in run(recipe, tmp_path / "work").outcome
    assert promoted.is_file()
    assert len(promotion_history()) == 1
    assert roll_back().model == "default"


def test_only_what_reads_a_change_is_done_again(table: Path, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, table)
    run(recipe, tmp_path / "work")
    (tmp_path / "work" / "results" / "seed-1.json").unlink()
    again = run(recipe, tmp_path / "work")
    assert [one.stage for one in again.stages if one.done] == ["evaluate seed 1"]
    copy = tmp_path / "more.csv"
    lines = table.read_text().splitlines()
    copy.write_text("\n".join(lines[:-1]) + "\n")
    changed = write_recipe(tmp_path, copy)
    assert all(one.done for one in run(changed, tmp_path / "work").stages)


def test_recipes_that_make_no_sense_are_refused(table: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no distortion 'reverb'"):
        load_pipeline(write_recipe(tmp_path, table, gate={"distortions": ["reverb"]}))
    with pytest.raises(ConfigError, match="margins"):
        load_pipeline(write_recipe(tmp_path, table, gate={"margins": 1}))
    folds = write_recipe(tmp_path, table, overrides=["protocol.name=grouped-kfold"])
    with pytest.raises(ConfigError, match="one test part"):
        run(folds, tmp_path / "work")
    twice = tmp_path / "twice.csv"
    lines = table.read_text().splitlines()
    twice.write_text("\n".join([*lines, lines[1].replace("dub-0", "dub-copy")]) + "\n")
    strict = write_recipe(tmp_path, twice, audit={"refuse": ["error", "warning"]})
    with pytest.raises(DatasetError, match="audit found"):
        run(strict, tmp_path / "strict")


def test_two_pipelines_do_not_share_a_folder(table: Path, tmp_path: Path) -> None:
    held = State(tmp_path / "work")
    with pytest.raises(ConfigError, match="another pipeline"):
        run(write_recipe(tmp_path, table), tmp_path / "work")
    held.close()
    assert find_bundle("default").name == "box"
