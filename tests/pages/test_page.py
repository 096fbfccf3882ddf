"""Pages that hold charts, tables and folds: what they are called stays text."""

from __future__ import annotations

import numpy as np
import pytest

from genrekit.pages import (
    Bars,
    Chart,
    Curve,
    Curves,
    Details,
    Document,
    Dots,
    Fact,
    Facts,
    Heatmap,
    Lines,
    Points,
    Row,
    Section,
    Table,
    figure,
    render_markdown,
    render_page,
)
from genrekit.schema import Estimate

NAME = "</script><b>$x$"
HALF = Estimate(value=0.5, low=0.4, high=0.6, method="wilson")
CHARTS: tuple[Chart, ...] = (
    Bars(NAME, [NAME], [1.0], NAME),
    Dots(NAME, [NAME, "b"], [HALF, HALF], NAME, [NAME, "other"]),
    Lines(NAME, [0.0, 1.0], {NAME: [0.0, 1.0]}, NAME, NAME),
    Curves(NAME, {NAME: Curve.of([0.0], [HALF])}, NAME, NAME, ticks=[NAME], level=0.5),
    Heatmap(NAME, np.eye(2), [NAME, "b"], [NAME, "b"], NAME, NAME, NAME, notes=[[NAME, ""]] * 2),
    Points(NAME, [0.0], [0.0], [NAME], [NAME], NAME, NAME),
)


def strings(value: object) -> list[str]:
    """All text of a figure that is not one of Plotly's own words."""
    if isinstance(value, dict):
        return [text for inner in value.values() for text in strings(inner)]
    if isinstance(value, list | tuple):
        return [text for inner in value for text in strings(inner)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: type(chart).__name__)
def test_plotly_is_given_neither_tags_nor_formulas(chart: Chart) -> None:
    texts = [text for text in strings(figure(chart)) if "script" in text]
    assert texts
    assert set(texts) == {"&lt;/script&gt;&lt;b&gt;&#36;x&#36;"}


def test_a_page_ends_no_script_before_its_end() -> None:
    pytest.importorskip("plotly")
    parts = [Details(NAME, NAME, [Row(CHARTS[:2]), Table([NAME], [[NAME]], NAME, [NAME])])]
    facts = Facts([Fact(NAME, NAME, NAME)])
    sections = [Section("", parts=[facts]), Section(NAME, NAME, [*parts, *CHARTS[2:]])]
    page = render_page(Document(NAME, f"**{NAME}**", sections, NAME, contents=True))
    assert page.count("<script") == page.count("</script>") == len(CHARTS) + 2
    assert "<b>$" not in page
    text = render_markdown(Document(NAME, NAME, sections, NAME))
    assert "</script>" not in text


def test_numbers_stand_to_the_right_and_long_text_has_room() -> None:
    sheet = Table(["name", "value", "which"], [["a", "0.5 [0.4, 0.6]", "b, " * 40]])
    page = render_page(Document("t", sections=[Section("s", parts=[sheet])]))
    assert '<td class="number">0.5 [0.4, 0.6]</td>' in page
    assert '<td class="long">' in page
    assert "plotly" not in page, "a page without charts needs no script"
