"""ROC and precision-recall against scikit-learn, and confusions by row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve

from genrekit.evaluation.run import RunResult
from genrekit.pages import Heatmap, Row, Table
from genrekit.reports.best_model import confusion_section
from genrekit.reports.groups import Entry
from genrekit.reports.rankings import curves_of, ranking_section


def test_curves_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    hits = rng.random(80) < 0.3
    scores = (rng.random(80) + 0.5 * hits).round(1)  # with ties
    roc, precision = curves_of(hits, scores)
    x, y, _ = roc_curve(hits, scores, drop_intermediate=False)
    np.testing.assert_allclose(roc.x, x)
    np.testing.assert_allclose(roc.values, y)
    p, r, _ = precision_recall_curve(hits, scores)
    np.testing.assert_allclose(precision.values, p[:-1][::-1])
    np.testing.assert_allclose(precision.x, r[:-1][::-1])


def test_every_genre_has_its_curves_and_areas(make_run: Callable[..., RunResult]) -> None:
    run = make_run(0.6, 0)
    found = ranking_section(Entry("m", Path("run.json"), run))
    assert found is not None
    (both, sheet) = found.parts
    assert isinstance(both, Row)
    assert isinstance(sheet, Table)
    labels = run.result.labels
    assert [row[0] for row in sheet.rows] == list(labels)
    place = 1
    true = [labels[place] in one.true for one in run.answers]
    area = roc_auc_score(true, [one.probabilities[place] for one in run.answers])
    assert sheet.rows[place][2] == f"{area:.3f}"


def test_confusions_are_shown_in_per_cent_of_the_row_too(
    make_run: Callable[..., RunResult],
) -> None:
    run = make_run(0.6, 0)
    found = confusion_section(Entry("m", Path("run.json"), run))
    assert found is not None
    shares = found.parts[1]
    assert isinstance(shares, Heatmap)
    recalls = np.array([one.recall for one in run.result.per_genre], np.float64)
    np.testing.assert_allclose(np.diag(shares.cells) / 100, recalls, atol=0.005)
