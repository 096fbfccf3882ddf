from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genrekit.bundles import load_bundle
from genrekit.datasets import load_dataset, make_split, track_digest
from genrekit.errors import BundleError, ConfigError, DatasetError
from genrekit.evaluation import evaluate_bundle
from genrekit.inference import Classifier
from genrekit.models.classical import Logistic, Prepare, Svm
from genrekit.schema import MelConfig
from genrekit.training import (
    DataConfig,
    ProtocolConfig,
    Recipe,
    load_recipe,
    train,
)


def recipe(table: Path, **changes: Any) -> Recipe:
    fields: dict[str, Any] = {
        "name": "plain",
        "data": DataConfig(corpus="table", path=table),
        "model": Logistic(prepare=Prepare(drop=("harmony_mean", "perceptr_mean"))),
        "protocol": ProtocolConfig(name="fault-filtered"),
    } | changes
    return Recipe(**fields)


def digests(table: Path, *parts: str) -> set[str]:
    dataset = load_dataset("table", table)
    return {track_digest(item.group) for item in dataset.items if item.split in parts}


def test_numbers_are_those_of_the_saved_bundle(table: Path, tmp_path: Path) -> None:
    out = train(recipe(table), tmp_path / "plain")
    dataset = load_dataset("table", table)
    split = make_split(dataset, "fault-filtered")
    again, scores = evaluate_bundle(Classifier.load(out), dataset, split)
    (told,) = load_bundle(out).metrics.results
    assert told.fitted_on == "train"
    # Its own hash cannot be in a bundle, nor does an evaluation know what was fitted on.
    assert told.model_copy(update={"bundle_sha256": again.bundle_sha256, "fitted_on": ""}) == again
    assert told.accuracy.value > 0.5
    assert len(scores) == told.items == 40


@pytest.mark.parametrize("fit_on", ["train", "train+valid"])
def test_weights_see_the_parts_of_the_protocol_and_no_other(
    table: Path, tmp_path: Path, fit_on: Any
) -> None:
    protocol = ProtocolConfig(name="fault-filtered", fit_on=fit_on)
    out = train(recipe(table, protocol=protocol), tmp_path / "plain")
    provenance = load_bundle(out).manifest.provenance
    assert set(provenance.trained_on) == digests(table, *fit_on.split("+"))
    assert provenance.tracks == len(provenance.trained_on)


def test_columns_are_matched_by_name(
    table: Path, tmp_path: Path, plain_graph: Callable[[Path], bytes]
) -> None:
    with table.open(encoding="utf-8") as file:
        lines = list(csv.reader(file))
    shuffled = tmp_path / "shuffled.csv"
    order = np.random.default_rng(0).permutation(len(lines[0]))
    with shuffled.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([[line[column] for column in order] for line in lines])
    models = [
        plain_graph(train(recipe(path), tmp_path / name))
        for name, path in {"a": table, "b": shuffled}.items()
    ]
    assert models[0] == models[1]


def test_left_out_tracks_reach_no_weights_but_are_scored(table: Path, tmp_path: Path) -> None:
    away = tmp_path / "left_out.txt"
    away.write_text("jazz/jazz.00011.wav\nblues.00012\n", encoding="utf-8")
    dataset = load_dataset("table", table)
    groups = {item.item_id: item.group for item in dataset.items}
    names = [name for name in ("jazz.00011", "blues.00012") if name in groups]
    assert names
    out = train(
        recipe(
            table,
            final_fit="everything",
            leave_out=away,
            leave_out_because="kept for checking",
            beside=(ProtocolConfig(name="grouped-kfold", n_folds=3),),
        ),
        tmp_path / "plain",
    )
    bundle = load_bundle(out)
    seen = set(bundle.manifest.provenance.trained_on)
    assert seen == {track_digest(group) for group in groups.values()} - {
        track_digest(groups[name]) for name in names
    }
    assert "kept for checking" in bundle.manifest.provenance.left_out
    headline, beside, left_out = bundle.metrics.results
    assert headline.protocol == "fault-filtered"
    assert headline.items == 40
    assert beside.protocol == "grouped-kfold"
    assert beside.bundle_sha256 is None
    assert len(beside.fold_accuracies) == 3
    assert left_out.protocol == "left-out"
    assert left_out.items == len(names)


def test_a_protocol_fit_leaves_the_same_tracks_out(table: Path, tmp_path: Path) -> None:
    dataset = load_dataset("table", table)
    trained = next(item for item in dataset.items if item.split == "train")
    out = train(recipe(table, leave_out=(trained.item_id,)), tmp_path / "plain")
    seen = set(load_bundle(out).manifest.provenance.trained_on)
    assert seen == digests(table, "train") - {track_digest(trained.group)}


def test_equal_recipes_give_equal_weights(table: Path, tmp_path: Path) -> None:
    a, b = (train(recipe(table), tmp_path / name) for name in "ab")
    assert (a / "model.onnx").read_bytes() == (b / "model.onnx").read_bytes()
    assert load_bundle(a).manifest.temperature == load_bundle(b).manifest.temperature


