"""Splits that never put one recording on two sides, unless asked for by a name that says so."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from genrekit.catalog import Catalog
from genrekit.datasets.dataset import Dataset
from genrekit.errors import DatasetError
from genrekit.schema import Contract, Sha256

PROTOCOLS = Catalog(
    "protocols",
    {
        "all-test": "genrekit.datasets.splits:all_test",
        "fault-filtered": "genrekit.datasets.splits:official",
        "grouped-kfold": "genrekit.datasets.splits:grouped_kfold",
        "holdout": "genrekit.datasets.splits:holdout",
        "segments-leaky": "genrekit.datasets.splits:segments_leaky",
    },
    group="genrekit.protocols",
)
HOLDOUT_SHARES = {"train": 0.7, "test": 0.15, "valid": 0.15}


class Fold(Contract):
    """Item ids of one round of training and testing.

    ``train`` is empty where nothing is trained, ``valid`` where nothing is chosen.
    """

    train: tuple[str, ...] = ()
    valid: tuple[str, ...] = ()
    test: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _sides_are_disjoint(self) -> Fold:
        everything = self.train + self.valid + self.test
        if len(set(everything)) != len(everything):
            raise ValueError("an item id occurs twice in a fold")
        return self


class Split(Contract):
    """Which items train, choose and test, by item id.

    Parameters
    ----------
    protocol : str
        A name of `PROTOCOLS`.
    leaky : bool
        True if a recording may be on two sides; every number made with it must carry the word.
    """

    protocol: str
    seed: int
    dataset_fingerprint: Sha256
    folds: tuple[Fold, ...] = Field(min_length=1)
    leaky: bool = False

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the JSON form."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def make_split(dataset: Dataset, protocol: str, *, n_folds: int = 10, seed: int = 0) -> Split:
    """Split ``dataset`` by a protocol that is named.

    Parameters
    ----------
    protocol : str
        ``"fault-filtered"``: GTZAN's published train, valid and test parts; items in no part are
        unused. ``"grouped-kfold"``: every item is tested once, recordings stay together, labels
        are balanced as well as they allow. ``"holdout"``: 70/15/15, likewise. ``"all-test"``:
        nothing is trained, everything is tested. ``"segments-leaky"``: k-fold over rows;
        recordings straddle, and the split says so.
    n_folds : int
        For the k-fold protocols.
    seed : int
        The same seed gives the same split.

    Raises
    ------
    ConfigError
        If there is no such protocol.
    DatasetError
        If the dataset does not fit it: no official parts, fewer recordings than folds, a label
        with a single recording.
    """
    folds = PROTOCOLS.get(protocol)(dataset, n_folds, seed)
    split = Split(
        protocol=protocol,
        seed=seed,
        dataset_fingerprint=dataset.fingerprint,
        folds=folds,
        leaky=protocol.endswith("-leaky"),
    )
    torn = straddling(dataset, split)
    if torn and not split.leaky:
        raise DatasetError(
            f"{protocol}: recording {torn[0]!r} and {len(torn) - 1} others would be on two sides"
        )
    return split


def straddling(dataset: Dataset, split: Split) -> tuple[str, ...]:
    """Groups with items on more than one side of a fold, sorted."""
    group_of = {item.item_id: item.group for item in dataset.items}
    torn: set[str] = set()
    for fold in split.folds:
        sides = [{group_of[item] for item in side} for side in (fold.train, fold.valid, fold.test)]
        torn |= (sides[0] & sides[1]) | (sides[0] & sides[2]) | (sides[1] & sides[2])
    return tuple(sorted(torn))


# --- protocols: (dataset, n_folds, seed) -> folds ------------------------------------------------


def official(dataset: Dataset, n_folds: int, seed: int) -> tuple[Fold, ...]:
    """Make one fold of the parts that the corpus itself names."""
    parts: dict[str | None, list[str]] = defaultdict(list)
    for item in dataset.items:
        parts[item.split].append(item.item_id)
    if not parts["test"]:
        raise DatasetError(
            f"{dataset.name} has no items in an official test part; expected GTZAN's track names "
            "(blues.00000), or use the protocol grouped-kfold"
        )
    return (
        Fold(train=tuple(parts["train"]), valid=tuple(parts["valid"]), test=tuple(parts["test"])),
    )


def all_test(dataset: Dataset, n_folds: int, seed: int) -> tuple[Fold, ...]:
    """Test everything and train nothing."""
    return (Fold(test=tuple(item.item_id for item in dataset.items)),)


def grouped_kfold(dataset: Dataset, n_folds: int, seed: int) -> tuple[Fold, ...]:
    """Test every item once, with whole recordings in a fold."""
    return _kfold(dataset, dataset.groups(), n_folds, seed)


def segments_leaky(dataset: Dataset, n_folds: int, seed: int) -> tuple[Fold, ...]:
    """Test every row once, whatever recording it comes from."""
    return _kfold(dataset, [item.item_id for item in dataset.items], n_folds, seed)


def holdout(dataset: Dataset, n_folds: int, seed: int) -> tuple[Fold, ...]:
    """Deal whole recordings to train, valid and test, 70/15/15."""
    groups = dataset.groups()
    _check_groups(dataset, groups, 3)
    part_of = _deal(dataset, groups, list(HOLDOUT_SHARES.values()), seed)
    ids = {
        part: tuple(
            item.item_id
            for item, dealt in zip(dataset.items, part_of, strict=True)
            if dealt == number
        )
        for number, part in enumerate(HOLDOUT_SHARES)
    }
    if not ids["valid"] or not ids["test"]:
        raise DatasetError(
            f"{dataset.name} has too few recordings for 70/15/15; expected at least four a label"
        )
    return (Fold(**ids),)


def _kfold(dataset: Dataset, groups: Sequence[str], n_folds: int, seed: int) -> tuple[Fold, ...]:
    if n_folds < 2:
        raise DatasetError(f"n_folds is {n_folds}; expected at least 2")
    _check_groups(dataset, groups, n_folds)
    fold_of = _deal(dataset, groups, [1.0 / n_folds] * n_folds, seed)
    ids = np.array([item.item_id for item in dataset.items], dtype=object)
    return tuple(
        Fold(train=tuple(ids[fold_of != fold]), test=tuple(ids[fold_of == fold]))
        for fold in range(n_folds)
    )


def _check_groups(dataset: Dataset, groups: Sequence[str], wanted: int) -> None:
    n_groups = len(set(groups))
    if n_groups < wanted:
        raise DatasetError(
            f"{dataset.name} has {n_groups} recordings, fewer than the {wanted} parts wanted; take "
            "fewer folds. (Rows without a known recording all count as one: name the column that "
            "says which recording a row is from, or say that every row is its own.)"
        )
    recordings = {
        (label, group)
        for item, group in zip(dataset.items, groups, strict=True)
        for label in item.labels
    }
    counts = Counter(label for label, _ in recordings)
    single = sorted(label for label, count in counts.items() if count < 2)
    if single:
        raise DatasetError(
            f"{dataset.name}: {single[0]!r} has a single recording, which cannot be both trained "
            "on and tested; add recordings or leave the label out"
        )


def _deal(
    dataset: Dataset, groups: Sequence[str], shares: Sequence[float], seed: int
) -> NDArray[np.int64]:
    """Part number of each item.

    Groups are dealt one by one, large ones first and otherwise in random order, each to the part
    that has least of its labels for its share (Webster's rule, so shares hold for small numbers
    too), then to the part that has least of all.
    """
    names, group_of = np.unique(np.array(groups, dtype=object), return_inverse=True)
    counts = np.zeros((len(names), len(dataset.labels)))
    number = {label: position for position, label in enumerate(dataset.labels)}
    for row, item in zip(group_of, dataset.items, strict=True):
        for label in item.labels:
            counts[row, number[label]] += 1
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]

    share = np.asarray(shares)
    rarity = 1.0 / np.maximum(counts.sum(axis=0), 1.0)
    loads = np.zeros((len(share), len(dataset.labels)))
    part_of_group = np.empty(len(names), dtype=np.int64)
    for group in order:
        fullness = (loads + counts[group] / 2) @ (counts[group] * rarity) / share
        total = (loads.sum(axis=1) + counts[group].sum() / 2) / share
        part = np.lexsort((total, fullness.round(9)))[0]
        loads[part] += counts[group]
        part_of_group[group] = part
    return part_of_group[group_of]
