"""Numbers as people read them."""

from __future__ import annotations

from genrekit.schema import Estimate, EvaluationResult


def interval(one: Estimate) -> str:
    """``0.534 [0.477, 0.591]``."""
    # Adding zero takes the sign from what is rounded to nothing.
    value, low, high = (round(number, 3) + 0.0 for number in (one.value, one.low, one.high))
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def points(one: Estimate) -> str:
    """Return a difference in points: ``+2.4 [-1.0, +5.8]``."""
    value, low, high = (100 * number for number in (one.value, one.low, one.high))
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"


def p_value(value: float) -> str:
    """Three digits, and no more zeros than that."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def percent(value: float) -> str:
    """``53.4 %``."""
    return f"{100 * value:.1f} %"


def counted(count: int, what: str) -> str:
    """``1 track``, ``290 tracks``."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def optional(value: Estimate | None) -> str:
    """Return an interval, or nothing where there is none."""
    return "" if value is None else interval(value)


def calibration(result: EvaluationResult) -> str:
    """Write the calibration error with its interval; of old files the binned one."""
    if result.calibration_error is None:
        return f"{result.expected_calibration_error:.3f} (binned)"
    return interval(result.calibration_error)


def calibration_note(result: EvaluationResult) -> str:
    """Return what the binned error is, and what chance makes of a perfect model."""
    if result.calibration_error_by_chance is None:
        return "binned: chance adds to it"
    return (
        f"binned {result.expected_calibration_error:.3f}, where a perfect model shows "
        f"{result.calibration_error_by_chance:.3f} by chance"
    )


def over_folds(result: EvaluationResult) -> str:
    """Return the accuracies of the folds in words: interval and deviation, each by its name."""
    if result.over_folds is None:
        return ""
    mean, deviation = result.over_folds
    count = len(result.fold_accuracies)
    found = result.accuracy_over_folds
    shown = f"mean {mean:.3f}" if found is None else f"mean {interval(found)} (corrected t)"
    return f"{count} folds: {shown}, standard deviation of a fold {deviation:.3f}"
