"""Genre labels of Million Song Dataset tracks, in the forms that others publish."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from genrekit.datasets.rows import read_rows
from genrekit.errors import ConfigError, DatasetError

#: Track to its labels, the one most sources agree on first.
Labels = dict[str, tuple[str, ...]]

_TRACK_ID = re.compile(r"TR[A-Z]{5}[0-9A-F]{11}")
_PARTS = {"train": "train", "valid": "valid", "validation": "valid", "test": "test"}
_TAGS_QUERY = (
    "SELECT tids.tid, tags.tag, tid_tag.val FROM tid_tag, tids, tags "
    "WHERE tags.ROWID = tid_tag.tag AND tids.ROWID = tid_tag.tid ORDER BY tid_tag.val DESC"
)


def read_msd_labels(source: Path, tags: Sequence[str] = (), min_tag: float = 0.0) -> Labels:
    """Read labels from any of the published forms.

    Parameters
    ----------
    source : Path
        A ``.cls`` file of tagtraum (CD1, CD2, CD2C: track, majority genre, and where there is one
        the minority genre) or of the MSD Allmusic sets (MAGD, Top-MAGD, MASD: track and genre);
        ``lastfm_tags.db``; or a folder of Last.fm's JSON files.
    tags : sequence of str
        For Last.fm: the tags to keep as labels, in any case.
    min_tag : float
        For Last.fm: the least strength of a tag, up to 100.

    Raises
    ------
    DatasetError
        With file and line, if the source is missing or malformed.
    ConfigError
        If Last.fm is read without ``tags``.
    """
    if source.suffix == ".db" or source.is_dir():
        if not tags:
            raise ConfigError(
                f"{source}: Last.fm has half a million tags; name those that are labels with tags"
            )
        found = _sqlite_tags(source) if source.suffix == ".db" else _json_tags(source)
        return _chosen(found, tags, min_tag)
    return _cls(source)


def read_parts(file: Path) -> dict[str, str]:
    """Read a published split: track, tabulator, ``TRAIN`` or ``TEST``.

    Raises
    ------
    DatasetError
        With file and line, if it is malformed.
    """
    parts = {}
    for line, track, values in _tracks(file):
        part = _PARTS.get(values[0].lower())
        if part is None:
            raise DatasetError(f"{file}, line {line}: {values[0]!r} is none of {sorted(_PARTS)}")
        parts[track] = part
    return parts


def _cls(file: Path) -> Labels:
    labels: Labels = {}
    for line, track, genres in _tracks(file):
        if track in labels:
            raise DatasetError(f"{file}, line {line}: track {track} is there twice")
        labels[track] = tuple(dict.fromkeys(genres))
    if not labels:
        raise DatasetError(f"{file} has no labels")
    return labels


def _tracks(file: Path) -> Iterator[tuple[int, str, list[str]]]:
    for line, cells in read_rows(file, "\t", quoted=False):
        if cells[0].startswith(("#", "%")):
            continue
        track, *values = (cell.strip() for cell in cells)
        if not _TRACK_ID.fullmatch(track):
            raise DatasetError(
                f"{file}, line {line}: {track!r} is not a track of the Million Song Dataset; "
                "expected "
                "a track id, a tabulator and a genre"
            )
        if not values or not all(values):
            raise DatasetError(f"{file}, line {line}: the label of {track} is blank")
        yield line, track, values


def _sqlite_tags(file: Path) -> Iterator[tuple[str, str, float]]:
    if not file.is_file():
        raise DatasetError(f"there is no file {file}")
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as database:
            yield from database.execute(_TAGS_QUERY)
    except sqlite3.Error as problem:
        raise DatasetError(
            f"{file} is not readable as lastfm_tags.db: {problem}; expected the tables tids, tags "
            "and tid_tag"
        ) from problem


def _json_tags(folder: Path) -> Iterator[tuple[str, str, float]]:
    files = sorted(folder.rglob("TR*.json"))
    if not files:
        raise DatasetError(f"{folder} has no files TR*.json; expected Last.fm's lastfm_train")
    for file in files:
        try:
            content = json.loads(file.read_bytes())
            tags = [(str(tag), float(strength)) for tag, strength in content["tags"]]
        except (ValueError, KeyError, TypeError) as problem:
            raise DatasetError(f"{file} is not a track of Last.fm: {problem!r}") from problem
        for tag, strength in sorted(tags, key=lambda pair: -pair[1]):
            yield file.stem, tag, strength


def _chosen(found: Iterator[tuple[str, str, float]], tags: Sequence[str], min_tag: float) -> Labels:
    known = {tag.lower(): tag for tag in tags}
    labels: dict[str, list[str]] = {}
    for track, tag, strength in found:
        label = known.get(tag.lower())
        if label is not None and strength >= min_tag:
            chosen = labels.setdefault(track, [])
            if label not in chosen:
                chosen.append(label)
    return {track: tuple(chosen) for track, chosen in labels.items()}
