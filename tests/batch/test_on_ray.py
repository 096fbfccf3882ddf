"""A cluster loses a node, and its driver: what the journal says is what one process says.

A cluster of three nodes takes minutes of processor: its test runs where ``GENREKIT_RAY`` is set.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from genrekit.batch import Entry, open_run, read_run, work_through
from genrekit.batch.on_ray import Actor
from genrekit.batch.work import OnFile
from genrekit.workers import Pool

FILES = 60
JOB = Path(__file__).with_name("ray_job.py")


@pytest.mark.parametrize("name", ["fine", os.fsdecode(b"caf\xe9")])
def test_an_actor_makes_a_row_of_every_path(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("seven77")
    paths = [tmp_path / name, tmp_path / "gone"]
    pool = partial(Pool, OnFile(length), answers="json")
    actor = Actor(pool, "work")
    rows = actor({"path": [os.fsencode(path).hex() for path in paths]})
    actor.close()
    entries = [Entry.model_validate_json(row) for row in rows["entry"]]
    found = {Path(one.file).name: (one.state, one.value) for one in entries}
    assert found == {name: ("ok", 7), "gone": ("failed", None)}


def length(path: str) -> int:
    return len(Path(path).read_text())


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("GENREKIT_RAY"), reason="GENREKIT_RAY is not set")
def test_a_lost_node_and_a_killed_driver_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="needs the extra ray")
    music = tmp_path / "music"
    music.mkdir()
    for number in range(FILES):
        (music / f"f{number:03}").write_text("crash" if number == 30 else "x" * number)
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(JOB.parent), *sys.path]),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    command = [sys.executable, str(JOB), "cluster", str(tmp_path / "ray"), str(music)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]

    counts = Counter((music / "analysed").read_text().split())
    assert len(counts) == FILES
    again = counts.total() - FILES - 1  # the one that crashes has two attempts
    assert again <= 2 * 3 * 4 + 1  # of the lost node, and of the driver: a batch an actor

    monkeypatch.syspath_prepend(JOB.parent)  # for the workers here, too
    from ray_job import measure  # type: ignore[import-not-found]

    with open_run(tmp_path / "here", "test", {}) as run:
        paths = sorted(str(one) for one in music.glob("f*"))
        for _ in work_through(run, paths, measure, workers=2):
            pass
        here = [(one.path, one.state, one.reason, one.value) for one in run.entries()]
    with read_run(tmp_path / "ray") as run:
        there = [(one.path, one.state, one.reason, one.value) for one in run.entries()]
    assert there == here
