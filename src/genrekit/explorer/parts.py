"""Charts and tables of a section, as Streamlit shows them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, get_args

import plotly.graph_objects
import streamlit as st

from genrekit.explain.charts import Chart, Points, unique
from genrekit.explain.charts_html import figure
from genrekit.explain.page import Section, Sheet

_CHARTS = get_args(Chart)
_MARKS = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:&])")


def said(text: str) -> str:
    """Text that Markdown does not read: a file may be called anything."""
    return _MARKS.sub(r"\\\1", text)


def show_section(section: Section) -> None:
    """Its sentences, then its parts in order; the heading is whoever calls its tab."""
    for line in section.text.split("\n"):
        if line:
            st.markdown(said(line))
    for number, part in enumerate(section.parts):
        if isinstance(part, Sheet):
            show_sheet(part)
        elif isinstance(part, _CHARTS):
            show_chart(part, f"{section.title} {number}")


def show_chart(chart: Chart, key: str) -> None:
    """A chart under its title, in the colours of all pages."""
    if chart.title:
        st.caption(said(chart.title))
    st.plotly_chart(drawn(chart), key=key, alt=chart.title)


def choose_point(points: Points, key: str) -> int | None:
    """A chart of points; return the row of the one that was clicked."""
    st.caption(said(points.title))
    event = st.plotly_chart(
        drawn(points), key=key, alt=points.title, on_select="rerun", selection_mode="points"
    )
    for one in event["selection"]["points"]:
        group = unique(points.groups)[one["curve_number"]]
        rows = [row for row, other in enumerate(points.groups) if other == group]
        return rows[int(one["point_index"])]
    return None


def drawn(chart: Chart) -> Any:
    """A chart as a Plotly figure; the page chooses background and ink."""
    return plotly.graph_objects.Figure(figure(chart))


def show_sheet(sheet: Sheet) -> None:
    """A table that can be sorted, searched and saved as CSV."""
    if sheet.title:
        st.caption(said(sheet.title))
    if not sheet.rows:
        st.markdown("None.")
        return
    columns = {
        name: [row[place] for row in sheet.rows] for place, name in enumerate(sheet.headings)
    }
    st.dataframe(columns, hide_index=True)


def pick(what: str, names: Sequence[str], key: str) -> str:
    """One of some names."""
    chosen: str = st.selectbox(what, list(names), key=key)
    return chosen
