"""``genrekit train``: a recipe to a bundle."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genrekit.bundles import load_bundle
from genrekit.schema import BundleMetrics, TrackPrediction

Run = Callable[..., Any]
RECIPES = Path(__file__).resolve().parents[2] / "recipes"


def test_a_table_becomes_a_model_that_predicts(
    run: Run, recipe: Path, table: Path, song: Path, tmp_path: Path
) -> None:
    out = tmp_path / "deep" / "small"
    ran = run("train", recipe, "--data", table, "-o", out)
    assert (ran.code, ran.err) == (0, "")
    (result,) = load_bundle(out).metrics.results
    accuracy = result.accuracy
    head, numbers = ran.out.splitlines()
    assert head == f"{out}: small 0.1.0"
    assert numbers == (
        f"  holdout: accuracy {accuracy.value:.3f} [{accuracy.low:.3f}, {accuracy.high:.3f}] "
        f"on {result.items} tracks"
    )
    assert accuracy.value > 0.8
    answer = TrackPrediction.model_validate_json(run("predict", song, "-m", out, "--json").out)
    assert set(answer.scores) == {"disco", "jazz", "pop"}
    assert "holdout" in run("models", "show", out).out


def test_the_summary_as_json(run: Run, recipe: Path, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "small"
    ran = run("train", recipe, "--data", table, "-o", out, "--json")
    said = json.loads(ran.out)
    bundle = load_bundle(out)
    assert (said.pop("bundle"), said.pop("sha256")) == (str(out), bundle.sha256)
    assert BundleMetrics.model_validate(said) == bundle.metrics


def test_short_options_change_settings_and_set_wins(
    run: Run, recipe: Path, table: Path, tmp_path: Path
) -> None:
    short = ("--genres", "disco, pop", "--name", "two", "--epochs", 3, "--lr", 0.01)
    ran = run("train", recipe, "--data", table, "-o", tmp_path / "a", *short)
    assert (ran.code, ran.err) == (0, "")
    manifest = load_bundle(tmp_path / "a").manifest
    assert (manifest.name, manifest.labels) == ("two", ("disco", "pop"))
    text = (tmp_path / "a" / "manifest.json").read_text(encoding="utf-8")
    assert "training.epochs=3" in text
    assert "training.learning_rate=0.01" in text
    common = ("--genres", 2, "--name", "two", "--set", "name=other")
    assert run("train", recipe, "--data", table, "-o", tmp_path / "b", *common).code == 0
    manifest = load_bundle(tmp_path / "b").manifest
    assert (manifest.name, len(manifest.labels)) == ("other", 2)
    refused = run("train", recipe, "--data", table, "-o", tmp_path / "c", "--genres", "polka")
    assert refused.code != 0
    assert "no label 'polka'" in refused.err


def test_settings_are_changed_and_noted(
    run: Run, recipe: Path, table: Path, tmp_path: Path
) -> None:
    out = tmp_path / "nearest"
    ran = run(
        *("train", recipe, "--data", table, "-o", out),
        *("--set", "model.architecture=knn", "--set", "model.neighbours=3"),
        *("--set", "protocol.name=segments-leaky", "--set", "final_fit=everything"),
    )
    assert ran.code == 0
    assert "segments-leaky, LEAKY: accuracy" in ran.out
    manifest = load_bundle(out).manifest
    assert manifest.architecture == "knn"
    assert "# overridden: model.neighbours=3" in manifest.provenance.recipe


def test_a_model_is_replaced_only_on_request(
    run: Run, recipe: Path, table: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "small"
    shutil.copytree(tiny_bundle, out)
    ran = run("train", recipe, "--data", table, "-o", out)
    assert (ran.code, ran.out) == (5, "")
    assert "exists already" in ran.err
    assert load_bundle(out).manifest.name == "tiny"
    assert run("train", recipe, "--data", table, "-o", out, "--overwrite").code == 0
    assert load_bundle(out).manifest.name == "small"


def test_what_is_no_model_is_never_replaced(
    run: Run, recipe: Path, table: Path, tmp_path: Path
) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    ran = run("train", recipe, "--data", table, "-o", tmp_path, "--overwrite")
    assert (ran.code, ran.out) == (5, "")
    assert "not a bundle" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("model.architecture=logistik", "did you mean logistic"),
        ("model.cc=1", "there is no such setting"),
        ("protocol.name=holdot", "did you mean holdout?"),
        ("data.corpus=tabel", "did you mean table?"),
        ("model.c", "expected section.key=value"),
        ("seed=-1", "seed"),
    ],
)
def test_settings_that_make_no_sense(
    run: Run, recipe: Path, table: Path, tmp_path: Path, override: str, said: str
) -> None:
    ran = run("train", recipe, "--data", table, "-o", tmp_path / "out", "--set", override)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert not (tmp_path / "out").exists()


def test_data_that_is_missing(run: Run, recipe: Path, tmp_path: Path) -> None:
    ran = run("train", recipe, "--data", tmp_path / "missing.csv", "-o", tmp_path / "out")
    assert (ran.code, ran.out) == (4, "")
    assert ran.err.count("\n") == 1
    without = run("train", recipe, "-o", tmp_path / "out")
    assert without.code == 4
    assert "a table needs a path" in without.err


@pytest.mark.slow
def test_the_recipe_of_the_jukebox_scaled_down(run: Run, song: Path, tmp_path: Path) -> None:
    out = tmp_path / "jukebox"
    ran = run(
        *("train", RECIPES / "jukebox.yaml", "-o", out, "--jobs", 1),
        *("--set", "data.options.clips_per_genre=4", "--set", "data.options.seconds=3"),
        *("--set", "windows.window_seconds=3", "--set", "windows.hop_seconds=3"),
        *("--set", "excerpt.duration_seconds=3"),
    )
    assert (ran.code, ran.err) == (0, "")
    (result,) = load_bundle(out).metrics.results
    # A tenth would be chance.
    assert result.accuracy.value > 0.3
    assert result.items == 10
    answer = TrackPrediction.model_validate_json(run("predict", song, "-m", out, "--json").out)
    assert len(answer.scores) == 10
