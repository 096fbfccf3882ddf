"""Protocols: how a dataset is split into folds, each a function ``(dataset, options) -> folds``."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets.dataset import Dataset
from genrekit.datasets.fold import Fold
from genrekit.errors import DatasetError

logger = logging.getLogger(__name__)

#: Shares of train, valid and test.
HOLDOUT_SHARES = (0.7, 0.15, 0.15)
#: The order in which parts get their groups: the first one has the first choice.
_PART_ORDER = ("train", "test", "valid")
#: Each artist is a fold, and a fold is a model to fit and a list of all other items.
MOST_ARTISTS = 1000

Seed = int | np.random.SeedSequence


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """What a protocol needs to know besides the dataset.

    Parameters
    ----------
    groups : tuple of str
        What each item belongs to; a group is never on two sides.
    n_folds, n_repeats : int
        For the k-fold protocols.
    seed : int
        Decides everything that is random.
    stratify : bool
        Balance labels; otherwise only the number of items.
    shares : (float, float, float)
        Of train, valid and test, for the holdout; nothing need be for validation.
    """

    groups: tuple[str, ...]
    n_folds: int
    n_repeats: int
    seed: int
    stratify: bool = True
    shares: tuple[float, float, float] = HOLDOUT_SHARES


def official(dataset: Dataset, options: SplitOptions) -> tuple[Fold, ...]:
    """Make one fold of the parts that the corpus itself names."""
    parts: dict[str | None, list[str]] = defaultdict(list)
    for item in dataset.items:
        parts[item.split].append(item.item_id)
    if not parts["test"]:
        raise DatasetError(
            f"{dataset.name} has no items in an official test part; expected a corpus with parts "
            "of its own (FMA, GTZAN's track names such as blues.00000, a manifest with a column "
            "split), or use the protocol grouped-kfold"
        )
    return (
        Fold(train=tuple(parts["train"]), valid=tuple(parts["valid"]), test=tuple(parts["test"])),
    )


def all_test(dataset: Dataset, options: SplitOptions) -> tuple[Fold, ...]:
    """Test everything and train nothing."""
    return (Fold(test=tuple(item.item_id for item in dataset.items)),)


def grouped_kfold(dataset: Dataset, options: SplitOptions) -> tuple[Fold, ...]:
    """Test every item once, with whole groups in a fold."""
    return _kfold(dataset, options.groups, options, options.seed)


def repeated_kfold(dataset: Dataset, options: SplitOptions) -> tuple[Fold, ...]:
    """Assign groups ``n_repeats`` times anew, so that every item is tested as often."""
    if options.n_repeats < 2:
        raise DatasetError(f"n_repeats is {options.n_repeats}; expected at least 2")
    seeds = np.random.SeedSequence(options.seed).spawn(options.n_repeats)
    return tuple(fold for seed in seeds for fold in _kfold(dataset, options.groups, options, seed))


def leave_one_artist_out(dataset: Dataset, options: SplitOptions) -> tuple[Fold, ...]:
    """Test the tracks of one artist after another, with all that is related to them.

    Items whose artist is not known are unused: they may be anybody's.
    """
    signed = {
        group for item, group in zip(dataset.items, options.groups, strict=True) if item.artist
    }
    rows = [row for row, group in enumerate(options.groups) if group in signed]
    if len(rows) < len(dataset):
        logger.warning("%d items have no artist and are unused", len(dataset) - len(rows))
    if not 2 <= len(signed) <= MOST_ARTISTS:
        raise DatasetError(
            f"{dataset.name} has {len(signed)} artists that stand apart; expected 2 to "
            f"{MOST_ARTISTS} for leave-one-artist-out: grouped-kfold keeps artists together too"
        )
    known, groups = dataset.select(rows), np.array([options.groups[row] for row in rows], object)
    _check_groups(known, groups.tolist(), 2)
    ids = np.array([item.item_id for item in known.items], dtype=object)
    return tuple(
        Fold(train=tuple(ids[groups != group]), test=tuple(ids[groups == group]))
        for group in sorted(signed)
    )


def segments_leaky(dataset: Dataset, options: SplitOptions) -> tuple[Fold, ...]:
    """Test every row once, whatever recording it comes from."""
    rows = [item.item_id for item in dataset.items]
    return _kfold(dataset, rows, options, options.seed)


def holdout(dataset: Dataset, options: SplitOptions) -> tuple[Fold, ...]:
    """Assign whole groups to train, valid and test, by default 70/15/15."""
    share_of = dict(zip(("train", "valid", "test"), options.shares, strict=True))
    parts = [part for part in _PART_ORDER if share_of[part]]
    shares = [share_of[part] for part in parts]
    _check_groups(dataset, options.groups, len(parts))
    part_of = _assign(dataset, options.groups, shares, options.seed, options.stratify)
    ids = {
        part: tuple(
            item.item_id
            for item, assigned in zip(dataset.items, part_of, strict=True)
            if assigned == number
        )
        for number, part in enumerate(parts)
    }
    if not all(ids.values()):
        wanted = "/".join(f"{100 * share:g}" for share in options.shares)
        raise DatasetError(
            f"{dataset.name} has too few recordings for {wanted}; expected at least four a label, "
            "or take grouped-kfold"
        )
    return (Fold(**ids),)


def _kfold(
    dataset: Dataset, groups: Sequence[str], options: SplitOptions, seed: Seed
) -> tuple[Fold, ...]:
    n_folds = options.n_folds
    if n_folds < 2:
        raise DatasetError(f"n_folds is {n_folds}; expected at least 2")
    _check_groups(dataset, groups, n_folds)
    fold_of = _assign(dataset, groups, [1.0 / n_folds] * n_folds, seed, options.stratify)
    ids = np.array([item.item_id for item in dataset.items], dtype=object)
    return tuple(
        Fold(train=tuple(ids[fold_of != fold]), test=tuple(ids[fold_of == fold]))
        for fold in range(n_folds)
    )


def _check_groups(dataset: Dataset, groups: Sequence[str], wanted: int) -> None:
    n_groups = len(set(groups))
    alone = tuple(groups) == dataset.groups()
    what = "recording" if alone else "group of related recordings"
    whats = "recordings" if alone else "groups of related recordings"
    if n_groups < wanted:
        raise DatasetError(
            f"{dataset.name} has {n_groups} {whats}, fewer than the {wanted} parts wanted; take "
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
    if not single:
        return
    problem = (
        f"{dataset.name}: {single[0]!r} has a single {what}, which cannot be both trained on and "
        "tested; add recordings or leave the label out"
    )
    if dataset.task == "single-label":
        raise DatasetError(problem)
    logger.warning("%s (%d such labels)", problem, len(single))


def _assign(
    dataset: Dataset, groups: Sequence[str], shares: Sequence[float], seed: Seed, stratify: bool
) -> NDArray[np.int64]:
    """Part number of each item.

    Groups are assigned one by one, large ones first and otherwise in random order, each to the part
    that has least of its labels for its share (Webster's rule, so shares hold for small numbers
    too), then to the part that has least of all.
    """
    names, group_of = np.unique(np.array(groups, dtype=object), return_inverse=True)
    counts = np.zeros((len(names), len(dataset.labels)))
    number = {label: position for position, label in enumerate(dataset.labels)}
    for row, item in zip(group_of, dataset.items, strict=True):
        for label in item.labels:
            counts[row, number[label]] += 1
    if not stratify:
        counts = counts.sum(axis=1, keepdims=True)
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]

    share = np.asarray(shares)
    rarity = 1.0 / np.maximum(counts.sum(axis=0), 1.0)
    loads = np.zeros((len(share), counts.shape[1]))
    part_of_group = np.empty(len(names), dtype=np.int64)
    for group in order:
        fullness = (loads + counts[group] / 2) @ (counts[group] * rarity) / share
        total = (loads.sum(axis=1) + counts[group].sum() / 2) / share
        part = np.lexsort((total, fullness.round(9)))[0]
        loads[part] += counts[group]
        part_of_group[group] = part
    return part_of_group[group_of]
