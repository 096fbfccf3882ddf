"""The explorer as its user sees it, by Streamlit's own test of apps."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("streamlit")
pytest.importorskip("plotly")

from streamlit.testing.v1 import AppTest

Open = Callable[..., Any]


def _page(paths: list[str]) -> None:
    from genrekit.explorer.explorer import show

    show(paths)


@pytest.fixture
def opened() -> Open:
    """``opened(path, ...)``: the page with these paths, drawn once without an exception."""

    def start(*paths: Path) -> Any:
        return _drawn(AppTest.from_function(_page, args=([str(path) for path in paths],)))

    return start


def _drawn(page: Any) -> Any:
    page.run(timeout=60)
    assert not page.exception
    return page


def _charts(page: Any) -> list[dict[str, Any]]:
    return [json.loads(one.proto.spec) for one in page.get("plotly_chart")]


def _chosen(page: Any, key: str, value: Any) -> Any:
    next(one for one in (*page.selectbox, *page.toggle) if one.key == key).set_value(value)
    return _drawn(page)


def test_without_anything_it_says_what_it_opens(opened: Open) -> None:
    page = opened()
    assert not page.error
    assert "genrekit index" in page.markdown[0].value


def test_bad_files_are_sentences(opened: Open, tmp_path: Path, results: Path) -> None:
    (tmp_path / "[bad](x).json").write_text("{}")
    page = opened(tmp_path / "[bad](x).json", tmp_path / "none.csv", results)
    first, second = (one.value for one in page.error)
    assert "nothing to report on" in first
    assert "](" not in first  # what a file is called is not a link
    assert "is not there" in second
    assert page.title[0].value == "3 models on made"


def test_a_table_that_cannot_be_read_is_a_sentence_too(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("filename,label\na.wav,jazz\n")
    page = opened(tmp_path / "odd.csv")
    assert len(page.error) == 1
    assert not page.main.title


def test_results_open_with_the_answer_of_the_report(opened: Open, results: Path) -> None:
    page = opened(results / "a", results / "b")
    assert not page.error
    assert "**good**" in page.markdown[0].value
    assert "### 0\\.900" in [one.value for one in page.markdown]
    dots = _charts(page)[0]["data"][0]
    assert dots["x"] == [0.9, 0.6]
    assert len(dots["error_x"]["array"]) == 2
    assert any("McNemar" in one.value for one in page.markdown)


def test_one_run_in_depth(opened: Open, results: Path) -> None:
    page = opened(results)
    names = next(one for one in page.selectbox if one.key == "run").options
    page = _chosen(page, "run", next(name for name in names if name.startswith("bad")))
    heat = _heat(page)
    assert np.asarray(heat["z"]).tolist() == [[6, 4, 0], [0, 6, 4], [4, 0, 6]]
    assert "track 0" in json.dumps(heat)
    page = _chosen(_chosen(page, "true", "jazz"), "told", "pop")
    assert "4 of 30 tracks" in [one.value for one in page.markdown]
    tracks = next(one.value for one in page.dataframe if len(one.value) == 4)
    assert set(tracks["track"]) == {"track 0", "track 3", "track 6", "track 9"}
    page.slider[0].set_value(50)
    said = [one.value for one in _drawn(page).markdown]
    assert any("surest answers" in one for one in said)


def _heat(page: Any) -> dict[str, Any]:
    """The confusion of the run that is chosen, which comes after the report's first tab."""
    found: dict[str, Any] = next(
        one["data"][0] for one in _charts(page) if one["data"][0]["type"] == "heatmap"
    )
    return found


def test_no_name_becomes_a_picture_from_elsewhere(opened: Open, results: Path) -> None:
    page = opened(results)
    said = [
        one.value
        for kind in (page.markdown, page.subheader, page.caption, page.title)
        for one in kind
    ]
    assert any("example" in one for one in said)
    assert not any("](http" in one for one in said)


def test_a_table(opened: Open, table: Path) -> None:
    page = opened(table)
    assert page.markdown[0].value == "24 items of 24 recordings, 3 genres, 2 columns"
    points = _charts(page)[0]["data"]
    assert [one["name"] for one in points] == ["jazz", "pop", "rock"]
    assert points[0]["text"][0] == "0.wav"
    page = _chosen(page, "column", "silent_mean")
    shares = next(one for one in _charts(page) if one["layout"]["xaxis"] and _is_of(one, "silent"))
    assert all(abs(sum(line["y"]) - 1) < 0.01 for line in shares["data"])
    page.multiselect[0].set_value(["pop"])
    assert [one["name"] for one in _charts(_drawn(page))[0]["data"]] == ["pop"]


def _is_of(chart: dict[str, Any], column: str) -> bool:
    title = chart["layout"].get("xaxis", {}).get("title", {}).get("text", "")
    return bool(title.startswith(column))


def test_an_index(opened: Open, index: Path) -> None:
    page = opened(index)
    points = _charts(page)[0]["data"]
    assert [one["name"] for one in points] == ["jazz", "rock"]
    assert all(abs(x) < 1 for one in points for x in one["x"])
    page = _chosen(page, "track", "rock/3.mp3")
    near = page.dataframe[0].value
    assert near["genre"].tolist()[:5] == ["rock"] * 5
    assert "rock/3.mp3" not in near["track"].tolist()


def test_a_damaged_index_is_a_sentence(opened: Open, index: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(index, tmp_path / "copy")
    next(folder.glob("*.npz")).write_bytes(b"")
    assert "damaged" in opened(folder).error[0].value


def test_several_things_at_once_and_one_more_from_the_page(
    opened: Open, results: Path, table: Path, index: Path
) -> None:
    page = opened(results, table)
    assert len(page.radio[0].options) == 2
    page.text_input[0].set_value(str(index))
    page = _drawn(page)
    assert len(page.radio[0].options) == 3
    page.radio[0].set_value(page.radio[0].options[2].replace("\\", ""))
    assert _drawn(page).title[0].value == "Embeddings"
