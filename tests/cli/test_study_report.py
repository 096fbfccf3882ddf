"""``genrekit study``: what it prints, what it writes, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genrekit.experiments import StudyResult

Run = Callable[..., Any]


def test_a_page_for_people_and_a_file_for_machines(run: Run, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "report"
    ran = run(
        "study",
        table,
        "--no-checks",
        "-o",
        out,
        "-j",
        1,
        "--model",
        "knn",
        "--model",
        "logistic,c=0.1",
    )
    page, file = out / "made up.md", out / "made up.json"
    report = page.with_suffix(".html")
    assert ran == (0, f"{page}\n{report}\n", "")
    assert "<title>2 models on made up</title>" in report.read_text(encoding="utf-8")
    result = StudyResult.model_validate_json(file.read_text(encoding="utf-8"))
    assert (result.tracks, result.rows) == (60, 60)
    # Every row is a track of its own, so there is no leaky protocol to set beside the honest one.
    assert [(cell.model.architecture, cell.protocol.name) for cell in result.cells] == [
        ("knn", "grouped-kfold"),
        ("logistic", "grouped-kfold"),
    ]
    text = page.read_text(encoding="utf-8")
    for cell in result.cells:
        assert cell.model.architecture in text
        assert f"{cell.result.accuracy.value:.3f}" in text


def test_json_is_what_is_written(run: Run, table: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("jazz 1 0.wav\npop 1 3.wav\n")
    ran = run(
        *(
            "study",
            table,
            "--no-checks",
            "--no-importance",
            "-o",
            tmp_path,
            "-j",
            1,
            "--model",
            "knn",
        ),
        *("--leave-out", names, "--json"),
    )
    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out) == json.loads((tmp_path / "made up.json").read_text())
    assert json.loads(ran.out)["tracks"] == 58


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("logistik", "did you mean logistic"),
        ("knn,neighbors=3", "neighbors"),
        ("knn,neighbours=few", "neighbours"),
        ("knn,neighbours", "KEY=VALUE"),
        ("", "models"),
    ],
)
def test_models_that_are_unknown(
    run: Run, table: Path, tmp_path: Path, model: str, said: str
) -> None:
    ran = run(
        "study", table, "--no-checks", "--no-importance", "-o", tmp_path / "out", "--model", model
    )
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_table_too_small_for_the_folds(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("filename,a,label\nx.wav,1,jazz\ny.wav,2,pop\n")
    ran = run(
        "study", table, "--no-checks", "--no-importance", "-o", tmp_path / "out", "--model", "knn"
    )
    assert (ran.code, ran.out) == (4, "")
    assert ran.err.count("\n") == 1
