"""A comparison as a page: who is ahead, who is level, and that names stay text."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from genrekit.datasets import Dataset, make_split
from genrekit.evaluation.run import RunResult
from genrekit.experiments import Comparison, compare
from genrekit.reports.comparing import render_comparison_html, render_comparison_markdown

MakeRun = Callable[..., RunResult]
MakeData = Callable[..., Dataset]


@pytest.fixture(scope="module")
def runs(make_run: MakeRun) -> list[RunResult]:
    return [make_run(share, seed, name=f"m{seed}") for seed, share in enumerate([0.4, 0.9, 0.88])]


def test_the_page_says_who_is_ahead_and_who_is_level(runs: list[RunResult]) -> None:
    comparison = compare(runs)
    text = render_comparison_markdown(comparison)
    assert "**m1** is ahead" in text
    assert "It cannot be told from m2 (McNemar's test (mid-p), 5 %, Holm)." in text
    assert text.count("| m1 | a |") == 1
    assert "p (too small)" in text
    assert json.loads(comparison.model_dump_json())["protocol"] == "grouped-kfold"
    assert Comparison.model_validate_json(comparison.model_dump_json()) == comparison


def test_names_stay_text(runs: list[RunResult]) -> None:
    pytest.importorskip("plotly")
    found = compare(runs, ["<i>", "a|b", "$x_{1}$"])
    page = render_comparison_html(found)
    assert "<i>" not in page
    assert "&lt;i&gt;" in page
    assert page.count("<svg") == 1
    assert "a\\|b" in render_comparison_markdown(found)


def test_leaky_runs_are_called_leaky(make_run: MakeRun, make_data: MakeData) -> None:
    data = make_data(30, 3)
    split = make_split(data, "segments-leaky", n_folds=3)
    found = compare(
        [make_run(0.6, seed, name=f"m{seed}", dataset=data, split=split) for seed in range(2)]
    )
    assert render_comparison_markdown(found).startswith("# 2 models on made, segments-leaky LEAKY")
    assert any(note.startswith("LEAKY") for note in found.notes)
