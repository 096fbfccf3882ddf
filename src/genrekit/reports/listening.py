"""Examples to listen to, of tracks whose audio the user may pass on."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import soundfile

from genrekit.audio import AUDIO_SUFFIXES, decode
from genrekit.datasets import parse_name
from genrekit.datasets.gtzan import INFO
from genrekit.errors import AudioError, ConfigError, DatasetError
from genrekit.evaluation import Answer, RunResult
from genrekit.pages import AudioClip
from genrekit.reports.groups import Group
from genrekit.schema import ExcerptConfig

EXAMPLE_SECONDS = 10.0
_RATE_HZ = 22050
_MOST_WRONG, _MOST_RIGHT = 6, 6


def example_sounds(groups: Sequence[Group], folder: Path, licence: str) -> dict[str, AudioClip]:
    """Ten seconds of the surest mistakes, and of the surest right answers, by track id.

    Parameters
    ----------
    folder : Path
        Files are found by the names of tracks, with or without suffix and folders.
    licence : str
        By which the audio may be in the report; it is written below every player.

    Raises
    ------
    ConfigError
        Without a licence, or for tracks of GTZAN, which have none.
    DatasetError
        If the folder holds none of the tracks.
    """
    if not licence.strip():
        raise ConfigError(
            "a report holds audio only under a licence that allows it: name it (--audio-licence "
            "'CC BY 4.0, ARTIST'), or leave --audio out"
        )
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder of audio")
    run = groups[0].best.run if groups else None
    if run is not None and any(parse_name(answer.item) for answer in run.answers):
        raise ConfigError(
            "these tracks are named like GTZAN's, whose audio has no licence to be passed on: "
            f"{INFO.licence}; leave --audio out"
        )
    files = _files(folder)
    sounds: dict[str, AudioClip] = {}
    for answer in () if run is None else _examples(run):
        file = _found(answer.item, files)
        if file is not None:
            sounds[answer.item] = AudioClip(_caption(answer, licence), _mp3(file), "audio/mpeg")
    if not sounds:
        raise DatasetError(
            f"{folder} holds no audio of the tracks in this report; expected files that are named "
            "like them"
        )
    return sounds


def _examples(run: RunResult) -> Iterator[Answer]:
    surest = sorted(run.answers, key=lambda one: (-max(one.probabilities, default=0.0), one.item))
    yield from [one for one in surest if not one.right][:_MOST_WRONG]
    yield from [one for one in surest if one.right][:_MOST_RIGHT]


def _files(folder: Path) -> dict[str, Path]:
    """Audio by its path below the folder and by its name, both with and without suffix.

    What two files are called is nobody's name.
    """
    found: dict[str, set[Path]] = {}
    for file in folder.rglob("*"):
        if file.suffix.lower() in AUDIO_SUFFIXES and file.is_file():
            inside = PurePosixPath(file.relative_to(folder))
            for name in {str(inside), str(inside.with_suffix("")), inside.name, inside.stem}:
                found.setdefault(name, set()).add(file)
    return {name: files.pop() for name, files in found.items() if len(files) == 1}


def _found(item: str, files: dict[str, Path]) -> Path | None:
    name = PurePosixPath(item)
    names = [item, name.name]
    if name.suffix.lower() in AUDIO_SUFFIXES:  # a point in a name is not a suffix: blues.00000
        names += [str(name.with_suffix("")), name.stem]
    return next((files[one] for one in names if one in files), None)


def _caption(answer: Answer, licence: str) -> str:
    predicted = ", ".join(answer.predicted) or "nothing"
    return f"{answer.item}: labelled {', '.join(answer.true)}, told {predicted}. {licence}"


def _mp3(file: Path) -> bytes:
    """Return the middle of a track as a small file that every browser plays."""
    try:
        wave = decode(
            file,
            sample_rate_hz=_RATE_HZ,
            excerpt=ExcerptConfig(start_seconds=None, duration_seconds=EXAMPLE_SECONDS),
        )
    except AudioError as problem:
        raise DatasetError(f"{file} cannot be played in the report: {problem}") from None
    written = io.BytesIO()
    soundfile.write(written, wave.samples, wave.sample_rate_hz, format="MP3")
    return written.getvalue()
