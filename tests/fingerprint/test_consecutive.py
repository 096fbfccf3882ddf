"""Parts of one recording are recognised without names: the sound continues across the cut."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from genrekit.datasets import load_dataset, make_split
from genrekit.datasets.split_file import write_split
from genrekit.evaluation.duplicates import find_duplicates, fingerprint_items
from genrekit.fingerprint import Edges, find_consecutive, read_edges
from genrekit.jukebox import synthesise
from genrekit.schema import ExcerptConfig

RATE_HZ = 22050
NAMES = ("kraz", "beta", "wolp", "echo")


def edges(samples: np.ndarray, rate_hz: int = RATE_HZ) -> Edges:
    return Edges(rate_hz, samples[:2048].astype(float), samples[-2048:].astype(float))


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A song of each of two genres in four parts, under names that say nothing."""
    folder = tmp_path_factory.mktemp("cut")
    for genre in ("classical", "jazz"):
        song = synthesise(genre, seconds=8.3, sample_rate_hz=RATE_HZ).samples
        (folder / genre).mkdir()
        for number, name in enumerate(NAMES):
            part = song[number * 2 * RATE_HZ : (number + 1) * 2 * RATE_HZ]
            soundfile.write(folder / genre / f"{name}.flac", part, RATE_HZ, subtype="PCM_16")
    return folder


def test_parts_are_found_in_their_order(cut: Path) -> None:
    dataset = load_dataset("folder", cut)
    found = find_duplicates(dataset, tuple(fingerprint_items(dataset))).consecutive
    for genre in ("classical", "jazz"):
        names = [f"{genre}/{name}.flac" for name in NAMES]
        assert len(set(found) & set(pairwise(names))) >= 2
    assert all(first.split("/")[0] == second.split("/")[0] for first, second in found)


def test_edges_are_read_without_what_lies_between(cut: Path) -> None:
    file = cut / "jazz" / "beta.flac"
    samples, _ = soundfile.read(file)
    for part, expected in (
        (ExcerptConfig(start_seconds=0.0, duration_seconds=None), samples),
        (ExcerptConfig(start_seconds=0.5, duration_seconds=1.0), samples[11025:33075]),
    ):
        found = read_edges(file, part)
        assert found is not None
        np.testing.assert_allclose(found.first, expected[:2048], atol=1e-4)
        np.testing.assert_allclose(found.last, expected[-2048:], atol=1e-4)


def test_noise_and_silence_are_left_alone() -> None:
    generator = np.random.default_rng(0)
    noise = generator.normal(0, 0.1, 40_000)
    tone = 0.3 * np.sin(0.2 * np.arange(40_000))
    silence = np.zeros(20_000)
    assert find_consecutive({"a": edges(noise[:20_000]), "b": edges(noise[20_000:])}) == ()
    assert find_consecutive({"a": edges(silence), "b": edges(silence)}) == ()
    parts = {"a": edges(tone[:20_000]), "b": edges(tone[20_000:])}
    assert find_consecutive(parts) == (("a", "b"),)
    # At another rate the same numbers are another sound.
    other = edges(tone[20_000:], 44100)
    assert find_consecutive({"a": parts["a"], "b": other}) == ()


def test_songs_with_something_missing_between_their_parts_do_not_continue() -> None:
    # Among so many pieces some fit by chance: a quiet beginning, or bass alone.
    parts = {
        f"{genre}-{seed}-{second}": edges(song[second * RATE_HZ : (second + 1) * RATE_HZ - gap])
        for genre, seed in (("rock", 2), ("rock", 3), ("reggae", 0), ("jazz", 0), ("hiphop", 1))
        for song in [synthesise(genre, seconds=10.0, seed=seed, sample_rate_hz=RATE_HZ).samples]
        for gap in (1000, 3000)
        for second in range(10)
    }
    assert find_consecutive(parts) == ()


def test_leaks_and_audit_report_them(
    cut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GENREKIT_HOME", str(tmp_path / "home"))
    dataset = load_dataset("folder", cut)
    split = make_split(dataset, "holdout", shares=(0.5, 0.25, 0.25))
    write_split(split, tmp_path / "split.json")
    run = _runner(monkeypatch, capfd)
    without = run("leaks", tmp_path / "split.json", "--data", cut, "--json")
    assert without[0] == 0
    code, out = run("leaks", tmp_path / "split.json", "--data", cut, "--listen", "--json")
    assert code == 9
    found = [json.loads(line) for line in out.splitlines()]
    assert "segments" in {one["kind"] for one in found if one["verdict"] == "found"}
    code, out = run("audit", cut, "--no-labels", "--json", "--jobs", 1)
    findings = [one for one in json.loads(out)["findings"] if one["kind"] == "consecutive-parts"]
    assert {item["item_id"].split("/")[0] for one in findings for item in one["items"]} == {
        "classical",
        "jazz",
    }


def _runner(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[Any, str]]:
    from genrekit.cli import main

    def run(*arguments: object) -> tuple[Any, str]:
        monkeypatch.setattr("sys.argv", ["genrekit", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code or 0, capfd.readouterr().out

    return run
