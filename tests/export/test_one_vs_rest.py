"""Classical models for several genres a track, from a table to a bundle."""

from __future__ import annotations

import csv
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from genrekit.bundles import load_bundle
from genrekit.datasets import load_dataset, make_split
from genrekit.errors import ConfigError, DatasetError
from genrekit.evaluation import evaluate_bundle
from genrekit.export.agreement import AGREEMENT
from genrekit.export.classical import run_onnx
from genrekit.export.one_vs_rest import check_one_vs_rest, export_one_vs_rest, fit_one_vs_rest
from genrekit.features import build_frontend
from genrekit.inference import Classifier
from genrekit.models import MODELS, NETWORKS, ClassicalConfig, classical_config
from genrekit.models.classical import Logistic, Svm
from genrekit.models.networks import Mlp
from genrekit.schema import Gtzan57Config
from genrekit.training import DataConfig, ProtocolConfig, Recipe, train
from genrekit.training.network_rows import held_out
from genrekit.training.preparation import labelled
from genrekit.training.recipe import LabelsConfig
from genrekit.training.rows import Rows
from genrekit.training.settings import TrainingConfig

LABELS = ("Jazz", "Punk", "Rock")
TREE: dict[str, str | None] = {"Punk": "Rock"}
N_TRACKS = 90
#: Without the columns that take long to compute, for the golden clip of every bundle.
FRONTEND = Gtzan57Config(separation=False)
CLASSICAL = [name for name in MODELS if name not in NETWORKS]
MEMBERS = [{"architecture": "logistic"}, {"architecture": "tree"}]
QUICK: dict[str, dict[str, Any]] = {
    "boosting": {"rounds": 5},
    "extra-trees": {"trees": 10},
    "forest": {"trees": 10},
    "stack": {"members": MEMBERS, "folds": 2},
    "svm": {"calibration_folds": 2},
    "vote": {"members": MEMBERS},
    "xgboost": {"rounds": 5},
}


def quick(name: str) -> ClassicalConfig:
    return classical_config({"architecture": name, **QUICK.get(name, {})})


def made(n_columns: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Each genre moves a few columns; a row may have none of them."""
    generator = np.random.default_rng(seed)
    y = (generator.uniform(size=(N_TRACKS, len(LABELS))) < (0.4, 0.3, 0.3)).astype(np.int64)
    y[:, 2] |= y[:, 1]
    directions = np.random.default_rng(9).normal(0, 1, (len(LABELS), n_columns))
    return y @ directions + generator.normal(0, 1, (N_TRACKS, n_columns)), y


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows with one or several genres, in the columns of gtzan57; Punk is not called Rock."""
    names = build_frontend(FRONTEND).feature_names
    x, y = made(len(names))
    path = tmp_path_factory.mktemp("tables") / "several.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", *names, "label"])
        for number, (row, genres) in enumerate(zip(x, y, strict=True)):
            told = [label for label, yes in zip(LABELS, genres, strict=True) if yes]
            if "Punk" in told:
                told.remove("Rock")
            if told:
                writer.writerow([f"song{number}.wav", *map(repr, row.tolist()), "; ".join(told)])
    return path


def recipe(table: Path, **changes: Any) -> Recipe:
    fields: dict[str, Any] = {
        "name": "several",
        "data": DataConfig(corpus="table", path=table, options={"label_separator": ";"}),
        "labels": LabelsConfig(tree=TREE),
        "frontend": FRONTEND,
        "model": Logistic(),
        "protocol": ProtocolConfig(name="holdout"),
    } | changes
    return Recipe(**fields)


@pytest.mark.parametrize("name", CLASSICAL)
def test_one_graph_tells_what_the_models_of_all_genres_tell(name: str) -> None:
    x, y = made(8)
    y = np.column_stack([y, np.zeros(N_TRACKS, np.int64), np.ones(N_TRACKS, np.int64)])
    members = fit_one_vs_rest(
        quick(name),
        x,
        y,
        labels=(*LABELS, "never", "always"),
        seed=0,
        feature_names=[f"f{number}" for number in range(8)],
        groups=[f"song{number}" for number in range(N_TRACKS)],
    )
    model = export_one_vs_rest(members, input_name="gtzan57", n_columns=8)
    unseen = made(8, seed=1)[0].astype(np.float32)
    assert check_one_vs_rest(model, members, unseen) <= AGREEMENT
    odds = run_onnx(model, unseen)
    assert odds.shape == (N_TRACKS, 5)
    assert odds[:, 3] == pytest.approx(np.log(1e-7), rel=1e-3)
    assert odds[:, 4] == pytest.approx(-np.log(1e-7), rel=1e-3)
    right = ((odds[:, :3] > 0) == made(8, seed=1)[1]).mean()
    assert right > 0.65


