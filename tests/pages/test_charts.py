"""Charts show what they say: ten genres in ten colours, true extremes, axes with units."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from genrekit.audio import Waveform
from genrekit.explain.exploration_page import example_charts
from genrekit.pages import (
    COLOURS,
    ON_DARK,
    Document,
    Heatmap,
    Lines,
    Points,
    Regions,
    Section,
    Table,
    figure,
    hertz_ticks,
    render_page,
)
from genrekit.pages.charts_html import SYMBOLS

pytest.importorskip("plotly")

# G. M. Machado, M. M. Oliveira and L. A. F. Fernandes, "A physiologically-based model for
# simulation of color vision deficiency", 2009: full strength, on linear RGB.
SIGHTS = {
    "usual": np.eye(3),
    "no red": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no green": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.01182, 0.04294, 0.968881],
    ],
    "no blue": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.3039],
    ],
}
# B. Ottosson's OKLab, in which a distance of 0.02 is about the least that is seen.
TO_CONES = [
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
]
TO_LAB = [
    [0.2104542553, 0.793617785, -0.0040720468],
    [1.9779984951, -2.428592205, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.808675766],
]


def seen(colour: str, sight: str) -> np.ndarray:
    rgb = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    cones = np.array(TO_CONES) @ np.clip(np.array(SIGHTS[sight]) @ linear, 0, 1)
    return np.asarray(np.array(TO_LAB) @ np.cbrt(cones))


@pytest.mark.parametrize("sight", SIGHTS)
def test_ten_genres_have_ten_colours_in_any_sight(sight: str) -> None:
    assert len(set(COLOURS)) == len(COLOURS) >= 10
    for a, b in itertools.combinations(COLOURS, 2):
        assert np.linalg.norm(seen(a, sight) - seen(b, sight)) > 0.07, (a, b)
    assert set(ON_DARK) <= set(COLOURS)


GENRES = [f"genre {number}" for number in range(10)]


def made_points() -> Points:
    places = list(range(10))
    return Points("Map", places, places, GENRES, GENRES, "x", "y")


def test_every_group_of_a_map_has_its_own_colour_and_shape() -> None:
    markers = [trace["marker"] for trace in figure(made_points())["data"]]
    assert len({one["color"] for one in markers}) == 10
    assert len({one["symbol"] for one in markers}) == 10 == len(SYMBOLS)


def test_regions_are_named_where_they_are() -> None:
    chosen = np.repeat(np.arange(10), 10).reshape(10, 10)
    chosen[9] = 3  # in two parts
    chart = Regions("Where", range(10), range(10), chosen, np.ones((10, 10)), GENRES, made_points())
    drawn = figure(chart)
    named = {one["text"][3:-4]: (one["x"], one["y"]) for one in drawn["layout"]["annotations"]}
    assert set(named) == set(GENRES[:9])
    assert all(chosen[int(y), int(x)] == GENRES.index(name) for name, (x, y) in named.items())
    assert len({colour for _, colour in drawn["data"][0]["colorscale"]}) == 10


def test_a_waveform_has_its_own_minima_and_maxima() -> None:
    """Pulses that only go up have nothing below zero."""
    samples = np.zeros(3 * 22050, np.float32)
    samples[::441] = 0.8
    waveform, mel, _ = example_charts("pop", Waveform(samples, 22050))
    assert isinstance(waveform, Lines)
    highest, lowest = waveform.series.values()
    assert np.max(highest) == pytest.approx(0.8)
    assert np.min(lowest) == 0
    assert figure(waveform)["data"][1]["fill"] == "tonexty"
    assert isinstance(mel, Heatmap)
    assert mel.y_title == "Hz"
    layout = figure(mel)["layout"]["yaxis"]
    assert {"500", "1 k", "2 k"} <= set(layout["ticktext"])
    assert layout["tickvals"] == sorted(layout["tickvals"])


def test_ticks_lie_at_their_frequencies_and_apart() -> None:
    ticks = {name: place for place, name in hertz_ticks([0, 100, 1000, 10_000], [0, 1, 2, 3])}
    assert ticks["5 k"] == pytest.approx(2 + 4 / 9)
    assert ticks["10 k"] == pytest.approx(3)
    places = sorted(ticks.values())
    assert min(b - a for a, b in itertools.pairwise(places)) >= 0.06 * 3


def test_maps_are_scrolled_and_not_squeezed_and_pages_list_their_contents() -> None:
    cells = np.zeros((3, 40))
    named = Heatmap("Many", cells, [f"c{n}" for n in range(40)], list("abc"), "")
    plain = Heatmap("Seconds", cells, range(40), range(3), "")
    parts: list[Heatmap | Table] = [named, plain, Table(("a",), [("b",)])]
    page = render_page(
        Document("T", sections=[Section("One", parts=parts), Section("Two")], contents=True)
    )
    assert page.count('<div class="wide" tabindex="0"') == 3
    assert "--least: 52rem" in page
    assert (
        '<nav aria-label="Contents"><a href="#part-0">One</a> <a href="#part-1">Two</a></nav>'
        in page
    )
    assert "background-attachment: local" in page
    assert figure(plain)["layout"]["height"] <= 300


def test_a_chart_that_failed_is_faded_and_says_so() -> None:
    heat = Heatmap("Map", np.eye(3), range(3), range(3), "", verdict="Fails its test", faded=True)
    page = render_page(Document("T", sections=[Section("One", parts=[heat])]))
    assert "Map<br><b>Fails its test</b>" in page
    assert figure(heat)["data"][0]["opacity"] < 0.5
    assert "opacity" not in figure(Heatmap("Map", np.eye(3), range(3), range(3), ""))["data"][0]


def test_next_to_nothing_is_not_painted_full() -> None:
    heat = Heatmap("Map", np.full((2, 2), 4e-16), range(2), range(2), "", centred=True, top=0.1)
    assert figure(heat)["data"][0]["zmax"] == 0.1
