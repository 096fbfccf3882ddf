"""``genrekit report``: files in, pages out, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

from genrekit.evaluation.results import write_run
from genrekit.evaluation.run import RunResult
from genrekit.jukebox import synthesise
from genrekit.reports import Report

pytest.importorskip("plotly")

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def results(
    make_run: Callable[..., RunResult], tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    folder = tmp_path_factory.mktemp("results")
    return [
        write_run(make_run(0.5 + seed / 5, seed, name=f"m{seed}"), folder / f"m{seed}.json")
        for seed in range(2)
    ]


def test_the_answer_is_printed_and_the_pages_are_written(
    run: Run, results: list[Path], tmp_path: Path
) -> None:
    page, table = tmp_path / "r.html", tmp_path / "r.tex"
    ran = run("report", *results, "-o", page, "-o", table)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0].startswith("m1 is right on ")
    assert lines[-3:] == [str(page), str(table), str(tmp_path / "r.bib")]
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert r"\toprule" in table.read_text(encoding="utf-8")


def test_json_is_a_report_and_a_folder_is_read_whole(
    run: Run, results: list[Path], tmp_path: Path
) -> None:
    (results[0].parent / "else.json").write_text('{"some": "settings"}')
    page = tmp_path / "r.html"
    ran = run("report", results[0].parent, "-o", page, "--title", "Mine", "--json")
    found = Report.model_validate_json(ran.out)
    assert (found.title, found.files) == ("Mine", (str(page),))
    assert found.groups[0].models == ("m1", "m0")
    assert found.skipped == (str(results[0].parent / "else.json"),)
    assert ran.code == 0
    assert "<title>Mine</title>" in page.read_text(encoding="utf-8")
    said = run("report", results[0].parent, "-o", page)
    assert "else.json is not a result, and was left out" in said.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nothing.json", "-o", "r.html"], 4, "cannot be read"),
        (["RESULTS", "-o", "r.pdf"], 2, "name a file that ends in .html, .md or .tex"),
        (["RESULTS", "-o", "nowhere/r.html"], 2, "is not a folder"),
        (["RESULTS"], 2, "--out"),
        (["RESULTS", "-o", "r.html", "--audio", "."], 2, "--audio-licence"),
        (
            ["RESULTS", "-o", "r.html", "--audio", ".", "--audio-licence", "CC0"],
            4,
            "holds no audio",
        ),
    ],
)
def test_what_it_refuses(
    run: Run,
    results: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("report", *(results[0] if one == "RESULTS" else one for one in arguments))
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert not list(tmp_path.iterdir())


def test_audio_is_put_in_only_when_it_is_asked_for(
    run: Run, results: list[Path], tmp_path: Path
) -> None:
    answers = json.loads(results[0].read_text())["answers"]
    folder = tmp_path / "clips"
    folder.mkdir()
    gtzan = tmp_path / "gtzan.json"
    gtzan.write_text(results[0].read_text().replace('"item":"0.0"', '"item":"jazz.00000"'))
    for answer in answers:
        song = synthesise("jazz", seconds=0.2, seed=0)
        soundfile.write(folder / f"{answer['item']}.wav", song.samples, song.sample_rate_hz)
    page = tmp_path / "r.html"
    assert run("report", results[0], "-o", page).code == 0
    assert "<audio" not in page.read_text(encoding="utf-8")
    licence = "CC0, <the jukebox>"
    ran = run("report", results[0], "-o", page, "--audio", folder, "--audio-licence", licence)
    assert "ten seconds of each" in page.read_text(encoding="utf-8")
    text = page.read_text(encoding="utf-8")
    assert ran.code == 0
    assert text.count("<audio") == text.count("CC0, &lt;the jukebox&gt;</figcaption>") == 12
    assert text.count("data:audio/mpeg;base64,") == 12
    ran = run("report", gtzan, "-o", page, "--audio", folder, "--audio-licence", licence)
    assert (ran.code, ran.out) == (2, "")
    assert "not for redistribution" in ran.err


def test_several_genres_a_track(
    run: Run, bundle_factory: Callable[..., Path], music: Path, tmp_path: Path
) -> None:
    model = bundle_factory(tmp_path / "several", task="multi-label", thresholds=[0.5] * 10)
    file, page = tmp_path / "several.json", tmp_path / "r.html"
    assert run("evaluate", model, "--data", music, "-o", file).code == 0
    ran = run("report", file, "-o", page)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("tiny has a mean average precision of ")
    assert ">average precision</th>" in page.read_text(encoding="utf-8")
