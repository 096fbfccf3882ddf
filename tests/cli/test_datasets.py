from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from genrekit.datasets import DATASETS


def test_all_corpora_are_listed_with_licence_and_what_is_here(run: Any, tmp_path: Path) -> None:
    (tmp_path / "fma/fma_metadata").mkdir(parents=True)
    (tmp_path / "fma/fma_metadata/tracks.csv").touch()
    ran = run("datasets", "--in", tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert "GTZAN Genre Collection" in ran.out
    assert "metadata, small, medium, large, full" in ran.out
    assert f"metadata in {tmp_path / 'fma'}" in ran.out
    assert f"nothing in {tmp_path / 'gtzan'}" in ran.out


def test_the_list_as_json_has_everything(run: Any, tmp_path: Path) -> None:
    rows = json.loads(run("datasets", "--in", tmp_path, "--json").out)
    assert [row["name"] for row in rows] == list(DATASETS)
    for row in rows:
        assert row["licence"]
        assert row["citation"]
        assert row["present"] == []
    fma = next(row for row in rows if row["name"] == "fma")
    assert fma["download"] == ["metadata", "small", "medium", "large", "full"]
    assert fma["folder"] == str(tmp_path / "fma")
    assert fma["faults"]


def test_a_sound_copy_is_reported_to_be_one(run: Any, music: Path) -> None:
    tracks = len(list(music.rglob("*.wav")))
    ran = run("datasets", "verify", "folder", music)
    assert (ran.code, ran.err) == (0, "")
    assert f"{tracks} files checked, 0 faults, 0 known ones" in ran.out


def test_faults_are_listed_with_file_and_exit_code_4(run: Any, music: Path, tmp_path: Path) -> None:
    tracks = list(music.rglob("*.wav"))
    for file in tracks:
        copy = tmp_path / file.relative_to(music)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(file.read_bytes())
    damaged = next((tmp_path / "jazz").iterdir())
    damaged.write_bytes(b"[red]no[/red] audio")
    ran = run("datasets", "verify", "folder", tmp_path)
    assert ran.code == 4
    assert "unreadable" in ran.out
    assert damaged.name in ran.out.replace("\n", "")
    answer = json.loads(run("datasets", "verify", "folder", tmp_path, "--json").out)
    assert (answer["ok"], answer["files_checked"]) == (False, len(tracks))
    (fault,) = answer["faults"]
    assert (fault["kind"], fault["file"]) == ("unreadable", str(damaged))


def test_a_copy_that_is_not_there_is_an_error(run: Any, tmp_path: Path) -> None:
    ran = run("datasets", "verify", "gtzan", tmp_path / "nowhere")
    assert (ran.code, ran.out) == (4, "")
    assert "there is no" in ran.err
