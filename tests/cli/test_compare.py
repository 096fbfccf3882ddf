"""``genrekit compare``, and the results files that other commands write for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genrekit.datasets import make_split
from genrekit.evaluation.results import read_run, write_run
from genrekit.experiments import Comparison

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture
def studied(run: Run, table: Path, files: Path) -> list[Path]:
    """Results files of two models in three folds."""
    if not list(files.rglob("*--*.json")):
        ran = run(
            *("study", table, "-o", files, "-j", 1, "--no-checks", "--learning-curve"),
            *("--model", "knn", "--model", "logistic,c=0.1"),
            *("--protocol", "grouped-kfold,n_folds=3"),
        )
        assert (ran.code, ran.err) == (0, "")
    return sorted(files.rglob("*--*.json"))


def test_a_study_writes_what_can_be_compared(run: Run, studied: list[Path], files: Path) -> None:
    assert [path.name for path in studied] == [
        "knn--grouped-kfold.json",
        "logistic--grouped-kfold.json",
    ]
    assert read_run(studied[0]).result.fitted_on == "train"
    out = files / "out"
    ran = run("compare", *studied, "-o", out, "--html", files / "page.html", "--json")
    assert (ran.code, ran.err) == (0, "")
    found = Comparison.model_validate_json(ran.out)
    assert {model.name for model in found.models} == {"knn", "logistic"}
    assert found.pairs[0].corrected_t is not None
    assert json.loads((out / "comparison.json").read_text()) == json.loads(ran.out)
    assert (out / "comparison.html").read_bytes() == (files / "page.html").read_bytes()
    page = run("compare", *studied).out
    assert page.startswith("# 2 models on made up.csv, grouped-kfold")


def test_a_study_has_letters_and_a_learning_curve(studied: list[Path], files: Path) -> None:
    text = (files / "made up.md").read_text(encoding="utf-8")
    assert "## Which differences are evidence" in text
    assert "## Learning curve" in text
    assert (files / "made up.learning.svg").stat().st_size > 1000
    report = (files / "made up.html").read_text(encoding="utf-8")
    for title in ("Learning curve", "What columns are worth", "The models", "Surest mistakes"):
        assert f"<h2>{title}</h2>" in report
    study = json.loads((files / "made up.json").read_text())
    points = [one for one in study["learning_curve"]["points"] if one["model"] == "logistic"]
    sizes = [one["tracks"] for one in points]
    assert sizes == sorted(sizes)
    assert sizes[-1] == 40
    # All of the training recordings is what the study itself was fitted on.
    whole = next(one for one in study["cells"] if one["result"]["model"] == "logistic")
    assert points[-1]["accuracy"]["value"] == whole["result"]["accuracy"]["value"]


def test_saved_models_are_tested_and_compared(
    run: Run, trained: Path, other_table: Path, files: Path
) -> None:
    file = files / "first.json"
    ran = run("evaluate", trained, "--data", other_table, "-o", file, "--json")
    assert ran.code == 0
    kept = read_run(file)
    assert kept.result.model_dump(mode="json") == json.loads(ran.out)
    assert len(kept.answers) == 30
    ran = run("compare", file, trained, "--data", other_table, "--json")
    assert ran.code == 0
    found = Comparison.model_validate_json(ran.out)
    assert [model.name for model in found.models] == ["first", "small"]
    assert found.pairs[0].difference.value == 0


def test_training_keeps_its_answers(run: Run, recipe: Path, table: Path, tmp_path: Path) -> None:
    ran = run("train", recipe, "--data", table, "-o", tmp_path / "model", "-j", 1, "--json")
    assert ran.code == 0
    kept = read_run(tmp_path / "model.results" / "holdout.json")
    (result,) = json.loads(ran.out)["results"]
    assert kept.result.model_dump(mode="json") == result
    assert len(kept.answers) == result["items"]


def test_what_cannot_be_compared_is_one_line(
    run: Run, studied: list[Path], trained: Path, files: Path
) -> None:
    single = run("compare", studied[0])
    assert (single.code, single.err.count("\n")) == (2, 1)
    assert "at least two" in single.err
    bundle = run("compare", studied[0], trained)
    assert (bundle.code, bundle.err.count("\n")) == (2, 1)
    assert "--data" in bundle.err
    broken = files / "broken.json"
    broken.write_text("{}")
    ran = run("compare", studied[0], broken)
    assert (ran.code, ran.err.count("\n")) == (4, 1)
    assert "not a results file" in ran.err


def test_a_declared_leak_stops_it(run: Run, studied: list[Path], files: Path) -> None:
    content = json.loads(studied[0].read_text())
    content["result"]["steps"] = [{"what": "scale", "on": "everything"}]
    leaking = files / "leaking.json"
    leaking.write_text(json.dumps(content))
    ran = run("compare", leaking, studied[1])
    assert ran.code == 9
    assert "fitted-before-split" in ran.err
    assert run("leaks", studied[0]).out.startswith("no leak found\n")
    assert "fitted-before-split" in run("leaks", leaking).out


def test_the_diagram_of_a_leaky_comparison_says_so(
    run: Run, make_run: Run, make_data: Run, tmp_path: Path
) -> None:
    data = make_data(40, 3)
    split = make_split(data, "segments-leaky", n_folds=5)
    files = [
        write_run(
            make_run(share, seed, name=f"m{seed}", dataset=data, split=split),
            tmp_path / f"{seed}.json",
        )
        for seed, share in enumerate((0.5, 0.9, 0.7))
    ]
    assert run("compare", *files, "-o", tmp_path / "out").code == 0
    drawn = (tmp_path / "out" / "comparison.svg").read_text(encoding="utf-8")
    assert "Mean ranks over folds, segments-leaky LEAKY" in drawn
    page = (tmp_path / "out" / "comparison.md").read_text(encoding="utf-8")
    assert all("LEAKY" in line for line in page.splitlines() if line.startswith("## "))
