"""Spectrogram pictures: a folder of PNG files per genre, read to levels or drawn from audio."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets.dataset import CorpusInfo, Dataset, Item
from genrekit.datasets.gtzan import INFO as GTZAN_INFO
from genrekit.datasets.gtzan_facts import GTZAN_GENRES, official_part, recording_of
from genrekit.datasets.join import join_table
from genrekit.datasets.picture_files import (
    SAMPLE_RATE_HZ,
    draw_picture,
    drawing_of,
    read_picture,
    write_picture,
)
from genrekit.errors import AudioError, DatasetError
from genrekit.features import PICTURE_SHAPE, FeatureCache, cache_key
from genrekit.schema import ExcerptConfig

__all__ = [
    "INFO",
    "Written",
    "draw_picture",
    "drawing_of",
    "load",
    "read_picture",
    "read_pictures",
    "write_picture",
    "write_pictures",
]

INFO = CorpusInfo(
    title="Spectrogram pictures",
    licence="That of the music that was drawn; ask its owner",
    citation="None; name the source of the music",
    homepage="None: a folder of your own",
    layout=(
        "<genre>/<track>.png, or images_original/<genre>/<track>.png as on Kaggle; white or "
        "transparent margins, colours of viridis, magma, inferno or plasma"
    ),
    obtain=(
        "Draw them from audio with: genrekit pictures FOLDER -o pictures; the published ones "
        "of GTZAN are images_original in Kaggle's andradaolteanu/gtzan-dataset-music-genre-"
        "classification"
    ),
)
_GTZAN_FAULTS = (
    "the set of 985 pictures (515x389) lacks 15 tracks: those that repeat another, and jazz.00054",
    "38 of its pictures, all of jazz, were drawn by a newer matplotlib than all others: a model "
    "can tell them by the drawing alone (measured, see drawing_of)",
)

#: Raised whenever a picture begins to give other levels, so that old ones are not taken.
_READING = "picture-levels-1"
_NAME = re.compile(rf"({'|'.join(GTZAN_GENRES)})[._]?(\d{{5}})")
_UNSAFE = re.compile(r"[^\w.#-]")


def load(
    path: Path | None,
    *,
    size: tuple[int, int] | None = None,
    colour_map: str | None = None,
    table: str | Path | None = None,
    cache: FeatureCache | None = None,
) -> Dataset:
    """Index the pictures below ``path``; they are opened only where a size is asked for.

    The path of an item is its picture. Files named like GTZAN's (``blues.00000.png``,
    ``blues00000.png``) are grouped by recording and know the fault-filtered split.

    Parameters
    ----------
    size : (int, int), optional
        Rows and columns: makes the levels of each picture, scaled to them, its features
        (``row000_column000`` is the lowest frequency at the start).
    colour_map : str, optional
        None finds it, see `read_picture`.
    table : str or Path, optional
        A table (see `genrekit.datasets.table`) whose columns are features too, a row for each
        picture, joined by item id. Kaggle's ``features_30_sec.csv`` lies beside its pictures, so
        its name alone will do: it is looked for in ``path``, then beside it. Pictures without a
        row are left out, with a warning.
    cache : FeatureCache, optional
        Where levels are kept, so that no picture is decoded twice.

    Raises
    ------
    DatasetError
        If there are no pictures under two genres, one cannot be read, or the table does not fit.
    """
    if path is None or not path.is_dir():
        raise DatasetError(f"{path} is not a folder; expected {INFO.layout}")
    root = path / "images_original" if (path / "images_original").is_dir() else path
    files = [file for file in sorted(root.glob("*/*.png")) if not file.name.startswith(".")]
    items = tuple(_item(file) for file in files)
    labels = tuple(sorted({item.labels[0] for item in items}))
    if len(labels) < 2:
        raise DatasetError(
            f"{path} has pictures under {len(labels)} genres {list(labels)}; expected at least "
            f"two: {INFO.layout}"
        )
    dataset = Dataset(path.resolve().name, labels, items, _info(files))
    if table is not None:
        dataset = join_table(dataset, _find_table(path.resolve(), Path(table)))
    return dataset if size is None else _with_levels(dataset, size, colour_map, cache)


def _with_levels(
    dataset: Dataset, size: tuple[int, int], colour_map: str | None, cache: FeatureCache | None
) -> Dataset:
    """Return the dataset with the levels of its pictures before the features that it has."""
    names = tuple(
        f"row{row:03d}_column{column:03d}" for row in range(size[0]) for column in range(size[1])
    )
    stack = read_pictures(dataset, size, colour_map=colour_map, cache=cache)
    levels = stack.reshape(len(dataset), -1).astype(np.float64)
    if dataset.features is not None:
        levels = np.hstack([levels, dataset.features])
    return replace(dataset, features=levels, feature_names=names + dataset.feature_names)


def _find_table(folder: Path, table: Path) -> Path:
    for place in (folder / table, folder.parent / table):
        if place.is_file():
            return place
    raise DatasetError(
        f"there is no table {table} in {folder} or beside it; name it from there, or absolutely"
    )


def read_pictures(
    dataset: Dataset,
    size: tuple[int, int] = PICTURE_SHAPE,
    *,
    colour_map: str | None = None,
    cache: FeatureCache | None = None,
) -> NDArray[np.float32]:
    """Levels of all pictures of ``dataset``, shape (n_items, n_rows, n_columns)."""
    stack = np.empty((len(dataset), *size), dtype=np.float32)
    for row, item in enumerate(dataset.items):
        if item.path is None:
            raise DatasetError(f"{dataset.name}: {item.item_id} has no picture")
        stack[row] = _levels(item.path, size, colour_map, cache)
    return stack


def _levels(
    file: Path, size: tuple[int, int], colour_map: str | None, cache: FeatureCache | None
) -> NDArray[np.float32]:
    if cache is None:
        return read_picture(file, size, colour_map=colour_map)
    key = cache_key(file, ExcerptConfig(), f"{_READING}/{tuple(size)}/{colour_map}")
    levels = cache.get(key)
    if levels is None:
        levels = read_picture(file, size, colour_map=colour_map)
        cache.put(key, levels)
    return levels


class Written(NamedTuple):
    """The picture of an item, or why there is none."""

    item: Item
    file: Path | None
    error: AudioError | None = None


def write_pictures(dataset: Dataset, folder: Path) -> Iterator[Written]:
    """Draw the audio of every item to ``folder/<label>/<item>.png``.

    Yields
    ------
    Written
        One an item, in order, as it is made.

    Raises
    ------
    DatasetError
        If an item has no audio, or several labels.
    """
    from genrekit.audio import decode

    if dataset.task != "single-label":
        raise DatasetError(f"{dataset.name} is {dataset.task}: a picture has one folder")
    for item in dataset.items:
        if item.path is None:
            raise DatasetError(f"{dataset.name}: {item.item_id} has no audio to draw")
        start = item.start_seconds or 0.0
        seconds = None if item.end_seconds is None else item.end_seconds - start
        excerpt = ExcerptConfig(start_seconds=start, duration_seconds=seconds)
        file = folder / item.labels[0] / f"{_UNSAFE.sub('_', item.item_id)}.png"
        try:
            waveform = decode(item.path, sample_rate_hz=SAMPLE_RATE_HZ, excerpt=excerpt)
            write_picture(draw_picture(waveform), file)
        except AudioError as error:
            yield Written(item, None, error)
        else:
            yield Written(item, file)


# --- items --------------------------------------------------------------------------------------


def _item(file: Path) -> Item:
    found = _NAME.fullmatch(file.stem)
    genre = file.parent.name
    if found is None:
        return Item(f"{genre}/{file.stem}", (genre,), f"{genre}/{file.stem}", path=file)
    track = f"{found[1]}.{found[2]}"
    return Item(track, (genre,), recording_of(track), path=file, split=official_part(track))


def _info(files: list[Path]) -> CorpusInfo:
    if not all(_NAME.fullmatch(file.stem) for file in files):
        return INFO
    return replace(
        GTZAN_INFO,
        title=f"Spectrogram pictures of {GTZAN_INFO.title}",
        layout=INFO.layout,
        sizes="up to 1000 pictures of 30 s",
        faults=GTZAN_INFO.faults + _GTZAN_FAULTS,
    )
