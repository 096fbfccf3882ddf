"""What every model in the catalog owes its users, whatever the number of genres."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from genrekit.bundles import load_bundle
from genrekit.datasets import load_dataset
from genrekit.export.agreement import AGREEMENT
from genrekit.export.classical import check_agreement, export_onnx, run_onnx
from genrekit.features import build_frontend
from genrekit.models import MODELS, NETWORKS, ClassicalConfig, Prepare, build, classical_config
from genrekit.schema import Gtzan57Config
from genrekit.training import DataConfig, ProtocolConfig, Recipe, train

CLASSICAL = tuple(name for name in MODELS if name not in NETWORKS)
GENRES: tuple[str, ...] = ("blues", "classical", "country", "disco", "hiphop")
GENRES += ("jazz", "metal", "pop", "reggae", "rock")
LEARNT = 0.8  # of three genres, where chance is a third
# Settings that fit in a moment; a model without an entry is quick as it is.
QUICK: dict[str, dict[str, Any]] = {
    "boosting": {"rounds": 10},
    "extra-trees": {"trees": 20},
    "forest": {"trees": 20},
    "svm": {"calibration_folds": 2},
    "xgboost": {"rounds": 10},
}
MEMBERS = [{"architecture": name, **QUICK.get(name, {})} for name in ("svm", "logistic", "forest")]
QUICK |= {"vote": {"members": MEMBERS}, "stack": {"members": MEMBERS, "folds": 2}}


def quick(name: str, **changes: Any) -> ClassicalConfig:
    return classical_config({"architecture": name, **QUICK.get(name, {}), **changes})


def wild_rows(
    n_genres: int, n_columns: int = 12, per_genre: int = 30, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Genres that overlap, in columns whose sizes span twelve orders of magnitude.

    Every ``seed`` draws other rows around the same centres.
    """
    y = np.repeat(np.arange(n_genres), per_genre)
    centres = np.random.default_rng(n_genres).normal(0, 1.5, (n_genres, n_columns))
    x = centres[y] + np.random.default_rng([7, seed]).normal(0, 1, (len(y), n_columns))
    sizes = np.logspace(-6, 6, n_columns)
    return (x * sizes + 3 * sizes).astype(np.float32), y


def fitted(config: ClassicalConfig, n_genres: int, seed: int = 0) -> tuple[Any, Any]:
    x, y = wild_rows(n_genres)
    pipeline = build(config, seed=seed, feature_names=[f"f{n}" for n in range(x.shape[1])])
    return pipeline.fit(x.astype(np.float64), y), x


@pytest.mark.parametrize("name", CLASSICAL)
@pytest.mark.parametrize("n_genres", [2, 3, 10])
def test_export_agrees_with_its_source_on_rows_never_seen(name: str, n_genres: int) -> None:
    pipeline, x = fitted(quick(name), n_genres)
    unseen = wild_rows(n_genres, seed=1)[0]
    rows = np.concatenate([x, unseen, np.zeros_like(x[:1]), 10 * x[:5]])
    model = export_onnx(pipeline, input_name="gtzan57", n_columns=x.shape[1])
    assert check_agreement(model, pipeline, rows) <= AGREEMENT
    logits = run_onnx(model, rows)
    assert logits.shape == (len(rows), n_genres)
    assert logits.dtype == np.float32
    assert np.exp(logits.astype(np.float64)).sum(axis=1) == pytest.approx(1, abs=1e-5)


def accuracy_on_unseen_rows(name: str, *, shuffled: bool) -> float:
    """Of a model of three genres, on rows it was not fitted on."""
    x, y = wild_rows(3)
    learnt = np.random.default_rng(0).permutation(y) if shuffled else y
    unseen, genres = wild_rows(3, per_genre=60, seed=1)
    pipeline = build(quick(name), seed=0).fit(x.astype(np.float64), learnt)
    return float((pipeline.predict(unseen.astype(np.float64)) == genres).mean())


@pytest.mark.parametrize("name", CLASSICAL)
def test_learns_what_can_be_learnt(name: str) -> None:
    assert accuracy_on_unseen_rows(name, shuffled=False) > LEARNT


