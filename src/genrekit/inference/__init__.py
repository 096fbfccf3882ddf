"""The prediction path: windows, scores, aggregation, calibration, abstention."""

from __future__ import annotations

from genrekit.inference.classifier import Classifier
from genrekit.inference.records import error_record, printable
from genrekit.inference.scoring import aggregate, calibrated, decide, ranked
from genrekit.inference.windows import Window, cut_windows

__all__ = [
    "Classifier",
    "Window",
    "aggregate",
    "calibrated",
    "cut_windows",
    "decide",
    "error_record",
    "printable",
    "ranked",
]
