"""Audio becomes a table by the columns of a front-end; what cannot be read is left out."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genrekit.datasets import Dataset, load_dataset, with_features
from genrekit.errors import ConfigError, DatasetError
from genrekit.schema import MelConfig


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("clips")
    return load_dataset("jukebox", folder / "jukebox", clips_per_genre=1, seconds=1).select([0, 1])


def test_every_item_gets_a_row_and_excerpts_their_own(clips: Dataset) -> None:
    first = replace(clips.items[0], item_id="first half", start_seconds=0.0, end_seconds=0.5)
    seen: list[tuple[str, int, int]] = []
    table = with_features(
        replace(clips, items=(*clips.items, first)), progress=lambda *step: seen.append(step)
    )
    assert table.features is not None
    assert table.features.shape == (3, len(table.feature_names)) == (3, 57)
    assert not np.array_equal(table.features[0], table.features[2])
    assert [(done, total) for _, done, total in seen] == [(1, 3), (2, 3), (3, 3)]
    assert with_features(table) is table


def test_what_cannot_be_read_is_left_out_and_reported(
    clips: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no audio")
    items = (clips.items[0], replace(clips.items[1], path=broken))
    with caplog.at_level(logging.WARNING):
        table = with_features(replace(clips, items=items))
    assert [item.item_id for item in table.items] == [clips.items[0].item_id]
    assert "broken.wav" in caplog.text
    with pytest.raises(DatasetError, match="no track that can be read"):
        with_features(replace(clips, items=items[1:]))


def test_what_gives_no_row_is_refused(clips: Dataset) -> None:
    with pytest.raises(ConfigError, match="'mel' gives no vector; expected gtzan57"):
        with_features(clips, MelConfig())
    with pytest.raises(DatasetError, match="names no audio"):
        with_features(replace(clips, items=(replace(clips.items[0], path=None),)))
