from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genrekit.datasets import Dataset, leaking_groups, load_dataset, make_split
from genrekit.errors import DatasetError

KAGGLE = """filename,length,tempo,rms,label
blues.00000.wav,661794,120.5,0.25,blues
blues.00029.wav,661794,-3e-2,0.5,blues
rock.00010.wav,661794,99,1,rock
jazz.00054.wav,661794,80,2,jazz
"""


def load(folder: Path, content: str | bytes, name: str = "t.csv", **options: Any) -> Dataset:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_dataset("table", file, **options)


def test_the_kaggle_convention(tmp_path: Path) -> None:
    data = load(tmp_path, KAGGLE)
    assert data.feature_names == ("tempo", "rms")
    assert data.labels == ("blues", "jazz", "rock")
    assert data.features is not None
    np.testing.assert_array_equal(data.features, [[120.5, 0.25], [-0.03, 0.5], [99, 1], [80, 2]])
    assert [(item.item_id, item.group, item.split) for item in data.items] == [
        ("blues.00000", "blues.00000", "valid"),
        ("blues.00029", "blues.00029", "train"),
        ("rock.00010", "rock.00010", "test"),
        ("jazz.00054", "jazz.00054", "train"),
    ]
    assert data.info.title == "Features of GTZAN Genre Collection"


def test_three_second_rows_are_grouped_by_track(tmp_path: Path) -> None:
    rows = [
        f"{g}.0000{t}.{s}.wav,{s},{g}" for g in ("pop", "rock") for t in range(3) for s in range(10)
    ]
    data = load(tmp_path, "\n".join(["filename,f,label", *rows]))
    assert len(data) == 60
    assert len(set(data.groups())) == 6
    assert data.items[13].item_id == "pop.00001.3"
    split = make_split(data, "grouped-kfold", n_folds=3)
    assert leaking_groups(data, split) == ()
    assert make_split(data, "segments-leaky", n_folds=3).leaky


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    data = load(tmp_path, KAGGLE.replace(",", delimiter))
    assert data.fingerprint == load(tmp_path, KAGGLE).fingerprint


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + KAGGLE.encode(),
        KAGGLE.replace("\n", "\r\n").encode(),
        KAGGLE.replace("blues.00000.wav", '"blues.00000.wav"').encode(),
        KAGGLE.replace(",", " , ").encode(),
        KAGGLE.rstrip().encode(),
        (KAGGLE + "\n\n").encode(),
        KAGGLE.replace("\n", "\n\n", 1).encode(),
    ],
)
def test_harmless_differences_do_not_matter(tmp_path: Path, content: bytes) -> None:
    assert load(tmp_path, content).fingerprint == load(tmp_path, KAGGLE).fingerprint


def test_options_name_the_columns(tmp_path: Path) -> None:
    text = "song,set,who,f,year\n" + "".join(
        f"s{n},{'ab'[n % 2]},artist {n // 2},{n},{1990 + n}\n" for n in range(8)
    )
    data = load(
        tmp_path,
        text,
        label_column="set",
        id_column="song",
        group_column="who",
        drop_columns=["year"],
    )
    assert data.feature_names == ("f",)
    assert data.items[3].item_id == "s3"
    assert data.items[3].group == "artist 1"
    assert data.labels == ("a", "b")


def test_a_column_that_restates_the_label_is_no_feature(tmp_path: Path) -> None:
    rows = [f"s{n}.wav,{n / 7},{n % 3},{'xyz'[n % 3]},Train" for n in range(30)]
    data = load(tmp_path, "\n".join(["File,f,GenreID,Genre,Type", *rows]))
    assert data.feature_names == ("f",)


def test_a_track_id_groups_rows_and_is_no_feature(tmp_path: Path) -> None:
    rows = [f"{n // 3},{n / 7},{'xy'[n // 3 % 2]}" for n in range(30)]
    data = load(tmp_path, "\n".join(["Track ID,f,Genre", *rows]))
    assert data.feature_names == ("f",)
    assert data.groups()[:4] == ("t#0", "t#0", "t#0", "t#1")


def test_rows_of_one_file_are_one_recording(tmp_path: Path) -> None:
    rows = [f"song {n // 3}.mp3,{n / 7},{'xy'[n // 3 % 2]}" for n in range(12)]
    data = load(tmp_path, "\n".join(["file,f,genre", *rows]))
    assert [item.item_id for item in data.items[:4]] == [
        "song 0.mp3.0",
        "song 0.mp3.1",
        "song 0.mp3.2",
        "song 1.mp3.0",
    ]
    assert len(set(data.groups())) == 4


