"""Delimited text, Parquet and NumPy archives to rows of strings, with the place of every fault."""

from __future__ import annotations

import csv
import io
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from numpy.lib.format import read_array

from genrekit.errors import DatasetError
from genrekit.extras import naming_extra

DELIMITERS = (",", "\t", ";", "|")
PARQUET_SUFFIXES = frozenset({".parquet", ".pq"})
ARCHIVE_SUFFIX = ".npz"
#: What the arrays of an archive are called by those who think of them as X and y.
ARRAY_NAMES = {"y": "label", "ids": "filename"}

# A locked or oddly compressed member is a RuntimeError, a header that promises too much memory.
_ARCHIVE_ERRORS = (
    *(OSError, ValueError, EOFError, BadZipFile, zlib.error, RuntimeError, MemoryError),
)


@dataclass(frozen=True, slots=True)
class Cells:
    """A table as text.

    Parameters
    ----------
    file : Path
    header : tuple of str
    rows : list of list of str
        Stripped cells, as many in each row as the header has.
    lines : list of int
        Line of the file that each row ends on, counted from 1.
    delimiter : str
        What separates the cells; empty where they are not text.
    """

    file: Path
    header: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]
    delimiter: str = ""

    def column(self, name: str) -> list[str]:
        """All cells of the column called ``name``."""
        position = self.header.index(name)
        return [row[position] for row in self.rows]

    def numbers(self, name: str) -> list[str]:
        """As `column`; decimal commas are points, where commas can be nothing else.

        Spreadsheets that write decimals with a comma part cells by a semicolon. Where a cell of
        the column has a point too, nobody can say which of the two parts thousands.
        """
        values = self.column(name)
        if self.delimiter != ";" or any("." in value for value in values):
            return values
        return [_with_point(value) for value in values]


def read_cells(file: Path, delimiter: str | None = None) -> Cells:
    """Read CSV, TSV, Parquet or a NumPy archive.

    An archive holds arrays of as many rows each: one of labels, one of names, and numbers. Columns
    of an array of two or more dimensions are called after it: ``layer0_000``, ``layer0_001``.

    Parameters
    ----------
    delimiter : str, optional
        None takes the one of comma, tab, semicolon and bar that cuts the header most.

    Raises
    ------
    DatasetError
        If there is no such file, it is empty, not UTF-8 text, or its rows differ in length.
    MissingExtraError
        For Parquet without the extra ``train``.
    """
    if not file.is_file():
        raise DatasetError(f"there is no table {file}")
    suffix = file.suffix.lower()
    if suffix in PARQUET_SUFFIXES:
        cells = _parquet(file)
    else:
        cells = _archive(file) if suffix == ARCHIVE_SUFFIX else _text(file, delimiter)
    if not cells.rows:
        raise DatasetError(f"{file} has a header but no rows")
    blank = [position for position, name in enumerate(cells.header) if not name]
    # pandas writes its row index as a first column without a name.
    if [position for position in blank if position > 0]:
        raise DatasetError(f"{file}: column {blank[-1] + 1} has no name")
    for position, name in enumerate(cells.header):
        if name in cells.header[:position]:
            raise DatasetError(f"{file}: column {name!r} occurs twice")
    return cells


def _text(file: Path, delimiter: str | None) -> Cells:
    text = _decode(file)
    if not text.strip():
        raise DatasetError(f"{file} is empty")
    text, declared = _without_separator_line(text)
    delimiter = delimiter or declared or sniff_delimiter(text.lstrip("\r\n").splitlines()[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: tuple[str, ...] = ()
    rows, lines = [], []
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if not header:
                header = tuple(cells)
                continue
            if len(cells) != len(header):
                raise DatasetError(
                    f"{file}, line {reader.line_num}: {len(cells)} cells where the header has "
                    f"{len(header)}; is the file cut off, or {delimiter!r} the wrong delimiter?"
                )
            rows.append(cells)
            lines.append(reader.line_num)
    except csv.Error as problem:
        raise DatasetError(f"{file}, line {reader.line_num}: {problem}") from problem
    return Cells(file, header, rows, [line + (declared is not None) for line in lines], delimiter)


_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")


def _with_point(value: str) -> str:
    return value.replace(",", ".") if _DECIMAL_COMMA.fullmatch(value) else value


def _without_separator_line(text: str) -> tuple[str, str | None]:
    """Return the text without the line ``sep=;`` that Excel writes and reads, and what it says."""
    first, _, rest = text.partition("\n")
    found = re.fullmatch(r"sep=(.)\r?", first, flags=re.IGNORECASE)
    return (rest, found[1]) if found else (text, None)


def _decode(file: Path) -> str:
    data = file.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DatasetError(f"{file} is UTF-16; expected UTF-8: save it again in that encoding")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise DatasetError(
            f"{file}, line {line}: byte 0x{data[problem.start]:02x} is not UTF-8; expected UTF-8: "
            "save it again in that encoding"
        ) from problem
    if "\0" in text:
        raise DatasetError(f"{file} holds zero bytes: it is not a text table")
    return text


def sniff_delimiter(header: str) -> str:
    """Return the one of `DELIMITERS` that cuts a header most; the first, where none can cut it."""
    return max(DELIMITERS, key=lambda mark: _count_cells(header, mark))


def _count_cells(header: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([header], delimiter=delimiter)))
    except csv.Error:  # bytes of some other kind of file, or one endless cell
        return 0


def _parquet(file: Path) -> Cells:
    with naming_extra():
        import pandas
        import pyarrow  # noqa: F401  # by which pandas reads
    try:
        frame = pandas.read_parquet(file)
    except (OSError, ValueError) as problem:
        raise DatasetError(f"{file} is not readable as Parquet: {problem}") from problem
    values = frame.astype(object).where(frame.notna(), "").to_numpy()
    rows = [[str(cell).strip() for cell in row] for row in values]
    return Cells(file, tuple(map(str, frame.columns)), rows, list(range(1, len(rows) + 1)))


def _archive(file: Path) -> Cells:
    try:
        with file.open("rb") as stream, ZipFile(stream) as members:
            wanted = [name for name in members.namelist() if name.endswith(".npy")]
            arrays = {
                name.removesuffix(".npy"): read_array(members.open(name), allow_pickle=False)
                for name in wanted
            }
    except _ARCHIVE_ERRORS as problem:
        raise DatasetError(f"{file} is not readable as a NumPy archive: {problem}") from problem
    counts = {name: array.shape[0] if array.ndim else 0 for name, array in arrays.items()}
    if len(set(counts.values())) != 1:
        raise DatasetError(f"{file}: arrays differ in their rows: {counts}; expected as many each")
    if not max(counts.values()):
        raise DatasetError(f"{file} has arrays but no rows: {', '.join(arrays)}")
    columns: dict[str, list[object]] = {}
    for name, array in arrays.items():
        called = ARRAY_NAMES.get(name.lower(), name)
        for number, values in enumerate(array.reshape(len(array), -1).T):
            columns[called if array.ndim == 1 else f"{called}_{number:03d}"] = values.tolist()
    rows = [[str(cell).strip() for cell in row] for row in zip(*columns.values(), strict=True)]
    return Cells(file, tuple(columns), rows, list(range(1, len(rows) + 1)))
