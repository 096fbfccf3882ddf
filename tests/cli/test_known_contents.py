"""What a model learnt is known again by what it holds, whatever it is called."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from genrekit.errors import LeakError, outcome
from genrekit.evaluation.learnt import read_learnt
from genrekit.jukebox import synthesise
from genrekit.training import load_recipe, train

Run = Callable[..., Any]
LEAK = outcome(LeakError()).exit_code
RATE_HZ = 22050


def renamed(table: Path, out: Path, change: Callable[[float], float] = lambda x: x) -> Path:
    """The same rows under other names, the columns in another order."""
    with table.open(newline="", encoding="utf-8") as stream:
        header, *rows = list(csv.reader(stream))
    aside = {"filename", "label", "length"}
    order = sorted(range(len(header)), key=lambda column: header[column][::-1])
    with out.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([header[column] for column in order])
        for number, row in enumerate(rows):
            cells = [
                cell if name in aside else repr(change(float(cell)))
                for name, cell in zip(header, row, strict=True)
            ]
            cells[header.index("filename")] = f"mine {number}.wav"
            writer.writerow([cells[column] for column in order])
    return out


NOISE = np.random.default_rng(4)


@pytest.mark.parametrize(
    "change", [lambda x: x, lambda x: round(x, 4), lambda x: x * (1 + 0.01 * NOISE.normal())]
)
def test_rows_under_other_names_are_known(
    run: Run, table: Path, trained: Path, tmp_path: Path, change: Callable[[float], float]
) -> None:
    other = renamed(table, tmp_path / "renamed.csv", change)
    ran = run("evaluate", trained, "--data", other)
    assert ran.code == LEAK
    assert "the content of" in ran.err
    assert "mine " in ran.err
    found = run("leaks", trained, "--data", other, "--json")
    assert found.code == LEAK
    lines = [json.loads(line) for line in found.out.splitlines()]
    assert {one["kind"] for one in lines if one["verdict"] == "found"} == {"trained-on-test"}


def test_rows_that_were_not_learnt_are_not_known(
    run: Run, other_table: Path, trained: Path, tmp_path: Path
) -> None:
    ran = run("evaluate", trained, "--data", renamed(other_table, tmp_path / "renamed.csv"))
    assert (ran.code, ran.err) == (0, "")


def test_older_models_are_read_and_it_is_reported_that_names_alone_tell(
    run: Run,
    other_table: Path,
    trained: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    old = tmp_path / "old"
    shutil.copytree(trained, old)
    (old / "learnt.npz").unlink()
    manifest = json.loads((old / "manifest.json").read_text())
    manifest["files"] = [one for one in manifest["files"] if one["name"] != "learnt.npz"]
    (old / "manifest.json").write_text(json.dumps(manifest))
    ran = run("evaluate", old, "--data", other_table)
    assert ran.code == 0
    assert "only names were compared" in caplog.text
    found = run("leaks", old, "--data", other_table)
    assert "looked and found none (only names were compared: small keeps no digests" in found.out


# --- audio --------------------------------------------------------------------------------------

RECIPE = """\
name: analysed
data: {corpus: manifest}
frontend: {kind: gtzan57}
model: {architecture: logistic}
protocol: {name: official}
"""
GENRES = ("classical", "metal")


def clip(genre: str, number: int) -> np.ndarray[Any, Any]:
    return synthesise(genre, seconds=8, sample_rate_hz=RATE_HZ, seed=number).samples


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four clips of each genre to train on, two to test."""
    place = tmp_path_factory.mktemp("analysed")
    lines = ["path,label,split"]
    for genre in GENRES:
        for number in range(6):
            name = f"{genre} {number}.wav"
            soundfile.write(place / name, clip(genre, number), RATE_HZ)
            lines.append(f"{name},{genre},{'train' if number < 4 else 'test'}")
    (place / "manifest.csv").write_text("\n".join(lines), encoding="utf-8")
    (place / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def hearing(folder: Path) -> Path:
    recipe = load_recipe(folder / "recipe.yaml")
    out = train(recipe, folder / "model", data=folder / "manifest.csv", listen=True)
    (learnt,) = read_learnt(out)
    assert len(learnt.sounds) == 8
    return out


def test_audio_under_other_names_is_known(run: Run, hearing: Path, tmp_path: Path) -> None:
    music = tmp_path / "music"
    for genre in GENRES:
        (music / genre).mkdir(parents=True)
        new, old = clip(genre, 9), clip(genre, 0)
        quiet = 0.5 * soxr.resample(old, RATE_HZ, 16000)
        soundfile.write(music / genre / "new.wav", new, RATE_HZ)
        soundfile.write(music / genre / "quiet and slower in rate.flac", quiet, 16000)
    ran = run("evaluate", hearing, "--data", music)
    assert ran.code == LEAK
    assert "content of 2 test items" in ran.err
    assert "new.wav" not in ran.err
    for genre in GENRES:
        (music / genre / "quiet and slower in rate.flac").unlink()
    assert run("evaluate", hearing, "--data", music).code == 0


def test_training_finds_a_copy_in_the_test_part(run: Run, folder: Path, tmp_path: Path) -> None:
    for file in folder.glob("*.wav"):
        shutil.copy(file, tmp_path)
    middle = clip("metal", 1)[RATE_HZ : 6 * RATE_HZ]
    soundfile.write(tmp_path / "metal 5.wav", 0.6 * middle, RATE_HZ)
    shutil.copy(folder / "manifest.csv", tmp_path)
    given = ("train", folder / "recipe.yaml", "--data", tmp_path / "manifest.csv", "-j", 1)
    ran = run(*given, "-o", tmp_path / "model", "--listen")
    assert ran.code == LEAK
    assert "two sides" in ran.err
    assert not (tmp_path / "model").exists()


@pytest.mark.real
def test_the_box_knows_an_excerpt_of_what_it_was_trained_on(
    run: Run, real_data: Path, tmp_path: Path
) -> None:
    clips = real_data / "gtzan_audio" / "clips"
    for genre in ("jazz", "rock"):
        samples, rate = soundfile.read(min(clips.glob(f"{genre}/*.flac")))
        (tmp_path / genre).mkdir()
        part = samples[4 * rate : 20 * rate]
        soundfile.write(tmp_path / genre / "song.ogg", part, rate, format="OGG")
    ran = run("evaluate", "box", "--data", tmp_path)
    assert ran.code == LEAK
    assert "the content of 2 test items" in ran.err
