"""What every corpus turns into: a list of labelled items, and for tables their numbers."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets.taxonomy import Taxonomy
from genrekit.errors import DatasetError
from genrekit.schema import ExcerptConfig, Task


@dataclass(frozen=True, slots=True)
class CorpusInfo:
    """What is known about a corpus without opening it.

    Parameters
    ----------
    title, licence, citation, homepage : str
        Never empty. The licence says who may do what with the data, not with genrekit.
    layout : str
        What the loader expects below the path it is given.
    obtain : str
        Where to get the corpus and where to put it.
    sizes : str
        Tracks, seconds, bytes.
    faults : tuple of str
        Known faults, each with its source.
    corpora : tuple of str
        What the corpus is called where weights say what they were trained on (``pretrained_on``).
        Empty where the loader cannot know: a folder or a table may be of any corpus.
    """

    title: str
    licence: str
    citation: str
    homepage: str
    layout: str = ""
    obtain: str = ""
    sizes: str = ""
    faults: tuple[str, ...] = ()
    corpora: tuple[str, ...] = ()

    def is_called(self, corpus: str) -> bool:
        """Whether ``corpus`` is a name of this one, in either case of letters."""
        return corpus.casefold() in {name.casefold() for name in self.corpora}


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that has labels: a track, a segment of one, or a row of a table.

    Parameters
    ----------
    item_id : str
        Unique in its dataset.
    labels : tuple of str
        One for single-label data.
    group : str
        The recording. Segments, excerpts and repetitions of one recording share it, and a split
        never puts a group on two sides.
    path : Path, optional
        The audio, or the picture in a corpus of pictures; None for rows of a table, and where the
        audio is absent and not required.
    start_seconds, end_seconds : float, optional
        The part of ``path`` that the item is; None for all of it.
    split : str, optional
        The corpus's own part: ``"train"``, ``"valid"`` or ``"test"``; None if it is in none.
    augmented_from : str, optional
        The id of the item that this one was made from, by pitch, tempo, noise and the like.
    """

    item_id: str
    labels: tuple[str, ...]
    group: str
    path: Path | None = None
    start_seconds: float | None = None
    end_seconds: float | None = None
    artist: str | None = None
    album: str | None = None
    split: str | None = None
    augmented_from: str | None = None

    @property
    def excerpt(self) -> ExcerptConfig | None:
        """The part of ``path`` that the item is; None for all of it."""
        if self.start_seconds is None and self.end_seconds is None:
            return None
        start = self.start_seconds or 0.0
        duration = None if self.end_seconds is None else self.end_seconds - start
        return ExcerptConfig(start_seconds=start, duration_seconds=duration)


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Items with their labels.

    Parameters
    ----------
    name : str
        Name of the corpus or of the file.
    labels : tuple of str
        All labels, in the order that targets count them.
    items : tuple of Item
    info : CorpusInfo
    features : ndarray, shape (n_items, n_features), optional
        For tables: finite numbers, one row an item.
    feature_names : tuple of str
        Columns of ``features``.
    task : {"single-label", "multi-label"}
    taxonomy : Taxonomy, optional
        Tree over ``labels``, for multi-label data: an item with a label has its parents too.
    gaps : bool
        Features may be NaN, where a value is missing.

    Raises
    ------
    DatasetError
        If ids repeat, labels are unknown or lack their parents, or the array does not fit the
        items.
    """

    name: str
    labels: tuple[str, ...]
    items: tuple[Item, ...]
    info: CorpusInfo
    features: NDArray[np.float64] | None = None
    feature_names: tuple[str, ...] = ()
    task: Task = "single-label"
    taxonomy: Taxonomy | None = None
    gaps: bool = False

    def __post_init__(self) -> None:
        _check_items(self)
        _check_taxonomy(self)
        _check_features(self)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of task, labels, items and features.

        Paths are left out, so a copy elsewhere, or in another audio format, has the same one.
        The audio itself is not read.
        """
        index = [
            (item.item_id, item.labels, item.group, item.start_seconds, item.end_seconds)
            for item in self.items
        ]
        text = json.dumps([self.task, self.labels, self.feature_names, index])
        digest = hashlib.sha256(text.encode())
        if self.features is not None:
            digest.update(np.ascontiguousarray(self.features, dtype="<f8").tobytes())
        return digest.hexdigest()

    def select(self, indices: Sequence[int] | NDArray[np.int64]) -> Dataset:
        """Return the items at ``indices``, in that order; all labels are kept."""
        rows = np.asarray(indices, dtype=np.int64)
        return replace(
            self,
            items=tuple(self.items[row] for row in rows),
            features=None if self.features is None else self.features[rows],
        )

    def columns(self, names: Sequence[str]) -> NDArray[np.float64]:
        """Return some columns of ``features``, shape (n_items, n_names), in the order of ``names``.

        Raises
        ------
        DatasetError
            If there is no table, or it lacks one of them.
        """
        position = {name: number for number, name in enumerate(self.feature_names)}
        missing = [name for name in names if name not in position]
        if self.features is None or missing:
            raise DatasetError(
                f"{self.name} has no column {missing[0] if missing else names[0]!r}; it has "
                f"{', '.join(self.feature_names[:5]) or 'no table of features'}"
            )
        return self.features[:, [position[name] for name in names]]

    def indices(self, item_ids: Iterable[str]) -> NDArray[np.int64]:
        """Positions of ``item_ids``, in their order.

        Raises
        ------
        DatasetError
            If an id is not in the dataset.
        """
        positions = {item.item_id: row for row, item in enumerate(self.items)}
        wanted = list(item_ids)
        unknown = [item_id for item_id in wanted if item_id not in positions]
        if unknown:
            raise DatasetError(
                f"{self.name} has no item {unknown[0]!r} ({len(unknown)} such ids); was the split "
                "made from another dataset?"
            )
        return np.array([positions[item_id] for item_id in wanted], dtype=np.int64)

    def targets(self) -> NDArray[np.int64]:
        """Label numbers, shape (n_items,).

        Raises
        ------
        DatasetError
            For multi-label data.
        """
        if self.task != "single-label":
            raise DatasetError(f"{self.name} is {self.task}: an item has no single target")
        number = {label: position for position, label in enumerate(self.labels)}
        return np.array([number[item.labels[0]] for item in self.items], dtype=np.int64)

    def target_matrix(self) -> NDArray[np.int64]:
        """One for each label that an item has, else zero; shape (n_items, n_labels)."""
        number = {label: position for position, label in enumerate(self.labels)}
        matrix = np.zeros((len(self.items), len(self.labels)), np.int64)
        for row, item in enumerate(self.items):
            matrix[row, [number[label] for label in item.labels]] = 1
        return matrix

    def groups(self) -> tuple[str, ...]:
        """Return the recording of each item."""
        return tuple(item.group for item in self.items)

    def without(self, tracks: Iterable[str]) -> Dataset:
        """Drop every group that holds one of ``tracks`` (ids of groups or of items)."""
        names = set(tracks)
        dropped = {item.group for item in self.items if {item.group, item.item_id} & names}
        return self.select(
            [row for row, item in enumerate(self.items) if item.group not in dropped]
        )


