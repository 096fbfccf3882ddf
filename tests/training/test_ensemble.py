"""Saved models joined to one: a vote, weights, a stack; what may not be joined is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from genrekit.bundles import load_bundle
from genrekit.datasets import Dataset, Split, load_dataset, make_split
from genrekit.errors import ConfigError, DatasetError
from genrekit.evaluation.contents import known_contents
from genrekit.features import frontend_fingerprint
from genrekit.inference import Classifier
from genrekit.jukebox import synthesise
from genrekit.models import model_config
from genrekit.schema import ColumnsConfig, ExcerptConfig, MelConfig, WindowConfig
from genrekit.training import DataConfig, ProtocolConfig, Recipe, train
from genrekit.training.ensemble import Ensemble, How, joined, write_ensemble
from genrekit.training.ensemble_fit import combiner_for
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


def trained(
    file: Path, out: Path, name: str, options: dict[str, Any] | None = None, **settings: Any
) -> Path:
    protocol = ProtocolConfig(name="holdout", shares=(0.5, 0.25, 0.25), **settings)
    recipe = Recipe(
        name=name,
        data=DataConfig(path=file, options=options or {}),
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
    renamed = tuple(replace(item, item_id=f"{item.item_id}x", group="x") for item in dataset.items)
    assert len(known_contents(bundle, replace(dataset, items=renamed)).items) == learnt
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
    fitted: tuple[How, ...] = ("weighted", "stack")
    for how in fitted:
        with pytest.raises(DatasetError, match=r"holdout, valid leaks.*trained-on-test"):
            combiner_for(how, together, dataset, split)
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


# --- members that hear otherwise ----------------------------------------------------------------


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for genre in ("jazz", "metal"):
        (folder / genre).mkdir()
        song = synthesise(genre, seconds=4.0, sample_rate_hz=44100)
        soundfile.write(folder / genre / f"{genre}.wav", song.samples, 44100)
    return folder


def trained_at(rate_hz: int, **windows: Any) -> dict[str, Any]:
    mel = MelConfig(sample_rate_hz=rate_hz, fft_samples=1024, hop_samples=1024, n_mels=16)
    return {
        "frontends": {"mel": mel},
        "frontend_fingerprints": {"mel": frontend_fingerprint(mel)},
        "windows": WindowConfig(minimum_seconds=0.25, **windows),
    }


def test_members_may_take_other_rates_other_windows_and_other_parts(
    bundle_factory: Callable[..., Path],
    clips: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    whole = ExcerptConfig(start_seconds=0.0, duration_seconds=None)
    kinds = {
        "long": trained_at(22050, window_seconds=4.0, hop_seconds=4.0, short="pad")
        | {"excerpt": whole},
        "short": trained_at(16000, window_seconds=1.0, hop_seconds=0.5, short="loop"),
        "logits": trained_at(22050, window_seconds=1.5, hop_seconds=1.5)
        | {"aggregation": "mean-logit", "excerpt": whole},
    }
    members = [
        load_bundle(bundle_factory(tmp_path / name, name=name, **kind))
        for name, kind in kinds.items()
    ]
    together = joined(members)
    assert (
        "short analysed another part of a track alone; together all analyse all of it"
        in caplog.text
    )
    dataset = load_dataset("folder", clips)
    split = make_split(dataset, "all-test")
    combiner = combiner_for("vote", together, dataset, split)
    write_ensemble(
        tmp_path / "all", together, combiner, how="vote", name="all", dataset=dataset, split=split
    )
    ensemble = Classifier.load(tmp_path / "all")
    assert ensemble.sample_rate_hz == 22050
    for file in clips.rglob("*.wav"):
        found = ensemble.predict_file(file)
        alone = [Classifier(one).predict_file(file, excerpt=whole).scores for one in members]
        for label in ensemble.labels:
            expected = np.mean([scores[label] for scores in alone])
            assert found.scores[label] == pytest.approx(expected, abs=0.01)
    assert ensemble.predict_file(
        clips / "jazz/jazz.wav", excerpt=ExcerptConfig(duration_seconds=0.7)
    )


def test_an_ensemble_of_tables_and_audio_is_refused(
    models: list[Path], bundle_factory: Callable[..., Path], tmp_path: Path
) -> None:
    audio = load_bundle(bundle_factory(tmp_path / "audio", labels=("x", "y", "z")))
    with pytest.raises(ConfigError, match="linear scores rows of tables and tiny audio"):
        joined([load_bundle(models[0]), audio])


# --- several genres a track ---------------------------------------------------------------------


@pytest.mark.parametrize("how", ["vote", "weighted", "stack"])
def test_models_of_several_genres_are_joined_too(tmp_path: Path, how: Any) -> None:
    file = tmp_path / "several.csv"
    generator = np.random.default_rng(2)
    lines = ["filename,a,b,c,label"]
    for number in range(80):
        x = generator.normal(0, 1, 3)
        genres = [name for name, value in zip("xyz", x, strict=True) if value > -0.3] or ["x"]
        cells = ",".join(map(str, x + generator.normal(0, 0.3, 3)))
        lines.append(f"t{number},{cells},{';'.join(genres)}")
    file.write_text("\n".join(lines))
    several = {"label_separator": ";"}
    bundles = [
        load_bundle(trained(file, tmp_path, name, options=several)) for name in ("linear", "near")
    ]
    dataset = load_dataset("table", file, **several)
    split = make_split(dataset, "holdout", shares=(0.5, 0.25, 0.25))
    together = joined(bundles)
    combiner = combiner_for(how, together, dataset, split)
    found = write_ensemble(
        tmp_path / "all", together, combiner, how=how, name="all", dataset=dataset, split=split
    )
    bundle = load_bundle(tmp_path / "all")
    assert bundle.manifest.task == "multi-label"
    assert found.result.accuracy.value > 0.4
    means = np.mean([one.manifest.thresholds for one in bundles], axis=0)
    tuned = combiner.thresholds if how != "vote" else tuple(means)
    assert bundle.manifest.thresholds == pytest.approx(tuned)
    assert dataset.features is not None
    columns = dataset.features.astype(np.float32)
    said = [
        Classifier(one).predict_features({"columns": columns[:, :n]})
        for one, n in zip(bundles, (3, 2), strict=True)
    ]
    inputs = {name: columns[:, : len(one.feature_names)] for name, one in bundle.frontends.items()}
    told = Classifier(bundle).predict_features(inputs)
    np.testing.assert_allclose(told, 1 / (1 + np.exp(-combiner.logits(said))), atol=1e-5)
    if how == "vote":
        np.testing.assert_allclose(told, np.mean(said, axis=0), atol=1e-5)
