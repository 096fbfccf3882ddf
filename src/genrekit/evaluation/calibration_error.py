"""How far confidence is from accuracy, without what chance adds to it, and how sure that is.

The mean distance of confidence from accuracy over bins (C. Guo et al., "On Calibration of Modern
Neural Networks", ICML 2017) is above zero for a perfect model too, as accuracies of a few items
scatter; resampling adds the same scatter once more, so that a bootstrap leaves the truth out. Here
models of a known error are simulated on the same items, and the errors are kept under which what
was seen is not a surprise (J. Bröcker and L. A. Smith, "Increasing the reliability of reliability
diagrams", Weather and Forecasting 22, 2007, for an error of zero).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genrekit.evaluation.intervals import by_recording
from genrekit.evaluation.metrics import N_BINS, confidence_bins
from genrekit.schema import Estimate

_SIMULATED = 500
#: Errors that are simulated on the way from the least to the largest that may be true.
_STEPS = 20


class Calibration(NamedTuple):
    """Calibration errors of one model on one test set.

    Attributes
    ----------
    error : Estimate
        Without what chance adds.
    binned : float
        With it: the usual mean distance over bins.
    by_chance : float
        What that is for a perfectly calibrated model on as many items, in the mean.
    """

    error: Estimate
    binned: float
    by_chance: float


class _Bins(NamedTuple):
    """Bins that have items: their share, mean confidence and accuracy, and items that count."""

    share: NDArray[np.float64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    items: int


def calibration_of(
    targets: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    groups: Sequence[str],
    *,
    seed: int = 0,
) -> Calibration:
    """Calibration errors of the best genre of each item; see `calibration_error`.

    Parameters
    ----------
    targets : ndarray of int, shape (n_items,)
    probabilities : ndarray, shape (n_items, n_labels)
    groups : sequence of str
        The recording of each item.
    """
    right = probabilities.argmax(axis=1) == targets
    return calibration_error(probabilities.max(axis=1), right, groups, seed=seed)


def calibration_error(
    confidence: NDArray[np.float64],
    right: NDArray[np.bool_],
    groups: Sequence[str],
    *,
    level: float = 0.95,
    seed: int = 0,
) -> Calibration:
    """Mean distance of confidence from how often it is right, with its interval.

    Parameters
    ----------
    confidence : ndarray, shape (n_items,)
    right : ndarray of bool, shape (n_items,)
    groups : sequence of str
        The recording of each item; items of one count for less than as many of different ones.
    seed : int
        Of the simulation.
    """
    bins = _binned(confidence, right.astype(np.float64), groups)
    seen = float((bins.share * np.abs(bins.confidence - bins.accuracy)).sum())
    generator = np.random.default_rng(seed)
    counts = generator.multinomial(bins.items, bins.share, size=_SIMULATED)
    chance = float(_simulated(bins, 0.0, counts, generator)[1].mean())
    # Nothing is further from what is seen than two and a half standard errors of a fair coin.
    reach = 1.3 / np.sqrt(bins.items)
    moves = np.linspace(max(0.0, seen - chance - reach), min(1.0, seen + reach), _STEPS)
    drawn = [_simulated(bins, move, counts, generator) for move in np.unique([0.0, *moves])]
    errors = np.array([error for error, _ in drawn])
    values = np.array([some for _, some in drawn])
    median = np.maximum.accumulate(np.median(values, axis=1))
    value = float(np.interp(seen, median, errors)) if seen > median[0] else 0.0
    # At an error of zero only what is too large can speak against it.
    below = (1 - level) / 2 * np.minimum(1.0, errors / max(chance, 1e-9))
    too_small = (values >= seen - 1e-12).mean(axis=1) - (1 - level - below)
    too_large = (values <= seen + 1e-12).mean(axis=1) - below
    low = _crossing(errors, too_small, value)
    high = -_crossing(-errors[::-1], too_large[::-1], -value)
    estimate = Estimate(
        value=value, low=min(low, value), high=max(high, value), level=level, method="simulated"
    )
    return Calibration(estimate, seen, chance)


def _binned(
    confidence: NDArray[np.float64], hits: NDArray[np.float64], groups: Sequence[str]
) -> _Bins:
    bins = confidence_bins(confidence, N_BINS)
    items = np.bincount(bins, minlength=N_BINS)
    kept = items > 0
    sums = [np.bincount(bins, weights=one, minlength=N_BINS)[kept] for one in (confidence, hits)]
    # Means of equal numbers may pass one by a rounding error.
    means = [np.clip(one / items[kept], 0, 1) for one in sums]
    independent = _independent(confidence - hits, groups)
    return _Bins(items[kept] / len(hits), means[0], means[1], independent)


def _independent(gaps: NDArray[np.float64], groups: Sequence[str]) -> int:
    """As many independent items as would tell the mean gap as well as these recordings do."""
    sums, items = by_recording(gaps[np.newaxis], groups)
    count = len(items)
    spread = float(gaps.var())
    if count in (1, len(gaps)) or spread == 0:
        return count
    between = float(((sums[0] - gaps.mean() * items) ** 2).sum()) * count / (count - 1)
    return int(np.clip(spread * len(gaps) ** 2 / max(between, 1e-12), 1, len(gaps)))


def _simulated(
    bins: _Bins, move: float, counts: NDArray[np.int64], generator: np.random.Generator
) -> tuple[float, NDArray[np.float64]]:
    """Return a true error, and what is seen of it, if accuracies were ``move`` off confidences.

    They are off to the side that was seen in each bin, and no further than 0 or 1.
    """
    over = bins.confidence >= bins.accuracy
    off = np.minimum(move, np.where(over, bins.confidence, 1 - bins.confidence))
    accuracy = np.clip(bins.confidence + np.where(over, -off, off), 0, 1)
    hits = generator.binomial(counts, accuracy)
    seen = np.abs(counts * bins.confidence - hits).sum(axis=1) / bins.items
    return float((bins.share * off).sum()), seen


def _crossing(places: NDArray[np.float64], values: NDArray[np.float64], otherwise: float) -> float:
    """Return the first place at which values are above zero, between the two that enclose it."""
    above = np.flatnonzero(values > 0)
    if len(above) == 0:
        return otherwise
    first = int(above[0])
    if first == 0:
        return float(places[0])
    step = values[first - 1] / (values[first - 1] - values[first])
    return float(places[first - 1] + step * (places[first] - places[first - 1]))
