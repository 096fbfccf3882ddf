"""A folder, its tags or a list of files to labelled tracks that know who belongs together."""

from __future__ import annotations

import csv
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from genrekit.audio import AUDIO_SUFFIXES, Tags, read_tags
from genrekit.datasets import CorpusInfo, Dataset, Item
from genrekit.datasets.folder import load as load_folder
from genrekit.datasets.manifest import load as load_manifest
from genrekit.errors import AudioError, ConfigError, DatasetError
from genrekit.progress import Progress, silent

_log = logging.getLogger(__name__)

By = Literal["tag", "folder", "csv"]

INFO = CorpusInfo(
    title="Tracks of one's own",
    licence="That of the files; ask their owner",
    citation="None; name the source of the files",
    homepage="None: files of your own",
)
#: A genre of fewer tracks is left out when it comes from tags, which hold many slips.
FEWEST_BY_TAG = 3
#: Folders that hold discs of one album, not artists or albums.
_DISCS = ("cd", "disc", "disk")


@dataclass(frozen=True, slots=True)
class TrainingTracks:
    """Labelled tracks, and what is to be said of them.

    Attributes
    ----------
    dataset : Dataset
        Every item has a path; artists and albums as far as tags, columns or folders tell.
    notes : tuple of str
        What was left out, and why; sentences.
    """

    dataset: Dataset
    notes: tuple[str, ...] = ()


