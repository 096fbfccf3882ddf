"""Ctrl-C ends every command with workers, soon and for good, however often it is pressed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from genrekit.interrupts import INTERRUPTED

Start = Callable[..., subprocess.Popen[bytes]]
#: What a command may take to end, by its own count of tenths of a second.
MOST_TICKS = 30

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


@pytest.fixture
def library(song: Path, tmp_path: Path) -> Path:
    """Two genres with many tracks each, which take no space."""
    for genre in ("a", "b"):
        folder = tmp_path / "library" / genre
        folder.mkdir(parents=True)
        for number in range(1500):
            (folder / f"{genre}{number:05}.wav").symlink_to(song)
    return tmp_path / "library"


def descendants(pid: int) -> list[int]:
    """Processes that a process has started, and those that they have."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(stat.parent.name)] = int(parent)
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def wait_for(condition: Callable[[], bool], seconds: float = 240) -> bool:
    """Whether something comes true; the time is for machines that are busy."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@needs_proc
@pytest.mark.parametrize(
    ("command", "gap_seconds"),
    [("predict", 0.02), ("tag", 0.4), ("index", 1.0), ("features", 0.1), ("audit", 0.2),
     ("train", 0.05), ("batch", 0.3)],
)  # fmt: skip
def test_every_command_with_workers_ends(
    start: Start, library: Path, tmp_path: Path, tiny_bundle: Path, command: str, gap_seconds: float
) -> None:
    more = {
        "predict": ("-m", tiny_bundle),
        "tag": ("-m", tiny_bundle),
        "batch": ("-m", tiny_bundle, "-o", tmp_path / "run"),
        "index": ("-m", tiny_bundle, "-o", tmp_path / "index"),
        "features": ("-o", tmp_path / "table.csv", "--no-cache"),
        "audit": ("--corpus", "folder", "--no-labels"),
        "train": ("-o", tmp_path / "mine", "--no-cache"),
    }[command]
    process = start(command, library, "--jobs", 2, *more)
    assert wait_for(lambda: process.poll() is not None or len(descendants(process.pid)) >= 2)
    assert process.poll() is None, process.communicate()[1]
    workers = descendants(process.pid)
    for _ in range(4):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        time.sleep(gap_seconds)
    # It used to wait for ever.
    process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    assert wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))


def test_whatever_does_not_end_by_itself_is_ended() -> None:
    code = """
import time
from genrekit.interrupts import end_on_interrupt
end_on_interrupt()
try:
    print("ready", flush=True)
    time.sleep(1000)
except KeyboardInterrupt:
    while True:
        print("tick", flush=True)
        time.sleep(0.1)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    assert out.count(b"tick") < MOST_TICKS


@pytest.mark.parametrize("times", [1, 3])
def test_an_interrupt_in_a_finaliser_is_not_lost(times: int) -> None:
    """Python prints what is raised there and goes on: the process ended by being ended."""
    code = f"""
import sys, time
from genrekit.interrupts import end_on_interrupt
end_on_interrupt()
class Held:
    def __del__(self):
        print("ready", flush=True)
        time.sleep(30)
try:
    Held()
    while True:
        time.sleep(0.01)
except KeyboardInterrupt:
    print("closed", flush=True)
    sys.exit({INTERRUPTED})
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.02)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (INTERRUPTED, "closed\n", "")
