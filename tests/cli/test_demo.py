"""``genrekit demo``: a track of each genre, at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genrekit.jukebox import JUKEBOX_GENRES
from genrekit.schema import Timings, TrackPrediction

Run = Callable[..., Any]


def test_a_track_of_each_genre_and_the_time_of_each_stage(run: Run) -> None:
    ran = run("demo", "--seconds", 3)
    assert (ran.code, ran.err) == (0, "")
    table, stages = ran.out.split("\n\n")
    heading, *rows = table.splitlines()
    assert heading.split() == ["genre", "then", "track"]
    assert [row.split()[-1] for row in rows] == [
        f"jukebox-{genre}-00000" for genre in JUKEBOX_GENRES
    ]
    title, names, medians = stages.splitlines()
    assert title == "Median wall time of each stage:"
    assert [name for name in names.replace(",", " ").split() if name != "ms"] == list(
        Timings.model_fields
    )
    decode, frontend, model, total = map(float, medians.split())
    assert 0 < frontend <= total
    assert decode + frontend + model <= 1.5 * total


def test_nine_of_ten_are_what_their_names_say(run: Run) -> None:
    lines = run("demo", "--json").out.splitlines()
    answers = [TrackPrediction.model_validate_json(line) for line in lines]
    right = [one.genre for one in answers if one.genre is not None and one.genre in one.path]
    assert len(answers) == 10
    assert len(right) >= 9


def test_tracks_may_be_kept_and_answers_be_json(run: Run, tmp_path: Path) -> None:
    ran = run("demo", "--seconds", 3, "--seed", 5, "--to", tmp_path / "new" / "music", "--json")
    answers = [TrackPrediction.model_validate_json(line) for line in ran.out.splitlines()]
    assert [answer.path for answer in answers] == [
        f"jukebox-{genre}-00005" for genre in JUKEBOX_GENRES
    ]
    assert all(answer.seconds == pytest.approx(3) for answer in answers)
    kept = sorted(path.stem for path in (tmp_path / "new" / "music").rglob("*.wav"))
    assert kept == [f"jukebox-{genre}-00005" for genre in JUKEBOX_GENRES]


def test_too_short_is_refused(run: Run) -> None:
    assert run("demo", "--seconds", 1).code == 2
