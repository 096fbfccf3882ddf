from __future__ import annotations

import json
from pathlib import Path

import pytest

from genrekit.datasets import manifest
from genrekit.errors import DatasetError

CSV = """path,label,artist,album,start,end,split
a/one.wav,Rock,X,First,0,10,train
a/one.wav,Rock,X,First,10,20.5,train
b/two.flac,Jazz,Y,,,,Validation
c/three.mp3,Rock,,,,,
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a/one.wav", "b/two.flac", "c/three.mp3"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def written(folder: Path, text: str, name: str = "manifest.csv") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_every_column_is_read(folder: Path) -> None:
    dataset = manifest.load(written(folder, CSV))
    assert dataset.task == "single-label"
    assert dataset.labels == ("Jazz", "Rock")
    first, second, third, fourth = dataset.items
    assert first.path == folder / "a/one.wav"
    assert (second.start_seconds, second.end_seconds) == (10, 20.5)
    assert (second.artist, second.album, second.split) == ("X", "First", "train")
    assert (third.artist, third.album, third.split, third.end_seconds) == ("Y", None, "valid", None)
    assert fourth.split is None


def test_parts_of_one_file_are_told_apart_and_stay_together(folder: Path) -> None:
    dataset = manifest.load(written(folder, CSV))
    assert [item.item_id for item in dataset.items] == [
        "a/one.wav#0-10",
        "a/one.wav#10-20.5",
        "b/two.flac",
        "c/three.mp3",
    ]
    assert dataset.groups() == ("a/one", "a/one", "b/two", "c/three")


def test_json_lines_are_the_same(folder: Path) -> None:
    rows = [
        {"path": "a/one.wav", "label": "Rock", "artist": "X", "start": 1, "end": 2.5},
        {"path": "b/two.flac", "label": "Jazz", "group": "g", "id": "second", "artist": None},
    ]
    text = "\n".join(json.dumps(row) for row in rows) + "\n\n"
    first, second = manifest.load(written(folder, text, "m.jsonl")).items
    assert (first.start_seconds, first.end_seconds, first.artist) == (1, 2.5, "X")
    assert (second.item_id, second.group, second.artist) == ("second", "g", None)


def test_several_labels_are_multi_label(folder: Path) -> None:
    in_csv = manifest.load(written(folder, "path,labels\na/one.wav,Rock; Pop\nb/two.flac,Jazz\n"))
    rows = [
        {"path": "a/one.wav", "labels": ["Rock", "Pop"]},
        {"path": "b/two.flac", "labels": ["Jazz"]},
    ]
    in_json = manifest.load(written(folder, "\n".join(map(json.dumps, rows)), "m.jsonl"))
    for dataset in (in_csv, in_json):
        assert dataset.task == "multi-label"
        assert [item.labels for item in dataset.items] == [("Rock", "Pop"), ("Jazz",)]
    assert in_csv.fingerprint == in_json.fingerprint


def test_absolute_paths_backslashes_and_another_folder(folder: Path) -> None:
    other = folder / "lists"
    other.mkdir()
    text = f"path,label\n{folder / 'a/one.wav'},Rock\n..\\b\\two.flac,Jazz\n"
    assert manifest.load(written(other, text)).items[1].item_id == "../b/two.flac"
    text = "path,label\na/one.wav,Rock\nb/two.flac,Jazz\n"
    assert len(manifest.load(written(other, text), audio_folder=folder)) == 2


def test_names_of_gtzan_are_known(tmp_path: Path) -> None:
    text = "path,label\nx/jazz.00051.wav,jazz\nx/blues.00012.wav,blues\n"
    dataset = manifest.load(written(tmp_path, text), audio="optional")
    assert dataset.groups() == ("jazz.00033", "blues.00012")
    assert [item.split for item in dataset.items] == ["train", "test"]
    text = "path,label,split\nx/jazz.00051.wav,jazz,\nx/blues.00012.wav,blues,train\n"
    dataset = manifest.load(written(tmp_path, text), audio="optional")
    assert [item.split for item in dataset.items] == [None, "train"]


def test_missing_files_are_counted(folder: Path) -> None:
    (folder / "b/two.flac").unlink()
    file = written(folder, CSV)
    with pytest.raises(DatasetError, match=r"1 of 4 files are missing, such as .*two\.flac"):
        manifest.load(file)
    assert [item.path is None for item in manifest.load(file, audio="optional").items][2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\na/one.wav,\n", r"line 2: a blank label"),
        ("path,label\n,Rock\n", r"line 2: the path is blank"),
        ("path,labels\na/one.wav,Rock;;Pop\n", r"line 2: a blank label"),
        ("path,label,artst\na/one.wav,Rock,X\n", r"unknown column 'artst'; did you mean artist\?"),
        (
            "sound,label\na/one.wav,Rock\n",
            r"has no column path; it has .*name the one with the audio files",
        ),
        ("path,artist\na/one.wav,X\n", r"either a column label or a column labels"),
        ("path,label,labels\na/one.wav,X,X\n", r"either a column label or a column labels"),
        ("label\nRock\n", r"no column path"),
        (
            "path,label,start\na/one.wav,Rock,soon\n",
            r"line 2, column start: 'soon' is not a",
        ),
        ("path,label,start\na/one.wav,Rock,-1\n", r"line 2, column start: -1 is negative"),
        ("path,label,start,end\na/one.wav,Rock,5,5\n", r"line 2: end 5 is not after start 5"),
        ("path,label,split\na/one.wav,Rock,maybe\n", r"line 2, column split: 'maybe'"),
        ("path,label\na/one.wav,Rock\na/one.wav,Pop\n", r"lines 2 and 3 are both a/one\.wav"),
        ("path,label\na/one.wav,Rock,more\n", r"line 2: 3 cells where the header has 2"),
    ],
)
def test_faults_of_a_table_are_placed(folder: Path, text: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        manifest.load(written(folder, text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"path": "a/one.wav", "label": "Rock"}\n{"path": "b', r"line 2: .*cut off"),
        ("[1, 2]\n", r"line 1: expected a JSON object"),
        ('{"path": "a/one.wav", "labels": "Rock"}\n', r"line 1: labels is 'Rock', expected a list"),
        ('{"path": "a/one.wav", "labels": []}\n', r"line 1: a blank label"),
        ('{"path": "a", "labels": ["R"]}\n{"path": "b", "label": "R"}\n', r"line 2: some rows"),
        ('{"path": "a", "label": "R", "gruop": "x"}\n', r"line 1: unknown column 'gruop'; did you"),
        ("\n", r"has no rows"),
    ],
)
def test_faults_of_json_lines_are_placed(folder: Path, text: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        manifest.load(written(folder, text, "m.jsonl"))


def test_columns_can_be_ignored(folder: Path) -> None:
    text = "path,label,BPM\na/one.wav,Rock,120\nb/two.flac,Jazz,90\n"
    assert len(manifest.load(written(folder, text), ignore=("BPM",))) == 2


def test_encodings(folder: Path) -> None:
    file = folder / "manifest.csv"
    text = "path,label\na/one.wav,Schlägér\nb/two.flac,Jazz\n"
    file.write_bytes(text.encode("utf-8-sig"))
    assert manifest.load(file).labels == ("Jazz", "Schlägér")
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(DatasetError, match="line 2: byte 0xe4 is not UTF-8"):
        manifest.load(file)
    lines = folder / "m.jsonl"
    lines.write_bytes(b"\xef\xbb\xbf" + b'{"path": "a/one.wav", "label": "Pop"}')
    assert manifest.load(lines).labels == ("Pop",)
    lines.write_bytes('{"path": "a/one.wav", "label": "Schläger"}'.encode("latin-1"))
    with pytest.raises(DatasetError, match="line 1"):
        manifest.load(lines)


def test_no_manifest(tmp_path: Path) -> None:
    for name in ("m.csv", "m.jsonl"):
        with pytest.raises(DatasetError, match="there is no"):
            manifest.load(tmp_path / name)
    with pytest.raises(DatasetError, match="needs a path"):
        manifest.load(None)
