"""Results files that were edited: whatever was changed, no reader believes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genrekit.datasets import Dataset, make_split
from genrekit.errors import DatasetError
from genrekit.evaluation.calibration_error import calibration_error
from genrekit.evaluation.recount import SIMULATED, checked_run
from genrekit.evaluation.results import read_run, write_run
from genrekit.evaluation.run import RunResult
from genrekit.explorer.opening import open_paths
from genrekit.reports.inputs import read_inputs

MakeRun = Callable[..., RunResult]
MakeData = Callable[..., Dataset]
Content = dict[str, Any]


@pytest.fixture(scope="module")
def honest(make_run: MakeRun, make_data: MakeData) -> str:
    return make_run(0.6, 0, dataset=make_data(30, 2)).model_dump_json()


def headline(content: Content) -> None:
    content["result"]["accuracy"]["value"] = 0.99


def macro_f1(content: Content) -> None:
    content["result"]["macro_f1"]["value"] += 0.02


def interval(content: Content) -> None:
    content["result"]["accuracy"] |= {"low": 0.55, "high": 0.56}


def binned_error(content: Content) -> None:
    content["result"]["expected_calibration_error"] = 0.01


def calibration(content: Content) -> None:
    content["result"]["calibration_error"] |= {"value": 0.01, "low": 0.0, "high": 0.02}


def over_folds(content: Content) -> None:
    content["result"]["accuracy_over_folds"]["value"] += 0.03


def out_of_interval(content: Content) -> None:
    content["result"]["macro_f1"] |= {"low": 0.9, "high": 0.95}


def log_loss(content: Content) -> None:
    content["result"]["log_loss"] -= 0.05


def metrics(content: Content) -> None:
    content["metrics"]["f1_weighted"]["value"] += 0.05


def top3(content: Content) -> None:
    content["metrics"]["top3"]["value"] = 0.2


def brier(content: Content) -> None:
    content["metrics"]["brier"]["value"] -= 0.05


def a_genre(content: Content) -> None:
    content["result"]["per_genre"][1]["f1"] += 0.1


def a_fold(content: Content) -> None:
    content["result"]["fold_accuracies"][0] += 0.1


def segments(content: Content) -> None:
    content["segment_result"]["accuracy"]["value"] += 0.1


def a_probability_short(content: Content) -> None:
    content["answers"][3]["probabilities"].pop()


def not_one(content: Content) -> None:
    content["answers"][3]["probabilities"][0] = 0.0
    content["answers"][3]["probabilities"][1] = 0.0


def all_of_one_genre(content: Content) -> None:
    for answer in content["answers"]:
        answer["true"] = [content["result"]["labels"][0]]


def all_right(content: Content) -> None:
    for answer in content["answers"]:
        answer["predicted"] = answer["true"]


def another_genre(content: Content) -> None:
    content["answers"][3]["true"] = ["polka"]


def one_less(content: Content) -> None:
    content["answers"].pop()


def no_answers(content: Content) -> None:
    content["answers"] = []


def not_leaky(content: Content) -> None:
    content["result"] |= {"protocol": "segments-leaky", "leaky": False}


EDITS = (
    *(binned_error, calibration, over_folds, out_of_interval),
    *(headline, macro_f1, interval, log_loss, metrics, top3, brier, a_genre, a_fold, segments),
    *(a_probability_short, not_one, all_of_one_genre, all_right, another_genre, one_less),
    *(no_answers, not_leaky),
)


@pytest.mark.parametrize("edit", EDITS)
def test_what_was_edited_is_refused_by_every_reader(
    honest: str, tmp_path: Path, edit: Callable[[Content], None]
) -> None:
    file = tmp_path / "run.json"
    file.write_text(honest)
    assert read_run(file)
    content = json.loads(honest)
    edit(content)
    file.write_text(json.dumps(content))
    with pytest.raises(DatasetError, match=str(file)) as caught:
        read_run(file)
    assert (
        "made anew" in str(caught.value)
        or "make it anew" in str(caught.value)
        or ("no answers" in str(caught.value))
    )
    with pytest.raises(DatasetError, match=str(file)):
        read_inputs([file])
    opened = open_paths([file])
    assert not opened.results
    assert str(file) in opened.problems[0]


@pytest.mark.parametrize("edit", [headline, macro_f1, interval, a_genre, not_leaky])
def test_a_headline_without_answers_has_to_agree_with_its_confusion_matrix(
    honest: str, tmp_path: Path, edit: Callable[[Content], None]
) -> None:
    content = json.loads(honest)
    edit(content)
    file = tmp_path / "result.json"
    file.write_text(json.dumps(content["result"]))
    with pytest.raises(DatasetError, match=str(file)):
        read_inputs([file])


def test_rounding_ties_and_repeats_are_no_edits(
    make_run: MakeRun, make_data: MakeData, tmp_path: Path
) -> None:
    data = make_data(18, 3)
    splits = [
        make_split(data, "repeated-kfold", n_folds=3, n_repeats=2),
        make_split(data, "segments-leaky", n_folds=3),
    ]
    for split in splits:
        file = write_run(make_run(0.6, 1, dataset=data, split=split), tmp_path / "run.json")
        assert checked_run(read_run(file), file).result.protocol == split.protocol


def test_few_tracks_whose_calibration_is_simulated_otherwise_are_no_edit(
    make_run: MakeRun, make_data: MakeData
) -> None:
    """Rows are kept rounded, so that other random numbers are drawn when they are read."""
    run = make_run(0.3, 1, dataset=make_data(10, 1))
    confidence = np.array([max(one.probabilities) for one in run.answers])
    right = np.array([one.predicted == one.true for one in run.answers])
    groups = [one.group for one in run.answers]
    drawn = [calibration_error(confidence, right, groups, seed=seed).error for seed in range(7)]
    assert max(abs(one.low - drawn[0].low) for one in drawn) > SIMULATED
    for error in drawn:
        result = run.result.model_copy(update={"calibration_error": error})
        checked_run(run.model_copy(update={"result": result}), "run")
