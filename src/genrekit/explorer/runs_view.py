"""Results of runs: side by side where they can be compared, and one of them in depth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from genrekit.errors import DatasetError
from genrekit.evaluation.comparison import compare, refuse_unlike
from genrekit.evaluation.comparison_report import render_comparison_markdown
from genrekit.evaluation.full_metrics import Metrics
from genrekit.evaluation.results import RunResult, confused
from genrekit.explain.run_charts import (
    accuracy_chart,
    answers_sheet,
    confusion_chart,
    coverage_chart,
    genre_chart,
    reliability_chart,
    runs_sheet,
)
from genrekit.explorer.parts import pick, said, show_chart, show_sheet

_APART = (
    "Only runs on the same tracks of the same split can be compared, so these are shown apart: "
)
_ALL = "all"
_LEAKY = "This run is LEAKY: something of what was tested was seen in training."


def show_runs(runs: Mapping[str, RunResult]) -> None:
    """The table, then one run."""
    st.title("Results")
    groups, reason = comparable(runs)
    if reason:
        st.warning(said(f"{_APART}{reason}"))
    for number, names in enumerate(groups):
        _show_group(names, [runs[name] for name in names], number)
    st.header("One run")
    _show_run(runs[pick("Run", list(runs), "run")])


def comparable(runs: Mapping[str, RunResult]) -> tuple[list[list[str]], str]:
    """Names of runs that were tested alike, and why there is more than one such group."""
    groups: list[list[str]] = []
    reason = ""
    for name, run in runs.items():
        for group in groups:
            try:
                refuse_unlike(runs[group[0]], run, group[0], name)
            except DatasetError as problem:
                reason = reason or str(problem)
            else:
                group.append(name)
                break
        else:
            groups.append([name])
    return groups, reason


def _show_group(names: list[str], runs: list[RunResult], number: int) -> None:
    ranked = sorted(zip(names, runs, strict=True), key=lambda one: -one[1].result.accuracy.value)
    names, runs = [name for name, _ in ranked], [run for _, run in ranked]
    first = runs[0].result
    leaky = ", LEAKY" if first.leaky else ""
    st.subheader(said(f"{first.dataset}, {first.protocol}{leaky}"))
    show_chart(
        replace(accuracy_chart(names, runs), title="Accuracy, with 95 % intervals"),
        f"accuracy {number}",
    )
    show_sheet(runs_sheet(names, runs))
    if len(runs) > 1 and st.toggle("Test which are better", key=f"compare {number}"):
        # An opening bracket could begin a picture from elsewhere.
        st.markdown(render_comparison_markdown(compare(runs, names)).replace("[", "\\["))


def _show_run(run: RunResult) -> None:
    one = run.result
    if one.leaky:
        st.warning(_LEAKY)
    columns = st.columns(3)
    for column, name, found in zip(
        columns, ("accuracy", "macro F1"), (one.accuracy, one.macro_f1), strict=False
    ):
        between = f"{found.low:.3f} to {found.high:.3f}"
        column.metric(name, f"{found.value:.3f}", between, delta_color="off", delta_arrow="off")
    columns[2].metric("calibration error", f"{one.expected_calibration_error:.3f}")
    tabs = st.tabs(["Confusion", "Genres", "Calibration", "Tracks"])
    with tabs[0]:
        _show_confusion(run)
    if run.metrics is None:
        for tab in tabs[1:3]:
            tab.markdown("This file has no further metrics: a track has several genres here.")
    else:
        with tabs[1]:
            show_chart(genre_chart(run.metrics), "genres")
        with tabs[2]:
            _show_calibration(run.metrics)
    with tabs[3]:
        wrong = st.toggle("Only what is told wrong", value=True, key="wrong")
        show_sheet(answers_sheet(one.labels, (a for a in run.answers if not (wrong and a.right))))


def _show_confusion(run: RunResult) -> None:
    cells = confused(run)
    if run.result.task == "multi-label":
        st.markdown("A track has several genres here; each of them is paired with each answer.")
    show_chart(confusion_chart(run.result.labels, cells, f"{run.result.unit}s"), "confusion")
    left, right = st.columns(2)
    with left:
        true = pick("Labelled", [_ALL, *sorted({true for true, _ in cells})], "true")
    with right:
        told = pick("Told", [_ALL, *sorted({told for _, told in cells})], "told")
    chosen = [
        answer
        for answer in run.answers
        if true in (_ALL, *answer.true) and told in (_ALL, *answer.predicted)
    ]
    st.markdown(f"{len(chosen)} of {len(run.answers)} {run.result.unit}s")
    show_sheet(answers_sheet(run.result.labels, chosen))


def _show_calibration(metrics: Metrics) -> None:
    show_chart(reliability_chart(metrics), "reliability")
    show_chart(coverage_chart(metrics), "coverage")
    share = st.slider("Answer only the surest share", 5, 100, 100, 5, format="%d %%", key="share")
    point = min(metrics.coverage, key=lambda one: abs(100 * one.coverage - share))
    st.markdown(
        f"Of its {point.items} surest answers {point.accuracy:.1%} are right; it says unknown "
        f"below a probability of {point.confidence:.2f}."
    )
