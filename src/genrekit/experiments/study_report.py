"""A study as Markdown for ``docs/results``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from genrekit.experiments.study import StudyCell, StudyResult
from genrekit.markdown import blocks, bullets, markdown_table, section
from genrekit.models import ClassicalConfig
from genrekit.pages import calibration, interval
from genrekit.schema import Contract, Estimate, EvaluationResult

_INTRODUCTION = """\
{rows} rows of {tracks} recordings, {columns} columns, seed {seed}. Nothing is tuned; the \
settings are listed below. Intervals are of 95 %: Wilson's for the accuracy over \
recordings, a bootstrap over recordings for everything else. What is scored is the exported ONNX \
graph of each fit."""

#: Families and columns that are listed by importance.
LISTED = 15

_NOTES = {
    "fault-filtered": (
        "`fault-filtered`: the published parts of GTZAN without its repetitions, artists kept "
        "apart. The number to quote."
    ),
    "grouped-kfold": (
        "`grouped-kfold`: every recording is tested once; repetitions of one recording, and what "
        "is known to be of one artist, stay together. Where artists are not known they are on "
        "both sides, so it flatters."
    ),
    "holdout": "`holdout`: 70/15/15 of the recordings.",
    "repeated-kfold": (
        "`repeated-kfold`: the same, drawn several times; a recording is counted as often as it is "
        "tested."
    ),
    "leave-one-artist-out": (
        "`leave-one-artist-out`: the tracks of one artist after another are tested by models that "
        "never met that artist. The number to quote."
    ),
    "grouped-kfold-by-track-leaky": (
        "`grouped-kfold-by-track-leaky` (LEAKY): folds that know no artists, so most are on both "
        "sides. What the other columns lose against it is what knowing an artist is worth."
    ),
    "segments-leaky": (
        "`segments-leaky` (LEAKY): folds over rows, in which rows of one recording are trained on "
        "and tested. On a table with a row per track this is the usual random k-fold. It is here "
        "because others publish it."
    ),
}


def render_study_markdown(result: StudyResult, command: str = "", note: str = "") -> str:
    """Return the study as Markdown; equal studies give equal text.

    Parameters
    ----------
    command : str
        What makes the page anew.
    note : str
        What the table is.
    """
    protocols = list(dict.fromkeys(_key(cell) for cell in result.cells))
    best_first = _models_by_headline(result, protocols[0])
    introduction = _INTRODUCTION.format(
        rows=result.rows, tracks=result.tracks, columns=len(result.columns), seed=result.seed
    )
    return blocks(
        f"# Classical models on {result.dataset}",
        note,
        introduction,
        f"Made by `{command}`." if command else "",
        bullets(_NOTES[name] for name in _names(result) if name in _NOTES),
        _checks(result),
        section("Accuracy", _grid(result, protocols, best_first, lambda one: one.accuracy)),
        _row_by_row(result, protocols, best_first),
        _evidence(result),
        _learning(result),
        _importance(result),
        section("Macro F1", _grid(result, protocols, best_first, lambda one: one.macro_f1)),
        section(
            "Calibration",
            "Calibration error, without what chance adds to its bins, and its interval / log loss; "
            "without temperature scaling.",
            _calibration(result, protocols, best_first),
        ),
        section("Settings", _settings(result, best_first)),
        section("Fingerprints", _fingerprints(result, protocols)),
    )


def _row_by_row(
    result: StudyResult, protocols: Sequence[tuple[str, str]], models: Sequence[str]
) -> str:
    """Return the gap that the leak makes, all else being equal."""
    if not any(cell.by_rows for cell in result.cells):
        return ""
    rows = result.model_copy(
        update={
            "cells": tuple(
                cell.model_copy(update={"result": cell.by_rows or cell.result})
                for cell in result.cells
            )
        }
    )
    return section(
        "Accuracy row by row",
        "The same scores, counted by rows under every protocol, so that nothing but the split "
        "differs between columns: the distance from the leaky column is what the leak is worth.",
        _grid(rows, protocols, models, lambda one: one.accuracy),
    )


def _checks(result: StudyResult) -> str:
    """Return what an audit says of the table, before anything that was learnt from it."""
    if not result.findings:
        return ""
    rows = [[one.title, one.severity, str(one.count), one.first] for one in result.findings]
    return section(
        "Data checks",
        "`genrekit audit` shows all of it and writes a plan that leaves it out.",
        markdown_table(["what", "severity", "times", "the first"], rows),
    )


def _evidence(result: StudyResult) -> str:
    """Letters that tell models apart, protocol by protocol."""
    lines = []
    for one in result.comparisons:
        found, fit_on = one.comparison, one.protocol.fit_on
        fitted = f", fitted on {fit_on}" if one.protocol.name == "fault-filtered" else ""
        leaky = " LEAKY" if found.leaky else ""
        models = ", ".join(f"{model.name} {model.letters}" for model in found.models)
        text = f"`{found.protocol}`{leaky}{fitted}: {models}. {found.sentence}"
        if found.friedman is not None:
            width = found.friedman.critical_difference
            text += (
                f" Friedman over {found.friedman.blocks} folds: p = {found.friedman.f_p:.2g}; "
                f"critical difference of mean ranks {width:.2f} (Nemenyi; optimistic, as folds "
                "share training recordings)."
            )
        lines.append(text)
    if not lines:
        return ""
    return section(
        "Which differences are evidence",
        "Best first; models that share a letter cannot be told apart at 5 % (McNemar's mid-p test, "
        "or signs flipped by recording where they count several times; Holm for all pairs). "
        "The letters are what to quote; ranks over folds are for comparison with other papers. "
        "`genrekit compare` shows every pair.",
        bullets(lines),
    )


