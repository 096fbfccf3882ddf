"""Networks from recipe to bundle."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from genrekit.bundles import load_bundle
from genrekit.cli import app
from genrekit.datasets import load_dataset, make_split
from genrekit.datasets.pictures import write_pictures
from genrekit.errors import ConfigError, DatasetError
from genrekit.evaluation import evaluate_bundle
from genrekit.inference import Classifier
from genrekit.models import model_config
from genrekit.models.classical import Logistic
from genrekit.models.networks import Cnn, Fusion, Mlp
from genrekit.schema import (
    ExcerptConfig,
    Gtzan57Config,
    MelConfig,
    PictureConfig,
    WindowConfig,
)
from genrekit.training import DataConfig, ProtocolConfig, Recipe, load_recipe, train
from genrekit.training.loop import EpochRecord
from genrekit.training.settings import Augment, TrainingConfig

MEL = MelConfig(n_mels=32, fft_samples=1024, hop_samples=512)
WINDOWS = WindowConfig(window_seconds=1.0, hop_seconds=1.0, short="loop", minimum_seconds=0.5)
QUICK = TrainingConfig(epochs=2, batch_size=16)
RECIPES = sorted((Path(__file__).parents[2] / "recipes" / "networks").glob("*.yaml"))


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four synthetic clips of two seconds in each of ten genres."""
    folder = tmp_path_factory.mktemp("jukebox")
    load_dataset("jukebox", folder, clips_per_genre=4, seconds=2.0)
    return folder


def on_table(table: Path, **changes: Any) -> Recipe:
    fields: dict[str, Any] = {
        "name": "deep",
        "data": DataConfig(corpus="table", path=table),
        "model": Mlp(layers=(32,)),
        "training": QUICK,
        "protocol": ProtocolConfig(name="fault-filtered"),
    } | changes
    return Recipe(**fields)


def on_clips(clips: Path, **changes: Any) -> Recipe:
    fields: dict[str, Any] = {
        "name": "deep",
        "data": DataConfig(
            corpus="jukebox", path=clips, options={"clips_per_genre": 4, "seconds": 2.0}
        ),
        "frontend": MEL,
        "excerpt": ExcerptConfig(start_seconds=0, duration_seconds=2),
        "windows": WINDOWS,
        "model": Cnn(channels=(8, 16)),
        "training": QUICK,
        "protocol": ProtocolConfig(name="holdout"),
    } | changes
    return Recipe(**fields)


# --- from recipe to bundle ----------------------------------------------------------------------


def test_a_network_on_a_table_is_scored_as_it_was_saved(table: Path, tmp_path: Path) -> None:
    longer = TrainingConfig(epochs=40, batch_size=16, learning_rate=0.01)
    out = train(on_table(table, training=longer), tmp_path / "deep")
    bundle = load_bundle(out)
    (told,) = bundle.metrics.results
    dataset = load_dataset("table", table)
    again, _ = evaluate_bundle(Classifier.load(out), dataset, make_split(dataset, "fault-filtered"))
    assert told.accuracy == again.accuracy
    assert told.accuracy.value > 0.4
    assert told.fitted_on == "train"
    assert {(step.what, step.on) for step in told.steps} == {("scale", "train"), ("stop", "valid")}
    assert bundle.manifest.architecture == "mlp"
    assert {"torch", "safetensors"} <= set(bundle.manifest.versions)
    assert (out / "weights.safetensors").is_file()
    lines = [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(1, len(lines) + 1))
    assert not (tmp_path / "deep.training").exists(), "checkpoints go when the bundle is there"


def test_a_network_on_audio_answers_as_any_model(clips: Path, tmp_path: Path) -> None:
    out = train(on_clips(clips), tmp_path / "deep")
    classifier = Classifier.load(out)
    item = load_dataset("jukebox", clips, clips_per_genre=4, seconds=2.0).items[0]
    assert item.path is not None
    answer = classifier.predict_file(item.path, segments=True)
    assert len(answer.scores) == 10
    assert len(answer.segments) == 2
    assert sum(answer.scores.values()) == pytest.approx(1)


