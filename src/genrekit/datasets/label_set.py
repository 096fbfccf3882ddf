"""Which labels of a corpus are learnt, and the tree over them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from genrekit.datasets.dataset import Dataset
from genrekit.datasets.taxonomy import Taxonomy
from genrekit.errors import DatasetError

logger = logging.getLogger(__name__)


def choose_labels(
    dataset: Dataset,
    *,
    keep: Sequence[str] = (),
    most_common: int | None = None,
    minimum_tracks: int = 1,
) -> Dataset:
    """Keep some labels; items that have none of them are left out.

    Parameters
    ----------
    keep : sequence of str
        These; empty keeps all.
    most_common : int, optional
        Of those, the ones that most recordings have. Of labels as common as each other parents come
        before their children, then the alphabet decides.
    minimum_tracks : int
        Of those, the ones that at least so many recordings have.

    Raises
    ------
    DatasetError
        If there is no such label, or fewer than two are left.
    """
    unknown = sorted(set(keep) - set(dataset.labels))
    if unknown:
        raise DatasetError(
            f"{dataset.name} has no label {unknown[0]!r} ({len(unknown)} such names); it has "
            f"{', '.join(dataset.labels[:10])}{', ...' if len(dataset.labels) > 10 else ''}"
        )
    recordings = Counter(
        label for label, _ in {(label, i.group) for i in dataset.items for label in i.labels}
    )
    tree = dataset.taxonomy
    depth = {label: len(tree.ancestors(label)) if tree else 0 for label in dataset.labels}
    found = [
        label
        for label in dataset.labels
        if recordings[label] >= minimum_tracks and label in (keep or dataset.labels)
    ]
    found.sort(key=lambda label: (-recordings[label], depth[label], label))
    return _with_labels(dataset, found[:most_common])


def _with_labels(dataset: Dataset, kept: Sequence[str]) -> Dataset:
    if len(kept) < 2:
        raise DatasetError(f"{dataset.name}: {len(kept)} labels are left; expected at least two")
    if set(kept) == set(dataset.labels):
        return dataset
    items = [
        replace(item, labels=tuple(label for label in item.labels if label in set(kept)))
        for item in dataset.items
    ]
    rows = [row for row, item in enumerate(items) if item.labels]
    if len(rows) < len(items):
        logger.info("%s: %d items have none of the labels", dataset.name, len(items) - len(rows))
    return replace(
        dataset,
        labels=tuple(label for label in dataset.labels if label in set(kept)),
        items=tuple(items[row] for row in rows),
        features=None if dataset.features is None else dataset.features[rows],
        taxonomy=None if dataset.taxonomy is None else dataset.taxonomy.within(kept),
    )


def as_multi_label(dataset: Dataset) -> Dataset:
    """Return the same items, of which each might have had several labels."""
    return replace(dataset, task="multi-label")


def with_taxonomy(dataset: Dataset, taxonomy: Taxonomy) -> Dataset:
    """Give every item all ancestors of its labels; those that no item had become labels.

    Raises
    ------
    DatasetError
        For single-label data, which has no room for parents.
    """
    if dataset.task != "multi-label":
        raise DatasetError(f"{dataset.name} is single-label; a tree needs multi-label data")
    known = taxonomy.parents
    above = {
        label: set(taxonomy.ancestors(label)) if label in known else set()
        for label in dataset.labels
    }
    items = tuple(
        replace(item, labels=tuple(sorted({*item.labels}.union(*(above[g] for g in item.labels)))))
        for item in dataset.items
    )
    labels = tuple(sorted({*dataset.labels}.union(*above.values())))
    return replace(dataset, items=items, labels=labels, taxonomy=taxonomy.within(labels))


def read_taxonomy(file: Path) -> Taxonomy:
    """Read a tree from YAML or JSON: a mapping of each genre to its parent, null for roots.

    Raises
    ------
    DatasetError
        If there is no such file, or it is not a tree.
    """
    try:
        parents: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise DatasetError(f"cannot read the tree of genres {file}: {problem}") from problem
    if not isinstance(parents, dict) or not all(
        isinstance(genre, str) and isinstance(parent, str | None)
        for genre, parent in parents.items()
    ):
        raise DatasetError(f"{file} is not a mapping of genre to parent, such as Punk: Rock")
    return as_taxonomy(parents)


def as_taxonomy(parents: dict[str, str | None]) -> Taxonomy:
    """Return a tree from genre to parent; parents that are not listed themselves are roots."""
    roots = {parent: None for parent in parents.values() if parent and parent not in parents}
    return Taxonomy({**roots, **parents})
