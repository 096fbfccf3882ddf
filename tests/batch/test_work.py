"""Many files through the pool and into the journal: one terminal entry each, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from genrekit.batch import Entry, Run, open_run, read_run, work_through
from genrekit.errors import AudioFormatError, BusyError, ConfigError
from genrekit.workers import WorkerLimits

LIMITS = WorkerLimits(wall_seconds=1.5, memory_bytes=300 << 20)


def measure(path: str) -> Any:
    """What a file says is done: it may do to its process whatever files can."""
    word = Path(path).read_text()
    with Path(path).with_name("analysed").open("a") as analysed:
        analysed.write(f"{Path(path).name}\n")
    if word == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if word == "hang":
        time.sleep(60)
    if word == "eat":
        bytearray(1 << 30)
    if word == "bad":
        raise AudioFormatError("the bytes are not audio")
    if word == "wrong":
        raise ValueError("no such thing")
    return {"word": word, "timings_ms": {"total": 1.0}}


def files(folder: Path, **words: str) -> list[str]:
    for name, word in words.items():
        (folder / name).write_text(word)
    return [str(folder / name) for name in words]


def worked(run: Run, paths: list[str], **options: Any) -> dict[str, Entry]:
    entries = work_through(run, paths, measure, limits=LIMITS, workers=2, **options)
    return {Path(one.path).name: one for one in entries}


def analysed(folder: Path) -> list[str]:
    return (folder / "analysed").read_text().split()


def test_every_file_ends_in_exactly_one_entry(tmp_path: Path) -> None:
    paths = files(tmp_path, a="good", b="crash", c="hang", d="eat", e="bad", f="wrong", g="fine")
    with open_run(tmp_path / "run", "test", {"model": "1"}) as run:
        found = worked(run, [*paths, str(tmp_path / "gone"), paths[0]])
        assert run.counts() == {"ok": 2, "failed": 3, "quarantined": 3}
    kinds = {name: one.reason.kind if one.reason else "ok" for name, one in found.items()}
    assert kinds == {
        "a": "ok",
        "b": "crash",
        "c": "hang",
        "d": "memory",
        "e": "format",
        "f": "other",
        "g": "ok",
        "gone": "missing",
    }
    assert found["a"].value == {"word": "good"}
    assert found["a"].timings_ms == {"total": 1.0}
    assert [found[name].attempts for name in "abcde"] == [1, 2, 2, 2, 1]


def test_what_was_done_is_not_done_again_unless_it_changed_or_is_asked_for(tmp_path: Path) -> None:
    paths = files(tmp_path, a="good", b="bad")
    with open_run(tmp_path / "run", "test", {}) as run:
        worked(run, paths)
    with open_run(tmp_path / "run", "test", {}) as run:
        assert worked(run, paths) == {}
    with open_run(tmp_path / "run", "test", {}) as run:
        assert set(worked(run, paths, retry_failed=True)) == {"b"}
    (tmp_path / "b").write_text("mended")
    with open_run(tmp_path / "run", "test", {}) as run:
        assert worked(run, paths)["b"].value == {"word": "mended"}
    with read_run(tmp_path / "run") as run:
        assert [one.value for one in run.entries()] == [{"word": "good"}, {"word": "mended"}]


def test_other_settings_say_first_what_would_be_done_again(tmp_path: Path) -> None:
    paths = files(tmp_path, a="good", b="bad")
    with open_run(tmp_path / "run", "test", {"model": "1"}) as run:
        worked(run, paths)
    with pytest.raises(ConfigError, match=r'model: "1" then, "2" now.*2 files .*--redo'):
        open_run(tmp_path / "run", "test", {"model": "2"})
    with open_run(tmp_path / "run", "test", {"model": "2"}, redo=True) as run:
        assert set(worked(run, paths)) == {"a", "b"}


def test_a_second_writer_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    with open_run(tmp_path / "run", "test", {}):
        with pytest.raises(BusyError, match=rf"process {os.getpid()} on .* since 20"):
            open_run(tmp_path / "run", "test", {})
        with read_run(tmp_path / "run") as run:
            assert run.counts() == {}


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match="holds other things"):
        open_run(tmp_path, "test", {})


def test_a_line_that_a_crash_cut_off_is_done_again(tmp_path: Path) -> None:
    paths = files(tmp_path, a="good", b="fine")
    with open_run(tmp_path / "run", "test", {}) as run:
        worked(run, paths)
    journal = tmp_path / "run" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-10])
    with open_run(tmp_path / "run", "test", {}) as run:
        assert len(worked(run, paths)) == 1
        assert len(list(run.entries())) == 2


def test_names_that_are_not_utf_8_come_back(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9\n")
    [path] = files(tmp_path, **{name: "good"})
    for expected in (1, 0):
        with open_run(tmp_path / "run", "test", {}) as run:
            assert len(worked(run, [path])) == expected
            assert [one.file for one in run.entries()] == [path]


def test_a_run_that_is_killed_goes_on_and_repeats_no_more_than_was_in_flight(
    tmp_path: Path,
) -> None:
    music = tmp_path / "music"
    music.mkdir()
    files(music, **{f"f{number:02}": "good" for number in range(40)})
    program = (
        "import sys; from pathlib import Path; from tests.batch.test_work import measure\n"
        "from genrekit.batch import open_run, work_through\n"
        "with open_run(Path(sys.argv[1]), 'test', {}) as run:\n"
        "    paths = sorted(str(one) for one in Path(sys.argv[2]).glob('f*'))\n"
        "    for n, entry in enumerate(work_through(run, paths, measure)):\n"
        "        print(n, flush=True)\n"
    )
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", program, str(tmp_path / "run"), str(music)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([root, *sys.path])}
    child = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    assert child.stdout is not None
    told = [child.stdout.readline() for _ in range(12)]
    child.kill()
    child.wait()
    child.stdout.close()
    assert told[-1].strip() == b"11"
    with read_run(tmp_path / "run") as run:
        assert run.counts()["ok"] >= 12
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    with read_run(tmp_path / "run") as run:
        assert run.counts() == {"ok": 40}
    # What one worker has in hand: one file, and one that waits for it or for the journal.
    assert len(analysed(music)) <= 40 + 2
