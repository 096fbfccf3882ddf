"""The shared short-time Fourier transform: frames, inverse, filters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrekit.features.stft import (
    FRAMES_PER_BLOCK,
    bin_frequencies_hz,
    centred,
    forward_stft,
    frames,
    hann,
    inverse_stft,
    mel_filters,
    stft_blocks,
)

RATE = 22050


def _noise(n_samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(n_samples).astype(np.float32)


def test_window_is_periodic_and_of_unit_overlap() -> None:
    window = hann(2048)
    assert window[0] == 0
    assert window[1024] == 1
    np.testing.assert_allclose(window.reshape(4, 512).sum(axis=0), 2, atol=1e-6)


@given(n_samples=st.integers(0, 3000), frame=st.integers(1, 300), hop=st.integers(1, 300))
def test_frames_are_whole_and_in_their_places(n_samples: int, frame: int, hop: int) -> None:
    samples = np.arange(n_samples)
    cut = frames(samples, frame, hop)
    expected = 1 + (n_samples - frame) // hop if n_samples >= frame else 0
    assert cut.shape == (expected, frame)
    for number in range(expected):
        assert cut[number, 0] == number * hop
        assert cut[number, -1] == number * hop + frame - 1


@pytest.mark.parametrize(
    "n_frames", [1, FRAMES_PER_BLOCK - 1, FRAMES_PER_BLOCK, FRAMES_PER_BLOCK + 1]
)
def test_transform_equals_the_definition(n_frames: int) -> None:
    samples = _noise(256 + (n_frames - 1) * 64)
    phase = np.exp(-2j * np.pi * np.outer(np.arange(129), np.arange(256)) / 256)
    expected = [
        phase @ (samples[64 * t : 64 * t + 256].astype(np.float64) * hann(256))
        for t in range(n_frames)
    ]
    spectrum = forward_stft(samples, 256, 64)
    assert spectrum.dtype == np.complex64
    np.testing.assert_allclose(spectrum, expected, atol=2e-5)


@given(
    n_samples=st.integers(0, 3000), at_once=st.integers(1, 70), context_frames=st.integers(0, 20)
)
def test_blocks_with_their_context_are_cut_from_the_whole(
    n_samples: int, at_once: int, context_frames: int
) -> None:
    samples = _noise(n_samples)
    whole = forward_stft(samples, 128, 32)
    owned = 0
    for first, inner, given_frames in stft_blocks(
        samples, 128, 32, frames_at_once=at_once, context_frames=context_frames
    ):
        assert first == owned
        begin = first - inner.start
        assert begin == max(0, first - context_frames)
        owned += inner.stop - inner.start
        assert begin + len(given_frames) == min(len(whole), owned + context_frames)
        np.testing.assert_array_equal(given_frames, whole[begin : begin + len(given_frames)])
    assert owned == len(whole)


def test_shorter_than_a_frame_gives_no_frames() -> None:
    assert forward_stft(_noise(255), 256, 64).shape == (0, 129)


@given(n_frames=st.integers(1, 200), first=st.integers(0, 199), seed=st.integers(0, 99))
def test_a_frame_does_not_depend_on_its_neighbours(n_frames: int, first: int, seed: int) -> None:
    first %= n_frames
    samples = _noise(128 + (n_frames - 1) * 32, seed)
    whole = forward_stft(samples, 128, 32)
    np.testing.assert_array_equal(forward_stft(samples[first * 32 :], 128, 32), whole[first:])


def test_inverse_gives_the_samples_back() -> None:
    samples = _noise(20 * 512)
    added, weights = inverse_stft(forward_stft(centred(samples, 2048), 2048, 512), 2048, 512)
    inside = slice(1024, 1024 + len(samples))
    np.testing.assert_allclose(added[inside] / weights[inside], samples, atol=2e-6)


def test_centring_mirrors_the_ends() -> None:
    np.testing.assert_array_equal(
        centred(np.arange(5, dtype=np.float32), 6), [3, 2, 1, 0, 1, 2, 3, 4, 3, 2, 1]
    )


def test_mel_filters_have_equal_area() -> None:
    filters = mel_filters(RATE, 16384, 40, 0.0, RATE / 2)
    bin_hz = bin_frequencies_hz(RATE, 16384)[1]
    np.testing.assert_allclose(filters.sum(axis=0) * bin_hz, 1, rtol=2e-3)