@pytest.mark.parametrize("model", [Logistic(), Mlp(layers=(16,))], ids=["logistic", "mlp"])
def test_a_bundle_of_several_genres_a_track(table: Path, tmp_path: Path, model: Any) -> None:
    training = TrainingConfig(epochs=40, batch_size=16, learning_rate=0.01)
    out = train(recipe(table, model=model, training=training), tmp_path / "several")
    bundle = load_bundle(out)
    assert (bundle.manifest.task, bundle.manifest.labels) == ("multi-label", LABELS)
    assert bundle.manifest.parents == {"Punk": "Rock"}
    (told,) = bundle.metrics.results
    assert told.multi_label is not None
    assert told.multi_label.mean_average_precision.value > 0.8
    assert told.multi_label.micro_f1.value > 0.7
    features = load_dataset("table", table, label_separator=";").features
    assert features is not None
    scores = Classifier.load(out).predict_features({"gtzan57": features.astype(np.float32)})
    assert (scores[:, 1] <= scores[:, 2]).all(), "punk is never more probable than rock"


def test_data_is_tested_with_what_its_labels_imply(table: Path, tmp_path: Path) -> None:
    """The table says Punk alone; the bundle knows that it is Rock."""
    out = train(recipe(table), tmp_path / "several")
    (told,) = load_bundle(out).metrics.results
    plain = load_dataset("table", table, label_separator=";")
    split = make_split(labelled(plain, LabelsConfig(tree=TREE)), "holdout")
    same = split.model_copy(update={"dataset_fingerprint": plain.fingerprint})
    again, scores = evaluate_bundle(Classifier.load(out), plain, same)
    assert again.multi_label == told.multi_label
    assert any(score.true == "Punk; Rock" for score in scores)
    assert {score.predicted for score in scores} > {"Jazz", "Punk; Rock"}


def test_test_rows_reach_neither_weights_nor_thresholds(
    table: Path, tmp_path: Path, plain_graph: Callable[[Path], bytes]
) -> None:
    dataset = labelled(load_dataset("table", table, label_separator=";"), LabelsConfig(tree=TREE))
    (fold,) = make_split(dataset, "holdout").folds
    with table.open(encoding="utf-8") as file:
        header, *lines = csv.reader(file)
    for line in lines:
        if line[0] in fold.test:
            line[1:-1] = [repr(-float(cell)) for cell in line[1:-1]]
    other = tmp_path / "other.csv"
    with other.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *lines])
    one, two = (train(recipe(path), tmp_path / path.stem) for path in (table, other))
    a, b = load_bundle(one), load_bundle(two)
    assert a.metrics.results[0].multi_label != b.metrics.results[0].multi_label
    assert a.manifest.thresholds == b.manifest.thresholds
    assert a.manifest.temperature == b.manifest.temperature
    assert plain_graph(one) == plain_graph(two)


def test_folds_have_thresholds_of_their_own(table: Path, tmp_path: Path) -> None:
    folds = ProtocolConfig(name="grouped-kfold", n_folds=3)
    out = train(recipe(table, beside=(folds,)), tmp_path / "several")
    _, beside = load_bundle(out).metrics.results
    assert beside.multi_label is not None
    assert len(beside.fold_accuracies) == 3
    assert {row.threshold for row in beside.multi_label.per_genre} == {None}
    assert ("calibrate", "train") in {(step.what, step.on) for step in beside.steps}
    assert beside.multi_label.micro_f1.value > 0.7


@pytest.mark.parametrize(("wanted", "different"), [("common", 1), (0.25, 1)])
def test_thresholds_can_be_common_or_given(
    table: Path, tmp_path: Path, wanted: Any, different: int
) -> None:
    labels = LabelsConfig(tree=TREE, thresholds=wanted)
    manifest = load_bundle(train(recipe(table, labels=labels), tmp_path / "several")).manifest
    assert len(set(manifest.thresholds)) == different
    if wanted == 0.25:
        assert set(manifest.thresholds) == {0.25}


