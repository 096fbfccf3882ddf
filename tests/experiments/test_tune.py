"""Searches: what they try, what they never see, and that they can be stopped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import optuna
import pytest
import torch
import yaml

from genrekit.datasets import load_dataset, make_split
from genrekit.errors import ConfigError
from genrekit.experiments import TuneResult, tune_recipe
from genrekit.experiments.tune import training_folds
from genrekit.experiments.tune_report import TrialRecord
from genrekit.training import load_recipe, train

RECIPES = Path(__file__).parents[2] / "recipes" / "tune"
KNN: dict[str, Any] = {
    "name": "small",
    "data": {"corpus": "table", "path": "features_30_sec.csv"},
    "model": {"architecture": "knn", "prepare": {"scale": "robust"}},
    "protocol": {"name": "fault-filtered"},
    "calibrate": False,
    "tune": {
        "trials": 3,
        "folds": 3,
        "objectives": ["accuracy"],
        "space": {"model.neighbours": {"low": 1, "high": 20, "integer": True}},
    },
}
NETWORK: dict[str, Any] = {
    **KNN,
    "model": {"architecture": "mlp", "layers": [8]},
    "training": {"epochs": 4, "batch_size": 30},
    "tune": {
        "trials": 3,
        "folds": 3,
        "rounds": 1,
        "prune_after_trials": 1,
        "prune_after_epochs": 1,
        "space": {"training.learning_rate": {"choices": [0.01, 1e-5]}},
        "method": "grid",
    },
}
Search = Callable[..., TuneResult]


class Found(NamedTuple):
    """A finished search and its folder, which is for reading only."""

    result: TuneResult
    out: Path


def write(folder: Path, settings: dict[str, Any]) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return path


@pytest.fixture
def search(table: Path, tmp_path: Path) -> Search:
    """``search(settings, "tune.trials=4", out=..., data=...)`` to the end."""

    def run(settings: dict[str, Any], *overrides: str, **options: Any) -> TuneResult:
        out = options.pop("out", tmp_path / "out")
        options = {"data": table, **options}
        path = write(tmp_path, settings)
        return tune_recipe(path, out, overrides=overrides, **options)

    return run


@pytest.fixture(scope="module")
def found(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What a search of three trials finds."""
    folder = tmp_path_factory.mktemp("search")
    result = tune_recipe(write(folder, KNN), folder / "out", data=table)
    return Found(result, folder / "out")


def tried(result: TuneResult) -> list[tuple[Any, ...]]:
    """Everything of the trials that the seed decides: times differ."""
    return [
        (one.state, one.settings, one.values.get("accuracy"), one.values.get("log_loss"))
        for one in result.trials
    ]


# --- what is found ------------------------------------------------------------------------------


def test_the_best_recipe_is_written_and_trains(search: Search, table: Path, tmp_path: Path) -> None:
    result = search(KNN)
    out = tmp_path / "out"
    best = result.best
    assert best is not None
    assert best.values["accuracy"] == max(one.values["accuracy"] for one in result.trials)
    text = (out / "best.yaml").read_text()
    assert f"trial {best.number}, the best of 3 trials by accuracy, method tpe, seed 0" in text
    recipe = load_recipe(out / "best.yaml")
    assert recipe.model.model_dump()["neighbours"] == best.settings["model.neighbours"]
    assert recipe.model.model_dump()["prepare"]["scale"] == "robust"
    assert recipe.tune is None
    assert recipe.data.path is not None
    assert recipe.data.path.resolve() == out.parent / "features_30_sec.csv"
    assert train(recipe, tmp_path / "bundle", data=table).is_dir()
    lines = (out / "trials.jsonl").read_text().splitlines()
    assert tuple(map(TrialRecord.model_validate_json, lines)) == result.trials
    assert not (out / "rows").exists()


