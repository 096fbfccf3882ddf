"""ISMIR04: the tracks of the genre contest of 2004, from its lists and a table of features."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets.cells import read_cells
from genrekit.datasets.dataset import CorpusInfo, Dataset, Item
from genrekit.datasets.presence import Need, existing
from genrekit.datasets.rows import CsvRow, number_at, read_rows
from genrekit.errors import DatasetError

INFO = CorpusInfo(
    title="ISMIR04 Genre Identification task dataset",
    corpora=("ismir04",),
    licence="CC BY-NC-SA 1.0 (audio of Magnatune's artists)",
    citation=(
        "P. Cano, E. Gómez, F. Gouyon, P. Herrera, M. Koppenberger, B. Ong, X. Serra, S. Streich, "
        "N. Wack, 'ISMIR 2004 audio description contest', MTG-TR-2006-02, Universitat Pompeu "
        "Fabra, 2006"
    ),
    homepage="https://zenodo.org/record/1302992",
    layout=(
        "metadata/<training|development|evaluation>/tracklist.csv, without header: class, artist, "
        "album, track, number, file; audio/<part>/<file>.mp3; ISMIRData.csv for features"
    ),
    obtain="https://zenodo.org/record/1302992; unpack metadata and audio in one folder",
    sizes="2,187 tracks in three parts of 729, six classes",
    faults=(
        "artists of the training part play in the evaluation part too (127 of 128, measured in "
        "the lists): its contest measures recognition of artists as much as of genres; split by "
        "artist instead",
        "artists of the development part are anonymous: whether they play in the other parts "
        "cannot be known",
        "classes are unbalanced: 320 of 729 training tracks are classical",
    ),
)

CLASSES = ("classical", "electronic", "jazz_blues", "metal_punk", "rock_pop", "world")
#: Published name of a part to ours.
PARTS = {"training": "train", "development": "valid", "evaluation": "test"}

FEATURE_TABLE = "ISMIRData.csv"

_COLUMNS = ("class", "artist", "album", "track", "track number", "file path")


class Listed(NamedTuple):
    """One line of a list."""

    part: str
    genre: str
    artist: str
    album: str
    file: str


def load(path: Path | None, *, features: bool = False, audio: Need | None = None) -> Dataset:
    """Load the contest's three parts with its six classes.

    Parameters
    ----------
    path : Path
        The folder of ``metadata``.
    features : bool
        Read ``ISMIRData.csv`` (librosa statistics) too; it covers the training part alone, and
        the items are that part.
    audio : {"required", "optional"}, optional
        None requires the audio where no features are asked for. An item whose audio is absent
        has no path.

    Raises
    ------
    DatasetError
        With file and line of what is wrong.
    """
    if path is None or not (path / "metadata").is_dir():
        raise DatasetError(f"ISMIR04: no folder metadata in {path}; expected {INFO.layout}")
    listed = [track for part in PARTS for track in read_list(path, part)]
    names: tuple[str, ...] = ()
    table = None
    if features:
        names, rows = _features(path / FEATURE_TABLE)
        listed = [track for track in listed if _key(track) in rows]
        if not listed:
            raise DatasetError(f"{path / FEATURE_TABLE} has no track of the lists")
        table = np.array([rows[_key(track)] for track in listed])
    files = {_item_id(track): path / "audio" / track.part / track.file for track in listed}
    need = audio or ("optional" if features else "required")
    paths = existing(files, need, corpus="ISMIR04", hint="unpack the audio beside metadata")
    items = tuple(_item(track, paths) for track in listed)
    return Dataset("ismir04", CLASSES, items, INFO, features=table, feature_names=names)


def read_list(path: Path, part: str) -> list[Listed]:
    """Read ``metadata/<part>/tracklist.csv``.

    Raises
    ------
    DatasetError
        With file and line, if the list is missing, cut off, or has a blank cell or another class.
    """
    file = path / "metadata" / part / "tracklist.csv"
    return [_listed(file, part, row) for row in read_rows(file)]


def _listed(file: Path, part: str, row: CsvRow) -> Listed:
    cells = [cell.strip() for cell in row.cells]
    # The evaluation list has Magnatune's track number as a seventh column.
    if len(cells) not in (len(_COLUMNS), len(_COLUMNS) + 1):
        raise DatasetError(
            f"{file}, line {row.line}: {len(cells)} cells, expected {', '.join(_COLUMNS)}; is the "
            "file cut off? Get it again"
        )
    for column, cell in zip(_COLUMNS, cells, strict=False):
        if not cell:
            raise DatasetError(f"{file}, line {row.line}: the {column} is blank")
    genre, artist, album, _, _, name = cells[:6]
    if genre not in CLASSES:
        raise DatasetError(f"{file}, line {row.line}: {genre!r} is none of {', '.join(CLASSES)}")
    return Listed(part, genre, artist, album, name)


def _features(file: Path) -> tuple[tuple[str, ...], dict[str, NDArray[np.float64]]]:
    """Columns, and the numbers of each track by the key of its path."""
    cells = read_cells(file)
    for column in ("filename", "label"):
        if column not in cells.header:
            raise DatasetError(f"{file} has no column {column}; it has {', '.join(cells.header)}")
    names = [name for name in cells.header if name not in ("filename", "label")]
    places = [cells.header.index(name) for name in names]
    rows = {}
    for file_name, row, line in zip(cells.column("filename"), cells.rows, cells.lines, strict=True):
        _, _, inner = file_name.partition("audio/")
        rows[_plain(inner)] = np.array(
            [number_at(file, line, name, row[p]) for name, p in zip(names, places, strict=True)]
        )
    return tuple(names), rows


def _key(track: Listed) -> str:
    return _plain(f"{track.part}/{track.file}")


def _plain(path: str) -> str:
    """Return a path without what copies of the collection spell differently."""
    return re.sub(r"[^a-z0-9/]+", "_", path.lower())


def _item_id(track: Listed) -> str:
    return f"{track.part}/{track.file}"


def _item(track: Listed, paths: dict[str, Path]) -> Item:
    item_id = _item_id(track)
    # An anonymous artist is another one than the artist of that name elsewhere.
    anonymous = track.part == "development"
    artist = f"{track.part}/{track.artist}" if anonymous else track.artist
    return Item(
        item_id,
        (track.genre,),
        item_id,
        path=paths.get(item_id),
        artist=artist,
        album=f"{artist}/{track.album}",
        split=PARTS[track.part],
    )
