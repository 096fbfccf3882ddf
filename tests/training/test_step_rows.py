"""Rows of a recording as one sequence: a recurrent network on a table of three-second windows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genrekit.bundles import load_bundle
from genrekit.datasets import load_dataset, make_split
from genrekit.datasets.step_rows import as_sequences
from genrekit.errors import DatasetError
from genrekit.evaluation import evaluate_bundle
from genrekit.inference import Classifier
from genrekit.models import model_config
from genrekit.schema import ColumnsConfig
from genrekit.training import DataConfig, ProtocolConfig, Recipe, train
from genrekit.training.settings import TrainingConfig


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """What tells the genres is the order of a recording's rows: their means are alike."""
    lines = ["filename,track,level,noise,label"]
    generator = np.random.default_rng(0)
    for track in range(40):
        rising = track % 2 == 0
        for row in range(4 if track else 3):
            level = (row if rising else 3 - row) + generator.normal(0, 0.1)
            name = f"t{track}.{row}.wav"
            lines.append(f"{name},t{track},{level},{generator.normal()},{'ab'[track % 2]}")
    generator.shuffle(lines[1:])
    file = tmp_path / "rows.csv"
    file.write_text("\n".join([lines[0], *reversed(lines[1:])]))
    return file


def test_a_recurrent_network_reads_the_rows_of_a_recording_in_order(
    table: Path, tmp_path: Path
) -> None:
    recipe = Recipe(
        name="steps",
        data=DataConfig(path=table),
        frontend=ColumnsConfig(steps=4),
        model=model_config({"architecture": "bigru", "units": 8, "frames_per_step": 1}),
        training=TrainingConfig(epochs=25, learning_rate=0.02, checkpoint_seconds=3600),
        protocol=ProtocolConfig(name="holdout", shares=(0.6, 0.2, 0.2)),
    )
    bundle = load_bundle(train(recipe, tmp_path / "out"))
    (result,) = bundle.metrics.results
    assert (result.items, result.accuracy.value) == (8, 1.0)
    config = bundle.manifest.frontends["columns"]
    assert isinstance(config, ColumnsConfig)
    assert (config.names, config.steps) == (("level", "noise"), 4)
    read = load_dataset("table", table, steps=4)
    classifier = Classifier(bundle)
    split = make_split(read, "holdout", shares=(0.6, 0.2, 0.2))
    assert evaluate_bundle(classifier, read, split)[0].accuracy == result.accuracy
    other = tmp_path / "other.csv"
    other.write_text(table.read_text().replace(",t", ",u").replace("\nt", "\nu"))
    rows = load_dataset(
        "table", other, label_column="label", id_column="filename", group_column="urack"
    )
    with pytest.raises(DatasetError, match="--option steps=4"):
        evaluate_bundle(classifier, rows, make_split(rows, "all-test"))


def test_rows_are_ordered_by_the_numbers_in_their_names(table: Path) -> None:
    dataset = as_sequences(load_dataset("table", table), 5)
    assert len(dataset) == 40
    assert dataset.feature_names[:2] == ("level[0]", "level[1]")
    assert dataset.features is not None
    row = dataset.features[[item.item_id for item in dataset.items].index("t2")]
    assert np.round(row[:5]).tolist() == [0, 1, 2, 3, 3]  # the last one is repeated


def test_one_row_a_recording_is_no_sequence(table: Path, tmp_path: Path) -> None:
    lines = table.read_text().splitlines()
    single = tmp_path / "single.csv"
    single.write_text("\n".join([lines[0], *(line for line in lines if ".0.wav" in line)]))
    with pytest.raises(DatasetError, match="one row a recording"):
        load_dataset("table", single, steps=4)


def test_configurations_of_plain_columns_are_written_as_before() -> None:
    assert ColumnsConfig(names=("a",)).model_dump_json() == (
        '{"kind":"columns","sample_rate_hz":22050,"names":["a"]}'
    )
