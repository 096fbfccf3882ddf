"""What is wrong with a table of features: its columns, its rows, and what it does not say."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrekit.audit.finding import Finding, make_finding
from genrekit.datasets import Cells, Dataset, is_number, load_dataset, read_cells
from genrekit.datasets.table import GROUP_COLUMNS, ID_COLUMNS, LABEL_COLUMNS

#: What people and programs write where there is no value.
NO_VALUE = frozenset(
    {"", "nan", "na", "n/a", "#n/a", "null", "none", "?", "-", "inf", "-inf", "+inf"}
)
#: Columns whose correlation is this close to one are the same up to unit and offset.
SAME_CORRELATION = 1 - 1e-9

_NAMED_ASIDE = frozenset((*LABEL_COLUMNS, *ID_COLUMNS, *GROUP_COLUMNS))


def load_table(path: Path, **options: Any) -> tuple[Dataset, tuple[Finding, ...]]:
    """Load a table without the columns that miss values, which are findings.

    Raises
    ------
    DatasetError
        For all else that is wrong with the file, with line and column.
    """
    cells = read_cells(path, options.get("delimiter"))
    missing = _missing(cells)
    commas = tuple(_comma_findings(cells))
    with_commas = [column for finding in commas for column in finding.columns]
    dropped = (*options.pop("drop_columns", ()), *missing, *with_commas)
    dataset = load_dataset("table", path, drop_columns=dropped, **options)
    gaps = [_missing_finding(cells, column, missing[column]) for column in missing]
    return dataset, (*gaps, *commas)


def _missing(cells: Cells) -> dict[str, list[int]]:
    """Lines without a value, of columns that are numbers otherwise."""
    gaps = {}
    for column in cells.header:
        if not column or column.lower() in _NAMED_ASIDE:
            continue
        values = cells.numbers(column)
        lines = [
            line
            for value, line in zip(values, cells.lines, strict=True)
            if value.lower() in NO_VALUE
        ]
        if lines and all(is_number(value) for value in values if value.lower() not in NO_VALUE):
            gaps[column] = lines
    return gaps


def _comma_findings(cells: Cells) -> Iterator[Finding]:
    """Columns whose numbers have a decimal comma: they count as text, and would be lost unseen."""
    for column in cells.header:
        values = cells.numbers(column)
        commas = [value for value in values if "," in value]
        # Where some cells are numbers as they are, loading refuses the column.
        if any(is_number(value) for value in values):
            continue
        if commas and all(is_number(value.replace(",", ".")) for value in values):
            yield make_finding(
                "decimal-comma",
                f"column {column} is not a feature: {commas[0]!r} is written with a decimal comma",
                columns=[column],
                evidence={"cells": len(commas)},
            )


def _missing_finding(cells: Cells, column: str, lines: list[int]) -> Finding:
    where = ", ".join(map(str, lines[:5])) + (", ..." if len(lines) > 5 else "")
    return make_finding(
        "missing-values",
        f"column {column} has no value in {len(lines)} of {len(cells.rows)} rows (lines {where})",
        columns=[column],
        evidence={"cells": len(lines), "first_line": lines[0]},
    )


def column_findings(dataset: Dataset) -> Iterator[Finding]:
    """Columns that never change, and columns that repeat another."""
    features = dataset.features
    if features is None:
        return
    names = np.array(dataset.feature_names, dtype=object)
    constant = np.ptp(features, axis=0) == 0
    for name, value in zip(names[constant], features[0, constant], strict=True):
        message = f"column {name} is {value:.6g} in every row"
        yield make_finding("constant-column", message, columns=[name])
    for first, second, correlation in _repeated(features[:, ~constant]):
        one, other = names[~constant][[first, second]]
        equal = bool((features[:, ~constant][:, first] == features[:, ~constant][:, second]).all())
        how = "equals" if equal else "is, up to unit and offset,"
        yield make_finding(
            "duplicate-column",
            f"column {other} {how} {one}",
            columns=[other, one],
            evidence={"correlation": correlation},
        )


def _repeated(features: NDArray[np.float64]) -> Iterator[tuple[int, int, float]]:
    """Each column that repeats an earlier one, with the first such."""
    if features.shape[1] < 2 or len(features) < 3:
        return
    centred = features - features.mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=0)
    correlation = np.abs(unit.T @ unit)
    for second in range(1, features.shape[1]):
        first = int(correlation[second, :second].argmax())
        if correlation[second, first] >= SAME_CORRELATION:
            yield first, second, float(min(correlation[second, first], 1.0))


def row_contents(dataset: Dataset) -> dict[int, str]:
    """Return a hash of the features of each row."""
    if dataset.features is None:
        return {}
    table = np.ascontiguousarray(dataset.features, dtype="<f8") + 0.0  # -0.0 is 0.0
    return {row: hashlib.sha256(values.tobytes()).hexdigest() for row, values in enumerate(table)}


def recording_findings(dataset: Dataset) -> Iterator[Finding]:
    """Tell of a table that does not say which rows are one recording."""
    if len(dataset) > 1 and len(set(dataset.groups())) == 1:
        yield make_finding(
            "unknown-recordings",
            f"no column of {dataset.name} says which recording a row is from: {len(dataset)} rows "
            "may be segments of any number of tracks, and only a leaky protocol can split them",
            evidence={"rows": len(dataset)},
        )
