"""Tracks that precisions are compared on: synthetic ones, or those of a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.audio import decode
from genrekit.batch import find_audio
from genrekit.errors import AudioError, AudioNotFoundError
from genrekit.jukebox import JUKEBOX_GENRES, synthesise
from genrekit.schema import ExcerptConfig

Samples = NDArray[np.float32]

SYNTHETIC_TRACKS = 100
_SYNTHETIC_SECONDS = 7.5
MOST_TRACKS = 500
_FIRST_SEED = 7_000  # tracks that no other part of the project makes


@dataclass(frozen=True, slots=True)
class Tracks:
    """Tracks to compare on, each made or decoded when it is asked for.

    Attributes
    ----------
    what : str
        What they are, for people.
    loaders : sequence of callable
        Each takes a rate and gives mono audio (n,) float32 at it.
    """

    what: str
    loaders: Sequence[Callable[[int], Samples]]

    def samples(self, sample_rate_hz: int) -> Iterator[Samples]:
        """Yield the audio of each; one that cannot be decoded is left out."""
        for load in self.loaders:
            try:
                yield load(sample_rate_hz)
            except AudioError:
                continue


def synthetic_tracks(count: int = SYNTHETIC_TRACKS) -> Tracks:
    """Make tracks of the jukebox, every genre as often as the others."""
    genres = JUKEBOX_GENRES

    def loader(number: int) -> Callable[[int], Samples]:
        genre, seed = genres[number % len(genres)], _FIRST_SEED + number // len(genres)
        return lambda rate_hz: (
            synthesise(genre, seconds=_SYNTHETIC_SECONDS, seed=seed, sample_rate_hz=rate_hz).samples
        )

    return Tracks(f"{count} synthetic tracks", [loader(number) for number in range(count)])


def folder_tracks(folder: Path, excerpt: ExcerptConfig) -> Tracks:
    """Take audio below a folder, at most `MOST_TRACKS` files of it.

    Raises
    ------
    AudioNotFoundError
        If there is none.
    """
    # By the hash of their names: neighbours are often of one artist, and one genre.
    files = sorted(
        find_audio([folder]), key=lambda path: hashlib.sha256(path.name.encode()).digest()
    )
    if not files:
        raise AudioNotFoundError(
            f"there is no audio in {folder} to compare on; expected files named like audio (.mp3, "
            ".flac, .wav, ...), or leave --data out for synthetic tracks"
        )
    taken = files[:MOST_TRACKS]

    def loader(path: Path) -> Callable[[int], Samples]:
        return lambda rate_hz: decode(path, sample_rate_hz=rate_hz, excerpt=excerpt).samples

    return Tracks(f"{len(taken)} tracks of {folder}", [loader(path) for path in taken])
