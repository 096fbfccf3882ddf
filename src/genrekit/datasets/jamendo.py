"""MTG-Jamendo: full tracks with several genre tags each, in five published splits by artist."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

from genrekit.datasets.dataset import CorpusInfo, Dataset, Item
from genrekit.datasets.presence import Need, existing
from genrekit.datasets.rows import CsvRow, number_at, read_rows
from genrekit.errors import ConfigError, DatasetError

logger = logging.getLogger(__name__)

INFO = CorpusInfo(
    title="MTG-Jamendo Dataset",
    corpora=("jamendo", "mtg-jamendo"),
    licence=(
        "Metadata CC BY-NC-SA 4.0; each recording under the Creative Commons licence in "
        "audio_licenses.txt"
    ),
    citation=(
        "D. Bogdanov, M. Won, P. Tovstogan, A. Porter, X. Serra, 'The MTG-Jamendo Dataset for "
        "Automatic Music Tagging', Machine Learning for Music Discovery Workshop, ICML, 2019"
    ),
    homepage="https://github.com/MTG/mtg-jamendo-dataset",
    layout=(
        "the repository or its folder data: autotagging_genre.tsv, splits/split-0/"
        "autotagging_genre-<train|validation|test>.tsv (or the three files in one folder); audio: "
        "<folder>/14/214.mp3"
    ),
    obtain=(
        "tables: https://github.com/MTG/mtg-jamendo-dataset; audio: "
        "https://cdn.freesound.org/mtg-jamendo/raw_30s/audio/raw_30s_audio-00.tar to -99.tar (or "
        "audio-low/), or scripts/download/download.py of the repository"
    ),
    sizes=(
        "55,215 tracks with 95 genre tags, of which the splits keep 87; 320 kbit/s mp3 508 GB, "
        "low quality 156 GB"
    ),
    faults=(
        "tags were given by the artists, so an absent tag does not mean that it does not apply",
        "the splits drop tags, and tracks left without any, that are not in every part",
    ),
)

#: Published name of a part to ours.
PARTS = {"train": "train", "validation": "valid", "test": "test"}
PUBLISHED_SPLITS = range(5)

_HEADER = ["TRACK_ID", "ARTIST_ID", "ALBUM_ID", "PATH", "DURATION", "TAGS"]
_PREFIX = "genre---"
_AUDIO_FOLDERS = ("audio", "raw_30s/audio", "audio-low", "raw_30s/audio-low")


class JamendoTrack(NamedTuple):
    """One row of a table; ``genres`` without their prefix."""

    track_id: str
    artist: str
    album: str
    path: str
    seconds: float
    genres: tuple[str, ...]


def load(
    path: Path | None,
    *,
    split: int | None = 0,
    audio: Need = "required",
    audio_folder: Path | None = None,
) -> Dataset:
    """Load the tracks with genre tags; multi-label.

    Parameters
    ----------
    path : Path
        See the layout in `INFO`.
    split : int, optional
        Which published split, 0 to 4; None reads ``autotagging_genre.tsv``, without parts.
    audio : {"required", "optional"}
        Whether missing audio is an error; an item whose audio is absent has no path.
    audio_folder : Path, optional
        Holds ``00`` to ``99``; None takes ``path`` or a folder ``audio`` or ``audio-low`` in it.

    Raises
    ------
    DatasetError
        With file and line of what is wrong.
    ConfigError
        If there is no such split.
    """
    if path is None or not path.is_dir():
        raise DatasetError(f"MTG-Jamendo: {path} is not a folder; expected {INFO.layout}")
    if split is not None and split not in PUBLISHED_SPLITS:
        raise ConfigError(f"MTG-Jamendo has the splits 0 to 4 and None, not {split!r}")
    parts = {
        track: part
        for part, file in _tables(path, split).items()
        for track in read_jamendo_tracks(file)
    }
    files = _audio_files(audio_folder or _audio_folder(path), list(parts))
    paths = existing(files, audio, corpus="MTG-Jamendo", hint="get the archives that hold them")
    name = "mtg-jamendo" if split is None else f"mtg-jamendo-split-{split}"
    return Dataset(
        name=name,
        labels=tuple(sorted({genre for track in parts for genre in track.genres})),
        items=tuple(_item(track, part or None, paths) for track, part in parts.items()),
        info=INFO,
        task="multi-label",
    )


def read_jamendo_tracks(file: Path) -> list[JamendoTrack]:
    """Read one table; tracks without a genre tag are left out.

    Raises
    ------
    DatasetError
        With file, line and column, if the table is not as published or cut off.
    """
    rows = read_rows(file, "\t", quoted=False)
    header = next(rows, CsvRow(0, [])).cells
    if header != _HEADER:
        raise DatasetError(f"{file} begins with {header[:6]}; expected the columns {_HEADER}")
    tracks = [_track(file, row) for row in rows]
    tagged = [track for track in tracks if track.genres]
    if len(tagged) < len(tracks):
        logger.info("MTG-Jamendo: %d tracks have no genre tag", len(tracks) - len(tagged))
    return tagged


def _track(file: Path, row: CsvRow) -> JamendoTrack:
    if len(row.cells) < len(_HEADER) or not all(row.cells):
        raise DatasetError(
            f"{file}, line {row.line}: {sum(map(bool, row.cells))} filled cells, expected at least "
            f"{len(_HEADER)}, tags last; is the file cut off? Get it again"
        )
    track, artist, album, path, duration, *tags = row.cells
    seconds = number_at(file, row.line, "DURATION", duration)
    wrong = [tag for tag in tags if "---" not in tag]
    if wrong:
        raise DatasetError(f"{file}, line {row.line}, column TAGS: {wrong[0]!r} has no category")
    genres = [tag.removeprefix(_PREFIX) for tag in tags if tag.startswith(_PREFIX)]
    return JamendoTrack(track, artist, album, path, seconds, tuple(sorted(set(genres))))


def _tables(path: Path, split: int | None) -> dict[str, Path]:
    """Return the tables to read, by our name of the part; "" for the whole."""
    homes = [home for home in (path / "data", path) if home.is_dir()]
    if split is None:
        wanted = {"": [home / "autotagging_genre.tsv" for home in homes]}
    else:
        folders = [home / f"splits/split-{split}" for home in homes] + homes
        wanted = {
            part: [folder / f"autotagging_genre-{name}.tsv" for folder in folders]
            for name, part in PARTS.items()
        }
    found = {
        part: next((file for file in files if file.is_file()), files[0])
        for part, files in wanted.items()
    }
    missing = [str(file) for file in found.values() if not file.is_file()]
    if missing:
        raise DatasetError(f"MTG-Jamendo: no {', '.join(missing)}; expected {INFO.layout}")
    return found


def _audio_folder(path: Path) -> Path:
    return next((path / name for name in _AUDIO_FOLDERS if (path / name).is_dir()), path)


def _audio_files(folder: Path, tracks: list[JamendoTrack]) -> dict[str, Path]:
    # The archives of low quality hold 14/214.low.mp3.
    low = next(folder.glob("[0-9][0-9]/*.low.mp3"), None) is not None
    suffix = ".low.mp3" if low else ".mp3"
    return {t.track_id: folder / f"{t.path.removesuffix('.mp3')}{suffix}" for t in tracks}


def _item(track: JamendoTrack, part: str | None, paths: dict[str, Path]) -> Item:
    return Item(
        track.track_id,
        track.genres,
        track.track_id,
        path=paths.get(track.track_id),
        artist=track.artist,
        album=track.album,
        split=part,
    )
