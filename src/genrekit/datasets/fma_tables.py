"""The tables of ``fma_metadata`` as published: many header rows, lists in cells, a genre tree."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets.rows import CsvRow, expect_columns, expect_width, number_at, read_rows
from genrekit.datasets.taxonomy import Taxonomy
from genrekit.errors import ConfigError, DatasetError

RAW_TABLES = ("albums", "artists", "genres", "tracks")

_PARTS = {"training": "train", "validation": "valid", "test": "test"}
_COLUMNS = (
    "set.split",
    "set.subset",
    "track.genre_top",
    "track.genres",
    "track.genres_all",
    "artist.id",
    "album.id",
)


class FmaTrack(NamedTuple):
    """What ``tracks.csv`` says about one track.

    ``genre_top`` is empty where the track has several roots or none; ``album`` is None where
    the table has -1.
    """

    track_id: int
    split: str
    subset: str
    genre_top: str
    genres: tuple[int, ...]
    genres_all: tuple[int, ...]
    artist: str
    album: str | None


class Genres(NamedTuple):
    """``genres.csv``: number to title, and the tree over the titles."""

    titles: dict[int, str]
    taxonomy: Taxonomy


class FeatureTable(NamedTuple):
    """Numbers of the tracks that were asked for and are in the table."""

    names: tuple[str, ...]
    rows: dict[int, NDArray[np.float64]]


def read_fma_tracks(file: Path) -> Iterator[FmaTrack]:
    """Yield the tracks of ``tracks.csv``.

    Raises
    ------
    DatasetError
        With file, line and column, if the file is not as published or cut off.
    """
    rows = read_rows(file)
    header = _header(file, rows, levels=2)
    _check_end(file)
    expect_columns(file, header, _COLUMNS)
    places = [header.index(column) for column in _COLUMNS]
    seen: set[int] = set()
    for row in rows:
        expect_width(file, row, len(header))
        track_id = _integer(file, row.line, "track_id", row.cells[0])
        if track_id in seen:
            raise DatasetError(f"{file}, line {row.line}: track {track_id} is there twice")
        seen.add(track_id)
        yield _track(file, row.line, track_id, [row.cells[place] for place in places])


def read_fma_genres(file: Path) -> Genres:
    """Read ``genres.csv``; titles that occur twice get their number appended.

    Raises
    ------
    DatasetError
        With file and line, if the file is not as published, or a parent is missing.
    """
    rows = read_rows(file)
    header = next(rows, CsvRow(0, [])).cells
    expect_columns(file, header, ("genre_id", "parent", "title"))
    titles, parents = {}, {}
    for row in rows:
        expect_width(file, row, len(header))
        cells = dict(zip(header, row.cells, strict=True))
        number = _integer(file, row.line, "genre_id", cells["genre_id"])
        if not cells["title"].strip():
            raise DatasetError(f"{file}, line {row.line}: genre {number} has a blank title")
        titles[number] = cells["title"].strip()
        parents[number] = _integer(file, row.line, "parent", cells["parent"])
    repeated = {title for title, count in Counter(titles.values()).items() if count > 1}
    titles = {n: f"{title} ({n})" if title in repeated else title for n, title in titles.items()}
    orphans = [n for n, parent in parents.items() if parent and parent not in titles]
    if orphans:
        raise DatasetError(
            f"{file}: genre {orphans[0]} has the parent {parents[orphans[0]]}, which is not in "
            "the file; is it cut off? Get it again"
        )
    tree = {titles[n]: titles[parent] if parent else None for n, parent in parents.items()}
    return Genres(titles, Taxonomy(tree))


def read_features(file: Path, wanted: Collection[int], families: Collection[str]) -> FeatureTable:
    """Read the rows ``wanted`` of ``features.csv`` or ``echonest.csv``.

    Parameters
    ----------
    families : collection of str
        Keep columns with one of these among their header cells; empty keeps all.

    Raises
    ------
    DatasetError
        With file, line and column of a cell that is not a finite number.
    """
    rows = read_rows(file)
    header = _header(file, rows, levels=3)
    kept = [
        place
        for place, name in enumerate(header)
        if place and (not families or set(families) & set(name.split(".")))
    ]
    if not kept:
        raise DatasetError(f"{file} has no columns of {sorted(families)}")
    numbers: dict[int, NDArray[np.float64]] = {}
    for row in rows:
        expect_width(file, row, len(header))
        track_id = _integer(file, row.line, "track_id", row.cells[0])
        if track_id in wanted:
            numbers[track_id] = np.array(
                [number_at(file, row.line, header[place], row.cells[place]) for place in kept]
            )
    return FeatureTable(tuple(header[place] for place in kept), numbers)


def read_raw(metadata: Path, table: str) -> Iterator[dict[str, str]]:
    """Yield the rows of ``raw_<table>.csv``, the untouched answers of FMA's interface.

    Parameters
    ----------
    metadata : Path
        The folder ``fma_metadata``.
    table : {"albums", "artists", "genres", "tracks"}

    Raises
    ------
    ConfigError
        If there is no such table.
    DatasetError
        If the file is missing or cut off.
    """
    if table not in RAW_TABLES:
        raise ConfigError(f"FMA has no raw table {table!r}; known: {', '.join(RAW_TABLES)}")
    file = metadata / f"raw_{table}.csv"
    rows = read_rows(file)
    header = next(rows, CsvRow(0, [])).cells
    for row in rows:
        expect_width(file, row, len(header))
        yield dict(zip(header, row.cells, strict=True))


def _header(file: Path, rows: Iterator[CsvRow], levels: int) -> list[str]:
    """Join the header rows into ``group.name``; the row after them says only ``track_id``."""
    lines = [next(rows, CsvRow(0, [])).cells for _ in range(levels + 1)]
    last = lines.pop()
    if not last or last[0] != "track_id" or any(last[1:]) or len(set(map(len, lines))) != 1:
        raise DatasetError(
            f"{file} does not begin with {levels} header rows and a row of 'track_id'; expected "
            "the file as published in fma_metadata.zip"
        )
    names = [".".join(cell for cell in cells if cell) for cells in zip(*lines, strict=True)]
    return ["track_id", *names[1:]]


def _check_end(file: Path) -> None:
    # A file that is cut off inside its last cell still parses.
    with file.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        if stream.read(1) != b"\n":
            raise DatasetError(
                f"{file}, last line: no line break at its end; is the file cut off? Get it again"
            )


def _track(file: Path, line: int, track_id: int, cells: list[str]) -> FmaTrack:
    split, subset, genre_top, genres, genres_all, artist, album = (cell.strip() for cell in cells)
    if split not in _PARTS:
        raise DatasetError(
            f"{file}, line {line}, column set.split: {split!r}; expected one of {list(_PARTS)}"
        )
    return FmaTrack(
        track_id,
        _PARTS[split],
        subset,
        genre_top,
        _integers(file, line, "track.genres", genres),
        _integers(file, line, "track.genres_all", genres_all),
        artist,
        None if album in ("", "-1") else album,
    )


def _integer(file: Path, line: int, column: str, text: str) -> int:
    return int(number_at(file, line, column, text.strip()))


def _integers(file: Path, line: int, column: str, text: str) -> tuple[int, ...]:
    """Genre numbers of a cell such as ``[21, 103]``."""
    try:
        numbers = json.loads(text or "[]")
    except json.JSONDecodeError:
        numbers = None
    if not isinstance(numbers, list) or not all(isinstance(number, int) for number in numbers):
        raise DatasetError(
            f"{file}, line {line}, column {column}: {text!r} is not a list of genre numbers"
        )
    return tuple(numbers)
