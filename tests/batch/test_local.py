"""Many files: in order, one record each, whatever some of them are."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile

from genrekit.batch import predict_many
from genrekit.errors import ConfigError
from genrekit.inference import Classifier
from genrekit.jukebox import synthesise
from genrekit.schema import TrackPrediction


@pytest.fixture(scope="module")
def tracks(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Six clips with two bad files among them."""
    folder = tmp_path_factory.mktemp("tracks")
    paths = []
    for seed in range(6):
        clip = synthesise("jazz", seconds=1.2, seed=seed, sample_rate_hz=22050)
        paths.append(folder / f"{seed}.wav")
        soundfile.write(paths[-1], clip.samples, 22050, subtype="FLOAT")
    (folder / "bad.mp3").write_text("no music")
    return [*paths[:2], folder / "bad.mp3", *paths[2:], folder / "missing.mp3"]


def _timeless(answers: Iterator[TrackPrediction]) -> list[TrackPrediction]:
    return [answer.model_copy(update={"timings_ms": None}) for answer in answers]


def test_one_record_each_in_order(tracks: list[Path], tiny_bundle: Path) -> None:
    answers = list(predict_many(tracks, tiny_bundle))
    assert [answer.path for answer in answers] == [str(path) for path in tracks]
    assert [answer.error is not None for answer in answers] == [
        path.suffix == ".mp3" for path in tracks
    ]
    alone = Classifier.load(tiny_bundle).predict_file(tracks[0])
    assert answers[0].scores == alone.scores


def test_options_reach_the_classifier(tracks: list[Path], tiny_bundle: Path) -> None:
    (answer,) = predict_many(tracks[:1], tiny_bundle, segments=True, unknown_below=1.0)
    assert answer.genre == "unknown"
    assert len(answer.segments) == 2


def test_an_unknown_model_is_reported_before_any_file_is_read(tmp_path: Path) -> None:
    def never() -> Iterator[Path]:
        yield tmp_path / pytest.fail("a path was asked for")

    with pytest.raises(ConfigError):
        predict_many(never(), "nothing-like-it", workers=2)


def test_paths_are_taken_as_they_are_needed(tracks: list[Path], tiny_bundle: Path) -> None:
    answers = predict_many(itertools.repeat(tracks[0]), tiny_bundle)
    assert [next(answers).error for _ in range(3)] == [None] * 3


def _gone(pid: int) -> bool:
    """True when there is no such process, or only the entry of one that has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def _end_soon(pids: Iterable[int]) -> bool:
    remaining = list(pids)
    deadline = time.monotonic() + 10
    while remaining and time.monotonic() < deadline:
        time.sleep(0.02)
        remaining = [pid for pid in remaining if not _gone(pid)]
    return not remaining


in_proc = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="looks processes up in /proc"
)


def _children(parent: int) -> set[int]:
    """Processes that a process has started and that are there."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, owner = path.read_text().rpartition(")")[2].split()[:2]
            if int(owner) == parent and state != "Z":
                found.add(int(path.parent.name))
    return found


@pytest.mark.slow
@in_proc
def test_workers_change_nothing_and_are_gone_afterwards(
    tracks: list[Path], tiny_bundle: Path
) -> None:
    before = _children(os.getpid())
    answers = predict_many(tracks * 3, tiny_bundle, workers=2)
    first = next(answers)
    workers = _children(os.getpid()) - before
    assert workers
    many = _timeless(itertools.chain([first], answers))
    assert many == _timeless(predict_many(tracks * 3, tiny_bundle))
    assert _end_soon(workers)


@pytest.mark.slow
@in_proc
def test_stopping_early_leaves_no_worker(tracks: list[Path], tiny_bundle: Path) -> None:
    before = _children(os.getpid())
    answers = predict_many(itertools.repeat(tracks[0]), tiny_bundle, workers=2)
    assert next(answers).error is None
    workers = _children(os.getpid()) - before
    assert workers
    answers.close()  # type: ignore[attr-defined]
    assert _end_soon(workers)


class Deadly(type(Path())):  # type: ignore[misc]
    """A path that kills whatever process unpickles it, as a crashing codec would."""

    def __reduce__(self) -> Any:
        return os._exit, (9,)


@pytest.mark.slow
def test_a_dying_worker_costs_one_record(tracks: list[Path], tiny_bundle: Path) -> None:
    good = tracks[0]
    paths: list[Path] = [good, Deadly("deadly.mp3"), *[good] * 9]
    answers = list(predict_many(paths, tiny_bundle, workers=2))
    assert [answer.path for answer in answers] == [str(path) for path in paths]
    assert [answer.error is not None for answer in answers] == [
        isinstance(path, Deadly) for path in paths
    ]


ENDLESS = """
import itertools, sys
from genrekit.batch import predict_many
answers = predict_many(itertools.repeat(sys.argv[1]), sys.argv[2], workers=2)
next(answers)
print("begun", flush=True)
for answer in answers:
    pass
"""


@pytest.mark.slow
@in_proc
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_an_ended_run(
    tracks: list[Path], tiny_bundle: Path, end: signal.Signals
) -> None:
    command = [sys.executable, "-c", ENDLESS, str(tracks[0]), str(tiny_bundle)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline()
        workers = _children(run.pid)
        run.send_signal(end)
        run.wait(timeout=20)
    assert len(workers) == 2
    assert _end_soon(workers)


@pytest.mark.slow
def test_one_supervised_worker_survives_what_it_works_on(
    tracks: list[Path], tiny_bundle: Path
) -> None:
    paths: list[Path] = [tracks[0], Deadly("deadly.mp3"), tracks[1]]
    answers = list(predict_many(paths, tiny_bundle, supervised=True))
    assert [answer.error is None for answer in answers] == [True, False, True]
    assert "crashed its process" in str(answers[1].error)