def test_a_table_that_does_not_name_its_tracks_cannot_be_split_honestly(tmp_path: Path) -> None:
    text = "\n".join(["f,label", *(f"{n / 7},{'xy'[n % 2]}" for n in range(40))])
    with pytest.raises(DatasetError, match="1 recordings, fewer than the 10"):
        make_split(load(tmp_path, text), "grouped-kfold")
    assert make_split(load(tmp_path, text), "segments-leaky").leaky
    trusted = load(tmp_path, text, rows_are_tracks=True)
    assert not make_split(trusted, "grouped-kfold").leaky


def test_the_row_index_of_pandas_is_no_feature(tmp_path: Path) -> None:
    data = load(tmp_path, ",file,f,label\n0,a,1,x\n1,b,2,y\n")
    assert data.feature_names == ("f",)


def test_parquet_is_the_same_table(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    text = load(tmp_path, KAGGLE)
    file = tmp_path / "t.parquet"
    pandas.read_csv(tmp_path / "t.csv").to_parquet(file)
    assert load_dataset("table", file).fingerprint == text.fingerprint
    file.write_bytes(b"PAR1 not really")
    with pytest.raises(DatasetError, match="not readable as Parquet"):
        load_dataset("table", file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"t\.csv is empty"),
        ("\n \n", r"t\.csv is empty"),
        ("filename,f,label\n", "no rows"),
        ("filename,f\na,1\n", r"none of the columns \['label', 'genre', 'class', 'dance'\]"),
        ("filename,f,label\na,,x\nb,2,y\n", r"line 2, column 'f': a blank cell"),
        ("filename,f,label\na,1,x\nb,nan,y\n", r"line 3, column 'f': 'nan'"),
        ("filename,f,label\na,1,x\nb,inf,y\n", r"line 3, column 'f': 'inf'"),
        ("filename,f,label\na,1,x\nb,loud,y\n", r"line 3, column 'f': 'loud'.*1 such"),
        ('filename,f,label\na,"0,5",x\nb,"0,25",y\n', r"line 2.*'0,5'.*decimals with a point"),
        ("filename;f;label\na;1.000,5;x\nb;0,25;y\n", r"line 2.*'1.000,5'"),
        ("filename,f,label\na,1,x\nb,2,\n", r"line 3: column 'label' is blank"),
        ("filename,f,label\n,1,x\n", r"line 2: column 'filename' is blank"),
        ("filename,f,label\na,1,x\nb,2\n", r"line 3: 2 cells where the header has 3"),
        ("filename,f,f,label\na,1,1,x\n", "'f' occurs twice"),
        ("filename,,label\na,1,x\n", "column 2 has no name"),
        ('filename,f,label\na,1,"x\n', r"line 2: unexpected end of data"),
        ("filename,label\na,x\nb,y\n", "no columns of numbers"),
        ("filename,f,label\na,1,x\n".encode("utf-16"), "is UTF-16"),
        ("filename,f,label\na,1,x\nbé,1,x\n".encode("latin-1"), "line 3: byte 0xe9 is not UTF-8"),
        (b"filename,f,label\na,1,\x00x\n", "zero bytes"),
    ],
)
def test_bad_tables_say_where(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        load(tmp_path, content)


@pytest.mark.parametrize(
    "option",
    [
        {"label_column": "gender"},
        {"id_column": "gender"},
        {"group_column": "gender"},
        {"drop_columns": ["gender"]},
    ],
)
def test_a_missing_column_is_named_with_its_option(tmp_path: Path, option: dict[str, Any]) -> None:
    with pytest.raises(DatasetError, match=f"no column 'gender' \\({next(iter(option))}\\)"):
        load(tmp_path, KAGGLE, **option)


def test_a_wrong_delimiter_is_suspected(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="name the delimiter"):
        load(tmp_path, KAGGLE.replace(",", "~"))
    assert len(load(tmp_path, KAGGLE.replace(",", "~"), delimiter="~")) == 4


def test_there_must_be_a_file(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="there is no table"):
        load_dataset("table", tmp_path / "absent.csv")
    with pytest.raises(DatasetError, match="needs a path"):
        load_dataset("table")


@pytest.mark.real
def test_the_kaggle_table(real_data: Path) -> None:
    data = load_dataset("table", real_data / "gtzan_tables/features_30_sec.csv")
    assert len(data) == 1000
    assert len(data.feature_names) == 57
    assert len(set(data.groups())) == 963
    (fold,) = make_split(data, "fault-filtered").folds
    assert [len(side) for side in (fold.train, fold.valid, fold.test)] == [443, 197, 290]
    held_out = real_data / "splits/held_out_tracks.txt"
    kept = load_dataset("table", real_data / "gtzan_tables/features_30_sec.csv", leave_out=held_out)
    assert len(kept) == 1000 - 44


@pytest.mark.real
@pytest.mark.parametrize(("name", "rows"), [("course_30s.tsv", 990), ("course_10s.tsv", 2970)])
def test_the_course_tables(real_data: Path, name: str, rows: int) -> None:
    data = load_dataset("table", real_data / "gtzan_tables" / name)
    assert len(data) == rows
    assert len({item.item_id.rsplit(".", rows // 2970)[0] for item in data.items}) == 990
    assert not {"Track ID", "GenreID", "Genre", "Type"} & set(data.feature_names)
    assert len(data.feature_names) == 63
    for protocol in ("grouped-kfold", "holdout", "fault-filtered"):
        assert leaking_groups(data, make_split(data, protocol)) == ()


@pytest.mark.real
def test_the_table_without_names_is_refused(real_data: Path) -> None:
    data = load_dataset("table", real_data / "gtzan_tables/features_3_sec_five_genres.csv")
    with pytest.raises(DatasetError, match="1 recordings"):
        make_split(data, "grouped-kfold")


# --- NumPy archives -----------------------------------------------------------------------------


def test_an_archive_of_arrays_is_a_table(tmp_path: Path) -> None:
    file = tmp_path / "features.npz"
    layer = np.arange(12, dtype=np.float32).reshape(3, 4) / 7
    np.savez(
        file,
        track=np.array(["blues.00000", "jazz.00033", "jazz.00051"]),
        genre=np.array(["blues", "jazz", "jazz"]),
        layer=layer,
        tempo=np.array([100, 110, 120]),
    )
    dataset = load_dataset("table", file)
    assert dataset.feature_names == ("layer_000", "layer_001", "layer_002", "layer_003", "tempo")
    assert dataset.features is not None
    np.testing.assert_array_equal(dataset.features[:, :4], layer)
    assert [item.item_id for item in dataset.items] == ["blues.00000", "jazz.00033", "jazz.00051"]
    assert dataset.groups() == ("blues.00000", "jazz.00033", "jazz.00033")


def test_rows_of_an_archive_that_share_an_id_are_one_recording(tmp_path: Path) -> None:
    file = tmp_path / "frames.npz"
    ids = np.array(["a.mp3", "a.mp3", "b.mp3"])
    np.savez(file, X=np.eye(3), Y=np.array([0, 0, 1]), IDS=ids)
    dataset = load_dataset("table", file)
    assert dataset.labels == ("0", "1")
    assert dataset.groups() == ("a.mp3", "a.mp3", "b.mp3")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"label": np.array(["a", "b"]), "x": np.eye(3)}, "arrays differ in their rows"),
        ({"label": np.array([{}, {}], dtype=object), "x": np.eye(2)}, "not readable as a NumPy"),
        ({"label": np.array(["a", "b"]), "x": np.array([1.0, np.nan])}, "not a finite number"),
        ({"label": np.array(5), "x": np.array(3)}, "no rows"),
    ],
)
def test_a_bad_archive_is_refused_with_the_reason(
    tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    file = tmp_path / "bad.npz"
    np.savez(file, **arrays, allow_pickle=True)
    with pytest.raises(DatasetError, match=message):
        load_dataset("table", file)


def test_an_archive_that_is_cut_off_or_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "bad.npz"
    np.savez_compressed(
        file, label=np.array(["a", "b"] * 50), x=np.random.default_rng(0).random(100)
    )
    whole = file.read_bytes()
    for data in (whole[: len(whole) // 2], b"text", b"", b"\x93NUMPY", whole[:300] + whole[340:]):
        file.write_bytes(data)
        with pytest.raises(DatasetError, match=r"bad\.npz"):
            load_dataset("table", file)


def test_artists_and_albums_keep_rows_together_and_are_no_features(tmp_path: Path) -> None:
    rows = [
        f"t{n}.wav,{n / 7},{n // 3},{'ABBA' if n < 9 else 'n/a'},{'ab'[n % 2]}" for n in range(18)
    ]
    data = load(tmp_path, "\n".join(["file,f,album_id,Artist,label", *rows]))
    assert data.feature_names == ("f",)
    assert [data.items[n].artist for n in (0, 8, 9)] == ["ABBA", "ABBA", None]
    assert data.items[4].album == "1"
    split = make_split(data, "holdout", by=("track", "artist"))
    parts = [set(part) & set(range(9)) for part in (split.folds[0].train, split.folds[0].test)]
    assert sum(map(bool, parts)) <= 1
    grouped = load(
        tmp_path, "\n".join(["file,f,album_id,Artist,label", *rows]), group_column="Artist"
    )
    assert {item.artist for item in grouped.items} == {None}
