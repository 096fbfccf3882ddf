"""The prediction path: windows, scores, aggregation, calibration, abstention."""

from __future__ import annotations

from genrekit.inference.classifier import EVERY_SECONDS, FIRST_SECONDS, Classifier
from genrekit.inference.records import error_record, printable
from genrekit.inference.scoring import aggregate, calibrated, decide, ranked
from genrekit.inference.tree import chosen, consistent, edges, with_ancestors
from genrekit.inference.windows import Window, cut_windows

__all__ = [
    "EVERY_SECONDS",
    "FIRST_SECONDS",
    "Classifier",
    "Window",
    "aggregate",
    "calibrated",
    "chosen",
    "consistent",
    "cut_windows",
    "decide",
    "edges",
    "error_record",
    "printable",
    "ranked",
    "with_ancestors",
]
