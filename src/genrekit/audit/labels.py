"""What is wrong with labels: their balance, who stands behind them, and which are doubted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from genrekit.audit.confident_learning import find_label_issues, out_of_fold
from genrekit.audit.finding import (
    Finding,
    Kind,
    Skipped,
    found,
    make_finding,
    own_recording,
    printable,
)
from genrekit.datasets import Dataset, Pair, Relation, mark
from genrekit.errors import DatasetError

#: The largest label may have this many times the recordings of the smallest.
MOST_RATIO = 2.0
#: From this share of a label's recordings on, an artist or album dominates it.
DOMINANT_SHARE = 0.2
#: Below this many recordings, shares of a label say little.
FEWEST_RECORDINGS = 10

_RELATIONS: dict[Relation, Kind] = {"artist": "dominant-artist", "album": "dominant-album"}


def label_counts(dataset: Dataset) -> dict[str, int]:
    """Items of each label, in the order of the labels."""
    counts = Counter(label for item in dataset.items for label in item.labels)
    return {printable(label): counts[label] for label in dataset.labels}


def balance_findings(dataset: Dataset) -> Iterator[Finding]:
    """Tell of labels that have much more recordings than others, and of labels with none."""
    recordings: dict[str, set[str]] = {label: set() for label in dataset.labels}
    unknown = len(set(dataset.groups())) == 1
    for item in dataset.items:
        for label in item.labels:
            recordings[label].add(item.item_id if unknown else item.group)
    counts = {label: len(groups) for label, groups in recordings.items()}
    most, least = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    ratio = counts[most] / max(counts[least], 1)
    if ratio >= MOST_RATIO:
        message = (
            f"{most} has {counts[most]} recordings, {least} {counts[least]}: "
            f"{ratio:.1f} times as many"
        )
        evidence = {"ratio": round(ratio, 3), "largest": counts[most], "smallest": counts[least]}
        yield make_finding("class-imbalance", message, evidence=evidence)


def dominance_findings(dataset: Dataset) -> Iterator[Finding]:
    """Tell of artists and albums that make up much of a label."""
    for relation, kind in _RELATIONS.items():
        for label, counts in _credits(dataset, relation).items():
            total = sum(counts.values())
            name, most = counts.most_common(1)[0]
            share = most / total
            if total < FEWEST_RECORDINGS or share < DOMINANT_SHARE or len(counts) < 2:
                continue
            effective = total**2 / sum(count**2 for count in counts.values())
            yield make_finding(
                kind,
                f"{relation} {name!r} has {most} of {total} recordings of {label} ({share:.0%}); "
                f"the label has {len(counts)} {relation}s",
                evidence={
                    "share": round(share, 4),
                    "recordings": most,
                    f"{relation}s": len(counts),
                    f"effective_{relation}s": round(effective, 2),
                },
            )


def _credits(dataset: Dataset, relation: Relation) -> dict[str, Counter[str]]:
    """Return the recordings of each artist or album, by label."""
    recordings: dict[str, dict[str, str]] = defaultdict(dict)
    for item in dataset.items:
        name = mark(item, relation)
        if name is not None:
            for label in item.labels:
                recordings[label][item.group] = name
    return {label: Counter(groups.values()) for label, groups in sorted(recordings.items())}


def names_known(dataset: Dataset) -> tuple[Relation, ...]:
    """Of artist and album, what any item has."""
    return tuple(
        relation
        for relation in _RELATIONS
        if any(mark(item, relation) is not None for item in dataset.items)
    )


# --- doubted labels -----------------------------------------------------------------------------


def check_labels(
    dataset: Dataset,
    features: NDArray[np.float64],
    *,
    pairs: Sequence[Pair] = (),
    seed: int = 0,
    root: str = "",
) -> tuple[tuple[Finding, ...], float] | Skipped:
    """Doubt labels by a model that was trained on all other recordings.

    Parameters
    ----------
    features : ndarray, shape (n_items, columns)
    pairs : sequence of (str, str)
        Near duplicates, which are kept in one fold.

    Returns
    -------
    findings, accuracy
        One finding for each doubted recording, most doubtful first, and the out-of-fold accuracy
        of the model over recordings; or why there is no judgement.

    Raises
    ------
    MissingExtraError
        Without scikit-learn.
    """
    names = tuple(f"column_{number}" for number in range(features.shape[1]))
    measured = replace(dataset, features=features, feature_names=names)
    try:
        by_row = out_of_fold(measured, pairs=pairs, seed=seed)
    except DatasetError as error:
        return Skipped(check="suspicious labels", reason=str(error))
    rows_of: dict[tuple[str, int], list[int]] = defaultdict(list)
    for row, target in enumerate(dataset.targets().tolist()):
        rows_of[own_recording(dataset.items[row]), target].append(row)
    targets = np.array([target for _, target in rows_of], dtype=np.int64)
    probabilities = np.array([by_row[rows].mean(axis=0) for rows in rows_of.values()])
    members = list(rows_of.values())
    labels = dataset.labels
    findings = []
    for one in find_label_issues(targets, probabilities):
        items = found(dataset, members[one.row], root)
        given, other = labels[one.given], labels[one.proposed]
        message = (
            f"{items[0].recording} is labelled {given} ({one.given_probability:.2f}) but sounds "
            f"like {other} ({one.proposed_probability:.2f})"
        )
        evidence = {
            "given_probability": round(one.given_probability, 4),
            "proposed_probability": round(one.proposed_probability, 4),
        }
        findings.append(
            make_finding("suspicious-label", message, items, proposed=other, evidence=evidence)
        )
    return tuple(findings), float((probabilities.argmax(axis=1) == targets).mean())