def test_a_network_on_pictures_predicts_from_audio(clips: Path, tmp_path: Path) -> None:
    songs = load_dataset("jukebox", clips, clips_per_genre=4, seconds=2.0)
    assert all(one.error is None for one in write_pictures(songs, tmp_path / "pictures"))
    data = DataConfig(corpus="pictures", path=tmp_path / "pictures", options={"size": [32, 40]})
    frontend = PictureConfig(rows=32, columns=40)
    longer = TrainingConfig(epochs=40, batch_size=10, learning_rate=0.01, hold_out=0)
    recipe = on_clips(
        clips,
        data=data,
        frontend=frontend,
        model=Cnn(channels=(16, 32), dropout=0),
        training=longer,
        windows=WindowConfig(),
        protocol=ProtocolConfig(name="holdout", fit_on="train+valid"),
    )
    classifier = Classifier.load(train(recipe, tmp_path / "deep"))
    told = [classifier.predict_file(item.path or "").genre for item in songs.items]
    right = [genre == item.labels[0] for genre, item in zip(told, songs.items, strict=True)]
    assert np.mean(right) > 0.6, "what is drawn from audio is what the model learnt from"


def test_decibels_are_not_added_to_pictures(clips: Path, tmp_path: Path) -> None:
    loud = TrainingConfig(augment=Augment(gain_db=3))
    with pytest.raises(ConfigError, match="levels from 0 to 1"):
        train(on_clips(clips, frontend=PictureConfig(), training=loud), tmp_path / "deep")


def test_the_graph_of_a_bundle_gives_embeddings_too(clips: Path, tmp_path: Path) -> None:
    bundle = load_bundle(train(on_clips(clips), tmp_path / "deep"))
    mel = np.zeros((3, 32, 42), np.float32)
    (embedding,) = bundle.session.run(["embedding"], {"mel": mel})
    assert embedding.shape == (3, 16)


def test_several_front_ends_feed_one_network(clips: Path, tmp_path: Path) -> None:
    model = Fusion(channels=(8, 16), layers=(16,), fused=16)
    out = train(on_clips(clips, model=model, more_frontends=(Gtzan57Config(),)), tmp_path / "deep")
    bundle = load_bundle(out)
    assert set(bundle.manifest.frontends) == {"mel", "gtzan57"}
    assert bundle.metrics.results[0].items == 10


def test_equal_recipes_give_equal_bundles(clips: Path, tmp_path: Path) -> None:
    changes = {"training": TrainingConfig(epochs=2, augment=Augment(noise_db=3, mixup=0.3))}
    a, b = (train(on_clips(clips, **changes), tmp_path / name) for name in "ab")
    for file in sorted(path.name for path in a.iterdir()):
        assert (a / file).read_bytes() == (b / file).read_bytes(), file


