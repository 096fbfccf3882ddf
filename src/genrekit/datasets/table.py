"""Feature tables: CSV, TSV, Parquet or .npz with labels, one row a track or a segment."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets.cells import Cells, read_cells
from genrekit.datasets.dataset import CorpusInfo, Dataset, Item
from genrekit.datasets.fold import PARTS
from genrekit.datasets.gtzan import INFO as GTZAN_INFO
from genrekit.datasets.gtzan_facts import GtzanName, official_part, parse_name, recording_of
from genrekit.datasets.step_rows import as_sequences
from genrekit.errors import DatasetError

logger = logging.getLogger(__name__)

INFO = CorpusInfo(
    title="Feature table",
    licence="That of the table; ask its owner",
    citation="None; name the source of the table",
    homepage="None: a table of your own",
    layout=(
        "CSV, TSV, Parquet or .npz with a header: a label column, numbers, and a column that says "
        "which track a row is from (the Kaggle convention: filename, length, features, label); "
        "artist and album where they are known"
    ),
    obtain=(
        "Write one with: genrekit features FOLDER -o features.csv; the published ones of GTZAN, "
        "features_30_sec.csv and features_3_sec.csv, are in Kaggle's andradaolteanu/gtzan-dataset-"
        "music-genre-classification"
    ),
)

LABEL_COLUMNS = ("label", "genre", "class", "dance")
ID_COLUMNS = ("filename", "file", "file_name", "path", "song_id", "track")
GROUP_COLUMNS = ("group", "track_id", "track id", "track")
#: Kaggle's count of samples: a property of the file, not of the music.
NEVER_FEATURES = ("length",)
#: What people and programs write where there is no value.
NO_VALUE = frozenset({"", "nan", "na", "n/a", "#n/a", "null", "none", "?", "-"})
#: Whose music it is and what it was published on; never features, even where they are numbers.
ARTIST_COLUMNS = ("artist", "artist_name", "artist name", "artist_id")
ALBUM_COLUMNS = ("album", "album_title", "album title", "album_id")
#: Where a table itself says who trains and who tests.
PART_COLUMNS = ("split", "set", "subset")


def load(
    path: Path | None,
    *,
    label_column: str | None = None,
    id_column: str | None = None,
    group_column: str | None = None,
    drop_columns: Sequence[str] = (),
    delimiter: str | None = None,
    rows_are_tracks: bool = False,
    label_separator: str | None = None,
    keep_missing: bool = False,
    steps: int | None = None,
) -> Dataset:
    """Read a table; every column of numbers is a feature, columns of text are not.

    Parameters
    ----------
    label_column, id_column, group_column : str, optional
        None takes the first column, in any case, of `LABEL_COLUMNS`, `ID_COLUMNS` and
        `GROUP_COLUMNS`. Without a group column, GTZAN file names give the group
        (``blues.00012.3.wav`` is a segment of ``blues.00012``), then a column of
        `GROUP_COLUMNS`, then the id.
    drop_columns : sequence of str
        Columns that are not features. Columns that merely restate the label are found and dropped.
    delimiter : str, optional
        None finds it from the header.
    rows_are_tracks : bool
        Say so where no column tells which track a row is from. Otherwise all rows of such a table
        count as one recording, because nobody can say which of them belong together, and only a
        leaky protocol can split it.
    label_separator : str, optional
        What parts the labels of a row that has several (``rock;punk``); it makes the table
        multi-label.
    keep_missing : bool
        Keep rows with cells that are blank or say that there is no value (`NO_VALUE`), for models
        that fill them; otherwise such a cell is an error.
    steps : int, optional
        Take so many rows of each recording as one sequence, see
        `genrekit.datasets.step_rows.as_sequences`.

    Notes
    -----
    A column of `PART_COLUMNS` that says train, valid or test in every row is the table's own split.
    In files separated by semicolons, decimals may have a comma.

    Raises
    ------
    DatasetError
        With file, line and column of what is wrong.
    """
    if path is None:
        raise DatasetError(f"a table needs a path; expected {INFO.layout}")
    cells = read_cells(path, delimiter)
    label = _required(cells, label_column, LABEL_COLUMNS, "label_column")
    name = _column(cells, id_column, ID_COLUMNS, "id_column")
    group = _column(cells, group_column, (), "group_column")
    if group is None and not _all_gtzan(cells, name):
        group = _column(cells, None, GROUP_COLUMNS, "group_column")
    for column in drop_columns:
        _column(cells, column, (), "drop_columns")

    items = _items(cells, label, name, group, rows_are_tracks)
    used = {label, name, group, *drop_columns}
    parts, artists, albums = (
        _parts(cells, used),
        *(_values_of(cells, columns, used) for columns in (ARTIST_COLUMNS, ALBUM_COLUMNS)),
    )
    items = tuple(
        replace(item, split=part or item.split, artist=artist, album=album)
        for item, part, artist, album in zip(items, parts, artists, albums, strict=True)
    )
    texts = [item.labels[0] for item in items]
    if label_separator is not None:
        items = tuple(_several(item, label_separator) for item in items)
    known = (*GROUP_COLUMNS, *ARTIST_COLUMNS, *ALBUM_COLUMNS)
    aside = {*used, ""} | set(_guessed(cells, known))
    candidates = [
        column
        for column in cells.header
        if column not in aside and column.lower() not in NEVER_FEATURES
    ]
    names, features = _features(cells, candidates, texts, keep_missing)
    info = replace(GTZAN_INFO, title=f"Features of {GTZAN_INFO.title}")
    found = Dataset(
        name=path.name,
        labels=tuple(sorted({label for item in items for label in item.labels})),
        items=items,
        info=info if _all_gtzan(cells, name) else INFO,
        features=features,
        feature_names=names,
        task="single-label" if label_separator is None else "multi-label",
        gaps=keep_missing,
    )
    return found if steps is None else as_sequences(found, steps)


# --- which column is what -----------------------------------------------------------------------


def _guessed(cells: Cells, guesses: Sequence[str]) -> list[str]:
    lower = {column.lower(): column for column in reversed(cells.header)}
    return [lower[guess] for guess in guesses if guess in lower]


def _column(cells: Cells, named: str | None, guesses: Sequence[str], option: str) -> str | None:
    if named is None:
        return next(iter(_guessed(cells, guesses)), None)
    if named not in cells.header:
        raise DatasetError(
            f"{cells.file} has no column {named!r} ({option}); it has: {_listed(cells.header)}"
        )
    return named


def _required(cells: Cells, named: str | None, guesses: Sequence[str], option: str) -> str:
    column = _column(cells, named, guesses, option)
    if column is None:
        raise DatasetError(
            f"{cells.file} has none of the columns {list(guesses)}; name one with {option}. It "
            f"has: {_listed(cells.header)}. One column only? Then name the delimiter."
        )
    return column


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:8])
    return f"{shown}, ... ({len(names)} columns)" if len(names) > 8 else shown


# --- items --------------------------------------------------------------------------------------


def _all_gtzan(cells: Cells, name: str | None) -> bool:
    return name is not None and all(parse_name(cell) for cell in cells.column(name))


def _items(
    cells: Cells, label: str, name: str | None, group: str | None, rows_are_tracks: bool
) -> tuple[Item, ...]:
    table = cells.file.stem
    labels = _filled(cells, label)
    rows = range(len(cells.rows))
    names = [f"{table}#{row}" for row in rows] if name is None else _filled(cells, name)
    gtzan = [parse_name(text) for text in names]
    if group is not None:
        groups = [_plain_group(table, text) for text in _filled(cells, group)]
    elif name is None and not rows_are_tracks:
        logger.warning("%s: no column says which track a row is from", cells.file)
        groups = [f"{table}#unknown"] * len(names)
    else:
        groups = [
            recording_of(found.track) if found else text
            for found, text in zip(gtzan, names, strict=True)
        ]
    return tuple(
        Item(
            item_id=item_id,
            labels=(labels[row],),
            group=groups[row],
            split=_part(gtzan[row]),
        )
        for row, item_id in zip(rows, _unique(names, gtzan), strict=True)
    )


def _several(item: Item, separator: str) -> Item:
    parts = (text.strip() for text in item.labels[0].split(separator))
    return replace(item, labels=tuple(sorted({text for text in parts if text})))


def _plain_group(table: str, text: str) -> str:
    """Return the recording of a group cell; bare numbers get the table's name before them."""
    found = parse_name(text)
    if found:
        return recording_of(found.track)
    return f"{table}#{text}" if text.isdigit() else text


