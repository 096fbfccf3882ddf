"""Several processes train as one does with a batch as large as all of theirs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from genrekit.errors import ConfigError, TrainingError
from genrekit.models import ModelConfig
from genrekit.models.classical import NearestNeighbours
from genrekit.models.networks import Mlp
from genrekit.training import DataConfig, ProtocolConfig, Recipe, train
from genrekit.training import distributed as room
from genrekit.training.batches import Batch
from genrekit.training.distributed import train_together
from genrekit.training.loop import EpochRecord
from genrekit.training.settings import Augment, TrainingConfig
from genrekit.training.team import Team

#: Weights of one process and of two differ by the order of their sums alone.
TOLERANCE = 1e-5
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def recipe(table: Path, *, batch_size: int, model: ModelConfig | None = None) -> Recipe:
    training = TrainingConfig(
        epochs=3,
        batch_size=batch_size,
        learning_rate=0.01,
        patience=None,
        checkpoint_seconds=0,
        augment=Augment(mixup=0.4),
    )
    return Recipe(
        name="small",
        data=DataConfig(corpus="table", path=table),
        model=model or Mlp(layers=(16,), dropout=0),
        training=training,
        protocol=ProtocolConfig(name="fault-filtered"),
        calibrate=False,
    )


class Stopped(Exception):
    """As by Ctrl-C."""


def together(table: Path, out: Path, **options: Any) -> None:
    """This process leads, and starts another one."""
    file = out.with_suffix(".yaml")
    said = recipe(table, batch_size=11)
    file.write_text(said.text, encoding="utf-8")
    arguments = ["train", str(file), "--data", str(table), "-o", str(out), "--jobs", "1"]
    if options.get("resume"):
        arguments.append("--resume")
    train_together(said, out, processes=2, arguments=arguments, data=table, **options)


def weights(bundle: Path) -> dict[str, torch.Tensor]:
    return safetensors.torch.load((bundle / "weights.safetensors").read_bytes())


def largest_difference(one: Path, other: Path) -> float:
    found, expected = weights(one), weights(other)
    assert found.keys() == expected.keys()
    return max(float((found[name] - expected[name]).abs().max()) for name in found)


@pytest.fixture(scope="module")
def of_two(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("two") / "model"
    together(table, out)
    return out


def test_two_processes_learn_what_one_does_with_twice_the_batch(
    table: Path, of_two: Path, tmp_path: Path
) -> None:
    one = train(recipe(table, batch_size=22), tmp_path / "one")
    assert largest_difference(one, of_two) < TOLERANCE
    half = train(recipe(table, batch_size=11), tmp_path / "half")
    assert largest_difference(half, of_two) > 100 * TOLERANCE


def test_only_the_leader_writes(of_two: Path) -> None:
    assert sorted(path.name for path in of_two.parent.iterdir()) == ["model", "model.yaml"]
    assert "WORLD_SIZE" not in os.environ


def test_what_was_stopped_is_continued_to_the_same_bundle(
    table: Path, of_two: Path, tmp_path: Path
) -> None:
    out = tmp_path / "model"

    def stop(fit: str, record: EpochRecord) -> None:
        if record.epoch == 2:
            raise Stopped

    with pytest.raises(Stopped):
        together(table, out, each_epoch=stop)
    assert list(out.with_name("model.training").glob("*/epoch-00002"))
    together(table, out, resume=True)
    assert (out / "model.onnx").read_bytes() == (of_two / "model.onnx").read_bytes()
    assert (out / "history.jsonl").read_bytes() == (of_two / "history.jsonl").read_bytes()


def test_a_batch_is_split_without_remainder() -> None:
    rows = torch.arange(11.0)[:, None]
    parts = [Team(rank, 3).share(Batch({"x": rows}, rows)) for rank in range(3)]
    assert torch.equal(torch.cat([part.inputs["x"] for part, _ in parts]), rows)
    means = np.array([float(part.shares.mean()) for part, _ in parts])
    assert np.mean(means * [weight for _, weight in parts]) == pytest.approx(float(rows.mean()))


def test_classical_models_are_fitted_by_one_process(table: Path, tmp_path: Path) -> None:
    knn = recipe(table, batch_size=8, model=NearestNeighbours())
    with pytest.raises(ConfigError, match="knn is fitted by one process"):
        train_together(knn, tmp_path / "knn", processes=2)


def test_a_process_that_cannot_start_is_not_waited_for(table: Path, tmp_path: Path) -> None:
    said = recipe(table, batch_size=8)
    with pytest.raises(TrainingError, match="ended before training began"):
        train_together(said, tmp_path / "model", processes=2, arguments=["--no-such"])
    assert "WORLD_SIZE" not in os.environ


@pytest.mark.slow
def test_a_process_that_dies_ends_training_with_a_sentence(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    start = room._started

    def noted(processes: int, arguments: Sequence[str]) -> list[subprocess.Popen[bytes]]:
        started.extend(start(processes, arguments))
        return started

    monkeypatch.setattr(room, "_started", noted)

    def kill(fit: str, record: EpochRecord) -> None:
        started[0].kill()
        started[0].wait()

    with pytest.raises(TrainingError, match="another process of this training ended"):
        together(table, tmp_path / "model", each_epoch=kill)
    assert not (tmp_path / "model").exists()


@pytest.mark.slow
def test_torchrun_trains_the_same_recipe(table: Path, of_two: Path, tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(recipe(table, batch_size=11).text, encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", "-m", "genrekit", "train", str(file)]
    command += ["--data", str(table), "-o", str(tmp_path / "model"), "--jobs", "1"]
    subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True)
    assert largest_difference(tmp_path / "model", of_two) == 0


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("GENREKIT_RAY"), reason="GENREKIT_RAY is not set")
def test_ray_trains_the_same_recipe(table: Path, of_two: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray.train.torch", exc_type=ImportError)
    code = (
        "import ray; from pathlib import Path; from genrekit.training import load_recipe\n"
        "from genrekit.training.ray_train import train_with_ray\n"
        "ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)\n"
        f"recipe = load_recipe({str(tmp_path / 'recipe.yaml')!r}, ['data.path={table}'])\n"
        f"train_with_ray(recipe, Path({str(tmp_path / 'model')!r}), workers=2)\n"
    )
    (tmp_path / "recipe.yaml").write_text(recipe(table, batch_size=11).text, encoding="utf-8")
    subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, check=True, capture_output=True)
    assert largest_difference(tmp_path / "model", of_two) == 0
