"""How well a split balances labels: counts of every part, and the largest deviation."""

from __future__ import annotations

from typing import Literal

import numpy as np

from genrekit.datasets.dataset import Dataset
from genrekit.datasets.splits import Split
from genrekit.schema import Contract

Part = Literal["train", "valid", "test"]
PARTS: tuple[Part, ...] = ("train", "valid", "test")


class PartBalance(Contract):
    """What one part of one fold holds.

    Parameters
    ----------
    fold : int
        Counted from 0.
    labels : dict
        Items of each label, in the order of the dataset.
    """

    fold: int
    part: Part
    items: int
    recordings: int
    labels: dict[str, int]


def balance(dataset: Dataset, split: Split) -> tuple[PartBalance, ...]:
    """Return the parts of every fold that hold something."""
    of = {item.item_id: item for item in dataset.items}
    parts = []
    for number, fold in enumerate(split.folds):
        for part in PARTS:
            items = [of[item_id] for item_id in getattr(fold, part)]
            counts = dict.fromkeys(dataset.labels, 0)
            for item in items:
                for label in item.labels:
                    counts[label] += 1
            if items:
                recordings = len({item.group for item in items})
                parts.append(
                    PartBalance(
                        fold=number,
                        part=part,
                        items=len(items),
                        recordings=recordings,
                        labels=counts,
                    )
                )
    return tuple(parts)


def largest_deviation(parts: tuple[PartBalance, ...]) -> float:
    """Return the largest distance of a label's share in a part from its share in the whole fold.

    0 is perfect; 0.02 means that some label has two percentage points too much or too little.
    """
    worst = 0.0
    for fold in {part.fold for part in parts}:
        counts = np.array(
            [list(part.labels.values()) for part in parts if part.fold == fold], float
        )
        shares = counts / counts.sum(axis=1, keepdims=True)
        whole = counts.sum(axis=0) / counts.sum()
        worst = max(worst, float(np.abs(shares - whole).max()))
    return worst
