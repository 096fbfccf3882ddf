"""Genres of one's own on a model's embedding, with NumPy and SciPy alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.training.learn.feedback import read_feedback
    from genrekit.training.learn.from_files import (
        LearnOptions,
        Relearning,
        learn,
        model_name,
        relearning,
    )
    from genrekit.training.learn.lessons import By, gather, read_corrections
    from genrekit.training.learn.report import LearnReport, render_report

__all__ = [
    "By",
    "LearnOptions",
    "LearnReport",
    "Relearning",
    "gather",
    "learn",
    "model_name",
    "read_corrections",
    "read_feedback",
    "relearning",
    "render_report",
]

_LEARN = "genrekit.training.learn.from_files"
_LESSONS = "genrekit.training.learn.lessons"
_REPORT = "genrekit.training.learn.report"
_HOMES = {
    "By": _LESSONS,
    "LearnOptions": _LEARN,
    "LearnReport": _REPORT,
    "Relearning": _LEARN,
    "gather": _LESSONS,
    "learn": _LEARN,
    "model_name": _LEARN,
    "read_corrections": _LESSONS,
    "read_feedback": "genrekit.training.learn.feedback",
    "relearning": _LEARN,
    "render_report": _REPORT,
}

__getattr__ = resolver(__name__, _HOMES)
