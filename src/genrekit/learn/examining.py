"""From held-out answers to verdicts: thin genres, pairs, doubtful labels, and the curve."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets import Dataset
from genrekit.evaluation import genre_ranking, mean_defined, share_by_group
from genrekit.learn.embedding import Embedded
from genrekit.learn.folds import Folds
from genrekit.learn.judging import Held, targets_of
from genrekit.learn.methods import Method
from genrekit.learn.report import CurvePoint, Doubt, Forecast, GenreVerdict, Pair
from genrekit.progress import Progress, silent
from genrekit.schema import Estimate, EvaluationResult

Array = NDArray[np.float64]
#: A genre of fewer tracks, or of fewer groups, is called thin.
THIN_TRACKS, THIN_GROUPS = 10, 3
#: An answer contradicts a label from this probability on, where the label has hardly any.
_DOUBTED_BELOW, _LIKELY_FROM, _MOST_DOUBTS = 0.1, 0.7, 50
_SHARES, _DRAWS = (0.25, 0.5, 0.75, 1.0), 3
#: "What twenty more tracks would bring."
MORE = 20
_LEAST_TRACKS_FOR_CURVE = 20


def verdicts(
    dataset: Dataset, folds: Folds, held: Held, result: EvaluationResult
) -> tuple[GenreVerdict, ...]:
    """Return what is to be said of each genre."""
    numbers = {one.genre: one for one in result.per_genre}
    groups = _tested_groups(folds)
    found = []
    for column, genre in enumerate(dataset.labels):
        has = np.array([genre in item.labels for item in dataset.items])
        apart = len({folds.groups[row] for row in np.flatnonzero(has)})
        recall = _recall(held, column, groups, result)
        tested = genre not in folds.untested
        found.append(
            GenreVerdict(
                genre=genre,
                tracks=int(has.sum()),
                groups=apart,
                recall=recall if tested else None,
                precision=numbers[genre].precision if tested else None,
                note=_note(int(has.sum()), apart, tested),
            )
        )
    return tuple(found)


def _note(tracks: int, groups: int, tested: bool) -> str:
    if not tested:
        return "not tested: all of its tracks belong together"
    if tracks < THIN_TRACKS:
        return f"thin: fewer than {THIN_TRACKS} tracks"
    return f"thin: its tracks are of {groups} artists or albums" if groups < THIN_GROUPS else ""


def _tested_groups(folds: Folds) -> tuple[str, ...]:
    return tuple(folds.groups[row] for row in folds.rows)


def _recall(
    held: Held, column: int, groups: tuple[str, ...], result: EvaluationResult
) -> Estimate | None:
    if held.targets.ndim == 1:
        rows = np.flatnonzero(held.targets == column)
        right = held.probabilities.argmax(axis=1) == column
    else:
        rows = np.flatnonzero(held.targets[:, column] == 1)
        right = held.probabilities[:, column] >= held.thresholds[column]
    if not len(rows):
        return None
    return share_by_group(right[rows].astype(np.float64), [groups[row] for row in rows])


def inseparable(dataset: Dataset, folds: Folds, held: Held) -> tuple[Pair, ...]:
    """Pairs of genres, none of them thin, that answers tell apart no better than guessing."""
    if held.targets.ndim != 1:
        return ()
    groups, found = _tested_groups(folds), []
    counts = np.bincount(held.targets, minlength=len(dataset.labels))
    enough = [label for label in range(len(dataset.labels)) if counts[label] >= THIN_TRACKS]
    for one, other in combinations(enough, 2):
        rows = np.flatnonzero(np.isin(held.targets, (one, other)))
        says_one = held.logits[rows, one] >= held.logits[rows, other]
        right = says_one == (held.targets[rows] == one)
        share = share_by_group(right.astype(np.float64), [groups[row] for row in rows])
        guessing = max(counts[one], counts[other]) / (counts[one] + counts[other])
        if share.low <= guessing:
            found.append(
                Pair(
                    one=dataset.labels[one],
                    other=dataset.labels[other],
                    told_apart=share,
                    guessing=float(guessing),
                )
            )
    return tuple(sorted(found, key=lambda pair: pair.told_apart.value))


def doubtful(folds: Folds, held: Held) -> tuple[Doubt, ...]:
    """Tracks whose labels models that never saw them contradict, worst first."""
    found = sorted(_doubts(folds, held), key=lambda one: -one.probability)
    return tuple(found[:_MOST_DOUBTS])


def _doubts(folds: Folds, held: Held) -> Iterator[Doubt]:
    labels = folds.tested.labels
    for row, item in enumerate(folds.tested.items):
        scores = held.probabilities[row]
        if held.targets.ndim == 1:
            own = scores[held.targets[row]]
            best = int(scores.argmax())
        else:
            own = scores[held.targets[row] == 1].min()
            best = int(np.where(held.targets[row] == 1, -1.0, scores).argmax())
        if own < _DOUBTED_BELOW and scores[best] >= _LIKELY_FROM:
            yield Doubt(
                path=item.item_id,
                labelled="; ".join(item.labels),
                heard=labels[best],
                probability=float(scores[best]),
            )


# --- the learning curve -------------------------------------------------------------------------


def learning_curve(
    dataset: Dataset,
    examples: Embedded,
    folds: Folds,
    method: Method,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[tuple[CurvePoint, ...], Forecast | None]:
    """Measure models that learn from a part of the groups, and what more would bring."""
    if len(dataset) < _LEAST_TRACKS_FOR_CURVE:
        return (), None
    targets = targets_of(dataset)
    rng = np.random.default_rng(seed)
    scores, counts = np.zeros((_DRAWS, len(_SHARES))), np.zeros((_DRAWS, len(_SHARES)))
    parts = folds.parts()
    for draw in range(_DRAWS):
        logits = np.zeros((len(_SHARES), len(folds.rows), len(dataset.labels)))
        for learnt, asked in parts:
            order = _by_group(learnt, folds.groups, rng)
            for place, share in enumerate(_SHARES):
                some = _some(order, targets, share)
                counts[draw, place] += len(some) / len(parts)
                model = method.fit(examples.select(some), targets[some])
                logits[place, asked] = model.track_logits(examples.select(folds.rows[asked]))
        scores[draw] = [_score(targets[folds.rows], one) for one in logits]
        progress("Drawing the learning curve", draw + 1, _DRAWS)
    tracks = counts.mean(axis=0)
    points = tuple(
        CurvePoint(
            tracks=float(tracks[place]),
            score=Estimate(
                value=float(column.mean()),
                low=float(column.min()),
                high=float(column.max()),
                method="range-over-draws",
            ),
        )
        for place, column in enumerate(scores.T)
        if place == 0 or round(tracks[place]) > round(tracks[place - 1])  # few have equal quarters
    )
    return points, _forecast(tracks, scores)


def _by_group(
    rows: NDArray[np.int64], groups: tuple[str, ...], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Rows in random order, those of one group behind each other."""
    names = np.array([groups[row] for row in rows], object)
    places = {name: place for place, name in enumerate(rng.permutation(np.unique(names)))}
    return rows[np.argsort([places[name] for name in names], kind="stable")]


