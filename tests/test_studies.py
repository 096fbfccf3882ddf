"""Pages of studies are those of the numbers beside them, and hold nothing of the tables."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
RESULTS = REPOSITORY / "docs" / "results"
STUDIES = [file for file in RESULTS.glob("*.json") if '"cells"' in file.read_text("utf-8")]


def test_pages_are_made_from_the_numbers_beside_them(tmp_path: Path) -> None:
    assert len(STUDIES) >= 5
    for file in STUDIES:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    script = REPOSITORY / "benchmarks" / "studies.py"
    done = subprocess.run(
        [sys.executable, script, "--page", "-o", tmp_path], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for file in STUDIES:
        page = file.with_suffix(".md")
        assert (tmp_path / page.name).read_text("utf-8") == page.read_text("utf-8"), page


def test_results_are_numbers_and_no_tracks() -> None:
    for file in STUDIES:
        study = json.loads(file.read_text("utf-8"))
        assert set(study["cells"][0]) == {"model", "protocol", "result", "by_rows"}
        assert "answers" not in study["cells"][0]["result"]
        assert file.stat().st_size < 300_000
