"""From an answer to a track that can be exported."""

from __future__ import annotations

from pathlib import Path

from genrekit.audio import probe
from genrekit.errors import AudioError, TagError
from genrekit.schema import TrackPrediction
from genrekit.tagging.choose import Rules, choose_genres, scores_of
from genrekit.tagging.containers import read_tags
from genrekit.tagging.exports import Track
from genrekit.tagging.names import Naming
from genrekit.tagging.values import Fields


def track_of(path: Path, answer: TrackPrediction, rules: Rules, naming: Naming) -> Track:
    """Return the answer with names for its genres, what the tags say, and how long the track is."""
    genres = choose_genres(scores_of(answer, rules.labels), rules, naming)
    return Track(path, answer, genres, _fields(path), _seconds(path))


def _fields(path: Path) -> Fields:
    try:
        return read_tags(path)
    except TagError:  # of a container without tags, which can be exported all the same
        return {}


def _seconds(path: Path) -> float:
    try:
        return probe(path).seconds or 0.0
    except AudioError:
        return 0.0
