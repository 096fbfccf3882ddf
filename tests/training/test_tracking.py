"""Runs in MLflow, and that a store that fails costs nothing."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from genrekit.bundles import load_bundle
from genrekit.errors import ConfigError, DatasetError, MissingExtraError
from genrekit.models.networks import Mlp
from genrekit.training import DataConfig, ProtocolConfig, Recipe, train
from genrekit.training.loop import EpochRecord
from genrekit.training.settings import TrainingConfig
from genrekit.training.tracking import Tracker, set_champion, tracked

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


def train_tracked(
    recipe: Recipe, out: Path, tracker: Tracker, seen: Callable[[EpochRecord], None]
) -> None:
    def each_epoch(fit: str, record: EpochRecord) -> None:
        seen(record)
        tracker.each_epoch(fit, record)

    tracker.bundle(train(recipe, out, overwrite=True, each_epoch=each_epoch))


def test_a_run_holds_settings_epochs_numbers_and_the_bundle(
    recipe: Recipe, store: Path, tmp_path: Path
) -> None:
    out = tmp_path / "net"
    for number in range(2):
        epochs: list[EpochRecord] = []
        with tracked(recipe, f"sqlite:///{store}", experiment=f"try {number}") as tracker:
            train_tracked(recipe, out, tracker, epochs.append)
    bundle = load_bundle(out)
    client, run = only_run(store, "try 1")
    assert run.info.status == "FINISHED"
    assert run.data.params["model.layers"] == "[8]"
    assert run.data.params["training.epochs"] == "3"
    losses = client.get_metric_history(run.info.run_id, "fault-filtered/train_loss")
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


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a tracking server of its own, by the mlflow that GENREKIT_MLFLOW names."""
    command = os.environ.get("GENREKIT_MLFLOW", "")
    if not command:
        pytest.skip("set GENREKIT_MLFLOW to an mlflow that can serve: mlflow-skinny cannot")
    pytest.importorskip("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ["server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    arguments += ["--backend-store-uri", f"sqlite:///{tmp_path}/served.db"]
    arguments += ["--artifacts-destination", str(tmp_path / "served")]
    address = f"http://127.0.0.1:{port}"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with subprocess.Popen([command, *arguments], env=environment, start_new_session=True) as child:
        while not _answers(address):
            assert child.poll() is None, "the server has ended"
            time.sleep(0.2)
        yield address
        os.killpg(child.pid, signal.SIGTERM)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", trust_env=False).is_success
    except httpx.TransportError:
        return False


def test_a_server_holds_runs_bundles_and_the_champion(
    recipe: Recipe, server: str, tmp_path: Path
) -> None:
    from mlflow import MlflowClient

    for version in ("0.1.0", "0.2.0"):
        changed = recipe.model_copy(update={"version": version})
        with tracked(changed, server) as tracker:
            tracker.bundle(train(changed, tmp_path / version))
    set_champion(server, "tracked", "0.1.0", "champion")
    client = MlflowClient(server)
    champion = client.get_model_version_by_alias("tracked", "champion")
    assert champion.tags["genrekit.version"] == "0.1.0"
    bundle = load_bundle(tmp_path / "0.1.0")
    run = client.get_run(champion.run_id)
    assert run.data.params["model.layers"] == "[8]"
    (result,) = bundle.metrics.results
    assert run.data.metrics["fault-filtered/accuracy.high"] == result.accuracy.high
    fetched = client.download_artifacts(champion.run_id, "bundle", str(tmp_path))
    assert load_bundle(fetched).sha256 == bundle.sha256 == champion.tags["sha256"]
    set_champion(server, "tracked", "0.2.0", "champion")
    assert client.get_model_version_by_alias("tracked", "champion").version != champion.version


def test_the_champion_has_an_alias_in_a_file_too(
    recipe: Recipe, store: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from mlflow import MlflowClient

    address = f"sqlite:///{store}"
    with tracked(recipe, address) as tracker:
        tracker.bundle(train(recipe, tmp_path / "net"))
    set_champion(address, "tracked", recipe.version, "champion")
    client = MlflowClient(address)
    assert str(client.get_model_version_by_alias("tracked", "champion").version) == "1"
    with caplog.at_level(logging.WARNING, "genrekit"):
        set_champion(address, "tracked", "9.9.9", "champion")
    assert "has no version 9.9.9" in caplog.text


def test_a_store_that_fails_on_the_way_costs_no_bundle(
    recipe: Recipe, store: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(record: EpochRecord) -> None:
        if record.epoch == 2:
            store.write_bytes(b"no database any more" * 1000)

    out = tmp_path / "net"
    with (
        caplog.at_level(logging.WARNING, "genrekit"),
        tracked(recipe, f"sqlite:///{store}") as tracker,
    ):
        train_tracked(recipe, out, tracker, broken)
    assert load_bundle(out).manifest.name == "tracked"
    said = [record.getMessage() for record in caplog.records if "tracking" in record.name]
    assert len(said) == 1
    assert said[0].startswith("tracking stopped, training goes on: ")


def test_runs_say_how_they_ended(recipe: Recipe, store: Path, tmp_path: Path) -> None:
    missing = recipe.model_copy(update={"data": DataConfig(corpus="table", path=tmp_path / "no")})
    address = f"sqlite:///{store}"
    with pytest.raises(DatasetError), tracked(missing, address, experiment="failed"):
        train(missing, tmp_path / "a")
    assert only_run(store, "failed")[1].info.status == "FAILED"
    with pytest.raises(KeyboardInterrupt), tracked(recipe, address, experiment="stopped"):
        raise KeyboardInterrupt
    assert only_run(store, "stopped")[1].info.status == "KILLED"


def test_a_store_that_cannot_be_opened_is_reported_before_training(
    recipe: Recipe, tmp_path: Path
) -> None:
    pytest.importorskip("mlflow")
    (tmp_path / "runs.db").write_bytes(b"no database" * 1000)
    with (
        pytest.raises(ConfigError, match=r"cannot be opened: .*sqlite:///runs\.db"),
        tracked(recipe, f"sqlite:///{tmp_path / 'runs.db'}"),
    ):
        pytest.fail("something was trained")


def test_without_mlflow_the_message_says_how_to_get_it(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with (
        pytest.raises(MissingExtraError, match=r"genrekit\[tracking\]"),
        tracked(recipe, "sqlite:///runs.db"),
    ):
        pytest.fail("something was trained")
