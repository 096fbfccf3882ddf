"""Rows of large or headerless delimited text, one at a time, with the place of every fault.

Published corpora ship tables of hundreds of megabytes, with several header rows or none, and with
rows of different lengths; `cells` reads the others.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from genrekit.errors import DatasetError

#: The longest cell that is read; biographies in FMA's tables pass the default of `csv`.
_CELL_CHARS = 1 << 24


class CsvRow(NamedTuple):
    """Cells of one row and the line it ends on, counted from 1."""

    line: int
    cells: list[str]


def read_rows(file: Path, delimiter: str = ",", *, quoted: bool = True) -> Iterator[CsvRow]:
    """Yield the rows of ``file`` that are not empty; a byte order mark is skipped.

    Parameters
    ----------
    quoted : bool
        False where quotation marks mean themselves.

    Raises
    ------
    DatasetError
        If there is no such file, it is not UTF-8 text, or a quoted cell never ends.
    """
    if not file.is_file():
        raise DatasetError(f"there is no file {file}")
    csv.field_size_limit(max(csv.field_size_limit(), _CELL_CHARS))
    with file.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(
            stream,
            delimiter=delimiter,
            quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
            strict=True,
        )
        try:
            for cells in reader:
                if any(cells):
                    yield CsvRow(reader.line_num, cells)
        except UnicodeDecodeError as problem:
            raise DatasetError(_not_utf8(file)) from problem
        except csv.Error as problem:
            raise DatasetError(
                f"{file}, line {reader.line_num}: {problem}; is the file cut off? Get it again"
            ) from problem


def expect_width(file: Path, row: CsvRow, width: int) -> None:
    """Check that ``row`` has ``width`` cells.

    Raises
    ------
    DatasetError
        If it has not.
    """
    if len(row.cells) != width:
        raise DatasetError(
            f"{file}, line {row.line}: {len(row.cells)} cells, expected {width}; is the file cut "
            "off? Get it again"
        )


def expect_columns(file: Path, header: Sequence[str], wanted: Sequence[str]) -> None:
    """Check that ``header`` has all of ``wanted``.

    Raises
    ------
    DatasetError
        If it has not; the message names what is missing and what is there.
    """
    missing = [name for name in wanted if name not in header]
    if missing:
        shown = ", ".join(header[:8]) + (", ..." if len(header) > 8 else "")
        raise DatasetError(
            f"{file} has no column {', '.join(missing)}; it has {len(header)}: {shown}"
        )


def number_at(file: Path, line: int, column: str, text: str) -> float:
    """``text`` as a finite number.

    Raises
    ------
    DatasetError
        With file, line and column, if it is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if value - value != 0:  # infinity or not a number
        seen = repr(text) if text else "a blank cell"
        raise DatasetError(f"{file}, line {line}, column {column}: {seen} is not a finite number")
    return value


def _not_utf8(file: Path) -> str:
    with file.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if number == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
                return f"{file} is UTF-16; expected UTF-8: save it again in that encoding"
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as problem:
                byte = line[problem.start]
                return (
                    f"{file}, line {number}: byte 0x{byte:02x} is not UTF-8; expected UTF-8: get "
                    "the file again, or save it in that encoding"
                )
    return f"{file} is not UTF-8"
