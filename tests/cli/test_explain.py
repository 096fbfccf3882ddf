"""``genrekit explain``: page, pictures, sounds and JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

from genrekit.explain import DataExplanation, TrackExplanation
from genrekit.inference import Classifier

pytest.importorskip("plotly")
pytest.importorskip("matplotlib")

Run = Callable[..., Any]


def test_a_track(run: Run, song: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    # Three seconds are too few for three ways of hiding to agree beyond chance.
    one_way = ("--fill", "silence")
    ran = run("explain", tiny_bundle, song, "-o", tmp_path / "why", "--json", *one_way)
    assert (ran.code, ran.err) == (0, "")
    result = TrackExplanation.model_validate_json(ran.out)
    answer = Classifier.load(tiny_bundle).predict_file(song)
    assert result.genre == answer.genre
    assert result.scores == pytest.approx(answer.scores)
    assert [span.end_seconds for span in result.occlusion] == pytest.approx([1, 2, 3], abs=0.01)
    assert result.faithfulness is not None
    assert result.patches
    for file in (*result.files, *(one.file for one in result.speaks_for)):
        assert (tmp_path / "why" / file).stat().st_size > 0
    first = (*result.speaks_for, *result.speaks_against)[0]
    analysed = soundfile.info(tmp_path / "why" / first.file)
    assert analysed.duration == pytest.approx(first.end_seconds - first.start_seconds, abs=0.001)
    page = (tmp_path / "why" / "index.html").read_text(encoding="utf-8")
    assert result.verdict in page
    assert "its test of faithfulness: gain" in page
    assert "://" not in page.partition("<script>")[0]
    assert page.count("<audio") == len(result.speaks_for) + len(result.speaks_against)


def test_another_genre_in_words(run: Run, song: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    ran = run("explain", tiny_bundle, song, "-o", tmp_path, "--genre", "metal", "--no-check")
    assert ran.code == 0
    head, *_, page = ran.out.splitlines()
    assert head.startswith(f"{song}: metal 0.")
    assert page == str(tmp_path / "index.html")
    assert "faithfulness" not in ran.out


def test_what_cannot_be_explained(run: Run, song: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    unknown = run("explain", tiny_bundle, song, "-o", tmp_path, "--genre", "polka")
    assert unknown.code != 0
    assert "knows no genre 'polka'" in unknown.err
    absent = run("explain", tiny_bundle, tmp_path / "absent.wav", "-o", tmp_path)
    assert absent.code != 0
    assert "absent.wav" in absent.err
    occupied = run("explain", tiny_bundle, song, "-o", song)
    assert "is a file, so" in occupied.err
    strange = run("explain", tiny_bundle, song, "-o", tmp_path, "--plane", "tempo,rms_mean")
    assert strange.code != 0
    assert "--item and --plane are for tables" in strange.err


def test_a_table(run: Run, other_table: Path, trained: Path, tmp_path: Path) -> None:
    item = other_table.read_text(encoding="utf-8").splitlines()[1].partition(",")[0]
    ran = run(
        *("explain", trained, other_table, "-o", tmp_path / "why", "--json"),
        *("--item", item, "--plane", "component-2,component-3"),
    )
    assert (ran.code, ran.err) == (0, "")
    found = DataExplanation.model_validate_json(ran.out)
    assert found.items == 30
    assert found.right == sum(
        len(cell.items) for cell in found.confusion if cell.true == cell.predicted
    )
    assert len(found.importance) == len(found.columns) == 57
    assert found.item == item
    assert all((tmp_path / "why" / file).stat().st_size > 0 for file in found.files)
    drawn = {"confusion.png", "decisions-by-component-2-and-component-3.png"}
    assert drawn <= set(found.files)


def test_a_plane_of_three(run: Run, other_table: Path, trained: Path, tmp_path: Path) -> None:
    ran = run("explain", trained, other_table, "-o", tmp_path, "--plane", "a,b,c")
    assert ran.code != 0
    assert "names 3 columns" in ran.err