def gather(
    source: Path,
    by: By = "folder",
    *,
    several: bool = False,
    corrections: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> TrainingTracks:
    """Find labelled tracks.

    Parameters
    ----------
    source : Path
        A folder; with ``csv`` the list, or a folder that holds one.
    by : {"tag", "folder", "csv"}
        Where genres are told: in the files' own tags, by the first folder below ``source``, or in
        a list with the columns ``path`` and ``genre`` (see `genrekit.datasets.manifest`).
    several : bool
        A track may have several genres: all that its tags name, or all folders that it is in. A
        list says so itself, with a column ``labels``.
    corrections : mapping of str to str, optional
        Path, as it is or below ``source``, to the true genre; ``-`` leaves the track out. Paths
        that are not below ``source`` are added.

    Raises
    ------
    DatasetError
        If there is nothing at ``source``, or no two genres.
    ConfigError
        If ``by`` is none of the three, or a correction names a file that is not there.
    """
    notes: tuple[str, ...] = ()
    if by == "csv":
        dataset, folder = load_manifest(_list_at(source)), _list_at(source).parent
    elif by == "folder":
        dataset = load_folder(source, task="multi-label" if several else "single-label")
        folder = source
    elif by == "tag":
        dataset, notes = _by_tags(source, several, progress)
        folder = source
    else:
        raise ConfigError(f"genres are told by tag, folder or csv, not by {by!r}")
    if corrections:
        dataset = _corrected(dataset, folder, corrections)
    items = tuple(_known(item, folder) for item in dataset.items)
    return TrainingTracks(replace(dataset, items=items), notes)


def read_corrections(file: Path) -> dict[str, str]:
    """Read a CSV with the columns ``path`` and ``genre``; of repeated paths the last row counts.

    Raises
    ------
    ConfigError
        If the file or a column is missing, or a row says nothing.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{file} cannot be read as CSV: {error}") from error
    names = {name.strip().casefold(): name for name in (rows[0] if rows else {}) if name}
    path, genre = names.get("path"), names.get("genre") or names.get("label")
    if path is None or genre is None:
        raise ConfigError(
            f"{file} has the columns {sorted(names)}; expected path and genre, a row for each track"
        )
    found = {}
    for number, row in enumerate(rows, 2):
        if not (row[path] or "").strip() or not (row[genre] or "").strip():
            raise ConfigError(f"{file}, line {number}: path or genre is empty")
        found[row[path].strip()] = row[genre].strip()
    return found


# --- corrections --------------------------------------------------------------------------------


def _corrected(dataset: Dataset, folder: Path, corrections: Mapping[str, str]) -> Dataset:
    if dataset.task != "single-label":
        raise ConfigError("corrections name one genre a track; edit the list of several instead")
    items = {item.item_id: item for item in dataset.items}
    places = {_place(item.path): item.item_id for item in dataset.items if item.path}
    for given, genre in corrections.items():
        path = folder / given  # which is ``given`` itself where that is absolute
        known = given if given in items else places.get(_place(path))
        if known is None and genre == "-":
            continue
        if known is None:
            if not path.is_file():
                raise ConfigError(
                    f"the correction of {given!r} names a file that is neither there nor among the "
                    f"tracks of {folder}; repair the path, or remove the row"
                )
            known = str(path.absolute())
            items[known] = Item(known, (genre,), str(path.absolute().with_suffix("")), path)
        elif genre == "-":
            del items[known]
        else:
            items[known] = replace(items[known], labels=(genre,))
    return _of(dataset.name, tuple(items.values()), dataset.info)


def _place(path: Path) -> Path:
    return path.absolute().resolve()


def _of(
    name: str,
    items: tuple[Item, ...],
    info: CorpusInfo,
    several: bool = False,
    notes: Sequence[str] = (),
) -> Dataset:
    labels = tuple(sorted({label for item in items for label in item.labels}))
    if len(labels) < 2:
        needed = (
            f"{name} has tracks of {len(labels)} genres {list(labels)}; a model needs at least two"
        )
        raise DatasetError(". ".join((needed, *notes)).removesuffix("."))
    return Dataset(name, labels, items, info, task="multi-label" if several else "single-label")


def _list_at(source: Path) -> Path:
    if source.is_file():
        return source
    lists = sorted(source.glob("*.csv")) if source.is_dir() else []
    if len(lists) == 1:
        return lists[0]
    raise DatasetError(
        f"{source} holds {len(lists)} lists (*.csv); expected one, or the path of one, with the "
        "columns path and genre"
    )


# --- tags ---------------------------------------------------------------------------------------


def _by_tags(folder: Path, several: bool, progress: Progress) -> tuple[Dataset, tuple[str, ...]]:
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder; name a folder of music")
    files = [file for file in sorted(folder.rglob("*")) if _is_audio(file)]
    given: dict[Path, tuple[str, ...]] = {}
    for number, file in enumerate(files, 1):
        given[file] = _tags(file).genres
        progress("Reading tags", number, len(files))
    spelt = _spellings([genre for genres in given.values() for genre in genres])
    items = [
        _tagged(
            file, folder, tuple(dict.fromkeys(spelt[one.casefold()] for one in genres)), several
        )
        for file, genres in given.items()
        if genres
    ]
    kept, notes = _without_rare(items)
    if without := len(files) - len(items):
        notes.append(f"{without} of {len(files)} tracks have no genre in their tags.")
    return _of(folder.resolve().name, kept, INFO, several, notes), tuple(notes)


def _is_audio(file: Path) -> bool:
    hidden = file.name.startswith(".")
    return not hidden and file.suffix.lower() in AUDIO_SUFFIXES and file.is_file()


def _spellings(genres: Sequence[str]) -> dict[str, str]:
    """Of spellings that differ in case alone, the most frequent one."""
    counts = Counter(genres)
    found: dict[str, str] = {}
    for genre, _ in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
        found.setdefault(genre.casefold(), genre)
    return found


def _tagged(file: Path, folder: Path, genres: Sequence[str], several: bool) -> Item:
    inner = file.relative_to(folder)
    labels = tuple(dict.fromkeys(genres)) if several else (genres[0],)
    return Item(inner.as_posix(), labels, inner.with_suffix("").as_posix(), file)


def _without_rare(items: Sequence[Item]) -> tuple[tuple[Item, ...], list[str]]:
    """Leave out genres of one or two tracks: mostly slips of whoever wrote the tags."""
    counts = Counter(label for item in items for label in item.labels)
    rare = sorted(label for label, count in counts.items() if count < FEWEST_BY_TAG)
    kept = []
    for item in items:
        labels = tuple(label for label in item.labels if label not in rare)
        if labels:
            kept.append(replace(item, labels=labels))
    if not rare:
        return tuple(kept), []
    shown = ", ".join(rare[:10]) + (" and others" if len(rare) > 10 else "")
    return tuple(kept), [
        f"{len(rare)} genres of fewer than {FEWEST_BY_TAG} tracks are left out: {shown}."
    ]


# --- who belongs together -----------------------------------------------------------------------


def _known(item: Item, folder: Path) -> Item:
    """Return an item with artist and album, as far as its list, its tags or its folders tell."""
    if item.path is None:
        raise DatasetError(f"{item.item_id} has no audio to learn from")
    tags = _tags(item.path)
    artist, album = item.artist or tags.artist, item.album or tags.album
    inner = [] if not item.path.is_relative_to(folder) else [*item.path.relative_to(folder).parts]
    # Below <genre>/ there may be <artist>/<album>/; what holds discs is neither.
    between = [one for one in inner[1:-1] if not one.casefold().startswith(_DISCS)]
    if artist is None and between:
        artist = between[0]
    if album is None and len(between) > 1:
        album = between[-1]
    return replace(item, artist=artist, album=album)


def _tags(file: Path) -> Tags:
    try:
        return read_tags(file)
    except AudioError as error:  # said again, and as an error, when the track is listened to
        _log.info("%s has no tags that can be read: %s", file, error)
        return Tags()
