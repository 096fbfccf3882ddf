"""FMA: the Free Music Archive dump of Defferrard et al., its subsets, splits and genre tree."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from genrekit.datasets.dataset import CorpusInfo, Dataset, Item
from genrekit.datasets.fma_tables import (
    FeatureTable,
    FmaTrack,
    Genres,
    read_features,
    read_fma_genres,
    read_fma_tracks,
)
from genrekit.datasets.presence import Need, existing
from genrekit.datasets.taxonomy import Taxonomy
from genrekit.errors import ConfigError, DatasetError

logger = logging.getLogger(__name__)

Subset = Literal["small", "medium", "large", "full"]
Labels = Literal["genre_top", "genres", "genres_all"]
Features = Literal["librosa", "echonest"]

INFO = CorpusInfo(
    title="FMA: A Dataset For Music Analysis",
    corpora=("fma",),
    licence=(
        "Metadata CC BY 4.0; each recording under the Creative Commons licence that its artist "
        "chose (column track.license); meant for research"
    ),
    citation=(
        "M. Defferrard, K. Benzi, P. Vandergheynst, X. Bresson, 'FMA: A Dataset For Music "
        "Analysis', ISMIR, 2017, arXiv:1612.01840"
    ),
    homepage="https://github.com/mdeff/fma",
    layout=(
        "fma_metadata/{tracks,genres,features,echonest}.csv and, beside it, "
        "fma_<small|medium|large|full>/000/000002.mp3; the path is the folder of both"
    ),
    obtain=(
        "https://os.unil.cloud.switch.ch/fma/fma_metadata.zip and fma_<subset>.zip from the same "
        "place; unpack both in one folder"
    ),
    sizes=(
        "metadata 342 MiB; small: 8,000 clips of 30 s, 8 balanced genres, 7.2 GiB; medium: 25,000 "
        "clips, 16 genres, 22 GiB; large: 106,574 clips, 161 genres, 93 GiB; full: 106,574 whole "
        "tracks, 879 GiB"
    ),
    faults=(
        "21 clips of small, medium and large hold less than 30 s, 15 of them nothing, because the "
        "length they were cut by was wrong (mdeff/fma wiki; issues 8, 41, 44): `SHORT_CLIPS`",
        "the length in tracks.csv is what FMA's interface said and sometimes wrong, as for track "
        "2624 (mdeff/fma issue 4; creation.ipynb, section 2.4)",
        "tracks with several root genres have no genre_top; they are in no single-label set",
    ),
)

#: Clips of the small, medium and large archives with less than 30 s of audio, and what they have,
#: in seconds. Source: https://github.com/mdeff/fma/wiki and issue 8. The full tracks are sound.
SHORT_CLIPS = {
    1486: 0.0,
    5574: 0.0,
    65753: 0.0,
    80391: 0.0,
    98558: 0.0,
    98559: 0.0,
    98560: 0.0,
    98565: 1.6,
    98566: 6.2,
    98567: 0.5,
    98568: 6.6,
    98569: 1.5,
    98571: 0.0,
    99134: 0.0,
    105247: 0.0,
    108924: 27.4,
    108925: 0.0,
    126981: 0.0,
    127336: 0.0,
    133297: 0.0,
    143992: 0.0,
}
#: Tracks that are published; fewer in a copy are worth a word.
PUBLISHED_TRACKS = {"small": 8000, "medium": 25000, "large": 106574, "full": 106574}

#: Column families of echonest.csv that describe the sound; the others are text and popularity.
ECHONEST_FAMILIES = ("audio_features", "temporal_features")

_CONTAINS = {"small": ("small",), "medium": ("small", "medium")}


def load(
    path: Path | None,
    *,
    subset: Subset = "small",
    labels: Labels = "genre_top",
    features: Features | None = None,
    audio: Need | None = None,
    audio_folder: Path | None = None,
    drop_short: bool = True,
) -> Dataset:
    """Load a subset with its official training, validation and test parts.

    Items know their artist and album; the audio is not decoded.

    Parameters
    ----------
    path : Path
        The folder that holds ``fma_metadata`` (or that folder itself).
    subset : {"small", "medium", "large", "full"}
        Each contains the ones before it.
    labels : {"genre_top", "genres", "genres_all"}
        ``genre_top`` is single-label. The others are multi-label, and every genre brings its
        ancestors; the dataset knows their tree. Tracks without a label are left out.
    features : {"librosa", "echonest"}, optional
        The 518 statistics of ``features.csv``, or the 232 numbers of ``echonest.csv`` that
        describe the sound; that table covers 13,129 tracks, and the others are left out.
    audio : {"required", "optional"}, optional
        None requires the audio where no features are asked for. An item whose audio is absent
        has no path.
    audio_folder : Path, optional
        None takes ``fma_<subset>`` beside the metadata, or that of a larger set of clips.
    drop_short : bool
        Leave out the `SHORT_CLIPS`; for ``full`` there is nothing to leave out.

    Raises
    ------
    DatasetError
        With file, line and column of what is wrong.
    ConfigError
        If an option has no such value.
    """
    _check_option("subset", subset, get_args(Subset))
    _check_option("labels", labels, get_args(Labels))
    metadata, root = _folders(path)
    genres = read_fma_genres(metadata / "genres.csv")
    tracks = _chosen(metadata / "tracks.csv", subset, drop_short)
    tagged = {track: found for track in tracks if (found := _labels_of(track, labels, genres))}
    if len(tagged) < len(tracks):
        logger.warning(
            "FMA: %d of %d tracks have no %s and are left out",
            *(len(tracks) - len(tagged), len(tracks), labels),
        )
    table = _features(metadata, features, tagged)
    kept = [track for track in tagged if table is None or track.track_id in table.rows]
    if not kept:
        raise DatasetError(f"FMA: no track of {subset} in {metadata} has {labels} and features")
    files = _audio_files(root, audio_folder, subset, kept)
    need = audio or ("optional" if features else "required")
    paths = existing(files, need, corpus="FMA", hint=f"get fma_{subset}.zip and unpack it")
    known = tuple(sorted({label for track in kept for label in tagged[track]}))
    return Dataset(
        name=f"fma-{subset}",
        labels=known,
        items=tuple(_item(track, tagged[track], paths) for track in kept),
        info=INFO,
        features=None if table is None else np.array([table.rows[t.track_id] for t in kept]),
        feature_names=() if table is None else table.names,
        task="single-label" if labels == "genre_top" else "multi-label",
        taxonomy=None if labels == "genre_top" else genres.taxonomy.within(known),
    )


def taxonomy(path: Path) -> Taxonomy:
    """Return the genre tree of ``genres.csv`` (163 genres, published)."""
    metadata, _ = _folders(path)
    return read_fma_genres(metadata / "genres.csv").taxonomy


def audio_name(track_id: int) -> str:
    """Path of a track inside its archive's folder.

    >>> audio_name(2)
    '000/000002.mp3'
    """
    return f"{track_id // 1000:03d}/{track_id:06d}.mp3"


def _folders(path: Path | None) -> tuple[Path, Path]:
    """``fma_metadata`` and the folder it is in."""
    for metadata in () if path is None else (path / "fma_metadata", path):
        if (metadata / "tracks.csv").is_file():
            return metadata, metadata.resolve().parent if metadata == path else metadata.parent
    raise DatasetError(f"FMA: no fma_metadata/tracks.csv in {path}; expected {INFO.layout}")


def _check_option(option: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise ConfigError(f"FMA has no {option} {value!r}; known: {', '.join(known)}")


def _chosen(file: Path, subset: Subset, drop_short: bool) -> list[FmaTrack]:
    inside = _CONTAINS.get(subset)
    tracks = [t for t in read_fma_tracks(file) if inside is None or t.subset in inside]
    if len(tracks) != PUBLISHED_TRACKS[subset]:
        logger.warning(
            "FMA: %s has %d tracks of %s; %d are published",
            *(file, len(tracks), subset, PUBLISHED_TRACKS[subset]),
        )
    if subset == "full" or not drop_short:
        return tracks
    return [track for track in tracks if track.track_id not in SHORT_CLIPS]


def _labels_of(track: FmaTrack, labels: Labels, genres: Genres) -> tuple[str, ...]:
    if labels == "genre_top":
        return (track.genre_top,) if track.genre_top else ()
    numbers = track.genres if labels == "genres" else track.genres_all
    unknown = [number for number in numbers if number not in genres.titles]
    if unknown:
        raise DatasetError(f"FMA: track {track.track_id} has genre {unknown[0]}: not in genres.csv")
    return genres.taxonomy.expand(genres.titles[number] for number in numbers)


def _features(
    metadata: Path, features: Features | None, tracks: dict[FmaTrack, tuple[str, ...]]
) -> FeatureTable | None:
    if features is None:
        return None
    _check_option("features", features, get_args(Features))
    wanted = {track.track_id for track in tracks}
    if features == "librosa":
        return read_features(metadata / "features.csv", wanted, ())
    return read_features(metadata / "echonest.csv", wanted, ECHONEST_FAMILIES)


def _audio_files(
    root: Path, folder: Path | None, subset: Subset, tracks: Sequence[FmaTrack]
) -> dict[str, Path]:
    if folder is None:
        subsets = get_args(Subset)
        # A clip is the same file in every set of clips; full holds other, longer files.
        clips = [name for name in subsets[subsets.index(subset) : 3] if name != subset]
        names = [f"fma_{name}" for name in (subset, *clips)]
        folder = next((root / name for name in names if (root / name).is_dir()), root / names[0])
    return {f"{t.track_id:06d}": folder / audio_name(t.track_id) for t in tracks}


def _item(track: FmaTrack, labels: tuple[str, ...], paths: dict[str, Path]) -> Item:
    item_id = f"{track.track_id:06d}"
    return Item(
        item_id,
        labels,
        item_id,
        path=paths.get(item_id),
        artist=track.artist or None,
        album=track.album,
        split=track.split,
    )
