"""Data made clean before it is split: repeated tracks dropped, large genres cut to the smallest."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from genrekit.datasets import Dataset
from genrekit.errors import ConfigError
from genrekit.evaluation import find_duplicates, fingerprint_items
from genrekit.features import FeatureCache
from genrekit.pages import counted
from genrekit.progress import Progress, silent
from genrekit.training.recipe import CleanConfig

_NAMED = 3


def cleaned(
    dataset: Dataset,
    config: CleanConfig,
    *,
    seed: int = 0,
    workers: int = 1,
    cache: FeatureCache | None = None,
    progress: Progress = silent,
) -> tuple[Dataset, str]:
    """Make data clean as a recipe says.

    Repeated are rows of a table with equal numbers, and audio that is equal or sounds alike; the
    first of them stays.

    Parameters
    ----------
    progress : callable, optional
        Called for every item that was listened to.

    Returns
    -------
    Dataset, str
        And what was done, for the card; empty if nothing was.

    Raises
    ------
    ConfigError
        If genres of multi-label data are to be balanced.
    """
    notes = []
    if config.duplicates == "drop":
        found = _same(dataset, workers, cache, progress)
        dropped = _all_but_the_first(dataset, found)
        dataset = _without(dataset, dropped)
        notes.append(f"{counted(len(dropped), 'repeated item')} dropped{_such(dropped)}")
    if config.balance == "undersample":
        dropped = _above_the_smallest(dataset, seed)
        dataset = _without(dataset, dropped)
        notes.append(
            f"{counted(len(dropped), 'item')} of larger genres left out, so that all have as many "
            "recordings"
        )
    return dataset, "; ".join(notes)


def _same(
    dataset: Dataset, workers: int, cache: FeatureCache | None, progress: Progress
) -> list[tuple[str, str]]:
    """Pairs of items that are the same."""
    if dataset.features is not None:
        rows = np.ascontiguousarray(dataset.features)
        content = {
            item.item_id: hashlib.sha256(row.tobytes()).hexdigest()
            for item, row in zip(dataset.items, rows, strict=True)
        }
        return _pairs_of(content)
    fingerprinted = []
    for one in fingerprint_items(dataset, workers=workers, cache=cache):
        fingerprinted.append(one)
        progress("looking for duplicates", len(fingerprinted), len(dataset))
    found = find_duplicates(dataset, fingerprinted)
    return [*_pairs_of(found.content), *found.pairs]


def _pairs_of(content: dict[str, str]) -> list[tuple[str, str]]:
    first: dict[str, str] = {}
    return [
        (first[digest], item_id)
        for item_id, digest in content.items()
        if first.setdefault(digest, item_id) != item_id
    ]


def _all_but_the_first(dataset: Dataset, pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Of every chain of pairs all but the item that comes first in the data."""
    place = {item.item_id: row for row, item in enumerate(dataset.items)}
    leader = {item_id: item_id for item_id in place}

    def root(item_id: str) -> str:
        while leader[item_id] != item_id:
            item_id = leader[item_id]
        return item_id

    for one, other in pairs:
        first, second = sorted((root(one), root(other)), key=place.__getitem__)
        leader[second] = first
    return [item_id for item_id in place if root(item_id) != item_id]


def _above_the_smallest(dataset: Dataset, seed: int) -> list[str]:
    if dataset.task != "single-label":
        raise ConfigError(
            f"data.clean.balance is for one genre a track, and {dataset.name} is {dataset.task}"
        )
    recordings: dict[str, list[str]] = defaultdict(list)
    for item in dataset.items:
        if item.group not in recordings[item.labels[0]]:
            recordings[item.labels[0]].append(item.group)
    fewest = min(len(groups) for groups in recordings.values())
    generator = np.random.default_rng(seed)
    kept = {
        (label, groups[number])
        for label, groups in sorted(recordings.items())
        for number in generator.permutation(len(groups))[:fewest]
    }
    return [item.item_id for item in dataset.items if (item.labels[0], item.group) not in kept]


def _without(dataset: Dataset, item_ids: Sequence[str]) -> Dataset:
    away = set(item_ids)
    rows = [row for row, item in enumerate(dataset.items) if item.item_id not in away]
    return dataset.select(rows) if away else dataset


def _such(item_ids: Sequence[str]) -> str:
    if not item_ids:
        return ""
    more = ", ..." if len(item_ids) > _NAMED else ""
    return f" ({', '.join(item_ids[:_NAMED])}{more})"
