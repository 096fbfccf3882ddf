"""The page and the Markdown of an audit, in which everything has a hostile name."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from genrekit.audit import AuditReport, render_audits_markdown
from genrekit.audit.finding import KnownRepetitions
from genrekit.audit.run import run_audit
from genrekit.datasets import Dataset, Item
from genrekit.datasets.jukebox import INFO
from genrekit.pages import charts_of, figure
from genrekit.reports import auditing
from genrekit.reports.auditing import render_audits_html
from genrekit.schema import Estimate

EVIL = '<script>alert("x")</script>&"\''


class Page(HTMLParser):
    """Collects tags with their attributes, and checks that every one is closed."""

    VOID = frozenset({"meta", "br", "rect"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def report() -> AuditReport:
    features = np.random.default_rng(0).normal(size=(40, 3))
    features[1], features[3] = features[0], features[2]
    items = tuple(
        Item(f"{EVIL}{row}", ((EVIL, "b")[row % 2],), f"{row}", path=Path(f"/music/{EVIL}{row}"))
        for row in range(40)
    )
    dataset = Dataset(
        EVIL, (EVIL, "b"), items, INFO, features=features, feature_names=("x", "y", EVIL)
    )
    return run_audit(dataset, data=EVIL, root=Path("/music"), labels=False)


def test_a_page_holds_nothing_that_a_name_can_smuggle_in(report: AuditReport) -> None:
    pytest.importorskip("plotly")
    page = Page(render_audits_html([report]))
    scripts = [attributes.get("type") for tag, attributes in page.tags if tag == "script"]
    # One of data, Plotly, and what draws: none of them is a name's.
    assert scripts == ["application/json", "text/plain", None]
    assert EVIL in page.text


def test_known_repetitions_are_counted_with_an_interval(report: AuditReport) -> None:
    recall = Estimate(value=0.8, low=0.49, high=0.943, level=0.95, method="wilson")
    known = KnownRepetitions(
        exact_known=4, exact_found=4, near_known=6, near_found=4, recall=recall
    )
    told = "Of 10 known repetitions 8 were found: 0.80 [0.49, 0.94]."
    found = report.model_copy(update={"repetitions": known})
    assert told in Page(render_audits_html([found])).text
    nothing_known = known.model_copy(update={"recall": None})
    without = report.model_copy(update={"repetitions": nothing_known})
    assert "known repetitions" not in Page(render_audits_html([without])).text


def test_a_page_has_no_charts_where_nothing_can_draw_them(
    report: AuditReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditing, "find_spec", lambda name: None)
    page = Page(render_audits_html([report]))
    assert "script" not in {tag for tag, _ in page.tags}
    assert report.findings[0].message in page.text


def test_a_page_needs_nothing_but_itself(report: AuditReport) -> None:
    text = render_audits_html([report, report])
    page = Page(text)
    for _, attributes in page.tags:
        assert not {"src", "srcset", "style", "onclick", "onload"} & attributes.keys()
        assert (attributes.get("href") or "#").startswith("#")
    assert not re.search(r"https?://|@import|url\(", text.split('id="plotly"')[0])
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text


def test_a_page_lists_every_finding_with_its_files(report: AuditReport) -> None:
    text = Page(render_audits_html([report])).text
    assert report.findings
    for finding in report.findings:
        assert finding.message in text
        for item in finding.items:
            assert item.file is not None
            assert item.file in text


def test_markdown_is_stable_and_escapes_what_would_be_markup(report: AuditReport) -> None:
    text = render_audits_markdown([report], "genrekit audit DATA --output x.md")
    assert text == render_audits_markdown([report], "genrekit audit DATA --output x.md")
    body = text.split("\n", 4)[4]
    assert not re.search(r"(?<!\\)<script", body)
    assert "| set | kind |" in text


def test_a_histogram_counts_every_value_and_stands_equal_ones(report: AuditReport) -> None:
    for seconds in ((1.0, 1.1, 2.0, 5.0), (3.0, 3.0)):
        measured = report.model_copy(update={"seconds": seconds})
        (*_, chart) = charts_of([auditing._section(measured)])
        trace = figure(chart)["data"][0]
        assert sum(trace["y"]) == 2 * len(seconds), "each count has a left and a right edge"
        assert min(trace["x"]) <= min(seconds)
        assert max(seconds) <= max(trace["x"])