@pytest.mark.parametrize("name", CLASSICAL)
def test_learns_nothing_from_shuffled_labels(name: str) -> None:
    """What passes the test above with labels that mean nothing has seen its test rows."""
    assert accuracy_on_unseen_rows(name, shuffled=True) < 0.6


@pytest.mark.parametrize("name", CLASSICAL)
def test_confidence_says_which_answers_are_right(name: str) -> None:
    generator = np.random.default_rng(4)
    y = np.tile(np.arange(10), 60)
    x = generator.normal(0, 0.8, (10, 12))[y] + generator.normal(0, 1, (len(y), 12))
    pipeline = build(quick(name), seed=0).fit(x[:300], y[:300])
    probabilities = pipeline.predict_proba(x[300:])
    right = probabilities.argmax(axis=1) == y[300:]
    assert 0.3 < right.mean() < 0.9
    assert roc_auc_score(right, probabilities.max(axis=1)) > 0.7


@pytest.mark.parametrize("name", CLASSICAL)
def test_the_same_seed_gives_the_same_bytes(name: str) -> None:
    config = quick(name)
    models = [
        export_onnx(fitted(config, 3, seed=5)[0], input_name="f", n_columns=12) for _ in range(2)
    ]
    assert models[0] == models[1]


@pytest.mark.parametrize("name", CLASSICAL)
def test_settings_survive_json_and_know_their_name(name: str) -> None:
    config = MODELS.get(name)()
    assert config.architecture == name
    assert type(config).model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    "name", [name for name in CLASSICAL if name not in {"knn", "vote", "stack"}]
)
def test_balanced_models_export_too(name: str) -> None:
    x, y = wild_rows(3)
    rare = np.concatenate([np.flatnonzero(y != 2), np.flatnonzero(y == 2)[:6]])
    pipeline = build(quick(name, balance=True), seed=0).fit(x[rare].astype(np.float64), y[rare])
    model = export_onnx(pipeline, input_name="f", n_columns=x.shape[1])
    assert check_agreement(model, pipeline, x) <= AGREEMENT


@pytest.mark.parametrize(
    "prepare",
    [
        Prepare(scale="none"),
        Prepare(scale="min-max"),
        Prepare(scale="robust", select=5),
        Prepare(scale="standard", pca=4),
        Prepare(drop=("f0", "f7"), compress=True, scale="standard", select=6, pca=3),
    ],
)
@pytest.mark.parametrize("name", ["knn", "svm", "forest", "vote"])
def test_every_preparation_exports(name: str, prepare: Prepare) -> None:
    config = quick(name, prepare=prepare.model_dump())
    pipeline, x = fitted(config, 4)
    model = export_onnx(pipeline, input_name="f", n_columns=x.shape[1])
    assert check_agreement(model, pipeline, x) <= AGREEMENT


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten genres, twelve recordings each, in the columns of gtzan57."""
    names = build_frontend(Gtzan57Config()).feature_names
    x, y = wild_rows(10, n_columns=len(names), per_genre=12)
    path = tmp_path_factory.mktemp("tables") / "wild.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", *names, "label"])
        for number, (row, genre) in enumerate(zip(x, y, strict=True)):
            writer.writerow([f"song{number}.wav", *map(repr, row.tolist()), GENRES[genre]])
    return path


@pytest.mark.parametrize("name", CLASSICAL)
def test_bundle_round_trip(name: str, table: Path, tmp_path: Path) -> None:
    recipe = Recipe(
        name="round-trip",
        data=DataConfig(corpus="table", path=table),
        model=quick(name),
        protocol=ProtocolConfig(name="holdout"),
        calibrate=False,
    )
    bundle = load_bundle(train(recipe, tmp_path / "bundle"))
    assert bundle.manifest.architecture == name
    assert bundle.manifest.labels == GENRES
    features = load_dataset("table", table).features
    assert features is not None
    rows = features.astype(np.float32)
    model = (tmp_path / "bundle" / "model.onnx").read_bytes()
    assert np.array_equal(bundle.run({"gtzan57": rows}), run_onnx(model, rows))
    assert bundle.metrics.results[0].accuracy.value > 0.5
