"""What the benchmark of batches has workers do: the real analysis, with planted faults, or nothing.

python benchmarks/batch_planted.py RUN MUSIC --jobs 2          # as genrekit batch, but planted
python benchmarks/batch_planted.py RUN LIST --constant         # no model: the engine alone
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrekit.batch.analysis import Analysis
from genrekit.batch.engine import BatchOptions, run_batch
from genrekit.batch.on_ray import RayOptions
from genrekit.workers import WorkerLimits

MARK = b"PLANTED "
ANALYSED = "GENREKIT_ANALYSED"  # a file that every analysis adds a line to
# A busy machine must not make a good file look as if it hung.
LIMITS = WorkerLimits(wall_seconds=40.0, memory_bytes=700 << 20)
_CONSTANT = {"genre": "rock", "scores": {"rock": 1.0}, "genres": ["rock"], "seconds": 30.0}


@dataclass(frozen=True, slots=True)
class Planted(Analysis):
    """As `Analysis`; files that begin with a mark do what it says to the process."""

    def __call__(self, path: str) -> dict[str, Any]:
        if analysed := os.environ.get(ANALYSED):
            note(Path(analysed), path)
        try:
            with Path(path).open("rb") as file:
                head = file.read(64)
        except OSError:
            head = b""
        if head.startswith(MARK):
            misbehave(head.removeprefix(MARK).split()[0])
        return Analysis.__call__(self, path)


def note(log: Path, path: str) -> None:
    """Add a line, whole, also when others do so."""
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{path}\n".encode())
    os.close(file)


def misbehave(how: bytes) -> None:
    """Do to the process what a file can do to it by way of a codec."""
    if how == b"crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif how == b"hang":
        while True:  # without a call that could be interrupted
            pass
    elif how == b"eat":
        eaten = []
        while True:
            eaten.append(bytearray(64 << 20))


@dataclass(frozen=True, slots=True)
class Constant(Analysis):
    """No audio and no model in the worker: what is left is the engine."""

    def prepare(self) -> None:
        """Nothing to load."""

    def __call__(self, path: str) -> dict[str, Any]:
        return _CONSTANT


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("source")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--constant", action="store_true")
    parser.add_argument("--ray", action="store_true")
    arguments = parser.parse_args()
    kind = Constant if arguments.constant else Planted
    begin = time.process_time()
    summary = run_batch(
        [arguments.source],
        arguments.run,
        kind(),
        BatchOptions(
            workers=arguments.jobs,
            limits=LIMITS,
            ray=RayOptions(actors=arguments.jobs) if arguments.ray else None,
        ),
    )
    print(
        json.dumps(
            {
                "done": summary.done,
                "driver_cpu_seconds": time.process_time() - begin,
                "driver_peak_mib": peak_mib(),
                "children_cpu_seconds": sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]),
            }
        )
    )


def peak_mib() -> float:
    """Most memory that this process had, without its children."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    import sys

    sys.path.insert(0, str(Path(__file__).parent))
    from batch_planted import main as own  # as workers find it

    own()
