"""Sequences of descriptors: the same numbers as the descriptors of a clip, block by block."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genrekit.errors import AudioContentError
from genrekit.features import build_frontend
from genrekit.features.descriptors import DescriptorsFrontend
from genrekit.features.trajectories import TrajectoriesFrontend, in_blocks
from genrekit.jukebox import synthesise
from genrekit.schema import DescriptorsConfig, TrajectoriesConfig

RATE = 22050
FRONTEND = TrajectoriesFrontend(TrajectoriesConfig())


def position(name: str) -> int:
    return FRONTEND.feature_names.index(name)


def test_rows_are_described() -> None:
    assert build_frontend(TrajectoriesConfig()).feature_names == FRONTEND.feature_names
    assert len(set(FRONTEND.feature_names)) == len(FRONTEND.feature_names) > 100
    assert {column.family for column in FRONTEND.columns} == {"timbre", "harmony", "dynamics"}
    assert all(column.unit and column.meaning for column in FRONTEND.columns)


def test_one_long_block_is_the_descriptors_of_the_clip() -> None:
    samples = synthesise("disco", seconds=3, sample_rate_hz=RATE).samples
    whole = TrajectoriesFrontend(TrajectoriesConfig(block_seconds=10))(samples)
    assert whole.shape == (len(FRONTEND.feature_names), 1)
    described = DescriptorsFrontend(DescriptorsConfig())
    known = dict(zip(described.feature_names, described(samples), strict=True))
    shared = [name for name in FRONTEND.feature_names if name in known]
    # The change of the first frame counts here, as zero, and frames are all audible.
    shared = [name for name in shared if not name.startswith(("flux", "harmonic_change"))]
    assert len(shared) > 90
    for name in shared:
        assert whole[position(name), 0] == pytest.approx(known[name], rel=1e-4, abs=1e-5), name


def test_blocks_follow_the_music() -> None:
    time = np.arange(2 * RATE) / RATE
    low, high = (0.3 * np.sin(2 * np.pi * hertz * time) for hertz in (220.0, 1760.0))
    sequence = FRONTEND(np.concatenate([low, 0.1 * high]).astype(np.float32))
    centroid, level = sequence[position("centroid_mean")], sequence[position("level_mean")]
    assert sequence.shape[1] == 8
    assert np.all(centroid[:3] < 400)
    assert np.all(centroid[-3:] > 1500)
    assert np.mean(level[:3]) - np.mean(level[-3:]) == pytest.approx(20, abs=0.5)
    assert sequence[position("chroma_a_mean")].min() > 0.9


@given(st.integers(1, 30), st.integers(1, 12))
@settings(max_examples=40)
def test_blocks_are_means_and_deviations_of_all_frames(n_frames: int, block: int) -> None:
    frames = np.random.default_rng(n_frames).normal(size=(3, n_frames))
    found = in_blocks(frames, block)
    parts = [frames[:, start : start + block] for start in range(0, n_frames, block)]
    expected = [
        part[row].mean() if of == 0 else part[row].std()
        for row in range(3)
        for of in range(2)
        for part in parts
    ]
    np.testing.assert_allclose(found, np.reshape(expected, (6, len(parts))), atol=1e-6)


@pytest.mark.parametrize("length", [1, 100, 2048, 30000])
@pytest.mark.parametrize("level", [0.0, 1e-9, 1.0])
def test_any_samples_give_finite_numbers(length: int, level: float) -> None:
    noise = np.random.default_rng(0).normal(0, level, length).astype(np.float32)
    sequence = FRONTEND(noise)
    assert np.isfinite(sequence).all()
    assert sequence.dtype == np.float32


def test_no_samples_are_refused() -> None:
    with pytest.raises(AudioContentError):
        FRONTEND(np.zeros(0, np.float32))
