"""Missing values filled, repeated tracks dropped, genres balanced: only where a recipe asks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from genrekit.bundles import load_bundle
from genrekit.datasets import Dataset, load_dataset
from genrekit.errors import DatasetError, GenreError
from genrekit.export.classical import check_agreement, export_onnx
from genrekit.inference import Classifier
from genrekit.models import ClassicalConfig, build, classical_config
from genrekit.models.impute import Imputed
from genrekit.schema import ColumnsConfig
from genrekit.training import DataConfig, ProtocolConfig, Recipe, train
from genrekit.training.batches import Examples, epoch_order
from genrekit.training.own import load_data
from genrekit.training.recipe import CleanConfig

HOWS = ("median", "mean", "neighbours")


def table_with_gaps(file: Path, rows: int = 40) -> Path:
    """Two genres apart in every column; every third row misses one value."""
    generator = np.random.default_rng(0)
    lines = ["filename,a,b,c,label"]
    for number in range(rows):
        genre = number % 2
        values = [f"{value:.4f}" for value in (generator.normal(3 * genre, 1, 3) * [1, 100, 1e4])]
        if number % 3 == 0:
            values[number % 2] = ("", "NaN", "n/a")[number // 3 % 3]
        lines.append(f"t{number},{','.join(values)},{'xy'[genre]}")
    file.write_text("\n".join(lines))
    return file


def recipe(file: Path, *, model: dict[str, object] | None = None, **data: object) -> Recipe:
    return Recipe(
        name="clean",
        data=DataConfig(path=file, **data),
        frontend=ColumnsConfig(),
        model=classical_config({"architecture": "logistic"} | (model or {})),
        protocol=ProtocolConfig(name="grouped-kfold", n_folds=4),
    )


@pytest.mark.parametrize("how", HOWS)
def test_missing_values_are_filled_inside_the_fit_and_in_the_graph(
    tmp_path: Path, how: str
) -> None:
    file = table_with_gaps(tmp_path / "gaps.csv")
    made = recipe(file, model={"prepare": {"impute": how}})
    bundle = load_bundle(train(made, tmp_path / "out"))
    assert bundle.metrics.results[0].accuracy.value > 0.9
    gaps = load_data(made.data, keep_missing=True).features
    assert gaps is not None
    assert np.isnan(gaps).sum() == 14
    scores = Classifier(bundle).predict_features({"columns": gaps.astype(np.float32)})
    assert np.isfinite(scores).all()
    targets = np.arange(len(gaps)) % 2
    assert isinstance(made.model, ClassicalConfig)
    pipeline = build(made.model, seed=0, feature_names=("a", "b", "c")).fit(gaps, targets)
    model = export_onnx(pipeline, input_name="columns", n_columns=3)
    assert check_agreement(model, pipeline, gaps.astype(np.float32)) < 1e-4


def test_what_is_filled_comes_from_the_rows_that_are_fitted_on() -> None:
    x = np.array([[0.0, 10.0], [1.0, 20.0], [9.0, 90.0], [np.nan, 80.0], [8.0, 100.0]])
    new = np.array([[np.nan, 12.0], [9.0, np.nan]])
    assert Imputed("median").fit(x).transform(new).tolist() == [[4.5, 12.0], [9.0, 80.0]]
    assert Imputed("mean").fit(x).transform(new).tolist() == [[4.5, 12.0], [9.0, 60.0]]
    near = Imputed("neighbours", 1).fit(x).transform(new)
    assert near.tolist() == [[0.0, 12.0], [9.0, 90.0]]
    with pytest.raises(GenreError, match="column 2 has no value"):
        Imputed().fit(np.array([[1.0, np.nan], [2.0, np.nan]]))
    with pytest.raises(GenreError, match="no neighbours"):
        Imputed("neighbours").fit(np.array([[1.0, np.nan], [np.nan, 2.0]]))


def test_missing_values_are_an_error_for_models_that_fill_none(tmp_path: Path) -> None:
    file = table_with_gaps(tmp_path / "gaps.csv")
    with pytest.raises(DatasetError, match=r"a blank cell.*model\.prepare\.impute"):
        train(recipe(file), tmp_path / "out")
    with pytest.raises(GenreError, match="misses values, and logistic fills none"):
        train(recipe(file, options={"keep_missing": True}), tmp_path / "out")


# --- data.clean ---------------------------------------------------------------------------------


def test_repeated_rows_are_dropped_and_reported_on_the_card(tmp_path: Path) -> None:
    file = tmp_path / "twice.csv"
    lines = [f"t{n},{n % 2 * 5 + n * 0.01},{'xy'[n % 2]}" for n in range(16)]
    file.write_text("\n".join(["filename,a,label", *lines, "again,0.0,x", "more,0.0,x"]))
    out = train(recipe(file, clean=CleanConfig(duplicates="drop")), tmp_path / "out")
    said = "2 repeated items dropped (again, more)"
    assert load_bundle(out).manifest.provenance.cleaned == said
    assert load_bundle(out).manifest.provenance.tracks == 16
    assert f"cleaned: {said}" in (out / "CARD.md").read_text()
    assert load_dataset("table", file).items[-1].item_id == "more"


def test_audio_that_is_repeated_is_dropped_too(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for number in range(8):
        file = tmp_path / "music" / "ab"[number % 2] / f"{number}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, 0.1 * generator.normal(size=44100), 22050)
        if number == 4:
            (file.parent / "copy.wav").write_bytes(file.read_bytes())
    made = recipe(tmp_path / "music", clean=CleanConfig(duplicates="drop"))
    made = made.model_copy(update={"frontend": Recipe.model_fields["frontend"].default})
    provenance = load_bundle(train(made, tmp_path / "out")).manifest.provenance
    assert (provenance.cleaned, provenance.tracks) == ("1 repeated item dropped (a/copy.wav)", 8)


def test_genres_are_cut_to_the_smallest(tmp_path: Path) -> None:
    file = tmp_path / "uneven.csv"
    lines = [f"t{n},{n % 3 * 5 + n * 0.01},{'xxy'[n % 3]}" for n in range(30)]
    file.write_text("\n".join(["filename,a,label", *lines]))
    out = train(recipe(file, clean=CleanConfig(balance="undersample")), tmp_path / "out")
    (result,) = load_bundle(out).metrics.results
    assert [genre.tracks for genre in result.per_genre] == [10, 10]
    assert "10 items of larger genres left out" in load_bundle(out).manifest.provenance.cleaned


def test_networks_see_smaller_genres_as_often_where_they_are_oversampled() -> None:
    shares = np.eye(3, dtype=np.float32)[[0] * 8 + [1] * 2 + [2]]
    examples = Examples({"x": np.zeros((11, 2), np.float32)}, shares)
    order = epoch_order(examples, np.random.default_rng(0), oversample=True)
    assert np.bincount(shares[order].argmax(axis=1)).tolist() == [8, 8, 8]
    assert set(order.tolist()) == set(range(11))
    plain = epoch_order(examples, np.random.default_rng(0))
    assert sorted(plain.tolist()) == list(range(11))


def test_nothing_is_cleaned_unless_asked() -> None:
    assert not CleanConfig().active
    assert Dataset.__dataclass_fields__["gaps"].default is False