def test_one_call_from_python_searches_a_space_said_on_the_spot(
    table: Path, tmp_path: Path, found: Found
) -> None:
    plain = write(tmp_path, {name: value for name, value in KNN.items() if name != "tune"})
    measured: list[TuneResult] = []
    out = tmp_path / "out"
    space = {**KNN["tune"], "space": {"model.neighbours": {"low": 1, "high": 20, "integer": True}}}
    result = tune_recipe(str(plain), out, space=space, data=table, each_trial=measured.append)
    assert tried(result) == tried(found.result)
    assert [len(one.trials) for one in measured] == [1, 2, 3]
    assert tried(measured[-1]) == tried(result)
    assert (out / "best.yaml").is_file()


def test_values_are_those_of_a_fit_by_hand(found: Found, table: Path) -> None:
    """Against scikit-learn on the same folds."""
    from sklearn.metrics import accuracy_score, log_loss
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import RobustScaler

    trial = found.result.trials[0]
    dataset = load_dataset("table", table)
    (fold,) = make_split(dataset, "fault-filtered").folds
    training = dataset.select(dataset.indices(fold.train))
    assert training.features is not None
    x, y = training.features, training.targets()
    scores = np.zeros((len(x), 10))
    for inner in make_split(training, "grouped-kfold", n_folds=3).folds:
        fit_on, evaluated = training.indices(inner.train), training.indices(inner.test)
        model = make_pipeline(
            RobustScaler(), KNeighborsClassifier(trial.settings["model.neighbours"])
        )
        scores[evaluated] = model.fit(x[fit_on], y[fit_on]).predict_proba(x[evaluated])
    assert trial.values["accuracy"] == pytest.approx(accuracy_score(y, scores.argmax(axis=1)))
    clipped = np.clip(scores, 1e-7, 1)
    expected = log_loss(y, clipped / clipped.sum(axis=1, keepdims=True))
    assert trial.values["log_loss"] == pytest.approx(expected, rel=1e-4)


def test_several_objectives_have_a_front(search: Search, tmp_path: Path) -> None:
    settings = {**KNN, "model": {"architecture": "tree"}}
    settings["tune"] = {
        "method": "grid",
        "folds": 3,
        "objectives": ["accuracy", "size_bytes"],
        "space": {"model.depth": {"choices": [1, 2, 4, 12]}},
    }
    result = search(settings)
    out = tmp_path / "out"
    values = {one.number: one.values for one in result.trials}
    front = {one.number for one in result.front}
    for number, own in values.items():
        beaten = any(
            (other["accuracy"] > own["accuracy"] and other["size_bytes"] <= own["size_bytes"])
            or (other["accuracy"] >= own["accuracy"] and other["size_bytes"] < own["size_bytes"])
            for other in values.values()
        )
        assert beaten == (number not in front)
    written = sorted(path.name for path in (out / "front").iterdir())
    assert written == sorted(f"trial-{number:04d}.yaml" for number in front)
    assert all(load_recipe(out / "front" / name) for name in written)
    assert all(one.values["latency_ms"] > 0 for one in result.trials)


def test_another_architecture_takes_what_it_knows_of_the_recipe(
    search: Search, tmp_path: Path
) -> None:
    settings = {**KNN, "model": {"architecture": "knn", "neighbours": 3, "balance": "oversample"}}
    settings["tune"] = {
        "method": "grid",
        "folds": 3,
        "space": {
            "model.architecture": {"choices": ["knn", "logistic"]},
            "model.c": {"choices": [0.01, 1.0], "when": {"model.architecture": "logistic"}},
        },
    }
    result = search(settings)
    assert [one.settings for one in result.trials] == [
        {"model.architecture": "knn"},
        {"model.architecture": "logistic", "model.c": 0.01},
        {"model.architecture": "logistic", "model.c": 1.0},
    ]
    assert {one.state for one in result.trials} == {"complete"}
    assert result.best is not None
    best = yaml.safe_load((tmp_path / "out" / "best.yaml").read_text())
    assert best["model"]["balance"] == "oversample"
    assert ("neighbours" in best["model"]) == (best["model"]["architecture"] == "knn")