def test_refitted_weights_keep_the_thresholds_of_the_protocol(table: Path, tmp_path: Path) -> None:
    one = load_bundle(train(recipe(table), tmp_path / "one")).manifest
    assert len(set(one.thresholds)) == 3
    all_ = load_bundle(train(recipe(table, final_fit="everything"), tmp_path / "all")).manifest
    assert (one.thresholds, one.temperature) == (all_.thresholds, all_.temperature)
    folds = ProtocolConfig(name="grouped-kfold", n_folds=3)
    changes = {"protocol": folds, "final_fit": "everything"}
    out_of_fold = load_bundle(train(recipe(table, **changes), tmp_path / "folds")).manifest
    assert len(set(out_of_fold.thresholds)) == 3


def test_single_label_data_can_be_learnt_genre_by_genre(table: Path, tmp_path: Path) -> None:
    """As a table with one label a row; the text of several is one label then."""
    plain = DataConfig(corpus="table", path=table)
    labels = LabelsConfig(task="multi-label", keep=("Jazz", "Rock", "Punk"))
    out = train(recipe(table, data=plain, labels=labels), tmp_path / "one")
    manifest = load_bundle(out).manifest
    assert (manifest.task, manifest.parents) == ("multi-label", {})
    # Single-label data without the task is tested by it too.
    (told,) = load_bundle(out).metrics.results
    assert told.multi_label is not None
    assert told.multi_label.genres_per_track == 1


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n_tracks=st.integers(2, 40), n_labels=st.integers(1, 12))
def test_recordings_are_held_out_of_every_genre_but_never_all_of_one(
    seed: int, n_tracks: int, n_labels: int
) -> None:
    generator = np.random.default_rng(seed)
    y = (generator.uniform(size=(n_tracks, n_labels)) < 0.3).astype(np.int64)
    y[np.arange(n_tracks), generator.integers(n_labels, size=n_tracks)] = 1
    y = np.repeat(y, 2, axis=0)  # two windows of each
    groups = np.repeat([f"song{number}" for number in range(n_tracks)], 2).astype(object)
    rows = Rows(np.zeros((2 * n_tracks, 1), np.float32), y, groups, groups)
    away = held_out(rows, 0.2, seed)
    assert np.array_equal(away[::2], away[1::2]), "windows of a recording stay together"
    assert (y[~away].any(axis=0) == y.any(axis=0)).all(), "something of every genre is learnt from"
    assert away.mean() <= 0.2 + n_labels / n_tracks


# --- what is rare, and what cannot be -----------------------------------------------------------


def test_a_genre_without_tracks_to_train_on_is_warned_of(
    table: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = table.read_text(encoding="utf-8").splitlines()
    lines[1] = lines[1].rpartition(",")[0] + ",Jazz; Polka"
    path = tmp_path / "rare.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        bundle = load_bundle(
            train(
                recipe(
                    path,
                    protocol=ProtocolConfig(name="grouped-kfold", n_folds=3),
                    final_fit="everything",
                ),
                tmp_path / "rare",
            )
        )
    assert "nothing of 'Polka' to train on" in caplog.text
    assert "Polka" in bundle.manifest.labels
    kept = LabelsConfig(tree=TREE, minimum_tracks=2)
    without = load_bundle(train(recipe(path, labels=kept), tmp_path / "kept"))
    assert "Polka" not in without.manifest.labels


def test_losses_for_one_genre_a_track_are_refused(table: Path, tmp_path: Path) -> None:
    for training in (TrainingConfig(loss="cross-entropy"), TrainingConfig(balance=True)):
        with pytest.raises(ConfigError, match=r"set training\.loss to binary or asymmetric"):
            train(recipe(table, model=Mlp(), training=training), tmp_path / "several")


def test_a_genre_too_rare_for_a_setting_is_named(table: Path, tmp_path: Path) -> None:
    x, y = made(4)
    y[:, 0] = 0
    y[0, 0] = 1
    with pytest.raises(DatasetError, match=r"for 'Jazz', which 1 of 90 rows have"):
        fit_one_vs_rest(
            Svm(),
            x,
            y,
            labels=LABELS,
            seed=0,
            feature_names=("a", "b", "c", "d"),
            groups=[str(number) for number in range(N_TRACKS)],
        )
