"""How the answers of an ensemble's members are combined: evenly, by weights, or by a stack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from genrekit.bundles import Bundle
from genrekit.datasets import Dataset, Fold, Split
from genrekit.errors import ConfigError, DatasetError
from genrekit.evaluation import score_items, tune_thresholds
from genrekit.export import Combiner, log_odds, logarithm
from genrekit.inference import Classifier, calibrated, consistent, edges
from genrekit.training.ensemble import Ensemble, How

#: Inverse strength of the penalty of a stack.
_STACK_C = 1.0

Answers = NDArray[np.float64]
Targets = NDArray[np.int64]


def combiner_for(
    how: How,
    ensemble: Ensemble,
    dataset: Dataset,
    split: Split,
    *,
    weights: Sequence[float] | None = None,
    seed: int = 0,
) -> Combiner:
    """Find the combiner; weights and stacks are fitted on the validation part of the split.

    Where a track has several genres, thresholds are tuned on that part, too; without such a fit
    they are the means of the members'.

    Raises
    ------
    ConfigError
        If weights are of another number, or have no sum.
    DatasetError
        If there is no validation part, or a member learnt from it.
    """
    count = len(ensemble.members)
    if weights is not None:
        total = sum(weights)
        if len(weights) != count or min(weights) < 0 or not total > 0:
            raise ConfigError(
                f"{len(weights)} weights {list(weights)} for {count} models; expected one for "
                "each, none below 0 and not all 0"
            )
        shares = tuple(weight / total for weight in weights)
        return Combiner(shares, several=ensemble.several)
    if how == "vote":
        return Combiner((1 / count,) * count, several=ensemble.several)
    rows = _valid(dataset, split)
    outputs = [_outputs_of(member, ensemble.labels, dataset, rows) for member in ensemble.members]
    targets = _targets(ensemble, dataset, rows)
    if how == "weighted":
        shares = _fitted_weights(outputs, targets, ensemble.several)
        found = Combiner(shares, several=ensemble.several, fitted=True)
    else:
        stack = _independent_stacks if ensemble.several else _fitted_stack
        found = stack(outputs, targets, seed)
    return _with_thresholds(found, ensemble, outputs, targets) if ensemble.several else found


def _valid(dataset: Dataset, split: Split) -> Split:
    if len(split.folds) != 1 or not split.folds[0].valid:
        raise DatasetError(
            f"{split.protocol} has no validation part to fit weights or a stack on; take a split "
            "that has (genrekit split DATA --protocol holdout -o split.json), or a plain vote"
        )
    # Tested as if it were the test part, so that the leak detector refuses what members learnt.
    return split.model_copy(
        update={"protocol": f"{split.protocol}, valid", "folds": (Fold(test=split.folds[0].valid),)}
    )


def _outputs_of(member: Bundle, labels: Sequence[str], dataset: Dataset, rows: Split) -> Answers:
    """Probabilities (n, labels) of a member for the test part of ``rows``."""
    classifier = Classifier(member)
    order = [classifier.labels.index(label) for label in labels]
    return np.array([one.probabilities[order] for one in score_items(classifier, dataset, rows)])


def _targets(ensemble: Ensemble, dataset: Dataset, rows: Split) -> Targets:
    """Ones for the genres (n, labels) of each validated item, and zeros."""
    genres = {item.item_id: item.labels for item in dataset.items}
    return np.array(
        [[label in genres[item_id] for label in ensemble.labels] for item_id in rows.folds[0].test],
        np.int64,
    )


def _fitted_weights(
    outputs: Sequence[Answers], targets: Targets, several: bool
) -> tuple[float, ...]:
    """Weights with the least log loss, drawn to equal ones as far as the rows are few."""
    from scipy.optimize import minimize

    # Of several genres each is a question; of one, only the true one is.
    right = np.array(
        [
            np.where(targets == 1, one, 1 - one).ravel() if several else one[targets == 1]
            for one in outputs
        ]
    )

    def loss(free: NDArray[np.float64]) -> float:
        shares = np.exp(free - free.max())
        likely = logarithm(shares @ right / shares.sum()).mean()
        return float((free**2).sum() / len(targets) - likely)

    found = minimize(
        loss, np.zeros(len(outputs)), method="Nelder-Mead", bounds=[(-8, 8)] * len(outputs)
    )
    shares = np.exp(found.x - found.x.max())
    return tuple(float(share) for share in shares / shares.sum())


def _fitted_stack(outputs: Sequence[Answers], targets: Targets, seed: int) -> Combiner:
    from sklearn.linear_model import LogisticRegression

    n_labels = targets.shape[1]
    if missing := int((targets.sum(axis=0) == 0).sum()):
        raise DatasetError(
            f"the validation part has nothing of {missing} of {n_labels} genres, so no stack "
            "can be fitted on it; take a plain vote, or another split"
        )
    logs = np.concatenate([logarithm(one) for one in outputs], axis=1)
    model = LogisticRegression(C=_STACK_C, max_iter=5000, random_state=seed)
    model.fit(logs, targets.argmax(axis=1))
    matrix, offset = model.coef_.T, model.intercept_
    if n_labels == 2:  # scikit-learn keeps one column of the two
        matrix, offset = np.hstack([-matrix, matrix]) / 2, np.concatenate([-offset, offset]) / 2
    return Combiner((), matrix, offset, fitted=True)


def _independent_stacks(outputs: Sequence[Answers], targets: Targets, seed: int) -> Combiner:
    """Return a logistic regression for each genre, on what the members say of that genre.

    A genre that no validated track has, or each, gets the mean of the members' log odds.
    """
    from sklearn.linear_model import LogisticRegression

    odds = np.stack([log_odds(one) for one in outputs], axis=2)
    n_labels, count = odds.shape[1:]
    matrix, offset = np.zeros((count * n_labels, n_labels)), np.zeros(n_labels)
    for place in range(n_labels):
        column = targets[:, place]
        own = np.arange(count) * n_labels + place
        if column.min() == column.max():
            matrix[own, place] = 1 / count
            continue
        model = LogisticRegression(C=_STACK_C, max_iter=5000, random_state=seed)
        model.fit(odds[:, place], column)
        matrix[own, place], offset[place] = model.coef_[0], model.intercept_[0]
    return Combiner((), matrix, offset, several=True, fitted=True)


def _with_thresholds(
    combiner: Combiner, ensemble: Ensemble, outputs: Sequence[Answers], targets: Targets
) -> Combiner:
    parents = ensemble.members[0].manifest.parents
    predicted = calibrated(combiner.logits(outputs), task="multi-label", temperature=1.0)
    together = consistent(predicted, edges(ensemble.labels, parents))
    tuned = tune_thresholds(targets, together, labels=ensemble.labels, parents=parents)
    return replace(combiner, thresholds=tuned.values)