def _part(name: GtzanName | None) -> str | None:
    return official_part(name.track) if name else None


def _unique(names: Sequence[str], gtzan: Sequence[GtzanName | None]) -> list[str]:
    """Ids without suffix for GTZAN names; rows that share a name are numbered."""
    plain = [
        text
        if found is None
        else found.track
        if found.segment is None
        else f"{found.track}.{found.segment}"
        for text, found in zip(names, gtzan, strict=True)
    ]
    totals, seen = Counter(plain), Counter[str]()
    unique = []
    for text in plain:
        unique.append(text if totals[text] == 1 else f"{text}.{seen[text]}")
        seen[text] += 1
    return unique


def _filled(cells: Cells, column: str) -> list[str]:
    values = cells.column(column)
    for value, line in zip(values, cells.lines, strict=True):
        if not value:
            raise DatasetError(f"{cells.file}, line {line}: column {column!r} is blank")
    return values


def _parts(cells: Cells, aside: Collection[str | None]) -> list[str | None]:
    """Return what the table itself says of each row: train, valid, test, or nothing."""
    nothing: list[str | None] = [None] * len(cells.rows)
    column = next((name for name in _guessed(cells, PART_COLUMNS) if name not in aside), None)
    if column is None:
        return nothing
    values = [value.lower() for value in cells.column(column)]
    wrong = [row for row, value in enumerate(values) if value and value not in PARTS]
    if not wrong:
        return [PARTS.get(value) for value in values]
    if set(values) & set(PARTS):
        raise DatasetError(
            f"{cells.file}, line {cells.lines[wrong[0]]}, column {column!r}: "
            f"{cells.column(column)[wrong[0]]!r}; expected train, valid or test in every row, as "
            "others have. If it is not a split, name the column in drop_columns (--ignore)"
        )
    return nothing


