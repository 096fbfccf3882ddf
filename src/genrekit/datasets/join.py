"""Columns of a table for items that are something else as well: pictures, or audio."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from genrekit.audio import AUDIO_SUFFIXES
from genrekit.datasets import table as tables
from genrekit.datasets.dataset import Dataset
from genrekit.errors import DatasetError

logger = logging.getLogger(__name__)

_NAMED = 5


def join_table(dataset: Dataset, table: Path) -> Dataset:
    """Return the items of ``dataset`` that have a row in ``table``, with the columns of that row.

    Items and rows are the same if their ids are, the suffix of an audio file aside. Items without a
    row are warned of and left out.

    Raises
    ------
    DatasetError
        If the table cannot be read, no item has a row, or a row says another genre.
    """
    rows = tables.load(table)
    place = {_key(item.item_id): number for number, item in enumerate(rows.items)}
    missing = [item.item_id for item in dataset.items if _key(item.item_id) not in place]
    if len(missing) == len(dataset):
        raise DatasetError(
            f"{table} has a row for none of {len(missing)} items of {dataset.name}; its rows are "
            f"named like {rows.items[0].item_id!r}, these items like {missing[0]!r}"
        )
    if missing:
        named = ", ".join(missing[:_NAMED]) + (", ..." if len(missing) > _NAMED else "")
        logger.warning("%s has no row for %d items, left out: %s", table, len(missing), named)
    kept = [n for n, item in enumerate(dataset.items) if _key(item.item_id) in place]
    joined = dataset.select(kept)
    order = [place[_key(item.item_id)] for item in joined.items]
    for item, number in zip(joined.items, order, strict=True):
        other_labels = rows.items[number].labels
        if other_labels != item.labels:
            raise DatasetError(
                f"{item.item_id} of {dataset.name} is {item.labels[0]!r}, but in {table} it is "
                f"{other_labels[0]!r}; repair one of the two"
            )
    assert rows.features is not None, "a table has features"
    return replace(joined, features=rows.features[order], feature_names=rows.feature_names)


def _key(item_id: str) -> str:
    suffix = Path(item_id).suffix
    return item_id.removesuffix(suffix) if suffix.lower() in AUDIO_SUFFIXES else item_id
