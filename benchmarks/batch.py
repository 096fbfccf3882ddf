"""Batches: what survives, what it costs, and what that comes to for a hundred million tracks.

    python benchmarks/batch.py                      # everything; an hour on two quiet cores
    python benchmarks/batch.py --only torture kills # some parts anew; the others are kept

Numbers go to docs/results/batch.json, and from there to docs/results/batch.md and docs/capacity.md.
Costs are seconds of processor, which a busy machine changes far less than seconds of a clock.
``--essentia PYTHON`` names an interpreter in which essentia is installed, to measure it beside.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import batch_page
import batch_work
from batch_planted import ANALYSED, MARK

HERE = Path(__file__).parent
RESULTS = HERE.parent / "docs" / "results" / "batch.json"
GOOD, CRASHES, HANGS, EATERS = 974, 4, 1, 1
KILLS = 20
Numbers = dict[str, Any]


def torture(work: Path, *, ray: bool = False) -> Numbers:
    """1,000 files, 26 of which are bad in different ways."""
    music = work / "music"
    expected = batch_work.catalogue(music, GOOD, (CRASHES, HANGS, EATERS), MARK)
    run = work / ("ray" if ray else "here")
    ran = planted([str(run), str(music), "--jobs", "2", *(["--ray"] if ray else [])])
    rows = batch_work.rows(run / "results.jsonl")
    right = sum(rows.get(path, {}).get("genre") == genre for path, genre in expected.items())
    summary = json.loads((run / "summary.json").read_text())
    return {
        "files": len(rows),
        "right": right,
        "records_of_failures": sum(row["error"] is not None for row in rows.values()),
        "kinds": {kind: one["count"] for kind, one in summary["failures"].items()},
        "table_sha256": batch_work.digest(run / "results.jsonl", music),
        "cpu_seconds": ran["cpu_seconds"],
    }


def kills(work: Path) -> Numbers:
    """kill -9 at 20 random moments; the table against that of a run that nobody killed."""
    music = work / "music"
    batch_work.catalogue(music, 280, (1, 0, 0), MARK)
    planted([str(work / "whole"), str(music), "--jobs", "2"])
    analysed, chance, killed = work / "analysed", random.Random(16), 0
    command = command_of([str(work / "killed"), str(music), "--jobs", "2"])
    journal = work / "killed" / "journal.jsonl"
    while killed < KILLS:
        lines = journal.read_bytes().count(b"\n") if journal.exists() else 0
        with subprocess.Popen(command, env=environment({ANALYSED: str(analysed)})) as child:
            wait_for_lines(journal, lines + chance.randint(1, 12), child)
            time.sleep(chance.random() * 0.2)
            if child.poll() is not None:
                break
            child.kill()
            killed += 1
    planted([str(work / "killed"), str(music), "--jobs", "2"], {ANALYSED: str(analysed)})
    counts = Counter(analysed.read_text().splitlines())
    files = len(batch_work.rows(work / "whole" / "results.jsonl"))
    tables = [batch_work.digest(work / one / "results.jsonl", music) for one in ("whole", "killed")]
    return {
        "kills": killed,
        "files": files,
        "identical": tables[0] == tables[1],
        "analysed_again": counts.total() - files - 1,  # what crashes is tried twice
        # Of each of two workers: one in work, and one that waits for it or for the journal.
        "most_in_flight": killed * 2 * 2,
    }


def memory(work: Path, large: int) -> Numbers:
    """The driver with many paths: links to a few files, and a constant instead of the model."""
    found: Numbers = {}
    for count in (10_000, large):
        links = work / f"links{count}"
        batch_work.links(links, count)
        ran = planted([str(work / f"run{count}"), str(links), "--constant", "--jobs", "1"])
        shutil.rmtree(links)
        found[str(count)] = {
            "paths": ran["done"],
            "driver_peak_mib": ran["driver_peak_mib"],
            "driver_cpu_us_a_path": 1e6 * ran["driver_cpu_seconds"] / ran["done"],
            "all_cpu_us_a_path": 1e6
            * (ran["driver_cpu_seconds"] + ran["children_cpu_seconds"])
            / ran["done"],
        }
    return found


def costs(work: Path, essentia: str | None) -> Numbers:
    """CPU seconds a track on the same 4-minute mp3, side by side, one part after the other."""
    song = batch_work.song(work / "song.mp3")
    found: Numbers = {}
    for strategy, counts in (("middle", (4, 44)), ("spread", (4, 44)), ("whole", (1, 9))):
        found[f"genrekit batch, {strategy}"] = slope(
            partial(batch_cpu, work, song, strategy=strategy), *counts
        )
    script = [sys.executable, str(HERE / "batch_work.py"), "librosa", str(song)]
    found["librosa, 57 features, 30 s"] = slope(lambda count: cpu_of([*script, str(count)]), 1, 4)
    if essentia:
        script = [essentia, str(HERE / "batch_essentia.py"), str(song)]
        found["essentia MusicExtractor, whole"] = slope(
            lambda count: cpu_of([*script, str(count)]), 1, 2
        )
    return found


def batch_cpu(work: Path, song: Path, count: int, strategy: str) -> float:
    music = work / f"{strategy}{count}"
    music.mkdir()
    for number in range(count):
        (music / f"{number}.mp3").symlink_to(song)
    command = [sys.executable, "-m", "genrekit", "batch", str(music), "-o", f"{music}-run"]
    return cpu_of([*command, "--jobs", "1", "--strategy", strategy, "--json"])


def slope(measure: Callable[[int], float], few: int, many: int) -> float:
    """CPU seconds of one more: what starting costs is not in it."""
    return (measure(many) - measure(few)) / (many - few)


def accuracy(work: Path) -> Numbers:
    """The strategies on whole tracks of the jukebox, whose genre is known."""
    return batch_work.accuracy(work / "tracks")


def share(results: Numbers) -> Numbers:
    """What the journal and supervision are of a track."""
    engine = min(one["all_cpu_us_a_path"] for one in results["memory"].values()) / 1e6
    track = results["costs"]["genrekit batch, middle"]
    driver = min(one["driver_cpu_us_a_path"] for one in results["memory"].values()) / 1e6
    return {
        "engine_cpu_seconds": engine,
        "of_a_track": engine / track,
        "tracks_an_hour_and_core": 3600 / track,
        "second_core_adds": (2 / (1 + driver / (track - driver) / 2)) - 1,
    }


def planted(arguments: list[str], more: dict[str, str] | None = None) -> Numbers:
    """Run `batch_planted.py`, and return what it prints, with the CPU seconds of all processes."""
    command = command_of(arguments)
    with subprocess.Popen(command, env=environment(more), stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        out = child.stdout.read()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{' '.join(command)} ended with {child.returncode}")
    return {**json.loads(out), "cpu_seconds": used.ru_utime + used.ru_stime}


def command_of(arguments: list[str]) -> list[str]:
    return [sys.executable, str(HERE / "batch_planted.py"), *arguments]


def cpu_of(command: list[str]) -> float:
    """CPU seconds of a command and its children."""
    with subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL) as child:
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{' '.join(command)} ended with {child.returncode}")
    return used.ru_utime + used.ru_stime


def environment(more: dict[str, str] | None = None) -> dict[str, str]:
    path = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **(more or {})}


def wait_for_lines(journal: Path, lines: int, child: subprocess.Popen[bytes]) -> None:
    while child.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") >= lines:
            return
        time.sleep(0.02)


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)


@contextmanager
def part(name: str) -> Iterator[Path]:
    print(f"{name} ...", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix=f"genrekit-{name}-") as folder:
        yield Path(folder)


def main() -> None:
    names = ("torture", "ray", "kills", "memory", "costs", "accuracy")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=(*names, "pages"), default=names)
    parser.add_argument("--paths", type=int, default=1_000_000)
    parser.add_argument("--essentia", metavar="PYTHON")
    arguments = parser.parse_args()
    parts: dict[str, Callable[[Path], Numbers]] = {
        "torture": torture,
        "ray": lambda work: torture(work, ray=True),
        "kills": kills,
        "memory": lambda work: memory(work, arguments.paths),
        "costs": lambda work: costs(work, arguments.essentia),
        "accuracy": accuracy,
    }
    for name in arguments.only:
        if name in parts:
            with part(name) as work:
                results = keep(name, parts[name](work))
            loads = {**results.get("loads", {}), name: round(os.getloadavg()[1], 1)}
            keep("loads", loads)
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    results = keep("machine", machine)
    if {"memory", "costs"} <= results.keys():
        results = keep("share", share(results))
    batch_page.write(results, HERE.parent / "docs")


def keep(name: str, found: Numbers) -> Numbers:
    """Put the numbers of one part among those of the others, and return all."""
    results: Numbers = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results[name] = found
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    return results


if __name__ == "__main__":
    main()
