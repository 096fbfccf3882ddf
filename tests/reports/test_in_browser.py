"""The page in a real browser: light, dark, on a phone, on paper, and with hostile names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from genrekit.evaluation.results import confused, read_run
from genrekit.reports import report

pytest.importorskip("plotly")

_MILLISECONDS = 60_000
_PHONE = 390
_READABLE = 4.5

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def pages(measured: Path, hostile: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    report(measured, folder / "report.html")
    report(hostile, folder / "hostile.html")
    return folder


@pytest.fixture
def opened(browser: Any, pages: Path) -> Iterator[Open]:
    """``opened("report.html", width=..., scheme=...)``: a page that is drawn."""
    contexts, problems, fetched = [], [], []

    def refuse(dialog: Any) -> None:
        problems.append(dialog.message)
        dialog.dismiss()

    def open_page(name: str, *, width: int = 1200, scheme: str = "light") -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, has_touch=width < 500
        )
        contexts.append(context)
        context.set_default_timeout(_MILLISECONDS)
        page = context.new_page()
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", refuse)
        page.on("request", lambda request: fetched.append(request.url))
        page.goto((pages / name).as_uri())
        page.wait_for_selector("html[data-drawn]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []
    # The page itself, and nothing else.
    assert {url.rsplit("/", 1)[-1] for url in fetched} <= {"report.html", "hostile.html"}


def contrast(page: Any, selector: str) -> float:
    """Of the text of an element with the page, as WCAG counts it."""
    return float(
        page.evaluate(
            """selector => {
              const light = colour => {
                const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(one => one / 255).map(
                  one => one <= .04045 ? one / 12.92 : ((one + .055) / 1.055) ** 2.4);
                return .2126 * parts[0] + .7152 * parts[1] + .0722 * parts[2];
              };
              const text = light(getComputedStyle(document.querySelector(selector)).color);
              const page = light(getComputedStyle(document.body).backgroundColor);
              return (Math.max(text, page) + .05) / (Math.min(text, page) + .05);
            }""",
            selector,
        )
    )


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 1200), ("dark", _PHONE)])
def test_it_is_drawn_and_fits(opened: Open, scheme: str, width: int, tmp_path: Path) -> None:
    page = opened("report.html", width=width, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    charts = page.locator(".chart").count()
    assert charts > 8
    assert page.locator(".chart .main-svg").count() >= charts
    assert all(contrast(page, one) > _READABLE for one in ("p", "th", "td", "figcaption", "nav a"))
    picture = page.screenshot(full_page=True, path=tmp_path / "page.png")
    assert len(picture) > 50_000
    # The page is as dark as it was asked to be.
    body = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (body == "rgb(255, 255, 255)") == (scheme == "light")


def test_a_cell_of_the_confusion_matrix_opens_its_tracks(opened: Open, measured: Path) -> None:
    page = opened("report.html")
    assert page.locator("tr.shown").count() == 0
    cells = page.locator(".cells").first
    cells.scroll_into_view_if_needed()
    box = cells.locator(".nsewdrag").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 6, box["y"] + box["height"] / 6)
    row = page.locator("tr.shown")
    row.wait_for(state="visible")
    assert row.get_attribute("data-key") == "jazz > jazz"
    tracks = confused(read_run(measured / "m1.json"))["jazz", "jazz"]
    assert row.locator("td").nth(2).inner_text() == str(len(tracks))
    assert set(row.locator("td").nth(3).inner_text().split(", ")) == set(tracks)


def test_paper_is_light_and_holds_everything(opened: Open, tmp_path: Path) -> None:
    page = opened("report.html", scheme="dark", width=720)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible()
    # Charts take the room that they need, and text is drawn in dark ink.
    figures = page.locator(".chart").evaluate_all(
        "all => all.map(one => one.clientHeight - one.querySelector('.main-svg').clientHeight)"
    )
    assert min(figures) >= 0
    page.wait_for_function(
        "getComputedStyle(document.querySelector('.chart .xtick text')).fill === 'rgb(27, 31, 36)'"
    )
    assert page.pdf(path=tmp_path / "r.pdf", format="A4").startswith(b"%PDF")


def test_hostile_names_do_nothing(opened: Open) -> None:
    page = opened("hostile.html", width=_PHONE)
    assert page.title() != "owned"
    assert page.locator("img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= _PHONE
    assert "<img src=x onerror=alert(1)>" in page.inner_text("#part-0 table")
    # A cell whose genres have such names finds its row all the same.
    (key, *_) = page.locator("tr[data-key]").evaluate_all("all => all.map(one => one.dataset.key)")
    page.evaluate(
        """key => {
          const area = document.createElement('div');
          area.textContent = key;
          const [y, x] = area.innerHTML.split(' &gt; ');
          open_cell({points: [{x, y}]});
        }""",
        key,
    )
    assert page.locator("tr.shown").get_attribute("data-key") == key
