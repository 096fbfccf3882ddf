"""Spark moves paths: a file that kills its process is an entry, and nothing is done twice.

A session needs a JVM and a minute of processor: its test runs where ``GENREKIT_SPARK`` is set.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from genrekit.batch import Entry, read_run
from genrekit.batch.on_spark import begin_worker
from genrekit.batch.work import OnFile
from genrekit.workers import Pool

JOB = Path(__file__).with_name("spark_job.py")


def length(path: str) -> int:
    return len(Path(path).read_text())


def test_a_batch_of_paths_comes_back_in_its_order(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a", "bb", "gone", "cccc")]
    for path in paths:
        if path.name != "gone":
            path.write_text(path.name)
    pool = partial(Pool, OnFile(length), answers="json")
    answer = begin_worker(pool, "work")
    rows = answer(np.array([os.fsencode(path).hex() for path in paths]))
    entries = [Entry.model_validate_json(row) for row in rows]
    assert [Path(one.file) for one in entries] == paths
    assert [one.value for one in entries] == [1, 2, None, 4]
    assert entries[2].state == "failed"


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("GENREKIT_SPARK"), reason="GENREKIT_SPARK is not set")
def test_a_session_goes_on_where_another_stopped(tmp_path: Path) -> None:
    music, run = tmp_path / "music", tmp_path / "run"
    music.mkdir()
    for number in range(12):
        (music / f"{number:02}").write_text("crash" if number == 5 else "x" * number)
    path = os.pathsep.join([str(JOB.parent), *sys.path])
    command = [sys.executable, str(JOB), str(run), str(music)]
    environment = os.environ | {"PYTHONPATH": path, "PYSPARK_PYTHON": sys.executable}
    for _ in range(2):
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr[-3000:]
        with read_run(run) as opened:
            entries = list(opened.entries())
        lines = (run / "journal.jsonl").read_text().count('"state"')
        assert (len(entries), lines) == (12, 12)
    states = {Path(one.file).name: one.state for one in entries}
    assert states.pop("05") == "quarantined"
    assert set(states.values()) == {"ok"}