def _values_of(
    cells: Cells, guesses: Sequence[str], used: Collection[str | None]
) -> list[str | None]:
    """Return what the first column of these names says of each row, or nothing."""
    column = next((name for name in _guessed(cells, guesses) if name not in used), None)
    if column is None:
        return [None] * len(cells.rows)
    values = cells.column(column)
    return [None if value.lower() in NO_VALUE else value for value in values]


# --- features -----------------------------------------------------------------------------------


def _features(
    cells: Cells, candidates: Sequence[str], labels: Sequence[str], keep_missing: bool
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    columns: dict[str, NDArray[np.float64]] = {}
    for column in candidates:
        numbers = _numbers(cells, column, keep_missing)
        if numbers is None:
            continue
        if _restates(numbers, labels):
            logger.warning("%s: column %r restates the label: dropped", cells.file, column)
            continue
        columns[column] = numbers
    if not columns:
        raise DatasetError(
            f"{cells.file} has no columns of numbers besides label, id and group; it has: "
            f"{_listed(cells.header)}"
        )
    return tuple(columns), np.column_stack(list(columns.values()))


def _numbers(cells: Cells, column: str, keep_missing: bool) -> NDArray[np.float64] | None:
    """Values of a column of finite numbers; None for a column of text."""
    values = cells.numbers(column)
    if keep_missing and any(value.lower() in NO_VALUE for value in values):
        return _with_gaps(cells, column, values)
    parsed = [_number(value) for value in values]
    wrong = [row for row, number in enumerate(parsed) if number is None or not np.isfinite(number)]
    if not wrong:
        return np.array(parsed, dtype=np.float64)
    commas = any(_number(value) is None and _WITH_COMMA.fullmatch(value) for value in values)
    if all(number is None for number in parsed) and all(values) and not commas:
        return None
    value, line = values[wrong[0]], cells.lines[wrong[0]]
    seen = repr(value) if value else "a blank cell"
    hint = (
        "; write decimals with a point, or part cells by semicolons"
        if _WITH_COMMA.fullmatch(value)
        else ""
    )
    raise DatasetError(
        f"{cells.file}, line {line}, column {column!r}: {seen} is not a finite number "
        f"({len(wrong)} "
        f"such cells in the column); repair it, name the column in drop_columns, or let "
        f"a classical model fill it (model.prepare.impute){hint}"
    )


def _with_gaps(cells: Cells, column: str, values: Sequence[str]) -> NDArray[np.float64] | None:
    """As `_numbers`, NaN where there is no value."""
    parsed = [np.nan if value.lower() in NO_VALUE else _number(value) for value in values]
    given = [number for number in parsed if number is None or not np.isnan(number)]
    if not given or all(number is None for number in given):
        return None
    for number, value, line in zip(parsed, values, cells.lines, strict=True):
        if number is None or np.isinf(number):
            raise DatasetError(
                f"{cells.file}, line {line}, column {column!r}: {value!r} is not a finite number; "
                "repair it or name the column in drop_columns (--ignore)"
            )
    return np.array(parsed, dtype=np.float64)


_WITH_COMMA = re.compile(r"[+-]?[\d.]*,\d+(?:[eE][+-]?\d+)?")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _restates(numbers: NDArray[np.float64], labels: Sequence[str]) -> bool:
    """Return true for one number per label, as in a column of label ids beside the label names."""
    pairs = set(zip(numbers.tolist(), labels, strict=True))
    n_labels = len(set(labels))
    return len(pairs) == len(set(numbers.tolist())) == n_labels < len(labels) / 5