def test_a_trial_that_fails_says_why_and_the_search_goes_on(search: Search) -> None:
    settings = {**KNN, "model": {"architecture": "knn"}}
    settings["tune"] = {
        "method": "grid",
        "folds": 3,
        "space": {"model.prepare.pca": {"choices": [5, 1000]}},
    }
    result = search(settings)
    assert [one.state for one in result.trials] == ["complete", "failed"]
    assert "knn cannot be fitted on" in result.trials[1].error
    assert result.best == result.trials[0]


def test_front_ends_are_tuned_too(search: Search, table: Path) -> None:
    """Rows of other columns, of the same tracks."""
    settings = {**KNN, "model": {"architecture": "knn"}, "frontend": {"kind": "gtzan57"}}
    settings["tune"] = {
        "method": "grid",
        "folds": 3,
        "space": {"frontend.separation": {"choices": [True, False]}},
    }
    one, other = search(settings).trials
    assert one.values["size_bytes"] > other.values["size_bytes"]


def test_several_genres_a_track_are_ranked(search: Search) -> None:
    settings = {**KNN, "labels": {"task": "multi-label"}}
    result = search(settings, "tune.objectives=[mean_average_precision]", "tune.trials=2")
    for trial in result.trials:
        assert 0.1 < trial.values["mean_average_precision"] <= 1
        assert trial.values["log_loss"] > 0
        assert "accuracy" not in trial.values
    assert result.best is not None


# --- networks -----------------------------------------------------------------------------------


def test_a_network_is_pruned_by_its_epochs(search: Search, tmp_path: Path) -> None:
    result = search(NETWORK)
    assert [one.state for one in result.trials] == ["complete", "pruned"]
    assert result.best == result.trials[0]
    storage = f"sqlite:///{tmp_path / 'out' / 'study.db'}"
    first, second = optuna.load_study(study_name="tune", storage=storage).trials
    assert len(first.intermediate_values) == 5, "four epochs and a fold"
    assert 1 <= len(second.intermediate_values) < 4


def test_epochs_of_different_losses_are_compared_by_accuracy(
    search: Search, tmp_path: Path
) -> None:
    settings = {**NETWORK, "tune": {**NETWORK["tune"], "prune_after_trials": 9}}
    settings["tune"]["space"] = {"training.label_smoothing": {"choices": [0, 0.9]}}
    search(settings)
    storage = f"sqlite:///{tmp_path / 'out' / 'study.db'}"
    for trial in optuna.load_study(study_name="tune", storage=storage).trials:
        *epochs, _ = trial.intermediate_values.values()
        assert all(0 <= value <= 1 for value in epochs)


# --- what is never seen -------------------------------------------------------------------------


