"""What a path holds is found out; what holds nothing is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from genrekit.explorer import open_paths


def test_what_cannot_be_opened_is_reported_and_costs_nothing_else(
    tmp_path: Path, results: Path, table: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.json").write_text('{"kind": "genrekit-run"')
    (tmp_path / "notes.docx").write_text("")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    bad = ["missing", "empty", "broken.json", "notes.docx", "bytes.json"]
    opened = open_paths([*(tmp_path / name for name in bad), results, table])
    assert len(opened.problems) == len(bad)
    for name, problem in zip(bad, opened.problems, strict=True):
        assert str(tmp_path / name) in problem
    assert (opened.results, opened.data) == ((results,), (table,))


@pytest.mark.parametrize("name", ["index.json", "song.wav"])
def test_folders_are_told_by_what_lies_in_them(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")
    opened = open_paths([tmp_path])
    assert (opened.vectors if name == "index.json" else opened.data) == (tmp_path,)


def test_a_path_that_is_named_twice_is_opened_once(table: Path) -> None:
    assert open_paths([table, table]).data == (table,)
