"""Nothing of a test row reaches what is fitted, and a leak stops what is made."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genrekit.bundles import load_bundle
from genrekit.datasets import Dataset, load_dataset, make_split
from genrekit.errors import DatasetError
from genrekit.experiments import run_study
from genrekit.models import model_config
from genrekit.models.classical import NearestNeighbours
from genrekit.training import DataConfig, ProtocolConfig, Recipe, train
from genrekit.training.fitting import (
    Task,
    checked_split,
    fit,
    fit_rows,
    fold_scores,
    temperature,
)
from genrekit.training.judging import pooled_scores, score_fold
from genrekit.training.rows import Rows, table_rows

BALANCES = ("weights", "oversample", "undersample", "interpolate")


def task(data: Dataset, **model: Any) -> Task:
    config = model_config(model)
    return Task(config, "features", data.feature_names, data.labels, seed=3)


def shaken(rows: Rows, items: tuple[str, ...]) -> Rows:
    """The same rows with other numbers, and another order, for ``items``."""
    hit = np.isin(rows.items.astype(str), items)
    x = np.array(rows.x)
    x[hit] = np.random.default_rng(9).normal(1e3, 1e3, x[hit].shape)
    return Rows(x, rows.y, rows.items, rows.groups)


def uneven(table: Path) -> Dataset:
    """The made-up table with few tracks of half of its genres."""
    data = load_dataset("table", table)
    kept = [
        row
        for row, item in enumerate(data.items)
        if data.labels.index(item.labels[0]) % 2 or item.item_id[-1] in "02468" or row % 3
    ]
    return data.select(kept)


@pytest.mark.parametrize("balance", BALANCES)
@pytest.mark.parametrize("architecture", ["logistic", "svm"])
def test_test_rows_never_reach_what_is_fitted(architecture: str, balance: str, table: Path) -> None:
    data = uneven(table)
    (fold,) = make_split(data, "fault-filtered").folds
    rows = table_rows(data, data.feature_names)
    assert len(set(np.bincount(rows.of(fold.train).y))) > 1, "there is something to balance"
    extra = {"calibration_folds": 2} if architecture == "svm" else {}
    prepare = {"compress": True, "scale": "standard", "select": 20, "pca": 10}
    one = task(data, architecture=architecture, balance=balance, prepare=prepare, **extra)
    other = shaken(rows, fold.test)
    assert fit(one, fit_rows(rows, fold, "train")) == fit(one, fit_rows(other, fold, "train"))
    if architecture == "logistic":
        assert temperature(one, rows, fold) == temperature(one, other, fold)
    # It does react to the rows that it may see.
    seen = shaken(rows, fold.train[:5])
    assert fit(one, fit_rows(rows, fold, "train")) != fit(one, fit_rows(seen, fold, "train"))


def test_knn_is_balanced_by_copies(table: Path) -> None:
    data = uneven(table)
    (fold,) = make_split(data, "fault-filtered").folds
    rows = table_rows(data, data.feature_names)
    for balance in BALANCES[1:]:
        one = task(data, architecture="knn", neighbours=1, balance=balance)
        assert fold_scores(one, rows, fold, "train").shape == (len(fold.test), len(data.labels))


# --- leaks stop what is made --------------------------------------------------------------------


@pytest.fixture
def repeated(table: Path, tmp_path: Path) -> Path:
    """Two tracks with the same numbers, one trained on and one tested."""
    with table.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    (fold,) = make_split(load_dataset("table", table), "fault-filtered").folds
    row_of = {row[0].removesuffix(".wav"): row for row in rows}
    row_of[fold.test[0]][1:-1] = row_of[fold.train[0]][1:-1]
    copy = tmp_path / "repeated.csv"
    with copy.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return copy


def recipe(path: Path, **protocol: Any) -> Recipe:
    return Recipe(
        name="guarded",
        data=DataConfig(corpus="table", path=path),
        model={"architecture": "knn"},
        protocol=ProtocolConfig.model_validate(protocol),
        final_fit="protocol" if protocol["name"] == "fault-filtered" else "everything",
        calibrate=False,
    )


def test_a_leak_stops_training(repeated: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="exact-duplicates: 1 of the 40 test items"):
        train(recipe(repeated, name="fault-filtered"), tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_a_leak_stops_a_study(repeated: Path) -> None:
    models, protocols = (NearestNeighbours(),), (ProtocolConfig(name="fault-filtered"),)
    with pytest.raises(DatasetError, match="exact-duplicates"):
        run_study(load_dataset("table", repeated), models=models, protocols=protocols)


def test_a_protocol_named_leaky_goes_on_and_every_number_says_so(
    repeated: Path, tmp_path: Path
) -> None:
    made = train(recipe(repeated, name="segments-leaky", n_folds=3), tmp_path / "bundle")
    assert all(result.leaky for result in load_bundle(made).metrics.results)


# --- repeats ------------------------------------------------------------------------------------


def test_repeats_are_pooled_without_narrowing_the_interval(table: Path) -> None:
    data = load_dataset("table", table)
    rows = table_rows(data, data.feature_names)
    one = task(data, architecture="knn")
    results = []
    for protocol in (
        ProtocolConfig(name="grouped-kfold", n_folds=3),
        ProtocolConfig(name="repeated-kfold", n_folds=3, n_repeats=4),
    ):
        split = checked_split(data, protocol, rows)
        scores = [score_fold(one, rows, fold, "train") for fold in split.folds]
        results.append(pooled_scores(one, "knn", data, split, rows, scores))
    once, often = results
    assert (once.items, often.items) == (130, 130)
    assert np.sum(often.confusion) == 4 * np.sum(once.confusion) == 4 * 130
    assert len(often.fold_accuracies) == 12
    assert often.accuracy.value == pytest.approx(np.mean(often.fold_accuracies), abs=0.01)
    widths = [result.accuracy.high - result.accuracy.low for result in results]
    assert widths[1] > 0.75 * widths[0]
