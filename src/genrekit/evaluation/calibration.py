"""Temperature scaling, and how well confidence matches accuracy."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import DatasetError
from genrekit.evaluation.metrics import N_BINS, confidence_bins

LOWEST_TEMPERATURE = 0.05
HIGHEST_TEMPERATURE = 20.0
#: Spread of the logarithm of a temperature before anything is seen: from 0.4 to 2.7, mostly.
_PRIOR_SPREAD = 0.5


def fit_temperature(logits: NDArray[np.floating], targets: NDArray[np.int64]) -> float:
    """Temperature T that minimises the log loss of softmax(logits / T), with a prior about 1.

    The prior counts as much as a track or two: it matters for a handful of tracks and for no more.
    Where every answer is right T is never below 1, as they cannot say how often others are wrong.
    Fit it on tracks that the weights have not seen. For a model that gives probabilities, pass
    their logarithms. Source: C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.

    Parameters
    ----------
    logits : ndarray, shape (n_items, n_labels)
    targets : ndarray of int, shape (n_items,)

    Returns
    -------
    float
        Between 0.05 and 20.

    Raises
    ------
    DatasetError
        If there are no items, or logits are not finite.
    """
    if len(targets) == 0 or logits.shape[0] != len(targets):
        raise DatasetError(f"{logits.shape[0]} rows of logits for {len(targets)} targets")
    if not np.isfinite(logits).all():
        raise DatasetError("logits are not finite; clip probabilities before the logarithm")
    rows = logits.astype(np.float64)
    margins = rows - rows[np.arange(len(targets)), targets][:, None]

    # The loss is convex in 1/T, so it has one minimum in log T too.
    def loss(log_temperature: float) -> float:
        found = float(_log_sum_exp(margins * math.exp(-log_temperature)).sum())
        return found + _unlikely(log_temperature)

    return _lowest(loss, all_right=bool((rows.argmax(axis=1) == targets).all()))


def fit_binary_temperature(logits: NDArray[np.floating], targets: NDArray[np.int64]) -> float:
    """Temperature T that minimises the binary log loss of sigmoid(logits / T), for multi-label.

    With the prior of `fit_temperature`, which counts as much as a track or two.

    Parameters
    ----------
    logits : ndarray, shape (n_items, n_labels)
    targets : ndarray of 0 and 1, shape (n_items, n_labels)

    Returns
    -------
    float
        Between 0.05 and 20.

    Raises
    ------
    DatasetError
        If there are no items, shapes differ, or logits are not finite.
    """
    if logits.size == 0 or logits.shape != targets.shape:
        raise DatasetError(f"logits have shape {logits.shape}, targets {targets.shape}")
    if not np.isfinite(logits).all():
        raise DatasetError("logits are not finite; clip probabilities before the logarithm")
    margins = logits.astype(np.float64) * (1 - 2 * targets)

    def loss(log_temperature: float) -> float:
        found = np.logaddexp(0, margins * math.exp(-log_temperature)).sum()
        return float(found) + _unlikely(log_temperature)

    return _lowest(loss, all_right=bool((margins < 0).all()))


def _unlikely(log_temperature: float) -> float:
    """Negative logarithm of the prior, but for a constant, in nats."""
    return log_temperature**2 / (2 * _PRIOR_SPREAD**2)


def _lowest(loss: Callable[[float], float], *, all_right: bool) -> float:
    lowest = 1.0 if all_right else LOWEST_TEMPERATURE
    return math.exp(_golden_section(loss, math.log(lowest), math.log(HIGHEST_TEMPERATURE)))


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Items whose confidence lies in ``(low, high]``; means are 0 in an empty bin."""

    low: float
    high: float
    items: int
    confidence: float
    accuracy: float


def reliability_bins(
    targets: NDArray[np.int64], probabilities: NDArray[np.float64], n_bins: int = N_BINS
) -> tuple[ReliabilityBin, ...]:
    """Mean confidence and accuracy in equal-width bins of the highest probability."""
    confidence = probabilities.max(axis=1)
    hit = (probabilities.argmax(axis=1) == targets).astype(np.float64)
    bins = confidence_bins(confidence, n_bins)
    items = np.bincount(bins, minlength=n_bins)
    divisor = np.maximum(items, 1)
    confidences = np.bincount(bins, weights=confidence, minlength=n_bins) / divisor
    accuracies = np.bincount(bins, weights=hit, minlength=n_bins) / divisor
    return tuple(
        ReliabilityBin(
            low=number / n_bins,
            high=(number + 1) / n_bins,
            items=int(items[number]),
            confidence=float(confidences[number]),
            accuracy=float(accuracies[number]),
        )
        for number in range(n_bins)
    )


def _log_sum_exp(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    highest = rows.max(axis=1)
    total: NDArray[np.float64] = np.log(np.exp(rows - highest[:, None]).sum(axis=1)) + highest
    return total


def _golden_section(function: Callable[[float], float], low: float, high: float) -> float:
    ratio = (math.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = function(left), function(right)
    while high - low > 1e-6:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = function(right)
    return (low + high) / 2
