"""``genrekit robustness``: accuracy under distortion, printed and kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genrekit.evaluation.robustness_curves import RobustnessResult

Run = Callable[..., Any]


def test_a_folder_of_audio(run: Run, music: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = run(
        *("robustness", tiny_bundle, "--data", music, "-j", "1", "--json", "-o", out),
        *("--only", "gain=-20,6", "--only", "mp3=64"),
    )
    assert (ran.code, ran.err) == (0, "")
    result = RobustnessResult.model_validate_json(ran.out)
    assert [(point.distortion, point.level) for point in result.points] == [
        ("gain", -20),
        ("gain", 6),
        ("mp3", 64),
    ]
    assert result.tracks == 6
    assert RobustnessResult.model_validate_json((out / "robustness.json").read_text()) == result
    assert (out / "robustness.png").stat().st_size > 1000
    assert "mp3" in (out / "robustness.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("only", ["telephone", "mp3=loud"])
def test_what_is_not_a_distortion_is_reported(
    run: Run, music: Path, tiny_bundle: Path, only: str
) -> None:
    ran = run("robustness", tiny_bundle, "--data", music, "--only", only)
    assert ran.code == 2
    assert "known: mp3, gain" in ran.err or "levels are numbers" in ran.err