def test_the_temperature_lowers_the_loss_on_validation_tracks(table: Path, tmp_path: Path) -> None:
    settings = {"model": Logistic(c=1000)}
    dataset = load_dataset("table", table)
    losses = []
    for calibrate in (True, False):
        out = train(recipe(table, calibrate=calibrate, **settings), tmp_path / str(calibrate))
        classifier = Classifier.load(out)
        (fold,) = make_split(dataset, "fault-filtered").folds
        valid = dataset.select(dataset.indices(fold.valid))
        split = make_split(valid, "all-test")
        losses.append(evaluate_bundle(classifier, valid, split)[0].log_loss)
    assert losses[0] < losses[1]


def test_stages_count_up(table: Path, tmp_path: Path) -> None:
    protocol = ProtocolConfig(name="grouped-kfold", n_folds=3)
    steps: list[tuple[str, int, int]] = []
    out = train(
        recipe(table, protocol=protocol, final_fit="everything"),
        tmp_path / "plain",
        progress=lambda *told: steps.append(told),
    )
    assert out == tmp_path / "plain"
    assert all(0 <= done <= total for _, done, total in steps)
    assert steps[-1] == ("saved", 1, 1)
    (result,) = load_bundle(tmp_path / "plain").metrics.results
    assert len(result.fold_accuracies) == 3


def test_a_kfold_protocol_is_refused_if_only_its_own_weights_may_be_saved(
    table: Path, tmp_path: Path
) -> None:
    protocol = ProtocolConfig(name="grouped-kfold", n_folds=3)
    with pytest.raises(ConfigError, match="final_fit: everything"):
        train(recipe(table, protocol=protocol, final_fit="protocol"), tmp_path / "plain")


def test_pictures_are_no_vectors(table: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"frontend\.kind"):
        train(recipe(table, frontend=MelConfig()), tmp_path / "plain")


def test_an_unknown_column_to_drop_is_named(table: Path, tmp_path: Path) -> None:
    model = Logistic(prepare=Prepare(drop=("harmonie",)))
    with pytest.raises(ConfigError, match="harmonie"):
        train(recipe(table, model=model), tmp_path / "plain")


def test_more_columns_than_there_are_cannot_be_selected(table: Path, tmp_path: Path) -> None:
    model = Logistic(prepare=Prepare(drop=("tempo",), select=57))
    with pytest.raises(ConfigError, match="57 of 56 columns"):
        train(recipe(table, model=model), tmp_path / "plain")


def test_too_few_rows_for_a_setting_are_a_fault_of_the_data(table: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"svm is fitted by 7 folds .* only 6 tracks of 'blues'"):
        train(recipe(table, model=Svm(calibration_folds=7)), tmp_path / "plain")


def test_an_unset_variable_is_asked_for_only_when_it_is_needed(table: Path, tmp_path: Path) -> None:
    path = tmp_path / "plain.yaml"
    data = DataConfig(corpus="table", path=Path("${NOWHERE_SET}/t.csv"))
    path.write_text(recipe(table, data=data).text.replace("t.csv", "${NOWHERE_SET}/t.csv"))
    read = load_recipe(path)
    with pytest.raises(ConfigError, match="NOWHERE_SET"):
        train(read, tmp_path / "plain")
    assert load_bundle(train(read, tmp_path / "plain", data=table)).manifest.name == "plain"


def test_a_table_of_another_front_end_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "two.csv"
    table.write_text("filename,a,label\nx.wav,1,jazz\ny.wav,2,rock\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="lacks 57 of the 57 columns"):
        train(recipe(table), tmp_path / "plain")


def test_a_genre_without_training_tracks_is_named(table: Path, tmp_path: Path) -> None:
    dataset = load_dataset("table", table)
    away = tuple(
        item.item_id for item in dataset.items if item.labels == ("pop",) and item.split == "train"
    )
    with pytest.raises(DatasetError, match="'pop'"):
        train(recipe(table, leave_out=away), tmp_path / "plain")


def test_an_existing_bundle_is_replaced_only_when_asked(table: Path, tmp_path: Path) -> None:
    out = train(recipe(table), tmp_path / "plain")
    with pytest.raises(BundleError, match="exists"):
        train(recipe(table), out)
    train(recipe(table, version="0.2.0"), out, overwrite=True)
    assert load_bundle(out).manifest.version == "0.2.0"


@pytest.mark.real
@pytest.mark.slow
def test_a_plain_svm_scores_what_is_known_of_it(real_data: Path, tmp_path: Path) -> None:
    table = real_data / "gtzan_tables" / "features_30_sec.csv"
    out = train(
        recipe(table, model=Svm(), beside=(ProtocolConfig(name="segments-leaky"),)),
        tmp_path / "svm",
    )
    headline, random_folds = load_bundle(out).metrics.results
    assert headline.items == 290
    assert headline.accuracy.value == pytest.approx(0.528, abs=0.015)
    assert random_folds.leaky
    assert random_folds.accuracy.value == pytest.approx(0.743, abs=0.025)
