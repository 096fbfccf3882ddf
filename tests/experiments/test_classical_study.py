"""The whole study in one call."""

from __future__ import annotations

from pathlib import Path

import pytest

import genrekit
from genrekit.datasets import load_dataset
from genrekit.errors import ConfigError, DatasetError
from genrekit.evaluation.results import read_run
from genrekit.experiments.learning_curve import (
    LearningCurve,
    learning_curve,
    plot_learning_curve,
)
from genrekit.models.classical import Logistic, NearestNeighbours
from genrekit.training import ProtocolConfig
from genrekit.training.fitting import checked_split
from genrekit.training.rows import table_rows

MODELS = (NearestNeighbours(), Logistic(c=0.5))
PROTOCOL = ProtocolConfig(name="fault-filtered")


def test_everything_from_python_in_one_call(table: Path, tmp_path: Path) -> None:
    stages: list[str] = []
    found = genrekit.study(
        table,
        tmp_path / "out",
        models=MODELS,
        protocols=(PROTOCOL,),
        workers=1,
        progress=lambda stage, done, total: stages.append(stage),
    )
    result = found.result
    assert [run.result for run in found.runs] == [cell.result for cell in result.cells]
    assert [one.protocol for one in result.comparisons] == [PROTOCOL]
    letters = {model.name: model.letters for model in result.comparisons[0].comparison.models}
    assert set(letters) == {"knn", "logistic"}
    assert result.importance is not None
    best = max(result.cells, key=lambda cell: cell.result.accuracy.value).result.model
    assert result.importance.model == best
    assert len(result.importance.columns) == len(result.columns)
    assert stages[0].startswith("Data checks")
    files = sorted((tmp_path / "out").rglob("*.json"))
    assert [file.stem for file in files[1:]] == ["knn--fault-filtered", "logistic--fault-filtered"]
    assert read_run(files[1]) == found.runs[0]
    page = next((tmp_path / "out").glob("*.md")).read_text(encoding="utf-8")
    assert "## Importance" in page
    assert "## Which differences are evidence" in page


@pytest.fixture(scope="module")
def curve(table: Path) -> LearningCurve:
    dataset = load_dataset("table", table)
    rows = table_rows(dataset, dataset.feature_names)
    folds = ProtocolConfig(name="grouped-kfold", n_folds=2)
    split = checked_split(dataset, folds, rows)
    shares = (0.1, 0.2, 1.0)  # of seven recordings of a genre the first two are the least allowed
    return learning_curve(dataset, rows, split, folds, MODELS[:1], shares=shares)


def test_a_curve_grows_and_says_how_sure_it_is(curve: LearningCurve) -> None:
    half, whole = curve.points
    assert half.tracks < whole.tracks
    assert (half.draws, whole.draws) == (3, 1)
    assert half.accuracy.method == "bootstrap-by-seed-and-track"
    assert whole.accuracy.method == "wilson"
    assert (curve.protocol, curve.leaky) == ("grouped-kfold", False)


def test_a_curve_is_drawn(curve: LearningCurve, tmp_path: Path) -> None:
    text = plot_learning_curve(curve, tmp_path / "curve.svg").read_text(encoding="utf-8")
    assert "knn" in text
    assert "recordings fitted on" in text


@pytest.mark.parametrize("shares", [(), (0.0,), (1.5,)])
def test_shares_that_are_none_are_refused(table: Path, shares: tuple[float, ...]) -> None:
    dataset = load_dataset("table", table)
    rows = table_rows(dataset, dataset.feature_names)
    split = checked_split(dataset, PROTOCOL, rows)
    with pytest.raises(ConfigError, match="shares"):
        learning_curve(dataset, rows, split, PROTOCOL, MODELS, shares=shares)


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError):
        genrekit.study(tmp_path / "nothing.csv")
