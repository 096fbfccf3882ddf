"""Numbers that can be trusted: metrics with intervals, calibration, and a guard against leaks."""

from __future__ import annotations

from genrekit.evaluation.calibration import (
    ReliabilityBin,
    fit_binary_temperature,
    fit_temperature,
    reliability_bins,
)
from genrekit.evaluation.evaluate import (
    ItemScore,
    evaluate_bundle,
    score_items,
    summarise,
)
from genrekit.evaluation.intervals import bootstrap_by_group, wilson
from genrekit.evaluation.leak import Leak, LeakKind, refuse_leaks
from genrekit.evaluation.leaks import find_leaks, result_leaks
from genrekit.evaluation.metrics import Tracks, aggregate_by_group
from genrekit.evaluation.multilabel_scoring import (
    LabelledTracks,
    merged_by_group,
    score_multilabel,
)
from genrekit.evaluation.scoring import score
from genrekit.evaluation.thresholds import Thresholds, common_threshold, tune_thresholds

__all__ = [
    "ItemScore",
    "LabelledTracks",
    "Leak",
    "LeakKind",
    "ReliabilityBin",
    "Thresholds",
    "Tracks",
    "aggregate_by_group",
    "bootstrap_by_group",
    "common_threshold",
    "evaluate_bundle",
    "find_leaks",
    "fit_binary_temperature",
    "fit_temperature",
    "merged_by_group",
    "refuse_leaks",
    "reliability_bins",
    "result_leaks",
    "score",
    "score_items",
    "score_multilabel",
    "summarise",
    "tune_thresholds",
    "wilson",
]
