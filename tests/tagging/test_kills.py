"""A save that is ended anywhere leaves the old file or the new one, and a way back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "tagging_kills.py"
CASES = (
    *(("mp3", "v2.3"), ("flac", "tagged"), ("fast.m4a", "tagged"), ("ogg", "tagged")),
    *(("wma", "tagged"), ("wav", "LIST INFO"), ("wv", "bare")),
)


def outcomes(files: list[Path], *faults: str) -> list[dict[str, int]]:
    done = subprocess.run(
        [sys.executable, SCRIPT, *files, *faults], capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.skipif(sys.platform != "linux", reason="needs processes that share what is loaded")
def test_no_point_of_a_save_is_one_where_an_end_does_harm(
    dressed: Callable[[str, str], bytes], tmp_path: Path
) -> None:
    files = [tmp_path / f"{dress}.{suffix}" for suffix, dress in CASES]
    for file, case in zip(files, CASES, strict=True):
        file.write_bytes(dressed(*case))
    found = [*outcomes(files, "kill"), *outcomes(files[:1], "no space", "input/output error")]
    assert len(found) == len(CASES) + 2
    for one in found:
        assert one["points"] > 8
        assert (one["damaged"], one["not_undone"], one["left_behind"]) == (0, 0, 0)
