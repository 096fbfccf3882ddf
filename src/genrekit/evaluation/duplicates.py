"""Which items sound alike, for splits that keep them together and for the leak detector."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from genrekit.datasets import Dataset, Pair, related
from genrekit.features import WHOLE_TRACK, FeatureCache
from genrekit.fingerprint import (
    Edges,
    Fingerprint,
    FingerprintedFile,
    find_consecutive,
    find_near_duplicates,
    fingerprint_files,
    read_edges,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What `find_leaks` and `make_split` take.

    Parameters
    ----------
    content : dict
        Hash of the decoded audio, by item id.
    pairs : tuple of (str, str)
        Near duplicates by item id.
    prints : dict
        Fingerprint by item id.
    consecutive : tuple of (str, str)
        Parts of one recording, by item id: the second begins where the first ends.
    """

    content: dict[str, str]
    pairs: tuple[Pair, ...]
    prints: dict[str, Fingerprint] = field(default_factory=dict)
    consecutive: tuple[Pair, ...] = ()

    @property
    def related(self) -> tuple[Pair, ...]:
        """Pairs that belong on one side of a split, for either reason."""
        return (*self.pairs, *self.consecutive)


def fingerprint_items(
    dataset: Dataset, *, workers: int = 1, cache: FeatureCache | None = None
) -> Iterator[FingerprintedFile]:
    """Decode and fingerprint every item that has audio once, in order."""
    sources = [
        (item.path, item.excerpt or WHOLE_TRACK) for item in dataset.items if item.path is not None
    ]
    yield from fingerprint_files(sources, workers=workers, cache=cache)


def find_duplicates(dataset: Dataset, fingerprinted: Sequence[FingerprintedFile]) -> Duplicates:
    """Find exact and near duplicates among items; what cannot be read is like nothing."""
    content, prints = fingerprinted_items(dataset, fingerprinted)
    pairs = tuple((match.first, match.second) for match in find_near_duplicates(prints))
    return Duplicates(content, pairs, prints, _consecutive(dataset, prints))


def _consecutive(dataset: Dataset, fingerprinted: Mapping[str, Fingerprint]) -> tuple[Pair, ...]:
    edges: dict[str, Edges] = {}
    for item in dataset.items:
        if item.path is not None and item.item_id in fingerprinted:
            found = read_edges(item.path, item.excerpt or WHOLE_TRACK)
            if found is not None:
                edges[item.item_id] = found
    pairs = find_consecutive(edges)
    if pairs:
        logger.warning(
            "%d times a part follows another of one recording, such as %s and %s",
            len(pairs),
            *pairs[0],
        )
    return pairs


def fingerprinted_items(
    dataset: Dataset, fingerprinted: Sequence[FingerprintedFile]
) -> tuple[dict[str, str], dict[str, Fingerprint]]:
    """Content hash and fingerprint by item id, of what `fingerprint_items` could decode."""
    audible = [item.item_id for item in dataset.items if item.path is not None]
    content: dict[str, str] = {}
    prints: dict[str, Fingerprint] = {}
    for item_id, one in zip(audible, fingerprinted, strict=True):
        if one.fingerprint is None:
            logger.warning("%s cannot be decoded, and is like nothing: %s", item_id, one.error)
            continue
        prints[item_id], content[item_id] = one.fingerprint, one.content
    return content, prints


def group_duplicates(dataset: Dataset, pairs: Sequence[Pair]) -> Dataset:
    """Return the dataset with duplicate recordings in one group, as GTZAN's repetitions."""
    groups = related(dataset, ("track", "fingerprint"), pairs)
    changed = sum(group != item.group for group, item in zip(groups, dataset.items, strict=True))
    if changed:
        logger.warning(
            "%d items sound like another one, or go on where it ends: they stay on its side",
            changed,
        )
    items = tuple(
        replace(item, group=group) for item, group in zip(dataset.items, groups, strict=True)
    )
    return replace(dataset, items=items)
