"""Single-label metrics in NumPy, with the definitions of scikit-learn.

Ours, as the models of the core install are evaluated without scikit-learn.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

# Below this a probability counts as this, so that one certain miss does not make the loss infinite.
SMALLEST_PROBABILITY = 1e-15
N_BINS = 15

Aggregation = Literal["mean-probability", "mean-logit"]


def confusion_matrix(
    targets: NDArray[np.int64],
    predicted: NDArray[np.int64],
    n_labels: int,
    weights: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Count items, rows true and columns predicted, shape (n_labels, n_labels).

    Parameters
    ----------
    targets, predicted : ndarray of int, shape (n_items,)
    weights : ndarray, shape (n_items,), optional
        How often each item counts.
    """
    cells = np.bincount(targets * n_labels + predicted, weights=weights, minlength=n_labels**2)
    return cells.reshape(n_labels, n_labels).astype(np.float64)


def precision_recall_f1(
    confusion: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Precision, recall and F1 of each label; 0 where nothing was predicted or nothing is true.

    Parameters
    ----------
    confusion : ndarray, shape (..., n_labels, n_labels)
        One matrix or many, as all functions here that take one.
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    predicted, true = confusion.sum(axis=-2), confusion.sum(axis=-1)
    return (
        _ratio(hits, predicted),
        _ratio(hits, true),
        _ratio(2 * hits, predicted + true),
    )


def occurring(confusion: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Labels that occur as truth or as prediction: over them macro means are taken."""
    seen: NDArray[np.bool_] = confusion.sum(axis=-2) + confusion.sum(axis=-1) > 0
    return seen


def macro(values: NDArray[np.float64], over: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean of the last axis where ``over`` is true."""
    return _ratio((values * over).sum(axis=-1), over.sum(axis=-1).astype(np.float64))


def weighted(values: NDArray[np.float64], confusion: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the last axis, each label as often as it is true."""
    true = confusion.sum(axis=-1)
    return _ratio((values * true).sum(axis=-1), true.sum(axis=-1))


def macro_f1(confusion: NDArray[np.float64]) -> float:
    """Mean F1 over the labels that occur as truth or as prediction."""
    return float(macro(precision_recall_f1(confusion)[2], occurring(confusion)))


def accuracy(confusion: NDArray[np.float64]) -> float:
    """Share of items on the diagonal."""
    return float(np.trace(confusion) / confusion.sum())


def balanced_accuracy(confusion: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean recall over the labels that are true of something."""
    return macro(precision_recall_f1(confusion)[1], confusion.sum(axis=-1) > 0)


def in_top(
    targets: NDArray[np.int64], probabilities: NDArray[np.float64], k: int = 3
) -> NDArray[np.bool_]:
    """Whether the true label is among the ``k`` most probable; of equal ones the last wins.

    As ``sklearn.metrics.top_k_accuracy_score`` has it.
    """
    best = np.argsort(probabilities, axis=1, kind="stable")[:, ::-1][:, :k]
    found: NDArray[np.bool_] = (best == targets[:, None]).any(axis=1)
    return found


def brier(targets: NDArray[np.int64], probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared distance of each row from the truth, between 0 and 2.

    Source: G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly
    Weather Review 78, 1950.
    """
    truth = np.zeros_like(probabilities)
    truth[np.arange(len(targets)), targets] = 1
    distances: NDArray[np.float64] = ((probabilities - truth) ** 2).sum(axis=1)
    return distances


def log_losses(
    targets: NDArray[np.int64], probabilities: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Negative log probability of each row's true label, in nats."""
    rows = probabilities / probabilities.sum(axis=1, keepdims=True)
    true = rows[np.arange(len(targets)), targets]
    losses: NDArray[np.float64] = -np.log(np.clip(true, SMALLEST_PROBABILITY, 1.0))
    return losses


def log_loss(targets: NDArray[np.int64], probabilities: NDArray[np.float64]) -> float:
    """Mean negative log probability of the true label, in nats."""
    return float(log_losses(targets, probabilities).mean())


def expected_calibration_error(
    targets: NDArray[np.int64], probabilities: NDArray[np.float64], n_bins: int = N_BINS
) -> float:
    """Mean distance of confidence from accuracy over equal-width bins, weighted by items.

    Source: C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    """
    confidence = probabilities.max(axis=1)
    hit = probabilities.argmax(axis=1) == targets
    bins = confidence_bins(confidence, n_bins)
    gap = np.bincount(bins, weights=confidence - hit, minlength=n_bins)
    return float(np.abs(gap).sum() / len(targets))


def confidence_bins(confidence: NDArray[np.float64], n_bins: int) -> NDArray[np.int64]:
    """Bin number of each confidence; a bin includes its upper edge, the first also zero."""
    return np.clip(np.ceil(confidence * n_bins).astype(np.int64) - 1, 0, n_bins - 1)


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
