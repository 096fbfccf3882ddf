"""Genre and seed in, waveform out."""

from __future__ import annotations

import math

import numpy as np

from genrekit.audio import Waveform
from genrekit.catalog import Catalog
from genrekit.errors import ConfigError
from genrekit.jukebox.mastering import master_record
from genrekit.jukebox.performance import perform
from genrekit.jukebox.score import Score

JUKEBOX_GENRES = (
    "blues",
    "classical",
    "country",
    "disco",
    "hiphop",
    "jazz",
    "metal",
    "pop",
    "reggae",
    "rock",
)

_COMPOSERS = Catalog(
    "jukebox genres",
    {genre: f"genrekit.jukebox.genres.{genre}:compose" for genre in JUKEBOX_GENRES},
    group="genrekit.jukebox_genres",
)
_SHORTEST_SECONDS = 0.05
_LONGEST_SECONDS = 1800.0
_LOWEST_RATE_HZ = 4000
_HIGHEST_RATE_HZ = 192_000


def synthesise(
    genre: str, *, seconds: float = 30.0, seed: int = 0, sample_rate_hz: int = 22050
) -> Waveform:
    """Compose, play and master a clip of ``genre``.

    A test signal: good for trying things out, no evidence of accuracy on real music. The same
    arguments give the same samples, bit for bit. Length and rate do not change what is composed:
    a longer clip begins with the notes of a shorter one.

    Parameters
    ----------
    genre : str
        One of `JUKEBOX_GENRES`.
    seconds : float
        Length, 0.05 to 1800.
    seed : int
        Not negative; another seed is another piece.
    sample_rate_hz : int
        4000 to 192000.

    Returns
    -------
    Waveform
        Mono, finite, its peak at -3 dBFS (jazz -5, classical -8: their records are quieter).

    Raises
    ------
    ConfigError
        For an unknown genre (with near matches) or a number out of range.
    """
    score = compose(genre, seconds=seconds, seed=seed)
    if not _LOWEST_RATE_HZ <= sample_rate_hz <= _HIGHEST_RATE_HZ:
        raise ConfigError(
            f"sample_rate_hz is {sample_rate_hz}; expected {_LOWEST_RATE_HZ} to {_HIGHEST_RATE_HZ}"
        )
    mix = perform(score, seconds, sample_rate_hz, seed)
    _, rng = _generators(genre, seed)
    return Waveform(master_record(mix, score.master, sample_rate_hz, rng), sample_rate_hz)


def compose(genre: str, *, seconds: float, seed: int) -> Score:
    """Write the score that `synthesise` plays; see there for parameters and errors."""
    composer = _COMPOSERS.get(genre)
    if not (math.isfinite(seconds) and _SHORTEST_SECONDS <= seconds <= _LONGEST_SECONDS):
        raise ConfigError(
            f"seconds is {seconds}; the jukebox plays {_SHORTEST_SECONDS} to "
            f"{_LONGEST_SECONDS:.0f} seconds"
        )
    if seed < 0:
        raise ConfigError(f"seed is {seed}; expected a whole number from 0 on")
    rng, _ = _generators(genre, seed)
    score: Score = composer(rng, seconds)
    return score


def _generators(genre: str, seed: int) -> tuple[np.random.Generator, np.random.Generator]:
    """One generator for the composer and one for the engineer."""
    composing, mastering = np.random.default_rng([seed, *genre.encode()]).spawn(2)
    return composing, mastering
