from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from genrekit.errors import DatasetError
from genrekit.explain.importance import families, permutation_importance

COLUMNS = ("mfcc1_mean", "mfcc1_var", "tempo")


def first_column(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Says the second label where the mean of the first two columns is positive."""
    scores = x[:, :2].mean(axis=1)
    return np.column_stack([-scores, scores])


@pytest.fixture
def rows() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    x = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
    x[:, 1] = x[:, 0]
    return x, (x[:, 0] > 0).astype(np.int64)


def test_what_is_not_used_is_worth_nothing_and_all_of_it_everything(
    rows: tuple[NDArray[np.float32], NDArray[np.int64]],
) -> None:
    x, targets = rows
    groups = [str(row) for row in range(len(x))]
    found = permutation_importance(
        first_column, x, targets, groups, families(COLUMNS), columns=COLUMNS
    )
    assert [one.name for one in found] == ["mfcc", "tempo"]
    assert found[0].columns == ("mfcc1_mean", "mfcc1_var")
    # Shuffled, the answer is a coin's.
    assert found[0].drop.value == pytest.approx(0.5, abs=0.04)
    assert found[0].drop.low < 0.5 < found[0].drop.high + 0.02
    # An interval is never empty, not even where nothing changed.
    assert found[1].drop.value == 0
    assert -0.01 < found[1].drop.low < 0


def test_columns_that_say_the_same_stand_in_for_each_other(
    rows: tuple[NDArray[np.float32], NDArray[np.int64]],
) -> None:
    x, targets = rows
    groups = [str(row) for row in range(len(x))]
    single = {name: [place] for place, name in enumerate(COLUMNS)}
    alone = permutation_importance(first_column, x, targets, groups, single, columns=COLUMNS)
    assert max(one.drop.value for one in alone) < 0.35


def test_it_is_seeded_and_needs_rows(
    rows: tuple[NDArray[np.float32], NDArray[np.int64]],
) -> None:
    x, targets = rows
    groups = [str(row) for row in range(len(x))]

    def importance(seed: int) -> float:
        blocks = {"one": [0]}
        (one,) = permutation_importance(
            first_column, x, targets, groups, blocks, columns=COLUMNS, seed=seed
        )
        return one.drop.value

    assert importance(1) == importance(1) != importance(2)
    with pytest.raises(DatasetError, match="two test rows"):
        permutation_importance(first_column, x[:1], targets[:1], ["x"], {}, columns=COLUMNS)


def test_families_are_what_columns_are_statistics_of() -> None:
    names = ("mfcc20_var", "tempo", "rms_mean", "rms_std", "chroma_stft_mean", "mean")
    assert families(names) == {
        "mfcc": [0],
        "tempo": [1],
        "rms": [2, 3],
        "chroma_stft": [4],
        "mean": [5],
    }
