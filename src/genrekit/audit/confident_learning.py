"""Labels that a model trained on all other recordings does not believe: confident learning.

Source: C. G. Northcutt, L. Jiang and I. L. Chuang, "Confident Learning: Estimating Uncertainty in
Dataset Labels", Journal of Artificial Intelligence Research 70, 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import Dataset, Pair, make_split
from genrekit.errors import DatasetError
from genrekit.models import build, classical_config

#: The forest found most of the planted label errors among its first suspects (see the tests).
MODEL = {"architecture": "extra-trees", "trees": 200}
N_FOLDS = 5
FEWEST_RECORDINGS = 4


class LabelIssue(NamedTuple):
    """A label that is doubted.

    Parameters
    ----------
    row : int
    given, proposed : int
        Label numbers.
    given_probability, proposed_probability : float
        Out of fold.
    """

    row: int
    given: int
    proposed: int
    given_probability: float
    proposed_probability: float


def confident_joint(
    targets: NDArray[np.int64], probabilities: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Count rows by given label and by the label they confidently belong to.

    A row belongs to a label if its probability reaches the mean probability that rows given this
    label have for it; of several such labels, to the most probable; of none, it is not counted.

    Parameters
    ----------
    targets : ndarray of int, shape (n,)
    probabilities : ndarray, shape (n, n_labels)
        Out of fold: from models that did not see the row.

    Returns
    -------
    ndarray of int, shape (n_labels, n_labels)
        Rows given, columns confident.
    """
    n_labels = probabilities.shape[1]
    confident = _confident(targets, probabilities)
    counted = confident >= 0
    cells = targets[counted] * n_labels + confident[counted]
    return np.bincount(cells, minlength=n_labels**2).reshape(n_labels, n_labels)


def find_label_issues(
    targets: NDArray[np.int64], probabilities: NDArray[np.float64]
) -> tuple[LabelIssue, ...]:
    """Rows whose label is doubted twice, the most doubtful first.

    Both rules of the paper have to agree: the row is off the diagonal of the confident joint, and
    among the rows of its label it is one of the least sure, as many as the joint estimates to be
    wrong (prune by noise rate).
    """
    confident = _confident(targets, probabilities)
    doubtful = (confident >= 0) & (confident != targets) & _pruned(targets, probabilities)
    rows = np.flatnonzero(doubtful)
    given = probabilities[rows, targets[rows]]
    other = probabilities[rows, confident[rows]]
    order = np.argsort(given - other, kind="stable")
    return tuple(
        LabelIssue(
            int(rows[one]),
            int(targets[rows[one]]),
            int(confident[rows[one]]),
            float(given[one]),
            float(other[one]),
        )
        for one in order
    )


def _confident(targets: NDArray[np.int64], probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the label each row confidently belongs to, -1 for none."""
    n_labels = probabilities.shape[1]
    counts = np.bincount(targets, minlength=n_labels)
    own = probabilities[np.arange(len(targets)), targets]
    means = np.bincount(targets, weights=own, minlength=n_labels) / np.maximum(counts, 1)
    # A label without rows is nobody's.
    threshold = np.where(counts > 0, means, np.inf)
    reached = np.where(probabilities >= threshold, probabilities, -1.0)
    return np.where(reached.max(axis=1) < 0, -1, reached.argmax(axis=1)).astype(np.int64)


def _pruned(targets: NDArray[np.int64], probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
    """For each pair of labels, the rows with the largest margin towards the other label."""
    joint = confident_joint(targets, probabilities).astype(np.float64)
    counts = np.bincount(targets, minlength=len(joint))
    # Calibrated, so that the rows of each given label add up to how many there are.
    joint *= (counts / np.maximum(joint.sum(axis=1), 1))[:, None]
    doubtful = np.zeros(len(targets), dtype=bool)
    for given, other in np.argwhere(joint.round() > 0).tolist():
        if given == other:
            continue
        rows = np.flatnonzero(targets == given)
        margins = probabilities[rows, given] - probabilities[rows, other]
        worst = np.argsort(margins, kind="stable")[: int(joint[given, other].round())]
        doubtful[rows[worst]] = True
    return doubtful


def out_of_fold(
    dataset: Dataset, *, pairs: Sequence[Pair] = (), seed: int = 0
) -> NDArray[np.float64]:
    """Probabilities for every row from a model that saw nothing of its recording.

    Parameters
    ----------
    dataset : Dataset
        Single-label, with features.
    pairs : sequence of (str, str)
        Near duplicates, which would otherwise vouch for each other's label.

    Returns
    -------
    ndarray, shape (n_items, n_labels)

    Raises
    ------
    DatasetError
        If there are too few recordings of a label.
    MissingExtraError
        Without scikit-learn.
    """
    if dataset.features is None:
        raise DatasetError(f"{dataset.name} has no features to judge labels by")
    targets, groups = dataset.targets(), dataset.groups()
    split = make_split(dataset, "grouped-kfold", n_folds=_folds(dataset), seed=seed, pairs=pairs)
    probabilities = np.zeros((len(dataset), len(dataset.labels)))
    for fold in split.folds:
        train, test = dataset.indices(fold.train), dataset.indices(fold.test)
        model = build(
            classical_config(MODEL),
            seed=seed,
            feature_names=dataset.feature_names,
            groups=[groups[row] for row in train],
        )
        model.fit(dataset.features[train], targets[train])
        known = np.asarray(model.classes_, dtype=np.int64)
        probabilities[np.ix_(test, known)] = model.predict_proba(dataset.features[test])
    return probabilities


def _folds(dataset: Dataset) -> int:
    recordings = {(item.labels[0], item.group) for item in dataset.items}
    counts = dict.fromkeys(dataset.labels, 0)
    for label, _ in recordings:
        counts[label] += 1
    rare = min(counts, key=lambda label: counts[label])
    if counts[rare] < FEWEST_RECORDINGS:
        raise DatasetError(
            f"{rare!r} has {counts[rare]} recordings; expected {FEWEST_RECORDINGS} or more of "
            "each label"
        )
    return min(N_FOLDS, counts[rare])
