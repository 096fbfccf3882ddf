"""When to say ``unknown``, and which genres to name together, so that a promise of errors holds.

The unit is the group (recording, artist, album): tracks of one group err together, so each group
counts once, by the mean over its tracks. Everything is chosen on tracks the model did not learn
from, and holds for tracks like those.

Sources: R. El-Yaniv, Y. Wiener, "On the Foundations of Noise-free Selective Classification", JMLR
2010 (risk and coverage); A. Angelopoulos et al., "Learn then Test", 2021 (fixed sequences); M.
Sadinle et al., "Least Ambiguous Set-Valued Classifiers", JASA 2019 (the sets).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import betaincinv

from genrekit.errors import DatasetError
from genrekit.schema import Contract, Estimate, PredictionSets, Probability

# Where walks towards more answers begin, in shares of the tracks; an error among the surest few
# must not end the only one.
_BEGINNINGS = (1.0, 0.75, 0.5, 0.25)


class CurvePoint(Contract):
    """What is answered, and how often wrongly, with one threshold."""

    threshold: Probability
    coverage: Estimate = Field(description="share of groups that are answered")
    error: Estimate = Field(description="share of the answers that are wrong")


class Abstention(Contract):
    """A threshold, and what it promises."""

    error: Probability = Field(description="asked for: at most this share of answers is wrong")
    confidence: Probability = Field(description="how sure that is, over draws of such tracks")
    unknown_below: Probability
    chosen: CurvePoint
    before: CurvePoint = Field(description="with the threshold that the model has now")
    curve: tuple[CurvePoint, ...] = Field(description="risk against coverage, surest first")
    tracks: int
    groups: int


def choose_threshold(
    confidences: NDArray[np.float64],
    right: NDArray[np.bool_],
    groups: Sequence[str],
    *,
    error: float,
    confidence: float = 0.95,
    now: float = 0.0,
) -> Abstention:
    """Return the threshold that answers most while at most ``error`` of that is wrong.

    Parameters
    ----------
    confidences : (n_tracks,) float64
        Of the best genre.
    right : (n_tracks,) bool
        Whether it is the true one.
    groups : sequence of str
        Tracks of one group are not independent.
    error : float
        Between 0 and 1.
    confidence : float
        Of all draws of tracks, the share in which the promise holds.
    now : float
        The threshold to compare with.

    Raises
    ------
    DatasetError
        If no threshold can be promised to be so good; the message says what would help.
    """
    order = np.argsort(-confidences, kind="stable")
    sure = confidences[order]
    answered, wrong = _running(right[order], [groups[place] for place in order])
    # A threshold falls between different confidences only.
    ends = np.flatnonzero(np.append(sure[1:] < sure[:-1], True))
    bounds = _upper(wrong[ends], answered[ends], 1 - (1 - confidence) / len(_BEGINNINGS))
    place = max(_walk(bounds <= error, share) for share in _BEGINNINGS)
    total = len(set(groups))
    if place < 0:
        raise DatasetError(_too_few(bounds, answered[ends], error, confidence, total))
    threshold = _between(sure, int(ends[place]))

    def at(end: int) -> CurvePoint:
        return _point(_between(sure, end), wrong[end], answered[end], total)

    before = int((sure >= now).sum()) - 1
    return Abstention(
        error=error,
        confidence=confidence,
        unknown_below=threshold,
        chosen=at(int(ends[place])),
        before=at(before) if before >= 0 else _point(now, 0.0, 0.0, total),
        curve=tuple(at(int(end)) for end in ends),
        tracks=len(sure),
        groups=total,
    )


def fit_sets(
    probabilities: NDArray[np.float64],
    targets: NDArray[np.int64],
    groups: Sequence[str],
    *,
    error: float,
) -> PredictionSets:
    """Fit sets of genres that miss the true one in at most a share of ``error``, on average.

    Parameters
    ----------
    probabilities : (n_tracks, n_labels) float64
    targets : (n_tracks,) int64
    groups : sequence of str
        Each counts once.

    Raises
    ------
    DatasetError
        If there are too few groups for so small an error.
    """
    count = len(set(groups))
    level = math.ceil((count + 1) * (1 - error) - 1e-9) / count
    if level > 1:
        raise DatasetError(
            f"{count} groups are too few for sets that miss {error:g}; bring at least "
            f"{math.ceil(1 / error) - 1}, or ask for a larger error"
        )
    sizes = {group: groups.count(group) for group in set(groups)}
    strange = 1 - probabilities[np.arange(len(targets)), targets]
    order = np.argsort(strange, kind="stable")
    weights = np.array([1 / sizes[groups[place]] for place in order])
    place = int(np.searchsorted(np.cumsum(weights) / count, level - 1e-9))
    quantile = float(strange[order[min(place, len(order) - 1)]])
    return PredictionSets(error=error, least=max(0.0, 1 - quantile), groups=count)


def _running(right: NDArray[np.bool_], groups: Sequence[str]) -> tuple[NDArray[np.float64], ...]:
    """Return the groups answered, and their mean errors summed, with each more track."""
    answered, wrong = np.zeros(len(right)), np.zeros(len(right))
    seen: dict[str, tuple[int, int]] = {}
    total = 0.0
    for place, (group, good) in enumerate(zip(groups, right, strict=True)):
        tracks, errors = seen.get(group, (0, 0))
        total -= errors / tracks if tracks else 0.0
        seen[group] = (tracks + 1, errors + (not good))
        total += seen[group][1] / seen[group][0]
        answered[place], wrong[place] = len(seen), max(0.0, total)
    return answered, wrong


def _upper(
    wrong: NDArray[np.float64], answered: NDArray[np.float64], level: float
) -> NDArray[np.float64]:
    """One-sided bound of Clopper and Pearson on a share; means within groups vary less."""
    rest = np.maximum(answered - wrong, 0.0)
    bound = betaincinv(wrong + 1, np.maximum(rest, 1e-9), level)
    return np.where(rest > 1e-9, bound, 1.0)


def _walk(good: NDArray[np.bool_], share: float) -> int:
    """Return the last place that is good with all between it and a beginning; -1 if that is not."""
    begin = max(0, math.ceil(share * len(good)) - 1)
    if not good[begin]:
        return -1
    bad = np.flatnonzero(~good[begin:])
    return begin + (int(bad[0]) if len(bad) else len(good) - begin) - 1


def _between(sure: NDArray[np.float64], end: int) -> float:
    """Return a threshold that answers all up to ``end``, and nothing after it."""
    if end + 1 >= len(sure):
        return 0.0
    middle = float((sure[end] + sure[end + 1]) / 2)
    return middle if sure[end + 1] < middle else float(sure[end])


def _point(threshold: float, wrong: float, answered: float, total: int) -> CurvePoint:
    return CurvePoint(
        threshold=threshold,
        coverage=_share(answered, total),
        error=_share(wrong, answered),
    )


def _share(part: float, whole: float) -> Estimate:
    """Return a share of groups with its exact interval; parts of groups count as such."""
    if whole <= 0:
        return Estimate(value=0.0, low=0.0, high=1.0, method="clopper-pearson over groups")
    part, rest = float(part), float(max(whole - part, 0.0))
    low = float(betaincinv(part, rest + 1, 0.025)) if part > 1e-9 else 0.0
    high = float(betaincinv(part + 1, rest, 0.975)) if rest > 1e-9 else 1.0
    value = min(1.0, part / float(whole))
    return Estimate(
        value=value,
        low=min(low, value),
        high=max(high, value),
        method="clopper-pearson over groups",
    )


def _too_few(
    bounds: NDArray[np.float64],
    answered: NDArray[np.float64],
    error: float,
    confidence: float,
    total: int,
) -> str:
    best = int(np.argmin(bounds))
    needed = math.ceil(math.log((1 - confidence) / len(_BEGINNINGS)) / math.log(1 - error))
    return (
        f"no threshold is sure to keep the errors below {error:g} with {total} groups: the best "
        f"that can be said at {confidence:g} is {bounds[best]:.3f}, of {answered[best]:.0f} groups "
        f"answered. Ask for a larger --error, or bring more tracks: even without one wrong answer "
        f"{needed} groups must be answered"
    )
