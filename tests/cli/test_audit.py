"""``genrekit audit`` as a user meets it: good data, bad data, and what it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import pytest
import soundfile

from genrekit.audit import AuditReport
from genrekit.datasets import load_dataset
from genrekit.jukebox import synthesise


class Ran(NamedTuple):
    code: int
    out: str
    err: str


class Run(Protocol):
    def __call__(self, *arguments: str | Path) -> Ran: ...


HEADER = "filename,a,b,label"
ROWS = [f"t{k},{k / 7:.4f},{(k * 37) % 11 / 3:.4f},{('calm', 'loud')[k % 2]}" for k in range(12)]
DATASET_ERROR = 4


def table(file: Path, *lines: str, encoding: str = "utf-8") -> Path:
    file.write_bytes("\n".join(lines or (HEADER, *ROWS)).encode(encoding))
    return file


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    folder = tmp_path / "songs"
    for number, genre in enumerate(("blues", "disco", "metal", "reggae")):
        song = synthesise(genre, seconds=4, seed=number)
        file = folder / ("calm", "loud")[number % 2] / f"{genre}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, song.samples, song.sample_rate_hz)
    song = synthesise("blues", seconds=4, seed=0)
    soundfile.write(folder / "calm/again.wav", song.samples[11_025:] * 0.7, song.sample_rate_hz)
    (folder / "loud/broken.mp3").write_bytes(b"no audio at all")
    return folder


def test_findings_are_shown_gravest_first(run: Run, songs: Path) -> None:
    ran = run("audit", songs, "--jobs", "1", "--no-labels")
    assert ran.code == 0
    assert "songs (audio): 6 items, 2 labels" in ran.out
    assert ran.out.index("Cannot be read") < ran.out.index("Nearly the same")
    assert "calm/blues.wav and calm/again are nearly the same" not in ran.out
    assert "calm/blues and calm/again are nearly the same" in ran.out
    assert "not checked: suspicious labels (not asked for)" in ran.out


def test_json_is_a_report_of_the_contract_a_line(run: Run, songs: Path, tmp_path: Path) -> None:
    features = table(tmp_path / "t.csv")
    ran = run("audit", songs, features, "--json", "--jobs", "1", "--no-labels")
    reports = [AuditReport.model_validate_json(line) for line in ran.out.splitlines()]
    assert [report.data for report in reports] == ["songs", "t.csv"]
    assert reports[0].counts() == {"unreadable": 1, "near-duplicate": 1}
    (unreadable, _) = reports[0].findings
    assert [item.file for item in unreadable.items] == ["loud/broken.mp3"]


def test_a_plan_loads_the_rest_and_touches_nothing(run: Run, songs: Path, tmp_path: Path) -> None:
    before = {file: file.read_bytes() for file in songs.rglob("*.*")}
    plan = tmp_path / "plan.yaml"
    ran = run("audit", songs, "--fix", plan, "--jobs", "1", "--no-labels")
    assert (ran.code, ran.err) == (0, f"written to {plan}\n")
    fixed = load_dataset("folder", songs, fix=plan)
    assert sorted(item.item_id for item in fixed.items) == [
        "calm/blues.wav",
        "calm/metal.wav",
        "loud/disco.wav",
        "loud/reggae.wav",
    ]
    assert {file: file.read_bytes() for file in songs.rglob("*.*")} == before


def test_a_folder_of_sets_is_audited_set_by_set(run: Run, songs: Path, tmp_path: Path) -> None:
    lines = [
        HEADER.replace("b,", "b,c,d,e,f,"),
        *(row.replace(",", ",1,2,3,4,", 1) for row in ROWS),
    ]
    table(tmp_path / "features.csv", *lines)
    page, text = tmp_path / "report.html", tmp_path / "report.md"
    ran = run("audit", tmp_path, "--no-labels", "--jobs", "1", "--report", page, "--output", text)
    assert ran.code == 0
    assert "features.csv (table)" in ran.out
    assert "songs (audio)" in ran.out
    for written in (page.read_text(encoding="utf-8"), text.read_text(encoding="utf-8")):
        assert "features.csv" in written
        assert "broken.mp3" in written
        assert str(tmp_path / "songs") not in written


def test_a_plan_is_for_one_set(run: Run, songs: Path, tmp_path: Path) -> None:
    ran = run("audit", songs, table(tmp_path / "t.csv"), "--fix", tmp_path / "plan.yaml")
    assert ran.code == 2
    assert "a plan is for one set, and there are 2" in ran.err


def test_bytes_of_names_that_are_no_text_are_escaped(run: Run, songs: Path) -> None:
    odd = Path(str(songs / "calm") + "/\udcff.wav")
    try:
        soundfile.write(str(songs / "calm/x.wav"), np.zeros(22_050, np.float32), 22_050)
        (songs / "calm/x.wav").rename(odd)
    except (OSError, UnicodeEncodeError):
        pytest.skip("this file system has no such names")
    ran = run("audit", songs, "--json", "--jobs", "1", "--no-labels")
    assert ran.code == 0
    silent = [one for one in json.loads(ran.out)["findings"] if one["kind"] == "silent"]
    assert [one["items"][0]["file"] for one in silent] == ["calm/\\xff.wav"]


# --- bad data -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "encoding", "message"),
    [
        (
            ("filename,a,b", "t,1,2"),
            "utf-8",
            "has none of the columns ['label', 'genre', 'class', 'dance']",
        ),
        ((HEADER, "t,1,2,calm", "u,1,2"), "utf-8", "line 3: 3 cells where the header has 4"),
        ((HEADER, "t,1,2,calm", "u,1,x,loud"), "utf-8", "line 3, column 'b': 'x' is not a finite"),
        ((HEADER, "t,1,2,calm", "u,1,2,"), "utf-8", "line 3: column 'label' is blank"),
        ((HEADER, "t,1,2,calm", "ü,1,2,loud"), "latin-1", "line 3: byte 0xfc is not UTF-8"),
        ((HEADER, "t,1,2,calm"), "utf-16", "is UTF-16; expected UTF-8"),
        ((HEADER,), "utf-8", "has a header but no rows"),
        (("", ""), "utf-8", "is empty"),
        (('filename,a,"b,label', "t,1,2,calm"), "utf-8", "line "),
        ((HEADER, "t;1,5;2;calm"), "utf-8", "cells where the header has 4"),
        (("filename;a;b;label", "t;1.5;2;calm", "u;1,5;2;calm"), "utf-8", "decimals with a point"),
    ],
    ids=[
        *("no-label", "cut-off", "mixed", "blank-label", "latin-1", "utf-16", "no-rows", "empty"),
        *("open-quote", "other-delimiter", "decimal-comma"),
    ],
)
def test_a_bad_table_ends_with_file_and_place(
    run: Run, tmp_path: Path, lines: tuple[str, ...], encoding: str, message: str
) -> None:
    file = table(tmp_path / "bad.csv", *lines, encoding=encoding)
    ran = run("audit", file)
    assert ran.code == DATASET_ERROR
    assert ran.out == ""
    (line,) = ran.err.splitlines()
    assert line.startswith("error: ")
    assert "bad.csv" in line
    assert message in line


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_a_byte_order_mark_and_another_delimiter_are_read(
    run: Run, tmp_path: Path, mark: str
) -> None:
    lines = [line.replace(",", mark) for line in (HEADER, *ROWS)]
    file = table(tmp_path / "t.csv", *lines, encoding="utf-8-sig")
    ran = run("audit", file, "--json", "--no-labels")
    assert ran.code == 0
    assert json.loads(ran.out)["labels"] == {"calm": 6, "loud": 6}


def test_missing_values_are_findings_not_errors(run: Run, tmp_path: Path) -> None:
    file = table(tmp_path / "t.csv", HEADER, *ROWS[:-1], "t11,,3.5,loud")
    ran = run("audit", file, "--no-labels")
    assert ran.code == 0
    assert "column a has no value in 1 of 12 rows (lines 13)" in ran.out


def test_columns_with_decimal_commas_are_not_lost_unseen(run: Run, tmp_path: Path) -> None:
    lines = [line.replace(",", "\t").replace(".", ",") for line in (HEADER, *ROWS)]
    lines = [line + ("\tn" if number == 0 else f"\t{number}") for number, line in enumerate(lines)]
    ran = run("audit", table(tmp_path / "t.csv", *lines), "--no-labels")
    assert ran.code == 0
    assert "column a is not a feature: '0,0000' is written with a decimal comma" in ran.out


FMA_COLUMNS = (
    "set.split set.subset track.genre_top track.genres track.genres_all artist.id album.id"
)


def test_an_fma_table_cut_off_in_the_middle_is_reported_to_be(run: Run, tmp_path: Path) -> None:
    groups, names = zip(*(name.split(".") for name in FMA_COLUMNS.split()), strict=True)
    header = [",".join(["", *groups]), ",".join(["", *names]), "track_id" + "," * len(names)]
    rows = [f'{n},training,small,Rock,"[12]","[12]",{n},{n}' for n in range(4)]
    text = "\n".join([*header, *rows])
    (tmp_path / "fma_metadata").mkdir()
    (tmp_path / "fma_metadata/genres.csv").write_text(
        "genre_id,#tracks,parent,title,top_level\n12,6,0,Rock,12\n"
    )
    table(tmp_path / "fma_metadata/tracks.csv", text[:-8])
    ran = run("audit", tmp_path)
    assert ran.code == DATASET_ERROR
    assert "tracks.csv, last line" in ran.err
    assert "is the file cut off?" in ran.err


def test_an_hdf5_file_that_is_none_is_reported_to_be(run: Run, tmp_path: Path) -> None:
    track = "TRAAAAW128F429D538"
    (tmp_path / "msd_tagtraum_cd2c.cls").write_text(f"{track}\tRock\n")
    file = tmp_path / "data/A/A/A" / f"{track}.h5"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"this is text, not HDF5")
    ran = run("audit", tmp_path, "--option", "features=segments")
    assert ran.code == DATASET_ERROR
    assert f"{track}.h5" in ran.err
    assert "HDF5" in ran.err


def test_options_reach_the_loader(run: Run, tmp_path: Path) -> None:
    file = table(tmp_path / "t.csv", HEADER.replace("label", "style"), *ROWS)
    assert run("audit", file).code == DATASET_ERROR
    named = ("--option", "label_column=style", "--no-labels", "--json")
    assert json.loads(run("audit", file, *named).out)["labels"] == {"calm": 6, "loud": 6}
    assert run("audit", file, "--option", "label_column").code == 2
    assert run("audit", file, "--option", "nosuch=1").code == 2


@pytest.mark.parametrize("name", ["absent.csv", "absent"])
def test_what_is_not_there_is_reported_to_be(run: Run, tmp_path: Path, name: str) -> None:
    ran = run("audit", tmp_path / name)
    assert ran.code == DATASET_ERROR
    assert "neither a file nor a folder" in ran.err
    assert run("audit", tmp_path / name, "--corpus", "nosuch").code == 2


def test_without_scikit_learn_the_extra_is_named_before_anything_is_decoded(
    run: Run, songs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from genrekit.audit import run as audit

    monkeypatch.setattr(audit, "find_spec", lambda name: None)
    ran = run("audit", songs)
    assert ran.code == 6
    assert "pip install 'genrekit[train]'" in ran.err
    assert run("audit", songs, "--no-labels", "--jobs", "1").code == 0
