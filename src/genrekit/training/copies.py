"""Changed copies of recordings: which items get some, and how they stay on the training side.

A copy is an item of its own that says what it was made from. It shares the recording, and so the
group, of that item. Splits are made without copies; rows of copies are kept beside the rows, under
the ids of what they were made from, and only fitting takes them in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from genrekit.datasets import Dataset, Split
from genrekit.evaluation import find_leaks, refuse_leaks
from genrekit.training.rows import Rows

_MARK = "+copy"


def with_copies(dataset: Dataset, item_ids: Iterable[str], copies: int) -> Dataset:
    """``dataset`` with so many copies of each of these items behind its own items."""
    chosen = set(item_ids)
    made = tuple(
        replace(item, item_id=f"{item.item_id}{_MARK}{number}", augmented_from=item.item_id)
        for item in dataset.items
        if item.item_id in chosen
        for number in range(1, copies + 1)
    )
    return replace(dataset, items=dataset.items + made)


def refuse_leaking_copies(dataset: Dataset, split: Split, fit_on: str) -> None:
    """Let the leak detector see the copies where they will be: in the parts that are fitted on.

    Parameters
    ----------
    dataset : Dataset
        With copies.

    Raises
    ------
    DatasetError
        If one shares a recording with a test item, and the split is not named leaky.
    """
    copies: dict[str, list[str]] = {}
    for item in dataset.items:
        if item.augmented_from is not None:
            copies.setdefault(item.augmented_from, []).append(item.item_id)
    folds = []
    for fold in split.folds:
        fitted = fold.fitted_on(fit_on)
        made = tuple(copy for item_id in fitted for copy in copies.get(item_id, ()))
        folds.append(fold.model_copy(update={"train": fold.train + made}))
    changes = {"folds": tuple(folds), "dataset_fingerprint": dataset.fingerprint}
    joined = split.model_copy(update=changes)
    refuse_leaks(find_leaks(dataset, joined), joined)


def without_copies(dataset: Dataset, rows: Rows) -> tuple[Dataset, Rows]:
    """Return the dataset without its copies, and the rows with those of the copies beside them."""
    source = {item.item_id: item.augmented_from for item in dataset.items}
    made_from = np.array([source[str(item_id)] for item_id in rows.items], object)
    made = np.array([one is not None for one in made_from])
    if not made.any():
        return dataset, rows
    own = [number for number, item in enumerate(dataset.items) if item.augmented_from is None]
    copies = replace(rows.where(made), items=made_from[made])
    return dataset.select(own), replace(rows.where(~made), copies=copies)