def test_training_says_how_far_it_is(table: Path, tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    records: list[tuple[str, EpochRecord]] = []
    protocols = (ProtocolConfig(name="grouped-kfold", n_folds=3),)
    train(
        on_table(table, beside=protocols),
        tmp_path / "deep",
        progress=lambda *step: steps.append(step),
        each_epoch=lambda *told: records.append(told),
    )
    epochs = [(stage, done) for stage, done, _ in steps if stage.endswith(": epochs")]
    assert [done for _, done in epochs] == [1, 2] * 4
    assert epochs == [(f"{fit}: epochs", record.epoch) for fit, record in records]
    assert all(record.valid_loss is not None for _, record in records)
    _, folds = load_bundle(tmp_path / "deep").metrics.results
    assert ("stop", "train") in {(step.what, step.on) for step in folds.steps}


def test_without_any_validation_there_is_no_temperature(table: Path, tmp_path: Path) -> None:
    protocol = ProtocolConfig(name="fault-filtered", fit_on="train+valid")
    none = QUICK.model_copy(update={"hold_out": 0.0})
    out = train(on_table(table, protocol=protocol, training=none), tmp_path / "deep")
    assert load_bundle(out).manifest.temperature == 1.0
    held = train(on_table(table, protocol=protocol), tmp_path / "held")
    assert load_bundle(held).manifest.temperature != 1.0


def test_test_rows_reach_nothing_of_a_network(
    table: Path, tmp_path: Path, plain_graph: Callable[[Path], bytes]
) -> None:
    dataset = load_dataset("table", table)
    (fold,) = make_split(dataset, "fault-filtered").folds
    lines = table.read_text().splitlines()
    tested = set(fold.test)
    changed = [
        line
        if (number == 0 or line.split(",")[0].removesuffix(".wav") not in tested)
        else ",".join(
            repr(float(cell) * 1.5) if 1 < column < len(line.split(",")) - 1 else cell
            for column, cell in enumerate(line.split(","))
        )
        for number, line in enumerate(lines)
    ]
    other = tmp_path / "other.csv"
    other.write_text("\n".join(changed) + "\n")
    one, two = (train(on_table(path), tmp_path / path.stem) for path in (table, other))
    assert load_dataset("table", other).fingerprint != dataset.fingerprint
    assert plain_graph(one) == plain_graph(two)


# --- what does not fit is said at once ----------------------------------------------------------


def test_networks_and_front_ends_must_fit(table: Path, clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep"
    with pytest.raises(ConfigError, match=r"cnn takes one spectrogram; gtzan57 gives a vector"):
        train(on_table(table, model=Cnn()), out)
    with pytest.raises(ConfigError, match=r"fusion takes one spectrogram and one vector"):
        train(on_clips(clips, model=Fusion()), out)
    with pytest.raises(ConfigError, match=r"logistic takes one vector"):
        train(on_clips(clips, model=Logistic()), out)
    with pytest.raises(ConfigError, match=r"different kinds"):
        train(on_clips(clips, more_frontends=(MEL,)), out)
    with pytest.raises(ConfigError, match=r"windows\.short"):
        train(on_clips(clips, windows=WindowConfig()), out)
    with pytest.raises(ConfigError, match=r"gain_db"):
        train(on_table(table, training=TrainingConfig(augment=Augment(gain_db=3))), out)


def test_a_table_does_not_hold_spectrograms(table: Path, tmp_path: Path) -> None:
    mel = on_table(table, frontend=MEL, model=Cnn(), windows=WINDOWS)
    with pytest.raises(DatasetError, match="lacks 32 of the 32 columns"):
        train(mel, tmp_path / "deep")


# --- recipes ------------------------------------------------------------------------------------


def test_there_is_a_recipe_for_every_network() -> None:
    from genrekit.models import NETWORKS

    assert {load_recipe(path).model.architecture for path in RECIPES} == set(NETWORKS)


def test_recipes_are_checked_without_torch() -> None:
    code = (
        "import sys; from genrekit.training import load_recipe; "
        f"[load_recipe(path) for path in {list(map(str, RECIPES))}]; print('torch' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "False"


# Those of several genres a track are trained on the data they are for, in test_genre_tree.py.
ONE_GENRE = [path for path in RECIPES if not path.stem.startswith("multilabel")]


@pytest.mark.parametrize("path", ONE_GENRE, ids=lambda path: path.stem)
def test_every_recipe_trains_a_few_steps(
    path: Path, table: Path, clips: Path, tmp_path: Path
) -> None:
    changes = ["beside=[]", "training.epochs=1"]
    if path.stem == "distilhubert":
        pytest.importorskip("transformers")
        sizes = "layers: 1, width: 32, heads: 2, intermediate: 32, conv_width: 8"
        changes.append(f"model.backbone={{name: distilhubert, weights: random, {sizes}}}")
    data = table
    if load_recipe(path).data.corpus != "table":
        data = clips
        changes += [
            "data.corpus=jukebox",
            "data.options={clips_per_genre: 4, seconds: 2.0}",
            "protocol.name=holdout",
            "excerpt.duration_seconds=1",
            "windows.window_seconds=1",
            "windows.hop_seconds=1",
        ]
    if load_recipe(path).training.augment.waveform.copies:
        changes.append("training.augment.waveform.copies=1")
    records: list[EpochRecord] = []
    out = train(
        load_recipe(path, changes),
        tmp_path / "deep",
        data=data,
        each_epoch=lambda fit, record: records.append(record),
    )
    assert records
    bundle = load_bundle(out)
    assert bundle.manifest.architecture == load_recipe(path).model.architecture
    assert len(bundle.metrics.results[0].labels) == 10


# --- stopped and continued ----------------------------------------------------------------------


@pytest.mark.slow
def test_a_killed_command_continues_to_the_same_bundle(table: Path, tmp_path: Path) -> None:
    path = tmp_path / "deep.yaml"
    training = TrainingConfig(epochs=8, patience=None, batch_size=8, checkpoint_seconds=0)
    path.write_text(on_table(table, training=training).text)
    out = tmp_path / "stopped"
    code = f"""
import os, signal
from pathlib import Path
from genrekit.training import load_recipe, train
def die(stage, done, total):
    if stage.endswith("epochs") and done == 5:
        os.kill(os.getpid(), signal.SIGKILL)
data, out = Path({str(table)!r}), Path({str(out)!r})
train(load_recipe(Path({str(path)!r})), out, data=data, progress=die)
"""
    killed = subprocess.run([sys.executable, "-c", code])
    assert killed.returncode == -signal.SIGKILL
    assert not out.exists()
    assert list(tmp_path.glob("stopped.training/*/epoch-*"))
    for extra in (["-o", str(out), "--resume"], ["-o", str(tmp_path / "whole")]):
        told = CliRunner().invoke(app, ["train", str(path), "--data", str(table), *extra])
        assert told.exit_code == 0, told.output
    for file in ("model.onnx", "weights.safetensors", "history.jsonl", "manifest.json"):
        assert (out / file).read_bytes() == (tmp_path / "whole" / file).read_bytes(), file
    assert not (tmp_path / "stopped.training").exists()


# --- sanity -------------------------------------------------------------------------------------

SMALL: dict[str, dict[str, Any]] = {
    "bigru": {"units": 32},
    "bilstm": {"units": 32},
    "cnn": {"channels": [16, 32, 32]},
    "crnn": {"channels": [16, 32], "units": 24},
    "fusion": {"channels": [16, 32], "layers": [32], "fused": 32},
    "mlp": {"layers": [64, 32]},
    "mobile": {"channels": [16, 24], "embedding": 64},
    "musicnn": {"timbre": [6, 2], "tempo": [2, 2, 2], "middle": 16, "embedding": 64},
    "resnet": {"base_channels": 16, "blocks": [1, 1]},
    "transformer": {"width": 32, "depth": 2, "heads": 2, "patch_bands": 8, "patch_frames": 8},
    "vgg": {"channels": [16, 32], "convolutions": [1, 2], "dense": 64},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SMALL))
def test_learns_twenty_clips_by_heart(name: str, clips: Path, tmp_path: Path) -> None:
    """Scored on what it was fitted on; a network that cannot do that is broken somewhere."""
    config = model_config({"architecture": name, "dropout": 0.0, **SMALL[name]})
    vector = name == "mlp"
    training = TrainingConfig(
        epochs=24, batch_size=15, learning_rate=0.01, schedule="one-cycle", patience=None
    )
    recipe = on_clips(
        clips,
        model=config,
        frontend=Gtzan57Config() if vector else MEL,
        more_frontends=(Gtzan57Config(),) if name == "fusion" else (),
        training=training.model_copy(update={"hold_out": 0.0}),
        protocol=ProtocolConfig(name="holdout", fit_on="train+valid"),
    )
    classifier = Classifier.load(train(recipe, tmp_path / "deep"))
    dataset = load_dataset("jukebox", clips, clips_per_genre=4, seconds=2.0)
    (fold,) = make_split(dataset, "holdout").folds
    fitted = dataset.select(dataset.indices(fold.train + fold.valid))
    assert len(fitted) >= 20
    told = [classifier.predict_file(item.path or "").genre for item in fitted.items]
    assert told == [item.labels[0] for item in fitted.items]
