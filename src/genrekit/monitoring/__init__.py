"""What a server answered, kept and compared: prediction log, A/B, drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.monitoring.arm_pairs import ShadowPair, SplitPair
    from genrekit.monitoring.arms import ArmNumbers, ArmsReport, drift_of, report_arms
    from genrekit.monitoring.assignment import Arms, make_arms
    from genrekit.monitoring.drift import FALSE_ALARMS, LARGE, LEVELS, SOME, Drift, Tally
    from genrekit.monitoring.log_writer import Feedback, PredictionLog
    from genrekit.monitoring.prediction_log import (
        OTHER,
        Log,
        keep_audio,
        kept_audio,
        key_of,
        logged_inputs,
        read_log,
    )

__all__ = [
    "FALSE_ALARMS",
    "LARGE",
    "LEVELS",
    "OTHER",
    "SOME",
    "ArmNumbers",
    "Arms",
    "ArmsReport",
    "Drift",
    "Feedback",
    "Log",
    "PredictionLog",
    "ShadowPair",
    "SplitPair",
    "Tally",
    "drift_of",
    "keep_audio",
    "kept_audio",
    "key_of",
    "logged_inputs",
    "make_arms",
    "read_log",
    "report_arms",
]

# Resolved on first use: who needs one module of this room does not import the others.
_HOMES = {
    "ShadowPair": "genrekit.monitoring.arm_pairs",
    "SplitPair": "genrekit.monitoring.arm_pairs",
    "ArmNumbers": "genrekit.monitoring.arms",
    "ArmsReport": "genrekit.monitoring.arms",
    "drift_of": "genrekit.monitoring.arms",
    "report_arms": "genrekit.monitoring.arms",
    "Arms": "genrekit.monitoring.assignment",
    "make_arms": "genrekit.monitoring.assignment",
    "FALSE_ALARMS": "genrekit.monitoring.drift",
    "LARGE": "genrekit.monitoring.drift",
    "LEVELS": "genrekit.monitoring.drift",
    "SOME": "genrekit.monitoring.drift",
    "Drift": "genrekit.monitoring.drift",
    "Tally": "genrekit.monitoring.drift",
    "Feedback": "genrekit.monitoring.log_writer",
    "PredictionLog": "genrekit.monitoring.log_writer",
    "OTHER": "genrekit.monitoring.prediction_log",
    "Log": "genrekit.monitoring.prediction_log",
    "keep_audio": "genrekit.monitoring.prediction_log",
    "kept_audio": "genrekit.monitoring.prediction_log",
    "key_of": "genrekit.monitoring.prediction_log",
    "logged_inputs": "genrekit.monitoring.prediction_log",
    "read_log": "genrekit.monitoring.prediction_log",
}

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
