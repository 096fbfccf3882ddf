"""Sections, charts, tables and sounds of a page, as Streamlit shows them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects
import streamlit as st

from genrekit.errors import MissingExtraError
from genrekit.pages import (
    ON_DARK,
    AudioClip,
    Chart,
    Details,
    Facts,
    Listing,
    Part,
    Points,
    Ranks,
    Row,
    Section,
    Table,
    critical_difference_svg,
    figure,
    unique,
)

_MARKS = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:&])")
_BOLD = re.compile(r"\\\*\\\*(.+?)\\\*\\\*")
_FACTS_BESIDE = 3
#: Black is one of the colours, and cannot be seen on a dark page; nor can the darkest others.
_ON_DARK = {"#000000": "#e6e9ed", **ON_DARK}


def plain_text(text: str) -> str:
    """Escape what Markdown would read: a file may be called anything."""
    return _MARKS.sub(r"\\\1", text)


def bold(text: str) -> str:
    """As `plain_text`, but what stands between ``**`` is bold, as on other pages."""
    return _BOLD.sub(r"**\1**", plain_text(text))


def show_section(section: Section, key: str = "") -> None:
    """Its sentences, then its parts in order; the heading is whoever calls its tab.

    Parameters
    ----------
    key : str
        Where on the page, for sections that may be shown twice.
    """
    _show(section.text, section.parts, f"{key} {section.title}")


def _show(text: str, parts: Sequence[Part], key: str) -> None:
    for line in text.split("\n"):
        if line:
            st.markdown(bold(line))
    for number, part in enumerate(parts):
        show_part(part, f"{key} {number}")


def show_part(part: Part, key: str) -> None:
    """Show a chart, table, sound, or what holds some of them."""
    if isinstance(part, Table):
        show_table(part)
    elif isinstance(part, AudioClip):
        st.caption(plain_text(part.caption))
        st.audio(part.audio if isinstance(part.audio, bytes) else str(part.audio), part.media_type)
    elif isinstance(part, Facts):
        _show_facts(part)
    elif isinstance(part, Listing):
        st.code(part.text, language=None)
    elif isinstance(part, Details):
        with st.expander(bold(part.title)):
            _show(part.text, part.parts, key)
    elif isinstance(part, Row):
        for number, (column, inner) in enumerate(
            zip(st.columns(len(part.parts)), part.parts, strict=True)
        ):
            with column:
                show_part(inner, f"{key} {number}")
    else:
        show_chart(part, key)


def _show_facts(facts: Facts) -> None:
    for first in range(0, len(facts.facts), _FACTS_BESIDE):
        row = facts.facts[first : first + _FACTS_BESIDE]
        for column, fact in zip(st.columns(_FACTS_BESIDE), row, strict=False):
            with column.container(border=True, height="stretch"):
                st.caption(plain_text(fact.name))
                st.markdown(f"### {plain_text(fact.value)}")
                st.caption(plain_text(fact.note))


def show_chart(chart: Chart, key: str) -> None:
    """Show a chart under its title, in the colours of all pages."""
    if chart.title:
        st.caption(plain_text(chart.title))
    if isinstance(chart, Ranks):
        _show_ranks(chart)
    else:
        st.plotly_chart(drawn(chart), key=key, alt=chart.title)


def _show_ranks(chart: Ranks) -> None:
    try:
        st.image(critical_difference_svg(chart.found, chart.names, chart.title))
    except MissingExtraError as missing:
        st.info(plain_text(str(missing)))


def choose_point(points: Points, key: str) -> int | None:
    """Return a chart of points; return the row of the one that was clicked."""
    st.caption(plain_text(points.title))
    event = st.plotly_chart(
        drawn(points), key=key, alt=points.title, on_select="rerun", selection_mode="points"
    )
    for one in event["selection"]["points"]:
        group = unique(points.groups)[one["curve_number"]]
        rows = [row for row, other in enumerate(points.groups) if other == group]
        return rows[int(one["point_index"])]
    return None


def drawn(chart: Chart) -> Any:
    """Return a chart as a Plotly figure; the page chooses its background and its ink."""
    found = figure(chart)
    if st.context.theme.type == "dark":
        text = json.dumps(found)
        for colour, instead in _ON_DARK.items():
            text = text.replace(colour, instead)
        found = json.loads(text)
    return plotly.graph_objects.Figure(found)


def show_table(table: Table) -> None:
    """Show a table that can be sorted, searched and saved as CSV."""
    if table.title:
        st.caption(plain_text(table.title))
    if not table.rows:
        st.markdown("None.")
        return
    columns = dict(zip(table.headings, map(list, zip(*table.rows, strict=True)), strict=True))
    st.dataframe(columns, hide_index=True)


def pick(what: str, names: Sequence[str], key: str) -> str:
    """One of some names."""
    chosen: str = st.selectbox(what, list(names), key=key)
    return chosen
