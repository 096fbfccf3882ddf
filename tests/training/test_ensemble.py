"""Saved models joined to one: a vote, weights, a stack; what may not be joined is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genrekit.bundles import load_bundle
from genrekit.datasets import Dataset, Split, load_dataset, make_split
from genrekit.errors import ConfigError, DatasetError
from genrekit.inference import Classifier
from genrekit.models import model_config
from genrekit.schema import ColumnsConfig
from genrekit.training import DataConfig, ProtocolConfig, Recipe, train
from genrekit.training.ensemble import Ensemble, combiner_for, joined, write_ensemble
from genrekit.training.settings import TrainingConfig

MODELS: dict[str, dict[str, Any]] = {
    "linear": {"architecture": "logistic"},
    "near": {"architecture": "knn", "neighbours": 5},
    "deep": {"architecture": "mlp", "layers": [8]},
}
COLUMNS = {"linear": (), "near": ("a", "b"), "deep": ()}


def write_rows(file: Path, genres: str = "xyz") -> Path:
    generator = np.random.default_rng(1)
    lines = ["filename,a,b,c,label"]
    for number in range(60):
        genre = number % len(genres)
        values = generator.normal(genre, 1, 3)
        lines.append(f"t{number},{','.join(map(str, values))},{genres[genre]}")
    file.write_text("\n".join(lines))
    return file


def trained(file: Path, out: Path, name: str, **settings: Any) -> Path:
    protocol = ProtocolConfig(name="holdout", shares=(0.5, 0.25, 0.25), **settings)
    recipe = Recipe(
        name=name,
        data=DataConfig(path=file),
        frontend=ColumnsConfig(names=COLUMNS[name]),
        model=model_config(MODELS[name]),
        training=TrainingConfig(epochs=2, checkpoint_seconds=3600),
        protocol=protocol,
    )
    return train(recipe, out / name)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("rows") / "rows.csv")


@pytest.fixture(scope="module")
def models(rows: Path) -> list[Path]:
    return [trained(rows, rows.parent, name) for name in MODELS]


@pytest.fixture(scope="module")
def members(models: list[Path]) -> Ensemble:
    return joined([load_bundle(model) for model in models])


@pytest.fixture(scope="module")
def dataset(rows: Path) -> Dataset:
    return load_dataset("table", rows)


@pytest.fixture(scope="module")
def split(dataset: Dataset) -> Split:
    return make_split(dataset, "holdout", shares=(0.5, 0.25, 0.25))


@pytest.mark.parametrize("how", ["vote", "weighted", "stack"])
def test_one_graph_says_what_its_members_say_together(
    members: Ensemble, dataset: Dataset, split: Split, tmp_path: Path, how: Any
) -> None:
    combiner = combiner_for(how, members, dataset, split)
    found = write_ensemble(
        tmp_path / "all", members, combiner, how=how, name="all", dataset=dataset, split=split
    )
    bundle = load_bundle(tmp_path / "all")
    assert bundle.manifest.architecture == "ensemble"
    assert set(bundle.frontends) == {"columns", "columns-2"}
    assert bundle.metrics.results == (found.result,)
    assert dataset.features is not None
    x = dataset.features.astype(np.float32)
    said = [
        Classifier(member).predict_features({"columns": part})
        for member, part in zip(members.members, (x, x[:, :2], x), strict=True)
    ]
    together = Classifier(bundle).predict_features({"columns": x, "columns-2": x[:, :2]})
    logits = combiner.logits(said)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(together, expected, atol=1e-5)
    if how == "vote":
        np.testing.assert_allclose(together, np.mean(said, axis=0), atol=1e-5)
    if how == "weighted":
        assert sum(combiner.weights) == pytest.approx(1)
        assert combiner.weights[2] == min(combiner.weights)  # it was hardly trained
        assert max(combiner.weights) < 0.9
    learnt = len(bundle.manifest.provenance.trained_on)
    assert learnt == (30 if how == "vote" else 45)
    assert (tmp_path / "all" / "CARD.md").read_text().count("linear")


def test_members_with_other_genres_are_refused(models: list[Path], tmp_path: Path) -> None:
    other = trained(write_rows(tmp_path / "other.csv", "xyw"), tmp_path, "linear")
    with pytest.raises(ConfigError, match=r"tell different genres \(w, z\)"):
        joined([load_bundle(models[0]), load_bundle(other)])
    with pytest.raises(ConfigError, match="at least two models"):
        joined([load_bundle(models[0])])


def test_nothing_is_fitted_on_rows_that_a_member_learnt_from(
    models: list[Path], rows: Path, dataset: Dataset, split: Split, tmp_path: Path
) -> None:
    greedy = trained(rows, tmp_path, "linear", fit_on="train+valid")
    together = joined([load_bundle(models[1]), load_bundle(greedy)])
    for how in ("weighted", "stack"):
        with pytest.raises(DatasetError, match=r"holdout, valid leaks.*trained-on-test"):
            combiner_for(how, together, dataset, split)  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match="has no validation part"):
        combiner_for("stack", together, dataset, make_split(dataset, "grouped-kfold", n_folds=3))
    with pytest.raises(ConfigError, match="expected one for each"):
        combiner_for("weighted", together, dataset, split, weights=(1.0,))
    assert combiner_for("weighted", together, dataset, split, weights=(3, 1)).weights == (
        0.75,
        0.25,
    )


def test_the_command_joins_models_and_says_what_they_score(
    models: list[Path], rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from genrekit.cli.ensemble import ensemble

    join: Callable[..., None] = ensemble
    names = [str(model) for model in models[:2]]
    with pytest.raises(DatasetError, match="trained-on-test"):
        join(names, tmp_path / "My Models", rows)
    assert not (tmp_path / "My Models").exists()
    with pytest.raises(ConfigError, match="--weights are for --how weighted"):
        join(names, tmp_path / "x", rows, weights="1,2")
