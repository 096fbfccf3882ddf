"""Run the command line as a user does: arguments in; exit code, stdout and stderr out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import soundfile

from genrekit.audio import synthesise
from genrekit.cli import main


class Ran(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def run_command(*arguments: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["genrekit", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        code = stopped.value.code
        out, err = capfd.readouterr()
        return Ran(code if isinstance(code, int) else 0, out, err)

    return run_command


@pytest.fixture(scope="session")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two genres with three short tracks each."""
    folder = tmp_path_factory.mktemp("music")
    for genre in ("disco", "jazz"):
        (folder / genre).mkdir()
        for seed in range(3):
            song = synthesise(genre, seconds=3, seed=seed)
            soundfile.write(
                folder / genre / f"{genre}.{seed:05}.wav", song.samples, song.sample_rate_hz
            )
    return folder
