from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from genrekit.cli import app
from genrekit.datasets import leaking_groups, load_dataset, make_split, read_split
from genrekit.errors import DatasetError, LeakError, outcome
from genrekit.evaluation import LeakKind
from genrekit.reports.inputs import read_inputs
from genrekit.schema import DeclaredStep
from genrekit.training import DataConfig, ProtocolConfig, Recipe, load_recipe, train

GENRES = ("jazz", "rock")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Three segments of each of 40 tracks."""
    rng = np.random.default_rng(0)
    file = tmp_path / "features.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["filename", "track", "a", "b", "c", "label"])
        for track in range(40):
            for part in range(3):
                numbers = rng.normal(track % 2, 1, 3).tolist()
                name = f"{track}-{part}.wav"
                writer.writerow([name, f"t{track}", *numbers, GENRES[track % 2]])
    return file


def test_a_split_is_made_and_found_sound(table: Path, tmp_path: Path) -> None:
    file = tmp_path / "split.json"
    answer = run("split", table, "--folds", "4", "--seed", "3", "-o", file)
    assert answer.exit_code == 0, answer.output
    assert "grouped-kfold, folds: 4" in answer.stdout
    data = load_dataset("table", table)
    made = make_split(data, "grouped-kfold", n_folds=4, seed=3)
    assert read_split(file).fingerprint == made.fingerprint
    checked = run("leaks", file, "--data", table)
    assert checked.exit_code == 0
    assert checked.stdout.startswith("no leak found\n")
    assert "  segments: looked and found none\n" in checked.stdout
    assert "  trained-on-test: not looked (no saved model was named)\n" in checked.stdout


@pytest.mark.parametrize(
    ("protocol", "name", "folds"),
    [("kfold", "grouped-kfold", 10), ("repeated", "repeated-kfold", 50), ("holdout", "holdout", 1)],
)
def test_the_balance_is_json(protocol: str, name: str, folds: int, table: Path) -> None:
    answer = json.loads(run("split", table, "--protocol", protocol, "--json").stdout)
    assert (answer["protocol"], answer["folds"], answer["leaky"]) == (name, folds, False)
    assert answer["largest_deviation"] < 0.03
    assert sum(part["items"] for part in answer["parts"] if part["fold"] == 0) == 120


def leaks_of(text: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in text.splitlines()]
    return [line for line in lines if line["verdict"] == "found"]


def verdicts_of(text: str) -> dict[str, str]:
    return {line["kind"]: line["verdict"] for line in map(json.loads, text.splitlines())}


def test_pairs_are_kept_together(table: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.csv"
    lines = [f"{track}-0.wav,{track + 2}-1.wav" for track in range(0, 36, 4)]
    pairs.write_text("\n".join(lines), encoding="utf-8")
    apart, together = tmp_path / "apart.json", tmp_path / "together.json"
    assert run("split", table, "--by", "track", "-o", apart).exit_code == 0
    assert run("split", table, "--pairs", pairs, "-o", together).exit_code == 0
    found = run("leaks", apart, "--data", table, "--pairs", pairs, "--json")
    assert found.exit_code == 9
    (leak,) = leaks_of(found.stdout)
    assert (leak["where"], leak["kind"]) == ("grouped-kfold", "near-duplicates")
    assert run("leaks", together, "--data", table, "--pairs", pairs).exit_code == 0


def test_an_unknown_relation_is_a_config_error(table: Path) -> None:
    answer = run("split", table, "--by", "label")
    assert "'label' is not a relation" in str(answer.exception)


def test_rows_assigned_one_by_one_are_found(table: Path, tmp_path: Path) -> None:
    file = tmp_path / "split.json"
    answer = run("split", table, "--protocol", "segments-leaky", "-o", file)
    assert "LEAKY" in answer.stdout
    found = run("leaks", file, "--data", table)
    assert found.exit_code == 9
    assert found.stdout.startswith("segments (segments-leaky): ")


def test_a_split_needs_its_data(table: Path, tmp_path: Path) -> None:
    run("split", table, "-o", tmp_path / "split.json")
    assert "with --data" in str(run("leaks", tmp_path / "split.json").exception)


def test_other_json_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text('{"a": 1}', encoding="utf-8")
    assert "neither a split nor results" in str(run("leaks", file).exception)


# --- recipes, models and results ----------------------------------------------------------------


@pytest.fixture
def recipe(table: Path, tmp_path: Path) -> Path:
    file = tmp_path / "recipe.yaml"
    file.write_text(
        f"name: small\ndata: {{corpus: table, path: {table}}}\n"
        "model: {architecture: knn}\nprotocol: {name: holdout}\n"
        "beside: [{name: segments-leaky}]\n",
        encoding="utf-8",
    )
    return file


def test_every_protocol_of_a_recipe_is_checked(recipe: Path) -> None:
    found = run("leaks", recipe, "--json")
    assert found.exit_code == 9
    assert [leak["where"] for leak in leaks_of(found.stdout)] == ["segments-leaky"]


def test_a_recipe_that_validates_on_test_recordings_is_named(tmp_path: Path) -> None:
    """A manifest whose validation part is cut from the files that are tested."""
    rng = np.random.default_rng(0)
    lines = ["path,label,start,end,split"]
    for number in range(8):
        name = f"{number}.wav"
        soundfile.write(tmp_path / name, rng.normal(0, 0.1, 44100).astype(np.float32), 22050)
        genre = GENRES[number % 2]
        if number < 4:
            lines.append(f"{name},{genre},0,2,train")
        else:
            lines += [f"{name},{genre},0,1,valid", f"{name},{genre},1,2,test"]
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("\n".join(lines), encoding="utf-8")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        f"name: small\ndata: {{corpus: manifest, path: {manifest}}}\n"
        "model: {architecture: knn}\nprotocol: {name: official}\n",
        encoding="utf-8",
    )
    found = run("leaks", recipe, "--json")
    assert [leak["kind"] for leak in leaks_of(found.stdout)] == ["chosen-on-test"]
    with pytest.raises(DatasetError, match="on two sides"):
        train(load_recipe(recipe), tmp_path / "bundle")


def test_duplicates_are_found_by_ear(tmp_path: Path) -> None:
    data = tmp_path / "music"
    for number in range(8):
        file = data / GENRES[number % 2] / f"{number}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        seed = 1 if number == 3 else number  # 3 is 1 again
        noise = np.random.default_rng(seed).normal(0, 0.1, 2 * 22050)
        soundfile.write(file, noise.astype(np.float32), 22050)
    split = tmp_path / "split.json"
    for seed in range(20):
        run("split", data, "--folds", "4", "--seed", str(seed), "-o", split)
        fold = next(f for f in read_split(split).folds if "rock/1.wav" in f.test)
        if "rock/3.wav" in fold.train:
            break
    without = run("leaks", split, "--data", data, "--json")
    assert without.exit_code == 0
    verdicts = verdicts_of(without.stdout)
    assert set(verdicts) == set(get_args(LeakKind))
    assert verdicts["exact-duplicates"] == verdicts["near-duplicates"] == "not looked"
    found = run("leaks", split, "--data", data, "--listen", "--json")
    kinds = {leak["kind"] for leak in leaks_of(found.stdout)}
    assert "exact-duplicates" in kinds


@pytest.fixture
def gtzan_table(tmp_path: Path) -> Path:
    """The columns of the gtzan57 front-end for 60 made-up tracks."""
    from genrekit.features import build_frontend
    from genrekit.schema import Gtzan57Config

    columns = build_frontend(Gtzan57Config()).feature_names
    rng = np.random.default_rng(2)
    file = tmp_path / "table.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["filename", *columns, "label"])
        for number in range(60):
            numbers = rng.normal(number % 2, 1, len(columns)).tolist()
            writer.writerow([f"{number}.wav", *numbers, GENRES[number % 2]])
    return file


def test_a_model_is_tested_by_a_split_file_and_refused_on_its_own_tracks(
    gtzan_table: Path, tmp_path: Path
) -> None:
    recipe = Recipe(
        name="small",
        data=DataConfig(corpus="table", path=gtzan_table),
        model={"architecture": "knn"},
        protocol=ProtocolConfig(name="holdout"),
        calibrate=False,
    )
    bundle = train(recipe, tmp_path / "bundle")
    split, other = tmp_path / "split.json", tmp_path / "other.json"
    run("split", gtzan_table, "--protocol", "holdout", "-o", split)
    run("split", gtzan_table, "--protocol", "holdout", "--seed", "5", "-o", other)
    answer = run("evaluate", bundle, "--data", gtzan_table, "--split", split, "--json")
    assert answer.exit_code == 0, answer.output
    result = json.loads(answer.stdout)
    assert result["split_fingerprint"] == read_split(split).fingerprint
    refused = run("evaluate", bundle, "--data", gtzan_table, "--split", other)
    assert "trained-on-test" in str(refused.exception)
    found = run("leaks", bundle, "--data", gtzan_table, "--split", other, "--json")
    assert found.exit_code == 9
    assert [leak["kind"] for leak in leaks_of(found.stdout)] == ["trained-on-test"]
    assert run("leaks", bundle, "--data", gtzan_table, "--split", split).exit_code == 0
    assert run("leaks", bundle).stdout.startswith("no leak found\n")

    results = tmp_path / "results.json"
    step = DeclaredStep(what="scale", on="everything").model_dump()
    results.write_text(json.dumps({**result, "steps": [step], "items": 60}), encoding="utf-8")
    found = run("leaks", results, "--data", gtzan_table, "--split", split, "--json")
    kinds = [leak["kind"] for leak in leaks_of(found.stdout)]
    assert kinds == ["fitted-before-split", "segments-called-tracks"]
    wrong = run("leaks", results, "--data", gtzan_table, "--split", other)
    assert "another split" in str(wrong.exception)


def test_leaking_relations_agree_with_the_command(table: Path, tmp_path: Path) -> None:
    file = tmp_path / "split.json"
    run("split", table, "--protocol", "segments-leaky", "-o", file)
    data = load_dataset("table", table)
    torn = leaking_groups(data, read_split(file))
    (leak,) = leaks_of(run("leaks", file, "--data", table, "--json").stdout)
    group_of = {item.item_id: item.group for item in data.items}
    assert {group_of[item] for item in leak["items"]} == set(torn)


def test_audio_of_a_recipe_is_compared_too(tmp_path: Path) -> None:
    """Two copies under other names, on both sides of the parts that the manifest names."""
    lines = ["path,label,split"]
    for number in range(8):
        noise = np.random.default_rng(number % 4).normal(0, 0.1, 2 * 22050)
        soundfile.write(tmp_path / f"{number}.wav", noise.astype(np.float32), 22050)
        lines.append(f"{number}.wav,{GENRES[number % 2]},{'train' if number < 4 else 'test'}")
    (tmp_path / "manifest.csv").write_text("\n".join(lines), encoding="utf-8")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        f"name: small\ndata: {{corpus: manifest, path: {tmp_path / 'manifest.csv'}}}\n"
        "model: {architecture: knn}\nprotocol: {name: official}\n",
        encoding="utf-8",
    )
    without = run("leaks", recipe)
    assert without.exit_code == 0
    assert "near-duplicates: not looked (the audio was not decoded; add --listen)" in without.stdout
    analysed = run("leaks", recipe, "--listen", "--json")
    assert analysed.exit_code == 9
    assert verdicts_of(analysed.stdout)["exact-duplicates"] == "found"


def test_bad_data_and_leaks_have_different_exit_codes(table: Path, tmp_path: Path) -> None:
    run("split", table, "--protocol", "segments-leaky", "-o", tmp_path / "split.json")
    leaking = run("leaks", tmp_path / "split.json", "--data", table)
    (tmp_path / "bad.csv").write_text("a,b\n", encoding="utf-8")
    bad = run("leaks", tmp_path / "split.json", "--data", tmp_path / "bad.csv")
    assert leaking.exit_code == outcome(LeakError()).exit_code
    assert isinstance(bad.exception, DatasetError)
    assert outcome(DatasetError()).exit_code != outcome(LeakError()).exit_code


def test_a_report_takes_what_was_not_found_for_no_leak(table: Path, tmp_path: Path) -> None:
    run("split", table, "-o", tmp_path / "split.json")
    found = run("leaks", tmp_path / "split.json", "--data", table, "--json").stdout
    (tmp_path / "leaks.jsonl").write_text(found, encoding="utf-8")
    assert read_inputs([tmp_path / "leaks.jsonl"]).leaks == []
