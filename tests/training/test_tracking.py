"""Runs in MLflow, and that a store that fails costs nothing."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genrekit.bundles import load_bundle
from genrekit.errors import ConfigError, DatasetError, MissingExtraError
from genrekit.models.networks import Mlp
from genrekit.training import DataConfig, ProtocolConfig, Recipe, Step, train_steps
from genrekit.training.settings import TrainingConfig
from genrekit.training.tracking import tracked

# What MLflow's own imports warn of.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def recipe(table: Path) -> Recipe:
    return Recipe(
        name="tracked",
        data=DataConfig(corpus="table", path=table),
        model=Mlp(layers=(8,)),
        training=TrainingConfig(epochs=3, batch_size=30),
        protocol=ProtocolConfig(name="fault-filtered"),
    )


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with MLflow's tables, which take seconds to make."""
    mlflow = pytest.importorskip("mlflow")
    path = tmp_path_factory.mktemp("mlflow") / "runs.db"
    mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def store(empty_store: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(empty_store, tmp_path / "runs.db"))


def only_run(store: Path, experiment: str) -> tuple[Any, Any]:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{store}")
    place = client.get_experiment_by_name(experiment)
    (run,) = client.search_runs([place.experiment_id])
    return client, run


def test_a_run_holds_settings_epochs_numbers_and_the_bundle(
    recipe: Recipe, store: Path, tmp_path: Path
) -> None:
    out = tmp_path / "net"
    for _ in range(2):
        steps = train_steps(recipe, out, overwrite=True)
        told = list(tracked(steps, recipe, f"sqlite:///{store}", experiment=f"try {_}"))
    assert told[-1].bundle == out
    bundle = load_bundle(out)
    client, run = only_run(store, "try 1")
    assert run.info.status == "FINISHED"
    assert run.data.params["model.layers"] == "[8]"
    assert run.data.params["training.epochs"] == "3"
    losses = client.get_metric_history(run.info.run_id, "fault-filtered/train_loss")
    epochs = [step.epoch for step in told if step.epoch is not None]
    assert [(one.step, one.value) for one in losses] == [
        (epoch.epoch, pytest.approx(epoch.train_loss)) for epoch in epochs
    ]
    (result,) = bundle.metrics.results
    assert run.data.metrics["fault-filtered/accuracy.value"] == result.accuracy.value
    assert run.data.metrics["fault-filtered/accuracy.low"] == result.accuracy.low
    versions = client.search_model_versions("name = 'tracked'")
    assert sorted(int(one.version) for one in versions) == [1, 2]
    newest = max(versions, key=lambda one: int(one.version))
    assert newest.run_id == run.info.run_id
    assert load_bundle(newest.source).sha256 == bundle.sha256 == newest.tags["sha256"]
    assert (tmp_path / "runs.artifacts").is_dir()


def test_a_store_that_fails_on_the_way_costs_no_bundle(
    recipe: Recipe, store: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(steps: Iterator[Step]) -> Iterator[Step]:
        for step in steps:
            if step.epoch is not None and step.done == 2:
                store.write_bytes(b"no database any more" * 1000)
            yield step

    out = tmp_path / "net"
    with caplog.at_level(logging.WARNING, "genrekit"):
        told = list(tracked(broken(train_steps(recipe, out)), recipe, f"sqlite:///{store}"))
    assert told[-1].bundle == out
    assert load_bundle(out).manifest.name == "tracked"
    said = [record.getMessage() for record in caplog.records if "tracking" in record.name]
    assert len(said) == 1
    assert said[0].startswith("tracking stopped, training goes on: ")


def test_runs_say_how_they_ended(recipe: Recipe, store: Path, tmp_path: Path) -> None:
    missing = recipe.model_copy(update={"data": DataConfig(corpus="table", path=tmp_path / "no")})
    address = f"sqlite:///{store}"
    with pytest.raises(DatasetError):
        list(tracked(train_steps(missing, tmp_path / "a"), missing, address, experiment="failed"))
    assert only_run(store, "failed")[1].info.status == "FAILED"
    steps = tracked(train_steps(recipe, tmp_path / "b"), recipe, address, experiment="stopped")
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert only_run(store, "stopped")[1].info.status == "KILLED"


def test_a_store_that_cannot_be_opened_is_said_before_training(
    recipe: Recipe, tmp_path: Path
) -> None:
    pytest.importorskip("mlflow")
    (tmp_path / "runs.db").write_bytes(b"no database" * 1000)
    steps = train_steps(recipe, tmp_path / "net")
    with pytest.raises(ConfigError, match=r"cannot be opened: .*sqlite:///runs\.db"):
        list(tracked(steps, recipe, f"sqlite:///{tmp_path / 'runs.db'}"))
    assert next(steps).done == 0, "nothing was trained"


def test_without_mlflow_the_message_says_how_to_get_it(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    steps = tracked(train_steps(recipe, tmp_path / "net"), recipe, "sqlite:///runs.db")
    with pytest.raises(MissingExtraError, match=r"genrekit\[tracking\]"):
        list(steps)
    assert not (tmp_path / "net").exists()
