"""Drift is told where there is one, and hardly ever where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from genrekit.inference.inputs import make_reference, spread_of
from genrekit.monitoring import FALSE_ALARMS, Tally
from genrekit.monitoring.drift import FEWEST
from genrekit.schema import Reference

GENRES = np.array(["blues", "jazz", "metal", "pop", "unknown"])
SHARES = np.array([0.3, 0.3, 0.2, 0.18, 0.02])
N_INPUTS = 30
GENERATOR = np.random.default_rng(5)


def reference(tracks: int, inputs: int = N_INPUTS) -> Reference:
    told = GENERATOR.choice(GENRES, tracks, p=SHARES).tolist()
    return make_reference(
        "holdout",
        told,
        GENERATOR.beta(4, 2, tracks),
        {f"in: {one}": spread_of(GENERATOR.normal(0, 1, tracks)) for one in range(inputs)},
    )


def tally(
    of: Reference,
    tracks: int,
    *,
    shares: np.ndarray = SHARES,
    sure: float = 4,
    moved: dict[str, float] | None = None,
    most: int | None = None,
) -> Tally:
    counting = Tally(of, most)
    add(counting, of, tracks, shares=shares, sure=sure, moved=moved)
    return counting


def add(
    counting: Tally,
    of: Reference,
    tracks: int,
    *,
    shares: np.ndarray = SHARES,
    sure: float = 4,
    moved: dict[str, float] | None = None,
) -> None:
    values = GENERATOR.normal(0, 1, (tracks, len(of.inputs)))
    told = GENERATOR.choice(GENRES, tracks, p=shares)
    best = GENERATOR.beta(sure, 2, tracks)
    for row, genre, confidence in zip(values, told, best, strict=True):
        inputs = {
            name: value + (moved or {}).get(name, 0.0)
            for name, value in zip(of.inputs, row.tolist(), strict=True)
        }
        counting.add(str(genre), float(confidence), inputs)


@pytest.mark.parametrize(("of", "later"), [(80, 120), (290, 60), (500, 200)])
def test_without_drift_there_is_hardly_ever_an_alarm(of: int, later: int) -> None:
    looks = 40
    alarms = sum(bool(tally(reference(of), later).drift().moved) for _ in range(looks))
    # At a rate of 1 % more than four alarms in 40 looks come once in 20,000 runs.
    assert FALSE_ALARMS * looks < 1
    assert alarms <= 4


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"shares": np.array([0.7, 0.1, 0.1, 0.08, 0.02])}, "genre"),
        ({"shares": np.array([0.2, 0.2, 0.1, 0.1, 0.4])}, "genre"),
        ({"sure": 1.5}, "confidence"),
        ({"moved": {"in: 7": 1.0}}, "in: 7"),
    ],
)
def test_what_drifts_is_named(change: dict[str, object], named: str) -> None:
    found = tally(reference(200), 400, **change).drift()  # type: ignore[arg-type]
    assert found.level == "large"
    assert [shift.of for shift in found.moved] == [named]
    assert found.shifts[0].psi > found.shifts[0].noise
    assert 0 < found.shifts[0].js < 1


def test_a_genre_that_was_never_predicted_before_is_seen() -> None:
    of = make_reference("holdout", ["jazz", "pop"] * 100, np.linspace(0, 1, 200), {})
    counting = Tally(of)
    for number in range(200):
        counting.add("rock" if number % 2 else "jazz", number / 200, {})
    assert [shift.of for shift in counting.drift().moved] == ["genre"]


def test_of_few_tracks_nothing_is_reported() -> None:
    found = tally(reference(200), FEWEST - 1, moved={"in: 7": 9.0}).drift()
    assert (found.level, found.shifts) == ("too few", ())


def test_only_the_latest_count_and_a_drift_that_is_over_is_forgotten() -> None:
    of = reference(300, inputs=2)
    counting = tally(of, 300, moved={"in: 0": 3.0}, most=300)
    assert counting.drift().level == "large"
    add(counting, of, 150)
    assert counting.tracks == 300
    add(counting, of, 150)
    assert counting.drift().level == "none"


def test_psi_and_divergence_are_those_of_the_formulas() -> None:
    of = Reference(
        protocol="holdout",
        tracks=10_000,
        genres={"jazz": 0.5, "pop": 0.5},
        confidence=spread_of(np.linspace(0, 1, 10_000)),
    )
    counting = Tally(of)
    for number in range(10_000):
        counting.add("jazz" if number % 4 else "pop", number / 10_000, {})
    genre = next(shift for shift in counting.drift().shifts if shift.of == "genre")
    p, q = np.array([0.75, 0.25]), np.array([0.5, 0.5])
    middle = (p + q) / 2
    assert genre.psi == pytest.approx(float(((p - q) * np.log(p / q)).sum()), rel=0.01)
    js = (p * np.log2(p / middle) + q * np.log2(q / middle)).sum() / 2
    assert genre.js == pytest.approx(float(js), rel=0.01)


def test_numbers_that_are_missing_are_not_compared() -> None:
    of = reference(200, inputs=2)
    counting = Tally(of)
    for number in range(200):
        counting.add("jazz", number / 200, {"in: 0": 0.0} if number % 5 == 0 else {})
    assert "in: 1" not in {shift.of for shift in counting.drift().shifts}