def _learning(result: StudyResult) -> str:
    curve = result.learning_curve
    if curve is None:
        return ""
    shares = list(dict.fromkeys(point.share for point in curve.points))
    models = list(dict.fromkeys(point.model for point in curve.points))
    sizes = {point.share: point.tracks for point in curve.points}
    header = ["model", *(f"{sizes[share]:.0f} recordings" for share in shares)]
    rows = [
        [model, *(interval(one.accuracy) for one in curve.points if one.model == model)]
        for model in models
    ]
    return section(
        "Learning curve",
        f"Accuracy under `{curve.protocol}` against the recordings fitted on. Intervals cover "
        "draws of them and test recordings.",
        markdown_table(header, rows),
    )


def _importance(result: StudyResult) -> str:
    worth = result.importance
    if worth is None:
        return ""
    rows = [
        [one.name, str(len(one.columns)), interval(one.drop)] for one in worth.families[:LISTED]
    ]
    single = ", ".join(f"{one.name} {one.drop.value:.3f}" for one in worth.columns[:LISTED])
    return section(
        "Importance",
        f"Accuracy that `{worth.model}` loses on the test rows of one fold of `{worth.protocol}` "
        "when columns are shuffled between recordings; columns that say the same stand in for "
        "each other, so families are shuffled together.",
        markdown_table(["family", "columns", "accuracy lost"], rows),
        f"Single columns, the first {min(LISTED, len(worth.columns))}: {single}.",
    )


def _key(cell: StudyCell) -> tuple[str, str]:
    """Return the protocol as its numbers call it, with relations that it set aside."""
    return cell.result.protocol, cell.protocol.fit_on


def _names(result: StudyResult) -> list[str]:
    return list(dict.fromkeys(cell.result.protocol for cell in result.cells))


def _models_by_headline(result: StudyResult, protocol: tuple[str, str]) -> list[str]:
    first = [cell for cell in result.cells if _key(cell) == protocol]
    ranked = sorted(first, key=lambda cell: -cell.result.accuracy.value)
    return [cell.result.model for cell in ranked]


def _cell(result: StudyResult, model: str, protocol: tuple[str, str]) -> StudyCell:
    return next(
        cell for cell in result.cells if cell.result.model == model and _key(cell) == protocol
    )


def _grid(
    result: StudyResult,
    protocols: Sequence[tuple[str, str]],
    models: Sequence[str],
    number: Callable[[EvaluationResult], Estimate],
) -> str:
    header = ["model", *(_title(result, models[0], protocol) for protocol in protocols)]
    rows = [
        [model, *(interval(number(_cell(result, model, one).result)) for one in protocols)]
        for model in models
    ]
    return markdown_table(header, rows)


def _title(result: StudyResult, model: str, protocol: tuple[str, str]) -> str:
    one = _cell(result, model, protocol).result
    fitted_on = f", fitted on {protocol[1]}" if protocol[0] == "fault-filtered" else ""
    what = "rows" if one.unit == "segment" else "recordings"
    leaky = " LEAKY" if one.leaky else ""
    return f"{protocol[0]}{leaky}{fitted_on} ({one.items} {what})"


def _calibration(
    result: StudyResult, protocols: Sequence[tuple[str, str]], models: Sequence[str]
) -> str:
    header = ["model", *(_title(result, models[0], protocol) for protocol in protocols)]
    rows = []
    for model in models:
        cells = [_cell(result, model, protocol).result for protocol in protocols]
        numbers = [f"{calibration(one)} / {one.log_loss:.2f}" for one in cells]
        rows.append([model, *numbers])
    return markdown_table(header, rows)


def _settings(result: StudyResult, models: Sequence[str]) -> str:
    configs = {cell.result.model: cell.model for cell in result.cells}
    return markdown_table(
        ["model", "settings"], [[name, _text_of(configs[name])] for name in models]
    )


def _text_of(config: Contract) -> str:
    """Write settings in a line: ``c 10.0, gamma scale, prepare (scale standard)``."""
    parts = []
    for name, value in config:
        if name == "architecture" or value in (False, None, ()):
            continue
        if isinstance(value, Contract):
            text = f"({_text_of(value)})"
        elif isinstance(value, tuple):
            text = "; ".join(
                f"{one.architecture} ({_text_of(one)})"
                if isinstance(one, ClassicalConfig)
                else str(one)
                for one in value
            )
        else:
            text = str(value)
        parts.append(f"{name} {text}")
    return ", ".join(parts)


def _fingerprints(result: StudyResult, protocols: Sequence[tuple[str, str]]) -> str:
    model = result.cells[0].result.model
    lines = [f"dataset `{result.dataset_fingerprint[:16]}`"]
    for name in dict.fromkeys(name for name, _ in protocols):
        one = next(cell for cell in result.cells if cell.result.protocol == name).result
        lines.append(f"split {name} `{one.split_fingerprint[:16]}`")
    versions = _cell(result, model, protocols[0]).result.versions
    lines.append(", ".join(f"{name} {version}" for name, version in sorted(versions.items())))
    return bullets(lines)