def changed_outside(table: Path, kept: Sequence[str], path: Path) -> Path:
    """The table with other numbers in all rows but those of ``kept``."""
    lines = table.read_text().splitlines()
    for number, line in enumerate(lines[1:], start=1):
        name, length, *cells, label = line.split(",")
        if name.removesuffix(".wav") not in kept:
            cells = [repr(float(cell) * 1.5 + 1) for cell in cells]
        lines[number] = ",".join([name, length, *cells, label])
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("settings", [KNN, NETWORK], ids=["classical", "network"])
def test_rows_outside_the_training_part_decide_nothing(
    search: Search, table: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    dataset = load_dataset("table", table)
    (fold,) = make_split(dataset, "fault-filtered").folds
    other = changed_outside(table, fold.train, tmp_path / "other.csv")
    assert load_dataset("table", other).fingerprint != dataset.fingerprint
    one = search(settings, "tune.trials=2", out=tmp_path / "one")
    two = search(settings, "tune.trials=2", out=tmp_path / "two", data=other)
    assert tried(one) == tried(two)


@pytest.mark.parametrize("fit_on", ["train", "train+valid"])
def test_folds_are_of_the_training_part_by_recording(
    table: Path, tmp_path: Path, fit_on: str
) -> None:
    from genrekit.training.preparation import prepare

    dataset = load_dataset("table", table)
    (outer,) = make_split(dataset, "fault-filtered").folds
    away = outer.train[0]
    settings = {
        **KNN,
        "leave_out": [away],
        "protocol": {"name": "fault-filtered", "fit_on": fit_on},
    }
    recipe = load_recipe(write(tmp_path, settings))
    assert recipe.tune is not None
    run = prepare(recipe, table, 1, None)
    folds = training_folds(run, recipe.tune)
    seen = {item for fold in folds for item in (*fold.train, *fold.test)}
    wanted = set(outer.train) | (set(outer.valid) if fit_on == "train+valid" else set())
    assert seen == wanted - {away}
    group = {item.item_id: item.group for item in dataset.items}
    for fold in folds:
        assert not {group[item] for item in fold.train} & {group[item] for item in fold.test}


@pytest.mark.parametrize("protocol", ["grouped-kfold", "segments-leaky", "all-test"])
def test_protocols_that_test_everything_leave_nothing_to_tune_on(
    search: Search, protocol: str
) -> None:
    with pytest.raises(ConfigError, match="no tracks that are for training alone"):
        search({**KNN, "protocol": {"name": protocol}})


# --- stopped, continued, repeated ---------------------------------------------------------------


def test_other_seeds_try_other_settings(search: Search, found: Found) -> None:
    other = search(KNN, "tune.seed=1", "tune.trials=1")
    assert other.trials[0].settings != found.result.trials[0].settings


def test_a_stopped_search_continues_to_the_same_trials(
    search: Search, table: Path, tmp_path: Path
) -> None:
    overrides = ["tune.trials=4", "tune.random_trials=2"]
    whole = search(KNN, *overrides, out=tmp_path / "whole")
    path, out = write(tmp_path, KNN), tmp_path / "out"

    def stop(stage: str, done: int, total: int) -> None:
        if stage == "this trial" and done == 1 and len(read_trials(out)) == 2:
            raise KeyboardInterrupt  # in the middle of a trial

    with pytest.raises(KeyboardInterrupt):
        tune_recipe(path, out, overrides=overrides, data=table, progress=stop)
    assert len(read_trials(out)) == 2
    assert load_recipe(out / "best.yaml").name == "small", "what was found is there already"
    continued = search(KNN, *overrides)
    assert tried(continued) == tried(whole)


def read_trials(out: Path) -> list[dict[str, Any]]:
    path = out / "trials.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_search_is_made_longer_and_not_into_another(
    search: Search, found: Found, tmp_path: Path
) -> None:
    first = found.result
    shutil.copytree(found.out, tmp_path / "out")
    longer = search(KNN, "tune.trials=4")
    assert longer.trials[:3] == first.trials
    assert len(longer.trials) == 4
    with pytest.raises(ConfigError, match="another recipe, space or data"):
        search(KNN, "model.prepare.scale=min-max")


# --- what does not fit is said at once ----------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("tune={space: {model.neighbors: {choices: [1]}}}", "did you mean neighbours"),
        ("tune={space: {model.neighbours: {low: 0, high: 5}}}", r"model\.neighbours"),
        ("tune.method=grid", "give it step, or points"),
        ("tune.objectives=[mean_average_precision]", "is for multi-label data"),
        ("tune.objectives=[acuracy]", "accuracy"),
        ("tune.trails=3", "did you mean trials"),
        ("tune=null", "no section tune"),
    ],
)
def test_plans_that_make_no_sense(search: Search, tmp_path: Path, override: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        search(KNN, override)
    assert not (tmp_path / "out" / "trials.jsonl").exists()


# --- recipes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_of_a_search_runs(path: Path, table: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    changes = ["tune.trials=2", "tune.folds=3", "tune.rounds=1", "training.epochs=2"]
    if path.stem == "svm":
        changes.append("model.calibration_folds=2")
    result = tune_recipe(path, tmp_path / "out", overrides=changes, data=table)
    assert [one.state for one in result.trials] == ["complete", "complete"]
    assert load_recipe(tmp_path / "out" / "best.yaml").name == path.stem
