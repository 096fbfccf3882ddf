"""A cluster of three nodes on this machine, one of which is lost, and a driver that is killed.

``ray_job.py cluster RUN MUSIC`` does all of it; ``ray_job.py drive ADDRESS RUN MUSIC`` is the
driver.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from genrekit.batch import open_run
from genrekit.batch.on_ray import RayOptions, ray_through

BATCH = 4
SECONDS = 0.15


def measure(path: str) -> Any:
    """The length of a file; one that says so ends its process."""
    word = Path(path).read_text()
    analysed = os.open(Path(path).with_name("analysed"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(analysed, f"{Path(path).name}\n".encode())
    os.close(analysed)
    time.sleep(SECONDS)
    if word == "crash":
        os.abort()
    return {"letters": len(word)}


def drive(address: str, run: Path, music: Path) -> None:
    job = import_module("ray_job")  # as workers find it, and not as the script that this is
    paths = sorted(str(one) for one in music.glob("f*"))
    how = RayOptions(address, actors=3, batch=BATCH)
    with open_run(run, "test", {}) as opened:
        for _ in ray_through(opened, paths, job.measure, how=how):
            pass


def cluster(run: Path, music: Path) -> None:
    from ray.cluster_utils import Cluster

    nodes = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False}
    )
    lost = nodes.add_node(num_cpus=1)
    nodes.add_node(num_cpus=1)
    command = [sys.executable, __file__, "drive", nodes.address, str(run), str(music)]
    with subprocess.Popen(command) as driver:
        wait_for(run / "journal.jsonl", 12, driver)
        nodes.remove_node(lost, allow_graceful=False)
        wait_for(run / "journal.jsonl", 36, driver)
        driver.kill()
    subprocess.run(command, check=True)
    nodes.shutdown()


def wait_for(journal: Path, lines: int, driver: subprocess.Popen[bytes]) -> None:
    while not journal.exists() or journal.read_bytes().count(b"\n") < lines:
        assert driver.poll() is None, "the driver has ended"
        time.sleep(0.05)


if __name__ == "__main__":
    if sys.argv[1] == "drive":
        drive(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    else:
        cluster(Path(sys.argv[2]), Path(sys.argv[3]))
