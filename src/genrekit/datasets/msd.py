"""Million Song Dataset: genre labels of others, and the Echo Nest's analyses as features."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from genrekit.datasets.dataset import CorpusInfo, Dataset, Item
from genrekit.datasets.msd_hdf5 import (
    SONG_COLUMNS,
    TRACK_COLUMNS,
    Column,
    Song,
    read_msd_summary,
    read_msd_track,
)
from genrekit.datasets.msd_labels import Labels, read_msd_labels, read_parts
from genrekit.datasets.presence import Need, existing
from genrekit.errors import ConfigError, DatasetError
from genrekit.schema import Task

logger = logging.getLogger(__name__)

Features = Literal["segments", "summary"]

INFO = CorpusInfo(
    title="Million Song Dataset",
    corpora=("msd", "million-song-dataset"),
    licence=(
        "The Echo Nest's terms of use of 2009: research is fine, companies ask; MusicBrainz tags "
        "CC BY-NC-SA 2.0; Last.fm tags and genre labels as their makers "
        "say"
    ),
    citation=(
        "T. Bertin-Mahieux, D. P. W. Ellis, B. Whitman, P. Lamere, 'The Million Song Dataset', "
        "ISMIR, 2011; labels: H. Schreiber, 'Improving Genre Annotations for the Million Song "
        "Dataset', ISMIR, 2015; A. Schindler, R. Mayer, A. Rauber, 'Facilitating Comprehensive "
        "Benchmarking Experiments on the Million Song Dataset', ISMIR, 2012"
    ),
    homepage="http://millionsongdataset.com",
    layout=(
        "[MillionSongSubset/][data/]A/B/C/TRABC....h5, msd_summary_file.h5, and the labels: "
        "msd_tagtraum_cd2c.cls (or another .cls), lastfm_tags.db or Last.fm's JSON folder"
    ),
    obtain=(
        "subset, summary and full set: http://millionsongdataset.com/pages/getting-dataset; "
        "labels: https://www.tagtraum.com/genres/msd_tagtraum_cd1.cls.zip (cd2, cd2c), "
        "https://www.ifs.tuwien.ac.at/mir/msd/partitions/msd-topMAGD-genreAssignment.cls"
    ),
    sizes=(
        "1,000,000 tracks without audio, about 280 GB; subset 10,000 tracks, 1.8 GB; labels: CD1 "
        "133,676, CD2 280,831, CD2C 191,401 tracks; Last.fm: 505,216 tracks with a tag"
    ),
    faults=(
        "some songs are matched to the wrong track; the dataset's site lists the pairs that are "
        "not to be trusted (http://millionsongdataset.com/lastfm)",
        "tracks of one song are many; they share a group where song ids are read",
        "CD2 has ambiguous labels, CD2C leaves those tracks out (tagtraum.com)",
    ),
)

_SUMMARIES = (
    "msd_summary_file.h5",
    "AdditionalFiles/msd_summary_file.h5",
    "AdditionalFiles/subset_msd_summary_file.h5",
)
_ROOTS = ("", "data", "MillionSongSubset/data", "MillionSongSubset")


def load(
    path: Path | None,
    *,
    labels: Path | None = None,
    task: Task = "single-label",
    features: Features | None = None,
    files: Need = "required",
    tags: Sequence[str] = (),
    min_tag: float = 0.0,
    parts: Path | None = None,
) -> Dataset:
    """Load the labelled tracks, and what the analyses say about them.

    There is no audio, so no item has a path. Artist, album and song, by which tracks are grouped,
    come from the files that are read: the tracks' own with ``features="segments"``, else the
    summary file if it is there; without either each track is its own group.

    Parameters
    ----------
    path : Path
        Folder of the tracks' files, the summary file or the labels.
    labels : Path, optional
        See `read_msd_labels`; None takes the one ``.cls`` file in ``path``.
    task : {"single-label", "multi-label"}
        Single-label takes the first (majority) label; multi-label all.
    features : {"segments", "summary"}, optional
        ``"segments"`` opens every labelled track's file for `TRACK_COLUMNS`; ``"summary"`` reads
        `SONG_COLUMNS` from the summary file. Tracks whose numbers are not finite are left out.
    files : {"required", "optional"}
        Whether a track without its file is an error, or left out.
    tags, min_tag
        For Last.fm, see `read_msd_labels`.
    parts : Path, optional
        A published split of the labels into training and test.

    Raises
    ------
    DatasetError
        With the file and line of what is wrong.
    ConfigError
        If an option has no such value.
    """
    if path is None or not path.is_dir():
        raise DatasetError(f"MSD: {path} is not a folder; expected {INFO.layout}")
    if features is not None and features not in get_args(Features):
        raise ConfigError(f"MSD has no features {features!r}; known: {get_args(Features)}")
    if task not in get_args(Task):
        raise ConfigError(f"there is no task {task!r}; known: {get_args(Task)}")
    labelled = read_msd_labels(labels or _only_cls(path), tags, min_tag)
    songs, numbers = _analyses(path, labelled, features, files)
    tracks = list(labelled) if features is None else _finite(numbers)
    if not tracks:
        raise DatasetError(f"MSD: no labelled track has {features} in {path}")
    split = {} if parts is None else read_parts(parts)
    chosen = {t: labelled[t][:1] if task == "single-label" else labelled[t] for t in tracks}
    return Dataset(
        name="msd",
        labels=tuple(sorted({label for found in chosen.values() for label in found})),
        items=tuple(_item(t, chosen[t], songs.get(t), split.get(t)) for t in tracks),
        info=INFO,
        features=None if features is None else np.array([numbers[t] for t in tracks]),
        feature_names=tuple(column.name for column in _columns(features)),
        task=task,
    )


def track_file(root: Path, track_id: str) -> Path:
    """Where a track's file is below the folder of the letters.

    >>> track_file(Path("data"), "TRAAAAW128F429D538").as_posix()
    'data/A/A/A/TRAAAAW128F429D538.h5'
    """
    return root / track_id[2] / track_id[3] / track_id[4] / f"{track_id}.h5"


def _columns(features: Features | None) -> tuple[Column, ...]:
    if features is None:
        return ()
    return TRACK_COLUMNS if features == "segments" else SONG_COLUMNS


def _only_cls(folder: Path) -> Path:
    found = sorted(folder.glob("*.cls"))
    if len(found) == 1:
        return found[0]
    seen = f"several label files, {', '.join(f.name for f in found)}" if found else "no .cls file"
    raise DatasetError(f"MSD: {folder} has {seen}; name the one to read with labels")


def _analyses(
    path: Path, labelled: Labels, features: Features | None, files: Need
) -> tuple[dict[str, Song], dict[str, NDArray[np.float64]]]:
    if features == "segments":
        return _segments(path, labelled, files)
    summary = next((path / name for name in _SUMMARIES if (path / name).is_file()), None)
    if summary is None:
        if features == "summary":
            raise DatasetError(f"MSD: none of {', '.join(_SUMMARIES)} in {path}")
        return {}, {}
    return read_msd_summary(summary, labelled.keys())


def _segments(
    path: Path, labelled: Labels, files: Need
) -> tuple[dict[str, Song], dict[str, NDArray[np.float64]]]:
    root = next(
        (path / name for name in _ROOTS if any((path / name).glob("[A-Z]/[A-Z]/[A-Z]"))), path
    )
    places = {track: track_file(root, track) for track in labelled}
    hint = "get the subset or the full set"
    songs, numbers = {}, {}
    for track, file in existing(places, files, corpus="MSD", hint=hint).items():
        analysis = read_msd_track(file)
        songs[track], numbers[track] = analysis.song, analysis.features()
    return songs, numbers


def _finite(numbers: dict[str, NDArray[np.float64]]) -> list[str]:
    kept = [track for track, row in numbers.items() if np.isfinite(row).all()]
    if len(kept) < len(numbers):
        logger.warning(
            "MSD: %d tracks are left out: no segments, or numbers that are not finite",
            len(numbers) - len(kept),
        )
    return kept


def _item(track: str, labels: tuple[str, ...], song: Song | None, split: str | None) -> Item:
    if song is None:
        return Item(track, labels, track, split=split)
    return Item(
        track,
        labels,
        song.song_id or track,
        artist=song.artist_id or None,
        album=f"{song.artist_id}: {song.release}" if song.release else None,
        split=split,
    )
