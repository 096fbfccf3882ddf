"""Rows of one recording as the steps of a sequence: what recurrent networks read of a table."""

from __future__ import annotations

import logging
import re
from dataclasses import replace

import numpy as np

from genrekit.datasets.dataset import Dataset, Item
from genrekit.errors import DatasetError
from genrekit.features import at_step

logger = logging.getLogger(__name__)
_DIGITS = re.compile(r"(\d+)")


def as_sequences(dataset: Dataset, steps: int) -> Dataset:
    """Return a table with one item a recording: its rows in the order of their names, as steps.

    A recording with fewer rows has its last one repeated, of one with more the first are taken.

    Parameters
    ----------
    dataset : Dataset
        A table with several rows a recording, such as the published ``features_3_sec.csv``.
    steps : int
        How many rows make a sequence.

    Returns
    -------
    Dataset
        With columns ``name[0]`` to ``name[steps - 1]`` for each column, and the recordings as ids.

    Raises
    ------
    DatasetError
        If it is not a table, no recording has several rows, or one has several genres.
    """
    if dataset.features is None:
        raise DatasetError(f"{dataset.name} is not a table; sequences are made of rows of one")
    rows: dict[str, list[int]] = {}
    for place, item in enumerate(dataset.items):
        rows.setdefault(item.group, []).append(place)
    if max(map(len, rows.values())) < 2:
        raise DatasetError(
            f"{dataset.name} has one row a recording, which is not a sequence; name the column "
            "that says which recording a row is from (--group COLUMN), or take a table with "
            "several rows each: genrekit features FOLDER --window 3 -o features_3_sec.csv"
        )
    items, chosen = [], []
    for group, places in rows.items():
        places.sort(key=lambda place: _in_order(dataset.items[place].item_id))
        items.append(_recording(group, [dataset.items[place] for place in places]))
        chosen.append([places[min(step, len(places) - 1)] for step in range(steps)])
    _log_counts(dataset, [len(places) for places in rows.values()], steps)
    # (recordings, steps, columns) to columns that hold their steps side by side.
    table = dataset.features[np.array(chosen)].transpose(0, 2, 1).reshape(len(items), -1)
    names = tuple(at_step(name, step) for name in dataset.feature_names for step in range(steps))
    return replace(dataset, items=tuple(items), features=table, feature_names=names)


def _in_order(item_id: str) -> list[tuple[int, str]]:
    """Return a key by which ``x.10`` comes behind ``x.9``."""
    parts = _DIGITS.split(item_id)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _recording(group: str, items: list[Item]) -> Item:
    labels = {item.labels for item in items}
    parts = {item.split for item in items}
    if len(labels) > 1 or len(parts) > 1:
        what = "genres" if len(labels) > 1 else "parts"
        found = sorted(map(str, labels if len(labels) > 1 else parts))
        raise DatasetError(f"rows of {group} have different {what}: {', '.join(found[:3])}")
    return replace(items[0], item_id=group)


def _log_counts(dataset: Dataset, counts: list[int], steps: int) -> None:
    short, long = sum(one < steps for one in counts), sum(one > steps for one in counts)
    if short or long:
        logger.warning(
            "%s: of %d recordings %d have fewer than %d rows, whose last one is repeated, and %d "
            "have more, of which the first are taken",
            *(dataset.name, len(counts), short, steps, long),
        )
