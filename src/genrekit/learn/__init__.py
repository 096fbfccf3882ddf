"""Genres of one's own on a model's embedding, with NumPy and SciPy alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.learn.embedding import (
        Embedded,
        check_embeds,
        embed_tracks,
        embed_windows,
        joined,
    )
    from genrekit.learn.examples import By, gather, read_corrections
    from genrekit.learn.feedback import read_feedback
    from genrekit.learn.from_files import (
        LearnOptions,
        Relearning,
        learn,
        model_name,
        own_labels,
        relearning,
    )
    from genrekit.learn.graph import detector_of
    from genrekit.learn.head import fit_softmax, nearest_centroid
    from genrekit.learn.judging import unknown_limit
    from genrekit.learn.methods import more_genres, own_genres
    from genrekit.learn.report import LearnReport, render_report

__all__ = [
    "By",
    "Embedded",
    "LearnOptions",
    "LearnReport",
    "Relearning",
    "check_embeds",
    "detector_of",
    "embed_tracks",
    "embed_windows",
    "fit_softmax",
    "gather",
    "joined",
    "learn",
    "model_name",
    "more_genres",
    "nearest_centroid",
    "own_genres",
    "own_labels",
    "read_corrections",
    "read_feedback",
    "relearning",
    "render_report",
    "unknown_limit",
]

_EMBEDDING = "genrekit.learn.embedding"
_HEAD = "genrekit.learn.head"
_LEARN = "genrekit.learn.from_files"
_EXAMPLES = "genrekit.learn.examples"
_METHODS = "genrekit.learn.methods"
_REPORT = "genrekit.learn.report"
_HOMES = {
    "By": _EXAMPLES,
    "Embedded": _EMBEDDING,
    "LearnOptions": _LEARN,
    "LearnReport": _REPORT,
    "Relearning": _LEARN,
    "check_embeds": _EMBEDDING,
    "detector_of": "genrekit.learn.graph",
    "embed_tracks": _EMBEDDING,
    "embed_windows": _EMBEDDING,
    "fit_softmax": _HEAD,
    "gather": _EXAMPLES,
    "joined": _EMBEDDING,
    "learn": _LEARN,
    "model_name": _LEARN,
    "own_labels": _LEARN,
    "more_genres": _METHODS,
    "nearest_centroid": _HEAD,
    "own_genres": _METHODS,
    "read_corrections": _EXAMPLES,
    "read_feedback": "genrekit.learn.feedback",
    "relearning": _LEARN,
    "render_report": _REPORT,
    "unknown_limit": "genrekit.learn.judging",
}

__getattr__ = resolver(__name__, _HOMES)
