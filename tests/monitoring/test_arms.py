"""Models side by side on live traffic: what may be said, and what must not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from genrekit.errors import DatasetError
from genrekit.evaluation.intervals import difference_of_shares, wilson
from genrekit.evaluation.significance import shares_p, smallest_gap_apart
from genrekit.inference.inputs import make_reference
from genrekit.monitoring import Log, Tally, report_arms
from genrekit.monitoring.arms import PEEKING
from genrekit.monitoring.prediction_log import OTHER, LoggedAnswer, LoggedModel, LoggedSplit
from genrekit.schema import UNKNOWN

GENRES = ("jazz", "metal", "pop", "rock")
SHAS = {"a": "a" * 64, "b": "b" * 64, "c": "c" * 64}
ONE = LoggedAnswer(
    id="",
    at=0.0,
    arm="a",
    sha256=SHAS["a"],
    experiment="spring",
    assigned=True,
    sender="",
    genre="jazz",
    genres=("jazz",),
    confidence=0.8,
    seconds=30.0,
    analysis_ms=100.0,
    wall_ms=120.0,
    shadow_of=None,
    true_genre=None,
    is_right=None,
)


def answer(number: int, arm: str, right: bool, sender: str, **changes: Any) -> LoggedAnswer:
    """An answer to a track of jazz, judged by its genre."""
    told = "jazz" if right else "pop"
    return replace(
        ONE,
        **{
            "id": f"{arm}{number}",
            "at": float(number),
            "arm": arm,
            "sha256": SHAS[arm],
            "sender": sender,
            "genre": told,
            "genres": (told,),
            "true_genre": "jazz",
            "is_right": right,
            **changes,
        },
    )


def log(answers: list[LoggedAnswer], shares: dict[str, float] | None = None) -> Log:
    models = {
        sha: LoggedModel(sha, "tiny", f"0.{number}.0", GENRES, None)
        for number, sha in enumerate(SHAS.values())
    }
    splits = (LoggedSplit(-1.0, "spring", shares),) if shares else ()
    return Log(tuple(answers), models, splits)


def assigned(accuracy: dict[str, float], senders: int, each: int = 1, seed: int = 0) -> Log:
    """Senders by turns; each has a luck of its own, which all of its answers share."""
    generator = np.random.default_rng(seed)
    answers = []
    for number in range(senders):
        arm = list(accuracy)[number % len(accuracy)]
        luck = generator.uniform() < accuracy[arm]
        answers += [
            answer(number * each + one, arm, bool(luck), f"s{number}") for one in range(each)
        ]
    return log(answers)


# --- the numbers --------------------------------------------------------------------------------


def test_the_difference_of_two_shares_is_newcombes() -> None:
    """His first example, 56 of 70 and 48 of 80, by method 10."""
    found = difference_of_shares(wilson(56, 70), wilson(48, 80))
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=1e-4)


@pytest.mark.parametrize(
    ("first", "second"), [((56, 70), (48, 80)), ((5, 50), (9, 40)), ((30, 60), (30, 60))]
)
def test_the_p_value_of_two_shares_is_pearsons(
    first: tuple[int, int], second: tuple[int, int]
) -> None:
    table = [[hits, total - hits] for hits, total in (first, second)]
    assert shares_p(first, second) == pytest.approx(chi2_contingency(table, correction=False)[1])
    assert shares_p(first, second) == shares_p(second, first)


def test_where_all_are_right_there_is_no_difference() -> None:
    assert shares_p((10, 10), (20, 20)) == 1.0


def test_the_smallest_gap_is_where_the_test_turns() -> None:
    gap = smallest_gap_apart((400, 400), 0.6)
    above, below = (round(400 * (0.6 + sign * gap / 2)) for sign in (1, -1))
    assert shares_p((above + 1, 400), (below - 1, 400)) < 0.05
    assert shares_p((above - 2, 400), (below + 2, 400)) > 0.05


# --- senders assigned ---------------------------------------------------------------------------


def test_a_better_arm_is_found() -> None:
    found = report_arms(assigned({"a": 0.8, "b": 0.55}, 400))
    (pair,) = found.splits
    assert (pair.first, pair.second, pair.test) == ("a", "b", "two-shares")
    assert pair.judged == (200, 200)
    assert pair.different
    assert 0 < pair.difference.low < pair.difference.high
    arm = found.arms[0]
    assert arm.accuracy is not None
    assert arm.accuracy.method == "wilson"
    assert arm.accuracy_by_sender is None
    assert PEEKING in found.notes


def test_equal_arms_are_seldom_told_apart_even_where_senders_repeat_themselves() -> None:
    runs = 30
    plain = sum(
        report_arms(assigned({"a": 0.6, "b": 0.6}, 120, seed=seed)).splits[0].different
        for seed in range(runs)
    )
    repeated = [
        report_arms(assigned({"a": 0.6, "b": 0.6}, 60, each=8, seed=seed)).splits[0]
        for seed in range(runs)
    ]
    assert {pair.test for pair in repeated} == {"welch-by-sender"}
    # At 5 %, seven or more of 30 come once in 1600 times; with every answer taken for one of
    # somebody else it would be half of them.
    assert plain < 7
    assert sum(pair.different for pair in repeated) < 8
    naive = sum(
        shares_p(*((round(240 * share), 240) for share in shares)) < 0.05
        for shares in ((pair.difference.value + 0.6, 0.6) for pair in repeated)
    )
    assert naive > 10


def test_few_answers_with_feedback_are_evidence_of_nothing() -> None:
    found = report_arms(assigned({"a": 1.0, "b": 0.0}, 40))
    (pair,) = found.splits
    assert pair.p < 0.001
    assert not pair.enough
    assert not pair.different
    assert "none in any case" in pair.sentence


def test_who_asked_for_a_model_is_no_part_of_the_comparison() -> None:
    one = assigned({"a": 0.8, "b": 0.55}, 400)
    chosen = [replace(each, assigned=each.arm == "a") for each in one.answers]
    found = report_arms(log(chosen))
    assert found.splits == ()
    assert [arm.judged for arm in found.arms] == [200, 200]


def test_only_the_latest_experiment_is_compared() -> None:
    old = [replace(one, experiment="winter", at=one.at - 1e6, id=f"old {one.id}")
           for one in assigned({"a": 0.1, "b": 0.9}, 400).answers]  # fmt: skip
    new = list(assigned({"a": 0.8, "b": 0.55}, 400).answers)
    (pair,) = report_arms(log([*old, *new])).splits
    assert (pair.first, pair.different) == ("a", True)
    with pytest.raises(DatasetError, match="no answers"):
        report_arms(log([]))


def test_three_arms_are_three_pairs_adjusted_for_how_many() -> None:
    found = report_arms(assigned({"a": 0.7, "b": 0.6, "c": 0.5}, 300))
    assert len(found.splits) == 3
    assert all(pair.p_holm >= pair.p for pair in found.splits)
    assert max(pair.p_holm / pair.p for pair in found.splits) == pytest.approx(3)


def test_senders_that_were_assigned_otherwise_than_set_spoil_everything() -> None:
    answers = [answer(n, "a" if n % 4 else "b", True, f"s{n}") for n in range(400)]
    spoilt = report_arms(log(answers, {"a": 0.5, "b": 0.5}))
    (ratio,) = spoilt.ratios
    assert ratio.senders == {"a": 300, "b": 100}
    assert ratio.mismatch
    assert any("NOT ASSIGNED" in note for note in spoilt.notes)
    (fine,) = report_arms(log(answers, {"a": 0.75, "b": 0.25})).ratios
    assert (fine.p, fine.mismatch) == (1.0, False)
    assert report_arms(log(answers[:12], {"a": 0.75, "b": 0.25})).ratios == ()


# --- shadows ------------------------------------------------------------------------------------


def shadowed(n: int, accuracy: tuple[float, float], **changes: Any) -> list[LoggedAnswer]:
    generator = np.random.default_rng(1)
    answers = []
    for number in range(n):
        hits = generator.uniform(size=2) < accuracy
        one = answer(number, "a", bool(hits[0]), f"s{number}", **changes)
        analysed = answer(
            number, "c", bool(hits[1]), one.sender, shadow_of=one.id, true_genre=None, is_right=None
        )
        answers += [one, analysed]
    return answers


def test_a_shadow_is_compared_on_the_same_files() -> None:
    found = report_arms(log(shadowed(200, (0.5, 0.8))))
    (pair,) = found.shadows
    assert (pair.first, pair.second, pair.pairs, pair.judged) == ("a", "c", 200, 200)
    assert pair.mcnemar is not None
    assert pair.mcnemar.only_first < pair.mcnemar.only_second
    assert pair.test == "mcnemar-mid-p"
    assert pair.p == pair.mcnemar.mid_p
    assert pair.different
    assert pair.difference is not None
    assert pair.difference.high < 0
    assert found.answers == 200
    assert found.splits == (), "a shadow is nobody's arm"
    shadow = found.arms[1]
    assert (shadow.shadow, shadow.judged) == (True, 200)


def test_senders_that_repeat_themselves_flip_their_sign_as_one() -> None:
    answers = [replace(one, sender=f"s{number // 20}")
               for number, one in enumerate(shadowed(200, (0.5, 0.8)))]  # fmt: skip
    (pair,) = report_arms(log(answers)).shadows
    assert pair.test == "sign-flip-by-sender"


def test_right_or_wrong_alone_says_nothing_of_a_shadow() -> None:
    answers = shadowed(50, (0.5, 0.8), true_genre=None)
    found = report_arms(log(answers))
    (pair,) = found.shadows
    assert (pair.judged, pair.left_out, pair.p) == (0, 50, None)
    assert found.arms[0].judged == 50
    assert found.arms[1].judged == 0
    assert any("50 times feedback" in note for note in found.notes)


def test_a_genre_that_no_model_knows_makes_both_wrong() -> None:
    one = answer(0, "a", False, "s", true_genre=OTHER)
    analysed = answer(0, "c", False, "s", shadow_of=one.id, true_genre=None, is_right=None)
    found = report_arms(log([one, analysed]))
    assert [arm.accuracy and arm.accuracy.value for arm in found.arms] == [0.0, 0.0]


# --- what is told besides -----------------------------------------------------------------------


def test_cautions_are_given_where_they_are_due() -> None:
    silent = [replace(ONE, id=str(n), sender=f"s{n}") for n in range(100)]
    assert "nothing is known of accuracy" in report_arms(log(silent)).notes[0]
    loud = [answer(n, "a", n % 2 == 0, "one") for n in range(40)]
    notes = " ".join(report_arms(log([*silent, *silent, *loud])).notes)
    assert "were judged" in notes
    assert "100 % of the feedback" in notes
    assert "not independent evidence" in notes


def test_unknown_and_times_are_told_and_arms_that_changed_their_model_are_two() -> None:
    answers = [
        replace(ONE, id=str(n), at=float(n), sender=f"s{n}", analysis_ms=float(n),
                genre=UNKNOWN if n < 10 else "jazz",
                sha256=SHAS["a"] if n < 50 else SHAS["b"])
        for n in range(100)
    ]  # fmt: skip
    found = report_arms(log(answers))
    first, second = found.arms
    assert first.name == "a (tiny 0.0.0, aaaaaaaa)"
    assert second.name == "a (tiny 0.1.0, bbbbbbbb)"
    assert (first.unknown.value, second.unknown.value) == (0.2, 0.0)
    assert first.analysis_ms == pytest.approx((24.5, 46.55))


def test_drift_is_measured_for_every_model_that_has_a_reference() -> None:
    reference = make_reference(
        "holdout", ["jazz"] * 100 + ["pop"] * 100, np.linspace(0.3, 1, 200), {}
    )
    answers = [replace(ONE, id=f"{arm}{n}", arm=arm, sha256=SHAS[arm], sender=f"s{n}")
               for n in range(120) for arm in "ab"]  # fmt: skip
    tally = Tally(reference)
    for _ in range(120):
        tally.add(ONE.genre, ONE.confidence, {})
    drift = report_arms(replace(log(answers), tallies={("a", SHAS["a"], False): tally})).drift
    assert drift["b"] is None
    assert drift["a"] is not None
    assert {shift.of for shift in drift["a"].moved} == {"genre", "confidence"}
