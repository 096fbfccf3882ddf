"""Several genres a track, as people and programs see them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genrekit.bundles import load_bundle
from genrekit.inference import Classifier
from genrekit.schema import EvaluationResult, TrackPrediction

Run = Callable[..., Any]
PARENTS = {"jazz": "blues", "disco": "pop"}


@pytest.fixture(scope="module")
def several(bundle_factory: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small model with thresholds that let a few of its genres through."""
    folder = tmp_path_factory.mktemp("several") / "several"
    thresholds = [0.5] * 10
    return bundle_factory(folder, task="multi-label", thresholds=thresholds, parents=PARENTS)


def test_json_names_all_genres_that_were_chosen(run: Run, several: Path, song: Path) -> None:
    ran = run("predict", song, "--model", several, "--json", "--segments")
    answer = TrackPrediction.model_validate_json(ran.out)
    assert len(answer.genres) > 1
    reached = {genre for genre, score in answer.scores.items() if score >= 0.5}
    assert set(answer.genres) == reached | {PARENTS[g] for g in reached if g in PARENTS}
    for scores in (answer.scores, *(segment.scores for segment in answer.segments)):
        assert all(scores[child] <= scores[parent] for child, parent in PARENTS.items())


def test_people_see_all_genres_of_a_track(run: Run, several: Path, song: Path, music: Path) -> None:
    answer = Classifier.load(several).predict_file(song)
    one = run("predict", song, "--model", several, "--top", 1).out
    assert ", ".join(answer.genres) in one.splitlines()[0]
    assert len(one.splitlines()) == 1 + len(answer.genres), "more than --top, if they were told"
    many = run("predict", music, "--model", several).out
    (line,) = [line for line in many.splitlines() if song.name in line]
    assert line.startswith(", ".join(answer.genres))


def test_evaluate_shows_rankings_and_thresholds(
    run: Run, several: Path, music: Path, tmp_path: Path
) -> None:
    file = tmp_path / "answers.jsonl"
    ran = run("evaluate", several, "--data", music, "--json", "--predictions", file)
    result = EvaluationResult.model_validate_json(ran.out)
    assert result.task == "multi-label"
    assert result.multi_label is not None
    assert result.multi_label.per_genre[0].threshold == 0.5
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert lines[-1]["true_genres"] == ["blues", "jazz"], "jazz is blues in this model"
    assert lines[-1]["true"] == "blues; jazz"
    answer = Classifier.load(several).predict_file(music / lines[-1]["item"])
    assert set(lines[-1]["predicted_genres"]) == set(answer.genres)
    shown = run("evaluate", several, "--data", music).out
    for words in ("subset accuracy", "micro F1", "mAP", "ROC-AUC", "coverage", "threshold"):
        assert words in shown


def test_train_sums_up_by_average_precision(
    run: Run, table: Path, recipe: Path, tmp_path: Path
) -> None:
    out = tmp_path / "model"
    command = ["train", recipe, "--data", table, "--out", out, "--jobs", 1]
    ran = run(*command, "--set", "labels.task=multi-label")
    assert ran.code == 0
    (result,) = load_bundle(out).metrics.results
    assert result.multi_label is not None
    value = result.multi_label.mean_average_precision.value
    assert f"holdout: mAP {value:.3f} [" in ran.out
    assert "labels.task=multi-label" in (out / "CARD.md").read_text(encoding="utf-8")
    wrong = run(*command, "--overwrite", "--set", "labels.most_comon=3")
    assert wrong.code != 0
    assert "did you mean most_common?" in wrong.err
