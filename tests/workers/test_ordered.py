"""The ordered map keeps order, bounds its look-ahead and survives dying workers."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from genrekit.workers import WorkerDied, ordered_map


def square_or_die(number: int) -> int:
    if number < 0:
        os._exit(9)
    time.sleep(0.02 * (number % 3))
    return number * number


def refuse(number: int) -> int:
    raise ValueError(f"{number} is refused")


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_arguments(workers: int) -> None:
    assert list(ordered_map(square_or_die, range(12), workers=workers)) == [
        number * number for number in range(12)
    ]


def test_a_dying_worker_costs_its_own_argument_only() -> None:
    results = list(ordered_map(square_or_die, [3, -1, 4, 5, -2, 6], workers=2))
    assert results == [9, WorkerDied(-1), 16, 25, WorkerDied(-2), 36]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_reaches_the_caller(workers: int) -> None:
    with pytest.raises(ValueError, match="7 is refused"):
        list(ordered_map(refuse, [7], workers=workers))


def test_look_ahead_is_bounded() -> None:
    taken = []

    def arguments() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    results = ordered_map(square_or_die, arguments(), workers=2)
    assert next(results) == 0
    results.close()
    assert len(taken) <= 2 * 64 + 6
