"""``genrekit explore``: a page, pictures, and numbers that hold."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genrekit.explain import Exploration

pytest.importorskip("plotly")
pytest.importorskip("matplotlib")

Run = Callable[..., Any]


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """Column 2 tells genres apart, columns 1 and 3 go together, and one row is far out."""
    generator = np.random.default_rng(0)
    path = tmp_path / "planted.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "a_mean", "telling_mean", "b_mean", "tempo", "label"])
        for genre, (centre, tempo) in {"x<y": (0, 90), "z": (4, 140)}.items():
            for number in range(20):
                a, noise = generator.normal(0, 1, 2)
                far = 1e3 if (genre, number) == ("z", 3) else 0
                row = [a + far, centre + noise, 2 * a + far, tempo + number % 3 - 1]
                writer.writerow([f"{genre} {number}.wav", *row, genre])
    return path


def test_what_was_planted_in_a_table_is_found(run: Run, planted: Path, tmp_path: Path) -> None:
    page = tmp_path / "explore.html"
    ran = run("explore", planted, "-o", page, "--json")
    assert (ran.code, ran.err) == (0, "")
    found = Exploration.model_validate_json(ran.out)
    assert found.counts == {"x<y": 20, "z": 20}
    assert {one.name for one in found.columns[:2]} == {"telling_mean", "tempo"}
    assert found.median_tempo == {"x<y": 90, "z": 140}
    assert [one.item for one in found.outliers] == ["z 3.wav"]
    assert found.outliers[0].column in ("a_mean", "b_mean")
    assert all((tmp_path / file).stat().st_size > 0 for file in found.files)
    text = page.read_text(encoding="utf-8")
    for title in ("Principal components", "t-SNE", "Neighbour graph, as UMAP draws it"):
        assert title in text
    assert "<y" not in text.partition("<script>")[0].partition("<body>")[2].replace("&lt;y", "")
    # Colours of the correlation: the data of each chart is JSON.
    data = [part.partition("</script>")[0] for part in text.split('-data">')[1:]]
    heat = next(one for one in map(json.loads, data) if one["data"][0]["type"] == "heatmap")
    names = heat["data"][0]["x"]
    assert names == ["a_mean", "telling_mean", "b_mean"]
    with planted.open(encoding="utf-8") as file:
        rows = np.array([[float(row[n]) for n in names] for row in csv.DictReader(file)])
    np.testing.assert_allclose(heat["data"][0]["z"], np.corrcoef(rows.T), atol=1e-4)


def test_a_folder_of_audio_has_examples(run: Run, music: Path, tmp_path: Path) -> None:
    (tmp_path / "songs").mkdir()
    page = tmp_path / "explore.html"
    ran = run("explore", music, "-o", page, "--jobs", "1")
    assert ran.code == 0
    assert "6 items of 6 recordings" in ran.out
    pictures = {path.name for path in (tmp_path / "explore").iterdir()}
    assert {"waveform-jazz.png", "mel-spectrogram-disco.png", "chroma-jazz.png"} <= pictures
    assert {"t-sne.png", "tempo-by-genre.png", "correlation-of-the-means.png"} <= pictures


def test_what_cannot_be_explored(run: Run, planted: Path, tmp_path: Path) -> None:
    assert "ends in .html" in run("explore", planted, "-o", tmp_path / "page.pdf").err
    assert "is not a folder" in run("explore", planted, "-o", tmp_path / "no" / "page.html").err
