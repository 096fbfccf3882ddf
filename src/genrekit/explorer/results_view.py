"""Results: what a report of them says, and each run as deep as one likes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from genrekit.evaluation import Answer, Metrics, RunResult, confused
from genrekit.explorer.parts import bold, pick, show_chart, show_section, show_table
from genrekit.inference import printable
from genrekit.pages import LEAKY, Section, Table, confusion_chart, marked_leaky, percent
from genrekit.reports import (
    Entry,
    Group,
    genre_section,
    groups_of,
    make_document,
    read_inputs,
    sureness_section,
)

_ALL = "all"
_ONE = "One run"


def show_results(paths: Sequence[Path]) -> None:
    """Show the answer, then a tab for each part of the report, and one for any run."""
    inputs = read_inputs(paths)
    groups = groups_of(inputs)
    document = make_document(inputs, groups)
    st.title(bold(document.title))
    for line in document.lead.splitlines():
        st.markdown(bold(line))
    titled = [section for section in document.sections if section.title]
    for section in document.sections:
        if not section.title:
            show_section(section)
    runs = _by_name(groups)
    first, *rest = [section.title for section in titled]
    tabs = list(st.tabs([first, *([_ONE] if runs else []), *rest]))
    if runs:
        with tabs.pop(1):
            _show_run(runs)
    for tab, section in zip(tabs, titled, strict=True):
        with tab:
            show_section(section)


def _by_name(groups: Sequence[Group]) -> dict[str, tuple[Group, Entry]]:
    """Every run by a name of its own."""
    several = len(groups) > 1
    return {
        f"{entry.name}, {group.title}" if several else entry.name: (group, entry)
        for group in groups
        for entry in group.entries
    }


def _show_run(runs: dict[str, tuple[Group, Entry]]) -> None:
    group, entry = runs[pick("Run", list(runs), "run")]
    run = entry.run
    if run.result.leaky:
        st.warning("This run is LEAKY: something of what is tested was seen in training.")
    names = ["Confusion", "Genres", "Calibration", "Tracks"]
    confusion, genres, calibration, tracks = st.tabs(names)
    with confusion:
        _show_confusion(run)
    with genres:
        _show_one(genre_section(entry), run)
    with calibration:
        sureness = sureness_section(Group((entry,), None))
        if sureness is None or run.metrics is None:
            st.markdown("Nothing is known of how sure it is.")
        else:
            _show_one(sureness, run)
            _show_abstention(run.metrics)
    with tracks:
        wrong = st.toggle("Only what is predicted wrong", value=True, key="wrong")
        show_table(answers_table(run, [a for a in run.answers if not (wrong and a.right)]))
    if group.apart:
        st.caption(bold(f"It stands apart from the first runs: {group.apart}"))


def _show_one(section: Section, run: RunResult) -> None:
    (shown,) = marked_leaky([section]) if run.result.leaky else [section]
    show_section(shown, _ONE)


def _show_confusion(run: RunResult) -> None:
    cells = confused(run)
    if not cells:
        st.markdown("The answers for single tracks are not in this file.")
        return
    title = f"Confusion{f' {LEAKY}' if run.result.leaky else ''}"
    show_chart(confusion_chart(title, run.result.labels, cells, f"{run.result.unit}s"), "c")
    left, right = st.columns(2)
    with left:
        true = pick("Labelled", [_ALL, *sorted({true for true, _ in cells})], "true")
    with right:
        predicted = pick(
            "Predicted", [_ALL, *sorted({predicted for _, predicted in cells})], "told"
        )
    chosen = [
        answer
        for answer in run.answers
        if true in (_ALL, *answer.true) and predicted in (_ALL, *answer.predicted)
    ]
    st.markdown(f"{len(chosen)} of {len(run.answers)} {run.result.unit}s")
    show_table(answers_table(run, chosen))


def _show_abstention(metrics: Metrics) -> None:
    share = st.slider("Answer only the surest share", 5, 100, 100, 5, format="%d %%", key="share")
    point = min(metrics.coverage, key=lambda one: abs(100 * one.coverage - share))
    st.markdown(
        f"Of its {point.items} surest answers {percent(point.accuracy)} are right; it says unknown "
        f"below a probability of {point.confidence:.2f}."
    )


def answers_table(run: RunResult, answers: Sequence[Answer]) -> Table:
    """Return the tested tracks, the surest answers first."""
    ranked = sorted(answers, key=lambda one: (-max(one.probabilities, default=0), one.item))
    rows = [
        (
            printable(one.item),
            ", ".join(one.true),
            ", ".join(one.predicted) or "unknown",
            percent(max(one.probabilities, default=0)),
            ", ".join(percent(one.probabilities[run.result.labels.index(t)]) for t in one.true),
        )
        for one in ranked
    ]
    return Table(("track", "labelled", "predicted", "sure by", "of its label"), rows)
