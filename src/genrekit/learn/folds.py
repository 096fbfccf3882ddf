"""Which tracks are tested by which model: whole artists, albums and copies on one side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import (
    RELATIONS,
    Dataset,
    Pair,
    Relation,
    Split,
    known_relations,
    make_split,
    related,
)
from genrekit.errors import DatasetError

_MOST_FOLDS, _FEW_FOLDS = 10, 5
#: Up to so many groups there are ten folds, and then five.
_FEW_GROUPS = 100


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """How tracks are tested.

    Attributes
    ----------
    tested : Dataset
        The tracks that are tested, once each; others are only trained on.
    split : Split
        Of ``tested``.
    rows : (n_tested,) int64
        Places of the tested tracks in the whole dataset.
    fold_of : (n_tested,) int64
    groups : tuple of str
        What each track of the whole dataset belongs to.
    relations : tuple of str
        What is kept together and known: artist, album, fingerprint.
    untested : tuple of str
        Genres that cannot be tested, as all of their tracks belong together.
    flatters : str
        Why the number is too good, as a sentence; empty where it need not be.
    """

    tested: Dataset
    split: Split
    rows: NDArray[np.int64]
    fold_of: NDArray[np.int64]
    groups: tuple[str, ...]
    relations: tuple[str, ...]
    untested: tuple[str, ...] = ()
    flatters: str = ""

    def parts(self) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Places in the whole dataset that each fold learns from, and places in ``tested``."""
        everything = np.arange(len(self.groups))
        found = []
        for fold in np.unique(self.fold_of):
            asked = np.flatnonzero(self.fold_of == fold)
            found.append((np.setdiff1d(everything, self.rows[asked]), asked))
        return found


def make_folds(dataset: Dataset, pairs: Sequence[Pair] = (), *, seed: int = 0) -> Folds:
    """Assign tracks to folds.

    Where all tracks of a genre belong together, they are only trained on; where that leaves no two
    genres, artists and albums leak, and the split says that it is leaky.

    Parameters
    ----------
    pairs : sequence of (str, str)
        Near duplicates by item id.

    Raises
    ------
    DatasetError
        If no two genres have two recordings each.
    """
    known = [one for one in known_relations(dataset, pairs) if one != "track"]
    found = _split(dataset, pairs, RELATIONS, known, seed)
    if found is not None:
        return found
    found = _split(dataset, pairs, ("track", "fingerprint"), known, seed)
    if found is None:
        raise DatasetError(
            f"{dataset.name} has fewer than two genres with two different recordings, so nothing "
            "could be said of what is learnt; add tracks"
        )
    return found


def _split(
    dataset: Dataset,
    pairs: Sequence[Pair],
    by: Sequence[Relation],
    known: Sequence[Relation],
    seed: int,
) -> Folds | None:
    groups = related(dataset, by, pairs)
    held: dict[str, set[str]] = defaultdict(set)
    for item, group in zip(dataset.items, groups, strict=True):
        for label in item.labels:
            held[label].add(group)
    untested = tuple(label for label in dataset.labels if len(held[label]) < 2)
    if len(dataset.labels) - len(untested) < 2:
        return None
    rows = np.array(
        [row for row, item in enumerate(dataset.items) if not {*item.labels} <= {*untested}],
        np.int64,
    )
    tested = dataset.select(rows)
    ids = {item.item_id for item in tested.items}
    kept = [pair for pair in pairs if {*pair} <= ids]
    count = len({groups[row] for row in rows})
    split = make_split(
        tested,
        "grouped-kfold",
        by=by,
        pairs=kept,
        n_folds=min(count, _MOST_FOLDS if count <= _FEW_GROUPS else _FEW_FOLDS),
        seed=seed,
    )
    number = {item_id: fold for fold, one in enumerate(split.folds) for item_id in one.test}
    return Folds(
        tested=tested,
        split=split,
        rows=rows,
        fold_of=np.array([number[item.item_id] for item in tested.items]),
        groups=groups,
        relations=tuple(one for one in known if one in by),
        untested=untested,
        flatters=_flattery(dataset, by, known),
    )


def _flattery(dataset: Dataset, by: Sequence[Relation], known: Sequence[Relation]) -> str:
    leaking = [one for one in known if one not in by]
    if leaking:
        return (
            f"The number flatters: tracks of one {' or '.join(leaking)} are on both sides, as some "
            "genres have no other. Add tracks of others to learn how good the model is."
        )
    unknown = sum(item.artist is None and item.album is None for item in dataset.items)
    if unknown == len(dataset):
        return (
            "The number flatters: neither artist nor album of any track is known, so tracks of one "
            "may have trained the model that was tested with another. Put tracks into "
            "genre/artist/album/, tag them, or name artists in a list."
        )
    if unknown:
        return (
            f"The number may flatter: neither artist nor album is known of {unknown} of "
            f"{len(dataset)} tracks."
        )
    return ""
