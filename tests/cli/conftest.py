"""Run the command line as a user does: arguments in; exit code, stdout and stderr out."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile

from genrekit.cli import main
from genrekit.features import build_frontend
from genrekit.jukebox import synthesise
from genrekit.schema import Gtzan57Config
from genrekit.training import load_recipe, train

COMMAND = [sys.executable, "-m", "genrekit"]


class Ran(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """``run("predict", path, ...)`` in this process."""

    def run_command(*arguments: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["genrekit", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        code = stopped.value.code
        out, err = capfd.readouterr()
        assert code is None or isinstance(code, int)
        return Ran(code or 0, out, err)

    return run_command


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """``start("predict", path, ...)`` as a process and a process group of its own."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    started: list[subprocess.Popen[bytes]] = []

    def start_command(
        *arguments: str | Path, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE
    ) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start_command
    for process in started:
        with process:  # closes its pipes, and waits
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """``shell("genrekit predict - < $1", path)`` in bash, with pipefail."""
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    wrapper = tmp_path / "bin" / "genrekit"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m genrekit "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def run_script(script: str, *arguments: str | Path) -> Ran:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", script, "bash", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=60,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run_script


@pytest.fixture(scope="session")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two genres with three short tracks each."""
    folder = tmp_path_factory.mktemp("music")
    for genre in ("disco", "jazz"):
        (folder / genre).mkdir()
        for seed in range(3):
            # Not named like GTZAN's files, which are known to have trained the packaged model.
            song = synthesise(genre, seconds=3, seed=seed)
            soundfile.write(
                folder / genre / f"{genre} {seed}.wav", song.samples, song.sample_rate_hz
            )
    return folder


@pytest.fixture(scope="session")
def song(music: Path) -> Path:
    """One short track."""
    return music / "jazz" / "jazz 0.wav"


def write_table(path: Path, *, genres: tuple[str, ...], tracks: int, seed: int) -> Path:
    """Columns of gtzan57 with made-up numbers, in which each genre has its own centre."""
    columns = build_frontend(Gtzan57Config()).feature_names
    centres = np.random.default_rng(0).normal(0, 0.5, (len(genres), len(columns)))
    generator = np.random.default_rng(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", *columns, "label"])
        for genre, centre in zip(genres, centres, strict=True):
            for number in range(tracks):
                row = centre + generator.normal(0, 1, len(columns))
                writer.writerow([f"{genre} {seed} {number}.wav", *map(repr, row.tolist()), genre])
    return path


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of features of twenty tracks in each of three genres."""
    path = tmp_path_factory.mktemp("tables") / "made up.csv"
    return write_table(path, genres=("disco", "jazz", "pop"), tracks=20, seed=1)


@pytest.fixture(scope="session")
def other_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other tracks of the genres of ``table``."""
    path = tmp_path_factory.mktemp("tables") / "other.csv"
    return write_table(path, genres=("disco", "jazz", "pop"), tracks=10, seed=2)


RECIPE = """\
name: small
description: Trained on numbers that are made up.
data: {corpus: table}
frontend: {kind: gtzan57}
model: {architecture: logistic}
protocol: {name: holdout}
"""


@pytest.fixture(scope="session")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe that lacks only its data."""
    path = tmp_path_factory.mktemp("recipes") / "small.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="session")
def trained(recipe: Path, table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model trained on ``table`` by ``recipe``."""
    return train(load_recipe(recipe), tmp_path_factory.mktemp("trained") / "small", data=table)
