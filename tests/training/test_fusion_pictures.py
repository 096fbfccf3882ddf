"""Pictures and a table train one network, which then predicts from audio."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genrekit.batch import write_features
from genrekit.bundles import load_bundle
from genrekit.datasets import load_dataset
from genrekit.datasets.pictures import write_pictures
from genrekit.features import build_frontend
from genrekit.inference import Classifier
from genrekit.models.networks import Fusion
from genrekit.schema import Gtzan57Config, PictureConfig
from genrekit.training import DataConfig, ProtocolConfig, Recipe, train
from genrekit.training.settings import Augment, PictureAugment, TrainingConfig

COLUMNS = Gtzan57Config(separation=False)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of three genres, their pictures, and a table of their features."""
    folder = tmp_path_factory.mktemp("drawn")
    songs = load_dataset("jukebox", folder / "clips", clips_per_genre=3, seconds=1.0)
    assert all(one.error is None for one in write_pictures(songs, folder / "pictures"))
    files = {f"{item.labels[0]}/{item.item_id}.wav": item.path for item in songs.items if item.path}
    labels = {name: name.partition("/")[0] for name in files}
    list(write_features(files, COLUMNS, folder / "features.csv", labels=labels))
    return folder


def test_pictures_and_a_table_make_a_bundle_that_predicts_from_audio(
    drawn: Path, tmp_path: Path
) -> None:
    recipe = Recipe(
        name="fused",
        data=DataConfig(
            corpus="pictures",
            path=drawn / "pictures",
            options={"size": [16, 20], "table": "features.csv"},
        ),
        frontend=PictureConfig(rows=16, columns=20),
        more_frontends=(COLUMNS,),
        model=Fusion(channels=(8,), layers=(16,), fused=16, dropout=0),
        training=TrainingConfig(
            epochs=30,
            batch_size=10,
            learning_rate=0.01,
            hold_out=0,
            augment=Augment(pictures=PictureAugment(share=0.3, contrast=0.2)),
        ),
        protocol=ProtocolConfig(name="holdout", fit_on="train+valid"),
    )
    out = train(recipe, tmp_path / "out")
    assert set(load_bundle(out).manifest.frontends) == {"picture", "gtzan57"}
    classifier = Classifier.load(out)
    songs = load_dataset("jukebox", drawn / "clips", clips_per_genre=3, seconds=1.0)
    answers = [classifier.predict_file(item.path or "") for item in songs.items]
    right = [one.genre == item.labels[0] for one, item in zip(answers, songs.items, strict=True)]
    assert np.mean(right) > 0.6, "what is drawn and measured is what the model learnt from"
    # The answer is the one for the row that the two data sets gave.
    dataset = load_dataset("pictures", drawn / "pictures", size=(16, 20), table="features.csv")
    assert dataset.features is not None
    position = {name: number for number, name in enumerate(dataset.feature_names)}
    names = build_frontend(COLUMNS).feature_names
    inputs = {
        "picture": dataset.features[:, :320].reshape(-1, 16, 20).astype(np.float32),
        "gtzan57": dataset.features[:, [position[name] for name in names]].astype(np.float32),
    }
    of_rows = classifier.predict_features(inputs)
    by_id = {
        item.item_id.partition("/")[2]: of for item, of in zip(dataset.items, of_rows, strict=True)
    }
    for item, answer in zip(songs.items, answers, strict=True):
        scores = [answer.scores[label] for label in classifier.labels]
        np.testing.assert_allclose(scores, by_id[item.item_id], atol=0.05)
