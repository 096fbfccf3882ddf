"""The front-ends that compute nothing: samples as they are, and columns of somebody else's."""

from __future__ import annotations

import numpy as np
import pytest

from genrekit.errors import ConfigError
from genrekit.features import build_frontend
from genrekit.features.foreign import chosen_columns
from genrekit.schema import ColumnsConfig, WaveformConfig

COLUMNS = ("layer0_000", "layer0_001", "layer1_000", "mfcc_000")


def test_samples_pass_unchanged_as_one_row() -> None:
    samples = np.linspace(-1, 1, 77, dtype=np.float32)
    found = build_frontend(WaveformConfig())(samples)
    assert found.shape == (1, 77)
    assert found.dtype == np.float32
    assert np.array_equal(found[0], samples)


def test_columns_of_a_table_cannot_be_extracted() -> None:
    frontend = build_frontend(ColumnsConfig(names=COLUMNS))
    assert frontend.feature_names == COLUMNS
    with pytest.raises(ConfigError, match=r"rows of a table with 4 columns \(layer0_000, .*audio"):
        frontend(np.zeros(100, np.float32))


def test_patterns_choose_columns_in_the_order_of_the_table() -> None:
    config = ColumnsConfig(names=("layer1*", "layer0*"))
    assert chosen_columns(config, COLUMNS).names == COLUMNS[:3]
    assert chosen_columns(ColumnsConfig(), COLUMNS).names == COLUMNS
    with pytest.raises(ConfigError, match=r"no column is called 'chroma\*'; there are layer0_000"):
        chosen_columns(ColumnsConfig(names=("chroma*",)), COLUMNS)
