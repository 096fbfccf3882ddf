"""From the scores of a track to the genres that its tags shall have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from pydantic import Field

from genrekit.schema import UNKNOWN, Contract, Probability, TrackPrediction
from genrekit.tagging.names import Naming

#: What stands in the tags of files whose genre nobody has said.
MISSING = ("", "Unknown", "Other", "(12)", "12", "(255)", "255", "genre", "none", "undefined")
Mode = Literal["missing", "replace", "add"]
Labels = Literal["genres", "wide", "tags"]


class Rules(Contract):
    """Which genres are written, and over which.

    A genre is told of a track if its score is at least ``minimum`` and at least ``relative`` times
    the best one; at most ``top`` of them are.
    """

    mode: Mode = "missing"
    labels: Labels = "genres"
    top: int = Field(5, ge=1, le=100)
    minimum: Probability = 0.0
    relative: Probability = 0.5
    keep: tuple[str, ...] = Field((), description="genres that protect the files that have them")
    missing: tuple[str, ...] = Field(MISSING, description="genres that count as none")
    album: bool = Field(False, description="one answer for all tracks of an album")

    def meaningful(self, genres: Iterable[str]) -> tuple[str, ...]:
        """Those of a file's genres that say something."""
        nothing = {one.strip().casefold() for one in self.missing}
        return tuple(one for one in genres if one.strip().casefold() not in nothing)

    def protects(self, genres: Iterable[str]) -> bool:
        """Whether a file with these genres is to be left alone."""
        kept = {one.strip().casefold() for one in self.keep}
        return any(one.strip().casefold() in kept for one in genres)

    def needs_answer(self, genres: Sequence[str]) -> bool:
        """Whether a file with these genres needs an answer of the model."""
        if self.protects(genres):
            return False
        return self.mode != "missing" or not self.meaningful(genres)


def scores_of(answer: TrackPrediction, labels: Labels) -> dict[str, float]:
    """Scores that count, best first; none where the model says unknown."""
    if answer.error is not None or (labels == "genres" and answer.genre == UNKNOWN):
        return {}
    if labels == "wide":
        return dict(answer.wide.scores) if answer.wide is not None else {}
    if labels == "tags":
        return dict((answer.tags or {}).get("genres", {}))
    return dict(answer.scores)


def mean_scores(answers: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean over the tracks of an album that were told, best first."""
    answered = [one for one in answers if one]
    labels = dict.fromkeys(label for one in answered for label in one)
    means = {
        label: sum(one.get(label, 0.0) for one in answered) / len(answered) for label in labels
    }
    return dict(sorted(means.items(), key=lambda item: -item[1]))


def choose_genres(scores: Mapping[str, float], rules: Rules, naming: Naming) -> dict[str, float]:
    """Return the names to write with their scores, best first; several labels of one name are one.

    A name that has been brought in as a parent has the score of its best child.
    """
    best = max(scores.values(), default=0.0)
    limit = max(rules.minimum, rules.relative * best)
    found: dict[str, float] = {}
    for label, score in sorted(scores.items(), key=lambda item: -item[1]):
        if score < limit or score <= 0:
            break
        for name in naming.names(label):
            if len(found) < rules.top:
                found.setdefault(name, score)
    return found


def then(now: Sequence[str], chosen: Iterable[str], rules: Rules) -> tuple[str, ...]:
    """Genres of a file afterwards."""
    if rules.mode != "add":
        return tuple(chosen)
    there = {one.casefold() for one in rules.meaningful(now)}
    return (*rules.meaningful(now), *(one for one in chosen if one.casefold() not in there))
