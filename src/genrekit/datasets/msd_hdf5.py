"""The HDF5 files of the Million Song Dataset: one a track, and the summary of all.

The field names are those of the dataset's "field list"
(http://millionsongdataset.com/faq/) and of its own readers (tbertinmahieux/MSongsDB).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genrekit.errors import DatasetError
from genrekit.extras import naming_extra


class Column(NamedTuple):
    """What a column of features holds."""

    name: str
    unit: str
    meaning: str


SONG_COLUMNS = (
    Column("tempo", "beats per minute", "estimated tempo"),
    Column("key", "semitone from C", "estimated key, 0 to 11"),
    Column("key_confidence", "1", "confidence of the key, 0 to 1"),
    Column("mode", "1", "1 for major, 0 for minor"),
    Column("mode_confidence", "1", "confidence of the mode, 0 to 1"),
    Column("time_signature", "beats per bar", "estimated meter"),
    Column("time_signature_confidence", "1", "confidence of the meter, 0 to 1"),
    Column("loudness", "dB", "overall loudness"),
    Column("duration", "s", "length of the track"),
)
_STATISTICS = (("mean", "mean over segments"), ("std", "standard deviation over segments"))
_VECTORS = (
    ("timbre", "1", "coefficient of the segment's timbre"),
    ("pitches", "1", "relative strength of the segment's pitch class"),
)
#: Columns of `TrackAnalysis.features`.
TRACK_COLUMNS = (
    *(
        Column(f"{vector}_{statistic}_{number:02d}", unit, f"{words} of {meaning} {number}")
        for vector, unit, meaning in _VECTORS
        for statistic, words in _STATISTICS
        for number in range(12)
    ),
    Column("segment_loudness_mean", "dB", "mean over segments of their highest loudness"),
    Column("segment_loudness_std", "dB", "standard deviation over segments of the same"),
    Column("segments_per_second", "1/s", "segments, which are about notes, per second"),
    Column("sections_per_minute", "1/min", "sections, such as verse and chorus, per minute"),
    *SONG_COLUMNS,
)


@dataclass(frozen=True, slots=True)
class Song:
    """Who and what a track is; ``song_id`` is shared by tracks of one song."""

    track_id: str
    song_id: str
    artist_id: str
    release: str


@dataclass(frozen=True, slots=True, eq=False)
class TrackAnalysis:
    """One track's file.

    Parameters
    ----------
    numbers : ndarray, shape (len(SONG_COLUMNS),)
    timbre, pitches : ndarray, shape (n_segments, 12)
    loudness_db : ndarray, shape (n_segments,)
        Highest loudness of each segment.
    section_starts_seconds : ndarray, shape (n_sections,)
    """

    song: Song
    numbers: NDArray[np.float64]
    timbre: NDArray[np.float64]
    pitches: NDArray[np.float64]
    loudness_db: NDArray[np.float64]
    section_starts_seconds: NDArray[np.float64]

    def features(self) -> NDArray[np.float64]:
        """Return the numbers of `TRACK_COLUMNS`; not finite where there are no segments."""
        if not len(self.timbre):
            return np.full(len(TRACK_COLUMNS), np.nan)
        seconds = self.numbers[-1]
        statistics = [
            statistic(vector, axis=0)
            for vector in (self.timbre, self.pitches, self.loudness_db[:, None])
            for statistic in (np.mean, np.std)
        ]
        rates = (
            [len(self.timbre) / seconds, 60 * len(self.section_starts_seconds) / seconds]
            if seconds > 0
            else [np.nan, np.nan]
        )
        return np.concatenate([*statistics, rates, self.numbers])


class SongSummary(NamedTuple):
    """Rows of the summary file; ``numbers`` has one row a song, columns `SONG_COLUMNS`."""

    songs: dict[str, Song]
    numbers: dict[str, NDArray[np.float64]]


def read_msd_track(file: Path) -> TrackAnalysis:
    """Read one track's file, such as ``data/A/A/A/TRAAAAW128F429D538.h5``.

    Raises
    ------
    DatasetError
        If it is not an HDF5 file, or not one of a track.
    MissingExtraError
        Without the extra ``train``.
    """
    with _opened(file) as h5:
        analysis, metadata = h5["analysis/songs"], h5["metadata/songs"]
        if len(analysis) != 1:
            raise DatasetError(f"{file} holds {len(analysis)} songs, expected the file of one")
        row = analysis[0]
        vectors = [np.asarray(h5[f"analysis/segments_{name}"][:], float) for name, *_ in _VECTORS]
        for (name, *_), vector in zip(_VECTORS, vectors, strict=True):
            if vector.ndim != 2 or vector.shape[1] != 12:
                raise DatasetError(f"{file}: segments_{name} has shape {vector.shape}, not (n, 12)")
        return TrackAnalysis(
            song=_song(_text(row["track_id"]), metadata[0]),
            numbers=np.array([float(row[column.name]) for column in SONG_COLUMNS]),
            timbre=vectors[0],
            pitches=vectors[1],
            loudness_db=np.asarray(h5["analysis/segments_loudness_max"][:], float),
            section_starts_seconds=np.asarray(h5["analysis/sections_start"][:], float),
        )


def read_msd_summary(file: Path, wanted: Collection[str]) -> SongSummary:
    """Read the tracks ``wanted`` from ``msd_summary_file.h5``; only the columns that are needed.

    Raises
    ------
    DatasetError
        If it is not an HDF5 file, or not a summary.
    MissingExtraError
        Without the extra ``train``.
    """
    with _opened(file) as h5:
        analysis = h5["analysis/songs"].fields(["track_id", *(c.name for c in SONG_COLUMNS)])[:]
        metadata = h5["metadata/songs"].fields(["song_id", "artist_id", "release"])[:]
    if len(analysis) != len(metadata):
        raise DatasetError(f"{file}: {len(analysis)} analyses but {len(metadata)} songs")
    songs, numbers = {}, {}
    for row, track in enumerate(analysis["track_id"]):
        track_id = _text(track)
        if track_id in wanted:
            songs[track_id] = _song(track_id, metadata[row])
            numbers[track_id] = np.array([float(analysis[row][c.name]) for c in SONG_COLUMNS])
    return SongSummary(songs, numbers)


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    with naming_extra():
        import h5py
    if not file.is_file():
        raise DatasetError(f"there is no file {file}")
    try:
        with h5py.File(file, "r") as h5:
            yield h5
    except OSError as problem:
        raise DatasetError(
            f"{file} is not a whole HDF5 file ({problem}); get it again"
        ) from problem
    except (KeyError, ValueError) as problem:
        raise DatasetError(
            f"{file} is HDF5, but not of the Million Song Dataset: {problem}"
        ) from problem


def _song(track_id: str, row: Any) -> Song:
    return Song(track_id, *(_text(row[name]) for name in ("song_id", "artist_id", "release")))


def _text(value: Any) -> str:
    return bytes(value).decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
