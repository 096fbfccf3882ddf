"""Windows cover the audio, whatever blocks it comes in."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from genrekit.inference import cut_windows

Samples = NDArray[np.float32]


def _blocks(samples: Samples, cuts: list[int]) -> Iterator[Samples]:
    edges = [0, *sorted(cut % (len(samples) + 1) for cut in cuts), len(samples)]
    for start, end in itertools.pairwise(edges):
        yield samples[start:end]


sizes = st.integers(1, 50).flatmap(
    lambda length: st.tuples(st.just(length), st.integers(1, length), st.integers(0, 300))
)
cuts = st.lists(st.integers(0, 1000), max_size=20)


@given(sizes=sizes, cuts=cuts)
def test_any_cutting_gives_the_windows_of_the_definition(
    sizes: tuple[int, int, int], cuts: list[int]
) -> None:
    length, hop, total = sizes
    samples = np.arange(total, dtype=np.float32)
    seen = list(cut_windows(_blocks(samples, cuts), length=length, hop=hop))
    starts = list(range(0, max(0, total - length) + 1, hop)) if total else []
    if starts and starts[-1] + length < total:
        starts.append(total - length)
    assert [window.start_sample for window in seen] == starts
    for window in seen:
        expected = samples[window.start_sample : window.start_sample + length]
        np.testing.assert_array_equal(window.samples, expected)


@given(sizes=sizes, cuts=cuts)
def test_every_sample_is_in_a_window(sizes: tuple[int, int, int], cuts: list[int]) -> None:
    length, hop, total = sizes
    samples = np.arange(total, dtype=np.float32)
    seen = list(cut_windows(_blocks(samples, cuts), length=length, hop=hop))
    covered = np.concatenate([window.samples for window in seen]) if seen else samples[:0]
    assert set(covered.tolist()) == set(samples.tolist())
    assert all(len(window.samples) == min(length, total) for window in seen)


def test_a_window_is_handed_out_before_the_next_block_is_asked_for() -> None:
    asked = []

    def blocks() -> Iterator[Samples]:
        for number in range(4):
            asked.append(number)
            yield np.full(10, number, np.float32)

    windows = cut_windows(blocks(), length=20, hop=10)
    assert next(windows).start_sample == 0
    assert asked == [0, 1]
    assert next(windows).start_sample == 10
    assert asked == [0, 1, 2]


def test_windows_do_not_change_after_they_were_handed_out() -> None:
    block = np.zeros(10, np.float32)

    def blocks() -> Iterator[Samples]:
        for number in range(5):
            block[:] = number  # a source may reuse its buffer
            yield block

    seen = list(cut_windows(blocks(), length=10, hop=10))
    assert [window.samples[0] for window in seen] == [0, 1, 2, 3, 4]
