"""The jukebox as a corpus: synthetic clips written to a folder once and listed ever after.

A test signal for demos, tests and documentation that need labelled audio and no download. A score
on it says that the machinery works, and nothing about real music.
"""

from __future__ import annotations

import json
from pathlib import Path

import soundfile

from genrekit.audio import Waveform
from genrekit.datasets.dataset import CorpusInfo, Dataset, Item
from genrekit.errors import ConfigError, DatasetError
from genrekit.files import home, replace_file, replacing
from genrekit.jukebox import JUKEBOX_GENRES, synthesise

INFO = CorpusInfo(
    title="Jukebox: synthetic clips in the ten GTZAN genres",
    corpora=("jukebox",),
    licence="CC0-1.0: made by this program, no rights are claimed",
    citation="None; made by genrekit",
    homepage="None: part of genrekit, described in docs/jukebox.md",
    layout="<genre>/jukebox-<genre>-<seed, five digits>.wav, 16-bit mono",
    obtain="Written on first use",
    sizes="Any; a 10-second clip takes 0.44 MB",
    faults=("Synthetic: scores on it are no evidence of accuracy on real music",),
)

# Raised whenever the same seed begins to give other sound, so that old clips are not mixed in.
_EDITION = 2
_NOTE = "jukebox.json"


def load(
    path: Path | None = None,
    *,
    clips_per_genre: int = 10,
    seconds: float = 10.0,
    seed: int = 0,
    sample_rate_hz: int = 22050,
) -> Dataset:
    """Write the clips that are missing below ``path``, and list the ones asked for.

    Clip ``k`` of a genre has seed ``seed + k``; it is a recording of its own, so any split by
    group is free of leaks. Clips of equal length, rate and edition share a folder: ask for more of
    them, or for other seeds, and the rest is added.

    Parameters
    ----------
    path : Path, optional
        An empty folder, or one written before; by default one in the user's genrekit folder.
    clips_per_genre : int
        At least 1.
    seconds : float
        Length of each clip.
    seed : int
        Seed of the first clip of each genre.
    sample_rate_hz : int

    Raises
    ------
    ConfigError
        If a number is out of range.
    DatasetError
        If the folder holds something else, or cannot be written.
    """
    if clips_per_genre < 1:
        raise ConfigError(f"clips_per_genre is {clips_per_genre}; expected at least 1")
    settings: dict[str, float] = {
        "edition": _EDITION,
        "sample_rate_hz": sample_rate_hz,
        "seconds": float(seconds),
    }
    default = home() / "jukebox" / f"{seconds:g}s-{sample_rate_hz}hz-edition{_EDITION}"
    folder = default if path is None else path
    clips = [
        (genre, number, f"jukebox-{genre}-{number:05d}")
        for genre in JUKEBOX_GENRES
        for number in range(seed, seed + clips_per_genre)
    ]
    items = tuple(
        Item(name, (genre,), name, path=folder / genre / f"{name}.wav") for genre, _, name in clips
    )
    try:
        _refuse_other_contents(folder, settings)
        for (genre, number, _), item in zip(clips, items, strict=True):
            if item.path is not None and not item.path.is_file():
                clip = synthesise(
                    genre, seconds=seconds, seed=number, sample_rate_hz=sample_rate_hz
                )
                _write(folder, item.path, clip, settings)
    except OSError as error:
        raise DatasetError(f"the jukebox cannot write to {folder}: {error}") from error
    return Dataset("jukebox", JUKEBOX_GENRES, items, INFO)


def _refuse_other_contents(folder: Path, settings: dict[str, float]) -> None:
    note = folder / _NOTE
    if note.is_file():
        try:
            found = json.loads(note.read_text(encoding="utf-8"))
        except ValueError:
            found = "unreadable"
        if found != settings:
            raise DatasetError(
                f"{note} says {found}, and {settings} was asked for; name another folder"
            )
    elif folder.is_dir() and any(folder.iterdir()):
        raise DatasetError(
            f"{folder} holds something that is not a jukebox; name an empty or a new folder"
        )


def _write(folder: Path, file: Path, clip: Waveform, settings: dict[str, float]) -> None:
    """Write a clip so that no half-written file is ever found under its name."""
    note = folder / _NOTE
    if not note.exists():
        replace_file(note, json.dumps(settings) + "\n")
    with replacing(file) as stream:
        soundfile.write(stream, clip.samples, clip.sample_rate_hz, subtype="PCM_16", format="WAV")
