"""``genrekit features``: audio to tables."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from genrekit.audio import decode
from genrekit.datasets import load_dataset
from genrekit.features import build_frontend
from genrekit.schema import DescriptorsConfig, ExcerptConfig, Gtzan57Config

Run = Callable[..., Any]
WHOLE = ExcerptConfig(start_seconds=0, duration_seconds=None)


def rows(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def numbers(row: dict[str, str]) -> list[float]:
    return [float(value) for name, value in row.items() if name not in ("filename", "label")]


def test_a_table_of_a_folder_has_the_numbers_of_the_front_end(
    run: Run, music: Path, tmp_path: Path
) -> None:
    table = tmp_path / "f.csv"
    ran = run("features", music, "-o", table, "--jobs", 1)
    assert ran == (0, f"{table}: 6 tracks, 6 of them computed now; 0 could not be read\n", "")
    frontend = build_frontend(Gtzan57Config())
    files = sorted(music.rglob("*.wav"))
    assert [row["filename"] for row in rows(table)] == [
        file.relative_to(music).as_posix() for file in files
    ]
    for row, file in zip(rows(table), files, strict=True):
        assert tuple(row) == ("filename", *frontend.feature_names)
        samples = decode(file, excerpt=WHOLE).samples
        np.testing.assert_allclose(numbers(row), frontend(samples), rtol=1e-8)


def test_labels_are_the_folders(run: Run, music: Path, tmp_path: Path) -> None:
    table = tmp_path / "f.csv"
    assert run("features", music, "-o", table, "--labels", "-j", 1).code == 0
    assert [row["label"] for row in rows(table)] == ["disco"] * 3 + ["jazz"] * 3


def test_one_file_has_a_label_too(
    run: Run, song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(song.parent)
    table = tmp_path / "f.csv"
    assert run("features", song.name, "-o", table, "--labels").code == 0
    assert [(row["filename"], row["label"]) for row in rows(table)] == [(song.name, "jazz")]


def test_relative_and_absolute_names_may_be_mixed(
    run: Run, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(music)
    table = tmp_path / "f.csv"
    assert run("features", "jazz", music / "disco" / "disco 0.wav", "-o", table).code == 0
    names = [row["filename"] for row in rows(table)]
    assert names == ["jazz/jazz 0.wav", "jazz/jazz 1.wav", "jazz/jazz 2.wav", "disco/disco 0.wav"]


def test_the_full_set(run: Run, song: Path, tmp_path: Path) -> None:
    table = tmp_path / "f.csv"
    assert run("features", song, "--set", "descriptors", "-o", table).code == 0
    (row,) = rows(table)
    frontend = build_frontend(DescriptorsConfig())
    assert tuple(row) == ("filename", *frontend.feature_names)
    np.testing.assert_allclose(
        numbers(row), frontend(decode(song, excerpt=WHOLE).samples), rtol=1e-8
    )


def test_parquet_holds_what_csv_holds(run: Run, music: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = tmp_path / "f.parquet"
    assert run("features", music / "jazz", "-o", tmp_path / "f.csv", "--labels").code == 0
    assert run("features", music / "jazz", "-o", table, "--labels").code == 0
    found = parquet.read_table(table).to_pylist()
    expected = rows(tmp_path / "f.csv")
    assert [row["filename"] for row in found] == [row["filename"] for row in expected]
    assert [row["label"] for row in found] == ["jazz"] * 3
    assert [row["tempo"] for row in found] == [float(row["tempo"]) for row in expected]


def test_a_finished_table_is_replaced_only_on_request(
    run: Run, music: Path, tmp_path: Path
) -> None:
    table = tmp_path / "f.csv"
    table.write_text("mine")
    ran = run("features", music, "-o", table)
    assert (ran.code, ran.out) == (2, "")
    assert "--overwrite" in ran.err
    assert table.read_text() == "mine"
    ran = run("features", music, "-o", table, "--overwrite", "-j", 1, "--json")
    assert json.loads(ran.out) == {
        "table": str(table),
        "tracks": 6,
        "computed": 6,
        "failed": 0,
    }
    assert len(rows(table)) == 6


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_bad_file_has_no_row_and_one_line(
    run: Run, song: Path, tmp_path: Path, jobs: int
) -> None:
    shutil.copy(song, tmp_path / "good.wav")
    (tmp_path / "bad.wav").write_text("no audio")
    os.mkfifo(tmp_path / "pipe.wav")
    missing = tmp_path / "missing.wav"
    table = tmp_path / "f.csv"
    ran = run("features", tmp_path, missing, "-o", table, "--jobs", jobs)
    assert ran.code == 3
    assert ran.out == f"{table}: 1 tracks, 1 of them computed now; 3 could not be read\n"
    assert [row["filename"] for row in rows(table)] == ["good.wav"]
    # Said as they are met, which two processes do in any order.
    gone, bad, pipe = sorted(ran.err.splitlines())
    assert bad.startswith(f"error: {tmp_path / 'bad.wav'}: this is not audio")
    assert pipe.startswith(f"error: {tmp_path / 'pipe.wav'} is a named pipe")
    assert gone == f"error: '{missing}' cannot be read: No such file or directory"


def test_a_table_without_rows_is_not_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_text("no audio")
    ran = run("features", tmp_path, "-o", tmp_path / "f.csv")
    assert ran.code == 3
    assert "not one of the files could be read" in ran.err
    assert not (tmp_path / "f.csv").exists()


def test_names_that_are_not_utf8(run: Run, song: Path, tmp_path: Path) -> None:
    try:
        shutil.copy(os.fsencode(song), os.fsencode(tmp_path) + b"/caf\xe9.wav")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert run("features", tmp_path, "-o", tmp_path / "f.csv").code == 0
    assert [row["filename"] for row in rows(tmp_path / "f.csv")] == ["caf\\udce9.wav"]


@pytest.mark.parametrize("output", ["f.txt", "f", "missing/f.csv", "."])
def test_places_that_cannot_be_written(
    run: Run, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("features", music, "-o", output)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="root may write to any folder")
def test_a_folder_without_permission(run: Run, music: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    ran = run("features", music, "-o", tmp_path / "f.csv")
    assert (ran.code, ran.out) == (2, "")
    assert "no permission" in ran.err


def test_a_cache_that_cannot_be_kept_says_how_to_go_on(
    run: Run, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").write_text("a file where a folder is wanted")
    monkeypatch.setenv("GENREKIT_HOME", str(tmp_path / "home"))
    table = tmp_path / "f.csv"
    refused = run("features", music, "-o", table)
    assert (refused.code, refused.out) == (2, "")
    assert "--no-cache" in refused.err
    assert run("features", music, "-o", table, "--no-cache", "-j", 1).code == 0


def test_the_cache_gives_the_same_table(run: Run, music: Path, tmp_path: Path) -> None:
    home = Path(os.environ["GENREKIT_HOME"])
    first, again, anew = (tmp_path / name for name in ("a.csv", "b.csv", "c.csv"))
    assert run("features", music, "-o", anew, "--no-cache", "-j", 1).code == 0
    assert list(home.rglob("*.npy")) == []
    assert run("features", music, "-o", first, "-j", 1, "--cache-limit-gb", "inf").code == 0
    assert len(list(home.rglob("*.npy"))) == 6
    assert run("features", music, "-o", again, "-j", 1).code == 0
    assert first.read_text() == again.read_text() == anew.read_text()


def test_sources_and_output_are_both_needed(run: Run, music: Path) -> None:
    for arguments in ((music,), ("-o", "f.csv"), ()):
        ran = run("features", *arguments)
        assert (ran.code, ran.out) == (2, "")
        assert "genrekit features MUSIC -o x.csv" in ran.err


@pytest.mark.parametrize("kind", ["gtzan57", "descriptors"])
def test_columns_are_described(run: Run, kind: str) -> None:
    names = list(
        build_frontend(Gtzan57Config() if kind == "gtzan57" else DescriptorsConfig()).feature_names
    )
    described = json.loads(run("features", "--describe", "--set", kind, "--json").out)
    assert [column["name"] for column in described] == names
    assert all(column["unit"] and column["meaning"] for column in described)
    heading, *lines = run("features", "--describe", "--set", kind).out.splitlines()
    assert heading.split() == ["column", "unit", "family", "meaning"]
    assert [line.split()[0] for line in lines] == names
    assert described[0]["meaning"] in lines[0]


# Enough to be in the midst of them whenever this process is asked again.
MANY = 300


def test_an_interrupted_table_goes_on_where_it_stopped(
    run: Run,
    start: Callable[..., subprocess.Popen[bytes]],
    song: Path,
    tmp_path: Path,
) -> None:
    many, table = tmp_path / "many", tmp_path / "f.csv"
    many.mkdir()
    names = [f"{number:03}.wav" for number in range(MANY)]
    for name in names:
        (many / name).symlink_to(song)
    process = start("features", many, "-o", table, "--jobs", 1, "--no-cache")
    try:
        while process.poll() is None and not any(
            journal.read_text().count("\n") > 5
            for journal in tmp_path.glob("f.csv.run/journal.jsonl")
        ):
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, out) == (130, b"")
    assert err.decode() == "warning: stopped; the same command goes on from here\n"
    assert not table.exists()
    summary = json.loads(run("features", many, "-o", table, "-j", 1, "--json").out)
    assert summary["tracks"] == MANY
    assert 0 < summary["computed"] < MANY - 3
    assert [row["filename"] for row in rows(table)] == names
    first, *others = (numbers(row) for row in rows(table))
    # Two processes with other threads may differ in the last digit.
    assert all(row == pytest.approx(first, rel=1e-5) for row in others)
    assert [path.name for path in tmp_path.glob("f.csv*")] == ["f.csv"]


def test_a_row_for_each_window_is_named_as_in_the_published_table(run: Run, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for track, seconds in (("blues.00000", 6.01), ("jazz.00001", 5.9), ("jazz.00002", 4.0)):
        file = tmp_path / "genres" / track.partition(".")[0] / f"{track}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        noise = 0.1 * generator.normal(size=round(22050 * seconds))
        soundfile.write(file, noise, 22050)
    out = tmp_path / "features_3_sec.csv"
    assert run("features", tmp_path / "genres", "--window", "3", "-o", out).code == 0
    header, *rows = [line.split(",") for line in out.read_text().splitlines()]
    assert (header[:2], header[-1], len(header)) == (["filename", "length"], "label", 60)
    assert [(row[0], row[1], row[-1]) for row in rows] == [
        ("blues.00000.0.wav", "66150", "blues"),
        ("blues.00000.1.wav", "66150", "blues"),
        ("jazz.00001.0.wav", "66150", "jazz"),
        ("jazz.00001.1.wav", str(round(22050 * 5.9) - 66150), "jazz"),
        ("jazz.00002.0.wav", "66150", "jazz"),
    ]
    dataset = load_dataset("table", out)
    assert dataset.groups()[1:3] == ("blues.00000", "jazz.00001")
    (tmp_path / "genres/jazz/jazz.00002.wav").rename(tmp_path / "genres/jazz/song.wav")
    again = tmp_path / "named.csv"
    assert run("features", tmp_path / "genres", "--window", "3", "-o", again).code == 0
    assert load_dataset("table", again).items[-1].group == "song.wav"