def track_digest(group: str) -> str:
    """12 hex digits that stand for a recording in a bundle's ``trained_on``."""
    return hashlib.sha256(group.encode()).hexdigest()[:12]


def _check_items(dataset: Dataset) -> None:
    if not dataset.items:
        raise DatasetError(f"{dataset.name} holds no items")
    repeated = [
        key for key, count in Counter(i.item_id for i in dataset.items).items() if count > 1
    ]
    if repeated:
        raise DatasetError(f"{dataset.name}: item id {repeated[0]!r} occurs more than once")
    known = set(dataset.labels)
    for item in dataset.items:
        if dataset.task == "single-label" and len(item.labels) != 1:
            raise DatasetError(f"{item.item_id} has {len(item.labels)} labels; expected one")
        if not known.issuperset(item.labels):
            raise DatasetError(f"{item.item_id} has labels {item.labels}; known: {dataset.labels}")


def _check_taxonomy(dataset: Dataset) -> None:
    if dataset.taxonomy is None:
        return
    parents = dataset.taxonomy.parents
    if dataset.task != "multi-label" or set(parents) != set(dataset.labels):
        raise DatasetError(
            f"{dataset.name} is {dataset.task} with {len(dataset.labels)} labels, its tree has "
            f"{len(parents)} genres; expected a tree over the labels of multi-label data"
        )
    for item in dataset.items:
        for label in item.labels:
            if parents[label] not in (None, *item.labels):
                raise DatasetError(
                    f"{item.item_id} has {label!r} and not its parent {parents[label]!r}; give "
                    "every item all ancestors of its labels (datasets.with_taxonomy)"
                )


def _check_features(dataset: Dataset) -> None:
    if dataset.features is None:
        return
    expected = (len(dataset.items), len(dataset.feature_names))
    if dataset.features.shape != expected:
        raise DatasetError(
            f"{dataset.name}: features have shape {dataset.features.shape}, expected {expected}"
        )
    wrong = np.isinf(dataset.features) if dataset.gaps else ~np.isfinite(dataset.features)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise DatasetError(
            f"{dataset.name}: {dataset.feature_names[column]} of {dataset.items[row].item_id} "
            "is not finite"
        )
