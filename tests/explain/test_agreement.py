"""Ways of hiding are compared before they are believed, and losses are of log-odds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import friedmanchisquare, spearmanr

from genrekit.audio import Waveform
from genrekit.explain import occlude_and_predict, telling
from genrekit.explain.agreement import (
    beside_time_line,
    combine,
    concordance_of,
    correlation_chance,
    line_note,
    log_odds,
    rank_correlation,
    verdict,
)
from genrekit.explain.masking import FILLS
from genrekit.explain.records import Occlusion, Span
from genrekit.inference import Classifier
from genrekit.jukebox import synthesise
from genrekit.schema import SegmentScore

GENERATOR = np.random.default_rng(0)


def test_log_odds_of_a_sure_model_are_not_rounded_away() -> None:
    sure = np.array([1 - 1e-12, 6e-13, 4e-13])
    surer = np.array([1.0, 6e-20, 4e-20])
    assert log_odds(sure, 0, "single-label") == pytest.approx(-np.log(1e-12))
    assert log_odds(surer, 0, "single-label") == pytest.approx(-np.log(1e-19))
    assert log_odds(np.array([0.0, 1.0]), 0, "single-label") < -700
    assert np.isfinite(log_odds(np.array([1.0, 1.0]), 0, "multi-label"))
    assert log_odds(np.array([0.9, 0.8]), 1, "multi-label") == pytest.approx(np.log(4))


def test_concordance_is_that_of_friedmans_test() -> None:
    rows = GENERATOR.normal(size=(3, 12)) + 2 * GENERATOR.normal(size=12)
    rows[1, 3] = rows[1, 4]  # a tie
    expected = friedmanchisquare(*rows.T)
    found, chance = concordance_of(rows)
    assert found == pytest.approx(expected.statistic / (3 * 11))
    assert chance == pytest.approx(expected.pvalue)
    assert concordance_of(np.tile(np.arange(5.0), (3, 1)))[0] == pytest.approx(1)
    assert concordance_of(np.zeros((3, 5))) == (0.0, 1.0)


def test_correlation_by_the_book() -> None:
    x, y = GENERATOR.normal(size=(2, 15))
    expected = spearmanr(x, y)
    assert rank_correlation(x, y) == pytest.approx(expected.statistic)
    assert correlation_chance(expected.statistic, 15) == pytest.approx(expected.pvalue)


def test_what_a_way_of_hiding_does_to_every_second_is_taken_out() -> None:
    music = np.array([0, 0, 0, 1.5, 0, 0, -0.8, 0, 0.1, 0])
    shifts = np.array([[0.2], [9.0], [-3.0]])
    found = combine(music + shifts + GENERATOR.normal(0, 1e-3, (3, 10)), FILLS)
    np.testing.assert_allclose(found.losses, music, atol=0.01)
    assert found.agreement.enough
    assert found.evidence[[3, 6]].all()
    assert verdict(found.agreement).startswith("Cutting out, silence and noise agree (Kendall's W")


def test_ways_that_disagree_are_no_evidence() -> None:
    taken = 0
    for _ in range(100):
        found = combine(GENERATOR.normal(0, 2, (3, 30)), FILLS)
        assert found.agreement.enough == bool(found.evidence.any())
        taken += found.agreement.enough
    assert taken <= 10  # one in twenty, and what a hundred draws add by chance
    assert verdict(found.agreement).startswith("No evidence: cutting out, silence and noise do not")


def test_where_signs_differ_there_is_no_evidence_for_that_second() -> None:
    rows = np.tile(np.array([0, 0, 0, 0, 0, 0, 0, 3, 2, 1.0]), (3, 1))
    rows[2, 9] = -1.0
    found = combine(rows, FILLS)
    assert found.agreement.enough
    assert found.evidence.tolist() == [False] * 7 + [True, True, False]


def test_float_noise_is_no_evidence() -> None:
    """The ways agree perfectly, on nothing."""
    found = combine(np.tile(np.arange(20) * 4e-16, (3, 1)), FILLS)
    assert not found.agreement.enough
    assert not found.evidence.any()
    assert verdict(found.agreement) == ("No evidence: the answer stays the same whatever is hidden")


def test_one_way_alone_says_that_others_were_not_asked() -> None:
    found = combine(np.array([[0, 0, 1.0]]), ["silence"])
    assert found.agreement.enough
    assert found.agreement.concordance is None
    assert "whether others agree is not measured" in verdict(found.agreement)


def _explained(classifier: Classifier, track: Waveform, **options: object) -> Occlusion:
    hidden = occlude_and_predict(classifier, track, name="x", genre="metal", **options)  # type: ignore[arg-type]
    return hidden.found


def test_the_planted_seconds_are_evidence_and_others_are_not_for_it(
    classifier: Classifier, glued: Waveform
) -> None:
    found = _explained(classifier, glued, piece_seconds=0.5, stretch_seconds=1.0)
    assert found.agreement is not None
    assert found.agreement.enough
    evidence = {span.start_seconds for span in telling(found.occlusion, "for")}
    assert evidence <= {2.0, 2.5, 3.0, 3.5}
    assert len(evidence) == 3
    assert found.verdict.startswith("Cutting out, silence and noise agree")
    assert "rank correlation +" in found.line_verdict
    assert found.patch_agreement is not None
    assert found.patch_faithfulness is not None
    assert "faithfulness" in found.patch_verdict


def test_a_loop_has_no_second_that_stands_out(classifier: Classifier) -> None:
    """Every second is the same: whatever hiding does is of the hiding."""
    second = synthesise("metal", seconds=1).samples
    found = _explained(classifier, Waveform(np.tile(second, 8), 22050))
    assert found.agreement is not None
    assert not found.agreement.enough
    assert found.verdict.startswith("No evidence")
    assert telling(found.occlusion, "for") == telling(found.occlusion, "against") == ()


def _line(values: np.ndarray) -> list[SegmentScore]:
    return [
        SegmentScore(start_seconds=at, end_seconds=at + 1, scores={"jazz": p})
        for at, p in enumerate(values.tolist())
    ]


@pytest.mark.parametrize(
    ("sign", "says"),
    [(1, "also those that it loses"), (-1, "contradict each other"), (0, "cannot be told here")],
)
def test_a_contradiction_with_the_time_line_is_reported(sign: int, says: str) -> None:
    alone = np.linspace(0.1, 0.9, 12)
    losses = sign * alone if sign else np.array([0, 5, 1, 4, 2, 3, 3, 2, 4, 1, 5, 0.0])
    spans = [
        Span(start_seconds=at, end_seconds=at + 1, loss=float(loss))
        for at, loss in enumerate(losses)
    ]
    note = line_note(beside_time_line(spans, _line(alone), "jazz"), "jazz")
    assert says in note
    assert "rank correlation" in note
    assert line_note(beside_time_line(spans[:2], _line(alone), "jazz"), "jazz") == ""
