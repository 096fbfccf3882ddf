"""Feature tables are complete, in order, and resume where they were interrupted."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import soundfile

from genrekit.batch import write_features
from genrekit.batch.feature_table import Described
from genrekit.errors import AudioError, ConfigError
from genrekit.features import build_frontend
from genrekit.jukebox import synthesise
from genrekit.schema import Gtzan57Config

CONFIG = Gtzan57Config()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("music")
    for genre in ("disco", "jazz", "metal"):
        waveform = synthesise(genre, seconds=2, seed=1)
        soundfile.write(folder / f"{genre}.wav", waveform.samples, waveform.sample_rate_hz)
    return {path.name: path for path in sorted(folder.iterdir())}


def read(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_a_table_holds_name_columns_and_label(files: dict[str, Path], tmp_path: Path) -> None:
    output = tmp_path / "features.csv"
    labels = {name: name.removesuffix(".wav") for name in files}
    assert len(list(write_features(files, CONFIG, output, labels=labels))) == 3
    header, *rows = read(output)
    assert header == ["filename", *build_frontend(CONFIG).feature_names, "label"]
    assert [(row[0], row[-1]) for row in rows] == list(labels.items())
    assert list(tmp_path.iterdir()) == [output]


def test_an_interrupted_table_computes_only_what_is_missing(
    files: dict[str, Path], tmp_path: Path
) -> None:
    whole, resumed = tmp_path / "whole.csv", tmp_path / "resumed.csv"
    list(write_features(files, CONFIG, whole))
    run = write_features(files, CONFIG, resumed)
    assert next(run).path.name == "disco.wav"
    run.close()  # type: ignore[attr-defined]
    assert not resumed.exists()
    journal = tmp_path / "resumed.csv.run" / "journal.jsonl"
    with journal.open("a") as file:
        file.write('{"path": "jazz')  # the machine went down in the middle of a line
    assert [one.path.name for one in write_features(files, CONFIG, resumed)] == [
        "jazz.wav",
        "metal.wav",
    ]
    assert read(resumed) == read(whole)
    assert not journal.exists()


def test_parquet_holds_the_same_numbers(files: dict[str, Path], tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    list(write_features(files, CONFIG, tmp_path / "x.csv"))
    list(write_features(files, CONFIG, tmp_path / "x.parquet"))
    header, *rows = read(tmp_path / "x.csv")
    table = parquet.read_table(tmp_path / "x.parquet")
    assert table.column_names == header
    assert table["tempo"].to_pylist() == [float(row[header.index("tempo")]) for row in rows]


def test_a_bad_file_costs_its_own_row_only(files: dict[str, Path], tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp3"
    bad.write_text("no music")
    outcomes = list(write_features({"bad.mp3": bad, **files}, CONFIG, tmp_path / "x.csv"))
    assert isinstance(outcomes[0].error, AudioError)
    assert [row[0] for row in read(tmp_path / "x.csv")[1:]] == list(files)


def test_a_file_that_failed_is_remembered_until_it_changes(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, output = tmp_path / "bad.mp3", tmp_path / "x.csv"
    bad.write_text("no music")
    some = {"bad.mp3": bad, **files}
    list(write_features(some, CONFIG, output))
    described: list[str] = []
    call = Described.__call__

    def noted(self: Described, path: str) -> list[str]:
        described.append(Path(path).name)
        return call(self, path)

    monkeypatch.setattr(Described, "__call__", noted)
    (told,) = write_features(some, CONFIG, output, overwrite=True)
    assert (told.path, described) == (bad, [])
    assert "not audio" in str(told.error)
    list(write_features(some, CONFIG, output, overwrite=True, retry_failed=True))
    assert described == ["bad.mp3"]
    bad.write_bytes(files["disco.wav"].read_bytes())
    list(write_features(some, CONFIG, output, overwrite=True))
    assert described == ["bad.mp3", "bad.mp3"]
    assert [row[0] for row in read(output)[1:]] == list(some)


def test_no_readable_file_gives_an_error_and_no_table(tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp3"
    bad.write_text("no music")
    with pytest.raises(AudioError, match="not one of the files could be read"):
        list(write_features({"bad.mp3": bad}, CONFIG, tmp_path / "x.csv"))
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.parametrize("name", ["x.xlsx", "missing/x.csv", "there.csv"])
def test_an_output_that_cannot_be_is_refused_first(
    name: str, files: dict[str, Path], tmp_path: Path
) -> None:
    there = tmp_path / "there.csv"
    there.write_text("mine")
    with pytest.raises(ConfigError):
        list(write_features(files, CONFIG, tmp_path / name))
    assert there.read_text() == "mine"
