"""How well the tracks of each genre are ranked above all others: ROC and precision-recall."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genrekit.evaluation import genre_ranking
from genrekit.pages import Curve, Curves, Part, Row, Section, Table
from genrekit.reports.groups import Entry

#: Points of a curve; more cannot be seen.
MOST_POINTS = 120
#: Genres that can be told apart in one chart.
MOST_GENRES = 12

_Floats = NDArray[np.float64]


def ranking_section(entry: Entry) -> Section | None:
    """ROC and precision-recall of every genre against the rest; None without answers."""
    run = entry.run
    labels = run.result.labels
    if not run.answers or len(labels) > MOST_GENRES:
        return None
    true = np.array([[label in one.true for label in labels] for one in run.answers], np.int64)
    scores = np.array([one.probabilities for one in run.answers])
    predicted = [place for place in range(len(labels)) if 0 < true[:, place].sum() < len(true)]
    if not predicted:
        return None
    roc, precision = {}, {}
    for place in predicted:
        hits = true[:, place].astype(bool)
        roc[labels[place]], precision[labels[place]] = curves_of(hits, scores[:, place])
    ranking = genre_ranking(true, scores)
    rows = [
        [
            labels[place],
            str(int(true[:, place].sum())),
            f"{ranking.roc_auc[0, place]:.3f}",
            f"{ranking.average_precision[0, place]:.3f}",
            f"{true[:, place].mean():.3f}",
        ]
        for place in predicted
    ]
    headings = ("genre", "tested", "ROC-AUC", "average precision", "of a guess")
    whole = (0.0, 1.02)
    charts: list[Part] = [
        Curves(
            "ROC of every genre",
            roc,
            "share of other tracks above",
            "share of its tracks above",
            guide="diagonal",
            y_range=whole,
        ),
        Curves(
            "Precision and recall of every genre",
            precision,
            "recall: share of its tracks above",
            "precision: share of those above that are it",
            y_range=whole,
        ),
    ]
    text = (
        "All tracks in the order of the probability of one genre, from the most probable down. A "
        "guess has a ROC-AUC of 0.5 and as much average precision as there are tracks of the genre."
    )
    return Section(
        f"Every genre against the rest: {entry.name}",
        text,
        [Row(charts), Table(headings, rows, "Areas below the curves")],
    )


def curves_of(hits: NDArray[np.bool_], scores: _Floats) -> tuple[Curve, Curve]:
    """ROC and precision-recall of one genre; equal scores are one step.

    Parameters
    ----------
    hits : ndarray of bool, shape (n,)
        Which are of the genre.
    scores : ndarray, shape (n,)
    """
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)
    right = np.cumsum(hits[order])[last].astype(np.float64)
    wrong = np.cumsum(~hits[order])[last].astype(np.float64)
    recall, fallout = right / hits.sum(), wrong / (~hits).sum()
    roc = _thinned(np.append(0.0, fallout), np.append(0.0, recall))
    return roc, _thinned(recall, right / (right + wrong))


def _thinned(x: _Floats, y: _Floats) -> Curve:
    if len(x) <= MOST_POINTS:
        return Curve(x, y)
    some = np.unique(np.linspace(0, len(x) - 1, MOST_POINTS).round().astype(np.int64))
    return Curve(x[some], y[some])
