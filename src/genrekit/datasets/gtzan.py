"""GTZAN: a thousand 30-second clips in ten genres, from its folder of wav, au or flac."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal

from genrekit.datasets.dataset import CorpusInfo, Dataset, Item
from genrekit.datasets.gtzan_facts import (
    GTZAN_GENRES,
    TRACKS_PER_GENRE,
    UNREADABLE_IN_KAGGLE,
    official_part,
    parse_name,
    recording_of,
)
from genrekit.errors import DatasetError

logger = logging.getLogger(__name__)

INFO = CorpusInfo(
    title="GTZAN Genre Collection",
    corpora=("gtzan",),
    licence=(
        "None from the right holders of the recordings: for research measurement only, not for "
        "redistribution"
    ),
    citation=(
        "G. Tzanetakis and P. Cook, 'Musical genre classification of audio signals', IEEE "
        "Transactions on Speech and Audio Processing 10(5), 2002"
    ),
    homepage="http://marsyas.info/downloads/datasets.html",
    layout=(
        "genres/<genre>/<genre>.00000.au or genres_original/<genre>/<genre>.00000.wav, anywhere "
        "below the path; flac is read too"
    ),
    obtain=(
        "No open download: get the collection from Kaggle (andradaolteanu/gtzan-dataset-music-"
        "genre-classification) or from a colleague, and pass the folder it is in"
    ),
    sizes="1000 clips of 30 s, 22050 Hz mono, 1.2 GB as wav",
    faults=(
        "jazz.00054 cannot be read in the Kaggle copy",
        "50 exact replicas (one of them in two classes), 22 further excerpts of the same "
        "recordings, 13 versions, 43 conspicuous and 63 contentious mislabelings: B. L. Sturm, "
        "'An Analysis of the GTZAN Music Genre Dataset', ACM MIRUM, 2012; catalogue: "
        "arXiv:1306.1461, 2013",
        "37 pairs of tracks measured to be one recording; they share a group here",
        "the fault-filtered split (443 train, 197 validation, 290 test tracks) leaves repetitions "
        "out: C. Kereliuk, B. L. Sturm, J. Larsen, 'Deep Learning and Music Adversaries', IEEE "
        "Transactions on Multimedia 17(11), 2015",
    ),
)

SUFFIXES = frozenset({".wav", ".au", ".flac"})
_MAGIC = (b"RIFF", b".snd", b"fLaC")


def load(path: Path | None, *, unreadable: Literal["drop", "keep"] = "drop") -> Dataset:
    """Index the clips below ``path``; the files are not decoded.

    Every item carries its part of the fault-filtered split, and tracks that repeat a recording
    share a group. The clip known to be unreadable is left out where its header is.

    Parameters
    ----------
    path : Path
        The folder of the genre folders, or any folder above it.
    unreadable : {"drop", "keep"}
        Whether the clip that is known to be unreadable is an item all the same, for an audit.

    Raises
    ------
    DatasetError
        If there are no clips, or one track is there twice.
    """
    if path is None or not path.is_dir():
        raise DatasetError(f"GTZAN: {path} is not a folder; expected {INFO.layout}")
    files = _clips(path, keep=unreadable == "keep")
    if not files:
        raise DatasetError(f"GTZAN: no clips below {path}; expected {INFO.layout}")
    expected = TRACKS_PER_GENRE * len(GTZAN_GENRES)
    if len(files) < expected:
        logger.info("GTZAN: %d of %d tracks are below %s", len(files), expected, path)
    items = tuple(_item(track, files[track]) for track in sorted(files))
    return Dataset("gtzan", GTZAN_GENRES, items, INFO)


def _clips(folder: Path, *, keep: bool) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for file in sorted(folder.rglob("*")):
        name = parse_name(file.name)
        if name is None or name.segment is not None or file.suffix.lower() not in SUFFIXES:
            continue
        if not keep and name.track == UNREADABLE_IN_KAGGLE and not _has_audio_header(file):
            logger.warning("GTZAN: %s has no audio header and is left out", file)
            continue
        if name.track in files:
            raise DatasetError(
                f"GTZAN: {name.track} is there twice, {files[name.track]} and {file}; give the "
                "folder of one copy"
            )
        files[name.track] = file
    return files


def _item(track: str, file: Path) -> Item:
    genre = track.split(".", maxsplit=1)[0]
    return Item(track, (genre,), recording_of(track), path=file, split=official_part(track))


def _has_audio_header(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(4) in _MAGIC
