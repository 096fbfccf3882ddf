from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import spectrogram

from genrekit.errors import AudioContentError
from genrekit.features.picture import PICTURE_SHAPE, picture_levels, scale_levels


def noise(seconds: float, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 0.1, int(seconds * 22050)).astype(np.float32)


@pytest.mark.parametrize("seconds", [3.0, 30.0])
def test_matplotlib_draws_the_same_cells(seconds: float) -> None:
    """What today's matplotlib draws and saves, read back from its colours."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot
    from PIL import Image

    samples = noise(seconds)
    frequencies, times, power = spectrogram(samples.astype(np.float64), 22050)
    figure = pyplot.figure(figsize=(6.4, 4.8), dpi=100)
    pyplot.pcolormesh(times, frequencies, 10 * np.log10(power), cmap="gray", shading="auto")
    pyplot.axis("off")
    buffer = io.BytesIO()
    figure.savefig(buffer, bbox_inches="tight")
    pyplot.close(figure)
    drawn = np.asarray(Image.open(buffer).convert("L"))
    expected = drawn[9:379, 10:506][::-1] / 255
    levels = picture_levels(samples, drawing="centres")
    assert np.mean(np.abs(levels - expected) < 0.005) > 0.97


def test_a_tone_is_a_row_and_a_beat_a_column() -> None:
    seconds = 30.0
    time = np.arange(int(seconds * 22050)) / 22050
    tone = picture_levels(np.sin(2 * np.pi * 22050 / 256 * 32 * time).astype(np.float32))
    row = tone.mean(axis=1).argmax()
    assert abs((row + 0.5) / PICTURE_SHAPE[0] * 128 - 32.5) < 1

    beat = noise(seconds) * np.float32(1e-3)
    beat[len(beat) // 2 :][:2000] *= 1e3
    assert abs(int(picture_levels(beat).mean(axis=0).argmax()) - PICTURE_SHAPE[1] // 2) <= 2


def test_loudness_does_not_matter() -> None:
    samples = noise(5)
    np.testing.assert_allclose(picture_levels(samples * 8), picture_levels(samples), atol=1e-5)


def test_levels_span_their_range() -> None:
    levels = picture_levels(noise(0.05))  # shorter than the picture has columns
    assert levels.shape == PICTURE_SHAPE
    assert levels.dtype == np.float32
    assert (levels.min(), levels.max()) == (0, 1)


@pytest.mark.parametrize("samples", [np.zeros(22050, np.float32), np.ones(22050, np.float32)])
def test_silence_is_zero(samples: NDArray[np.float32]) -> None:
    assert not picture_levels(samples, (64, 128)).any()


def test_half_silence_keeps_the_other_half() -> None:
    samples = noise(4)
    samples[: len(samples) // 2] = 0
    levels = picture_levels(samples)
    assert not levels[:, :240].any()
    assert levels[:, 256:].mean() > 0.5


def test_too_short() -> None:
    with pytest.raises(AudioContentError, match="480"):
        picture_levels(np.zeros(479, np.float32))


@given(
    rows=st.integers(1, 40), columns=st.integers(1, 40), old=st.tuples(*[st.integers(1, 30)] * 2)
)
def test_scaling_keeps_the_mean_and_the_range(
    rows: int, columns: int, old: tuple[int, int]
) -> None:
    levels = np.random.default_rng(0).random(old).astype(np.float32)
    scaled = scale_levels(levels, (rows, columns))
    assert scaled.shape == (rows, columns)
    assert scaled.mean() == pytest.approx(levels.mean(), abs=1e-5)
    assert levels.min() - 1e-6 <= scaled.min() <= scaled.max() <= levels.max() + 1e-6


def test_scaling_by_whole_numbers_averages_blocks() -> None:
    levels = np.arange(24, dtype=np.float32).reshape(4, 6)
    expected = levels.reshape(2, 2, 3, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(scale_levels(levels, (2, 3)), expected, atol=1e-6)


def test_the_frontend_gives_the_levels_and_names_the_cells_of_a_table() -> None:
    from genrekit.features import build_frontend, from_table, table_columns
    from genrekit.jukebox import synthesise
    from genrekit.schema import PictureConfig

    frontend = build_frontend(PictureConfig(rows=16, columns=20))
    samples = synthesise("pop", seconds=2).samples
    picture = frontend(samples)
    assert np.array_equal(picture, picture_levels(samples, (16, 20)))
    names = table_columns(frontend)
    assert (names[0], names[21], names[-1]) == (
        "row000_column000",
        "row001_column001",
        "row015_column019",
    )
    table = np.stack([picture.ravel(), 2 * picture.ravel()])
    assert np.array_equal(from_table(frontend, table), np.stack([picture, 2 * picture]))