def _some(order: NDArray[np.int64], targets: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """Return the first tracks of each genre, rounded up."""
    if share == 1:
        return order
    if targets.ndim == 2:
        return order[: max(2, round(share * len(order)))]
    kept = []
    for label in np.unique(targets[order]):
        own = order[targets[order] == label]
        kept.append(own[: int(np.ceil(share * len(own)))])
    return np.concatenate(kept)


def _score(targets: NDArray[np.int64], logits: Array) -> float:
    if targets.ndim == 1:
        return float((logits.argmax(axis=1) == targets).mean())
    return float(mean_defined(genre_ranking(targets, logits).average_precision)[0])


def _forecast(tracks: Array, scores: Array) -> Forecast | None:
    """Gain of `MORE` tracks by the power law through the points of each draw."""
    errors = np.maximum(1 - scores, 1e-3)
    if len(np.unique(tracks)) < 3:
        return None
    now = np.log(tracks[-1])
    gains = []
    for row in [errors.mean(axis=0), *errors]:
        slope, height = np.polyfit(np.log(tracks), np.log(row), 1)
        then = np.log(tracks[-1] + MORE)
        gains.append(float(np.exp(height + slope * now) - np.exp(height + slope * then)))
    mean, *each = gains
    return Forecast(more=MORE, gain=mean, low=min(each), high=max(each))
