"""Splits that never put what belongs together on two sides, unless a name says so."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from pydantic import Field

from genrekit.catalog import Catalog
from genrekit.datasets.dataset import Dataset
from genrekit.datasets.fold import Fold
from genrekit.datasets.protocols import HOLDOUT_SHARES, SplitOptions
from genrekit.datasets.relations import (
    RELATIONS,
    Pair,
    Relation,
    known_pairs,
    known_relations,
    mark,
    related,
)
from genrekit.errors import ConfigError, LeakError
from genrekit.schema import Contract, Sha256

PROTOCOLS = Catalog(
    "protocols",
    {
        "all-test": "genrekit.datasets.protocols:all_test",
        "cross-corpus": "genrekit.datasets.protocols:all_test",
        "fault-filtered": "genrekit.datasets.protocols:official",
        "grouped-kfold": "genrekit.datasets.protocols:grouped_kfold",
        "holdout": "genrekit.datasets.protocols:holdout",
        "leave-one-artist-out": "genrekit.datasets.protocols:leave_one_artist_out",
        "official": "genrekit.datasets.protocols:official",
        "repeated-kfold": "genrekit.datasets.protocols:repeated_kfold",
        "segments-leaky": "genrekit.datasets.protocols:segments_leaky",
    },
    group="genrekit.protocols",
)
#: Protocols whose parts are given, so that relations have no say in them.
GIVEN = ("all-test", "cross-corpus", "fault-filtered", "official", "segments-leaky")


class Split(Contract):
    """Which items train, choose and test, by item id.

    Parameters
    ----------
    protocol : str
        A name of `PROTOCOLS`, and for relations that were set aside ``-by-<relations>-leaky``.
    leaky : bool
        True if what belongs together may be on two sides; every number made with it must carry
        the word.
    """

    protocol: str
    seed: int
    dataset_fingerprint: Sha256
    folds: tuple[Fold, ...] = Field(min_length=1)
    leaky: bool = False

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex); the order of items in a part does not count."""
        parts = [[sorted(side) for side in (f.train, f.valid, f.test)] for f in self.folds]
        content = [self.protocol, self.seed, self.dataset_fingerprint, self.leaky, parts]
        return hashlib.sha256(repr(content).encode()).hexdigest()


def make_split(
    dataset: Dataset,
    protocol: str,
    *,
    by: Iterable[Relation] | None = None,
    pairs: Sequence[Pair] = (),
    n_folds: int = 10,
    n_repeats: int = 5,
    seed: int = 0,
    stratify: bool = True,
    shares: Sequence[float] | None = None,
    allow_leaking: bool = False,
) -> Split:
    """Split ``dataset`` by a protocol that is named.

    Labels are balanced as well as the groups allow; `balance` says how well that is.

    Parameters
    ----------
    protocol : str
        ``"official"``: the parts that the corpus itself names; items in none are unused.
        ``"fault-filtered"``: the same, by the name that GTZAN's have. ``"grouped-kfold"``: every
        item is tested once. ``"repeated-kfold"``: the same, drawn ``n_repeats`` times.
        ``"leave-one-artist-out"``: every artist is tested once. ``"holdout"``: 70/15/15,
        or other ``shares``.
        ``"all-test"``: nothing is trained, everything is tested. ``"cross-corpus"``: the same, by
        a model of another corpus. ``"segments-leaky"``: k-fold over
        rows; recordings leak, and the split says so.
    by : iterable of {"track", "artist", "album", "fingerprint"}, optional
        Relations that are kept together, in their union; None takes all that are known. Where a
        known one is set aside and then leaks, the protocol's name says so and is leaky.
    pairs : sequence of (str, str)
        Near duplicates by item id.
    n_folds, n_repeats : int
        For the k-fold protocols.
    seed : int
        The same seed gives the same split.
    stratify : bool
        Balance labels between parts.
    shares : sequence of float, optional
        Of the holdout: train, valid and test, or train and test; they add up to 1.
    allow_leaking : bool
        Give back even a split that tears recordings and is not named leaky, for examination.

    Raises
    ------
    ConfigError
        If there is no such protocol or relation, or shares are of another form.
    DatasetError
        If the dataset does not fit it: no official parts, fewer recordings than folds, a label
        with a single recording.
    """
    kept = RELATIONS if by is None else tuple(by)
    if unknown := set(kept) - set(RELATIONS):
        known = ", ".join(RELATIONS)
        raise ConfigError(f"{sorted(unknown)[0]!r} is not a relation; known: {known}")
    groups = related(dataset, kept, pairs)
    options = SplitOptions(groups, n_folds, n_repeats, seed, stratify, checked_shares(shares))
    split = Split(
        protocol=protocol,
        seed=seed,
        dataset_fingerprint=dataset.fingerprint,
        folds=PROTOCOLS.get(protocol)(dataset, options),
        leaky=protocol.endswith("-leaky"),
    )
    if split.leaky or allow_leaking:
        return split
    _refuse_leaking_groups(dataset, split)
    if protocol not in GIVEN and leaking_relations(dataset, split, pairs):
        name = f"{protocol}-by-{'-'.join(kept)}-leaky"
        return split.model_copy(update={"protocol": name, "leaky": True})
    return split


def checked_shares(shares: Sequence[float] | None) -> tuple[float, float, float]:
    """Shares of train, valid and test; two numbers leave validation out, None is the default.

    Raises
    ------
    ConfigError
        If they are not shares of one whole.
    """
    if shares is None:
        return HOLDOUT_SHARES
    train, *valid, test = (0.0, *shares) if len(shares) == 1 else (*shares,)
    whole = len(shares) in (2, 3) and abs(sum(shares) - 1) < 1e-6
    if not whole or min(shares) < 0 or not (train and test):
        raise ConfigError(
            f"shares are {list(shares)}; expected those of train, valid and test (or of train and "
            "test), which add up to 1, such as 0.8, 0.1, 0.1"
        )
    return train, (valid[0] if valid else 0.0), test


def leaking_groups(
    dataset: Dataset, split: Split, relation: Relation = "track", pairs: Sequence[Pair] = ()
) -> tuple[str, ...]:
    """Return the groups on more than one side of a fold, sorted, by a relation."""
    marks: dict[str, list[str]] = {}
    for item in dataset.items:
        shared = mark(item, relation)
        marks[item.item_id] = [] if shared is None else [shared]
    if relation == "fingerprint":
        for one, other in known_pairs(dataset, pairs):
            for item_id in (one, other):
                marks[item_id].append(f"{one}, {other}")
    leaking: set[str] = set()
    for fold in split.folds:
        sides = [
            {shared for item_id in side for shared in marks[item_id]}
            for side in (fold.train, fold.valid, fold.test)
        ]
        leaking |= (sides[0] & sides[1]) | (sides[0] & sides[2]) | (sides[1] & sides[2])
    return tuple(sorted(leaking))


def leaking_relations(
    dataset: Dataset, split: Split, pairs: Sequence[Pair] = ()
) -> dict[Relation, tuple[str, ...]]:
    """Return the groups that leak, by relation; relations that hold are left out."""
    found = {
        relation: leaking_groups(dataset, split, relation, pairs)
        for relation in known_relations(dataset, pairs)
    }
    return {relation: leaking for relation, leaking in found.items() if leaking}


def _refuse_leaking_groups(dataset: Dataset, split: Split) -> None:
    if leaking := leaking_groups(dataset, split):
        raise LeakError(
            f"{split.protocol}: recording {leaking[0]!r} and {len(leaking) - 1} others would be on "
            "two sides"
        )
