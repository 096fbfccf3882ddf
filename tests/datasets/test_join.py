"""Pictures with the columns of a table, joined by item."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from genrekit.datasets import load_dataset
from genrekit.datasets.picture_files import write_picture
from genrekit.errors import DatasetError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Kaggle's layout: pictures in a folder of their own, the table beside it."""
    for number, track in enumerate(("blues00000", "blues00001", "rock00005")):
        file = tmp_path / "images_original" / track[:-5] / f"{track}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_picture(np.full((370, 496), number / 4, np.float32), file)
    (tmp_path / "features.csv").write_text(
        "filename,length,tempo,level,label\n"
        "rock.00005.wav,9,105.0,-5,rock\n"
        "rock.00006.wav,9,106.0,-6,rock\n"
        "blues.00000.wav,9,100.0,-1,blues\n"
        "blues.00001.wav,9,101.5,-2,blues\n"
    )
    return tmp_path


def test_columns_of_the_row_of_the_same_track_follow_the_levels(folder: Path) -> None:
    plain = load_dataset("pictures", folder, size=(2, 3))
    dataset = load_dataset("pictures", folder, size=(2, 3), table="features.csv")
    assert [item.item_id for item in dataset.items] == ["blues.00000", "blues.00001", "rock.00005"]
    assert dataset.feature_names == (*plain.feature_names, "tempo", "level")
    assert dataset.features is not None
    assert plain.features is not None
    assert np.array_equal(dataset.features[:, :6], plain.features)
    assert dataset.features[:, 6:].tolist() == [[100, -1], [101.5, -2], [105, -5]]
    assert dataset.items == plain.items


@pytest.mark.parametrize("where", ["images_original", "."])
def test_the_table_is_found_inside_beside_or_anywhere(folder: Path, where: str) -> None:
    for table in ("features.csv", folder / "features.csv"):
        dataset = load_dataset("pictures", folder / where, table=table)
        assert dataset.feature_names == ("tempo", "level")
    with pytest.raises(DatasetError, match="there is no table other"):
        load_dataset("pictures", folder, table="other.csv")


def test_pictures_without_a_row_are_left_out_and_named(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = folder / "features.csv"
    table.write_text(table.read_text().replace("blues.00001", "blues.00077"))
    with caplog.at_level(logging.WARNING):
        dataset = load_dataset("pictures", folder, table="features.csv")
    assert [item.item_id for item in dataset.items] == ["blues.00000", "rock.00005"]
    assert "1 items, left out: blues.00001" in caplog.text


def test_a_table_of_other_tracks_or_other_genres_is_refused(folder: Path) -> None:
    table = folder / "features.csv"
    text = table.read_text()
    table.write_text(text.replace("0000", "0009"))
    with pytest.raises(DatasetError, match="a row for none of 3 items"):
        load_dataset("pictures", folder, table="features.csv")
    table.write_text(text.replace("blues.00001.wav,9,101.5,-2,blues", "blues.00001.wav,9,1,2,rock"))
    with pytest.raises(DatasetError, match=r"blues\.00001 .* is 'blues', but .* 'rock'"):
        load_dataset("pictures", folder, table="features.csv")
