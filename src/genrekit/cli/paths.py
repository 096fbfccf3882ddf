"""Paths of the command line: the audio that is meant, and whether a result can be written.

That is said before the work, not after it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from genrekit.errors import AudioNotFoundError, ConfigError

if TYPE_CHECKING:
    from genrekit.features import FeatureCache


def find_tracks(sources: Sequence[str | Path]) -> list[Path]:
    """Return the files that are meant, at least one; a warning says how many others folders hold.

    Raises
    ------
    ConfigError
        For an empty name, which would be the current folder.
    AudioNotFoundError
        If there is not one file of audio.
    """
    return list(stream_tracks(sources, 0)[1])


def stream_tracks(sources: Sequence[str | Path], few: int) -> tuple[list[Path], Iterator[Path]]:
    """Return the files that are meant, found while the first are worked on.

    Parameters
    ----------
    few : int
        How many are looked for at once, so that one knows if there are more.

    Returns
    -------
    list of Path
        The first few; one at least.
    iterator of Path
        All, those among them. When it ends, a warning says how many other files folders hold.

    Raises
    ------
    ConfigError, AudioNotFoundError
        As `find_tracks` does.
    """
    from genrekit.batch import walk_audio

    if "" in sources:
        raise ConfigError("one of the names is empty; is a variable of the shell not set?")
    others: Counter[str] = Counter()
    found = walk_audio(sources, others)
    first = list(islice(found, max(1, few)))
    if not first:
        folders = ", ".join(str(source) for source in sources)
        raise AudioNotFoundError(
            f"there is no audio in {folders}; in folders, only files named like audio are looked "
            "at (.mp3, .flac, .wav, ...): name any other file itself"
        )
    return first, _and_then_others(chain(first, found), others)


def _and_then_others(files: Iterator[Path], others: Counter[str]) -> Iterator[Path]:
    from genrekit.audio import describe_skipped
    from genrekit.terminal import plain, print_problem

    yield from files
    if text := describe_skipped(others):
        print_problem("warning", plain(f"{text}; name one itself to have it read"))


def name_tracks(files: Iterable[Path]) -> dict[str, Path]:
    """Names for a table: paths relative to the folder that holds all files."""
    from genrekit.inference import printable

    whole = {path.absolute(): path for path in files}
    folder = os.path.commonpath([path.parent for path in whole])
    names = {path: Path(os.path.relpath(path, folder)).as_posix() for path in whole}
    return {printable(names[path]): original for path, original in whole.items()}


def plain_names(files: dict[str, Path]) -> dict[str, Path]:
    """Return the same files by their names without folders, if no two are called alike."""
    plain = {Path(name).name: path for name, path in files.items()}
    return plain if len(plain) == len(files) else files


def check_file(path: Path) -> None:
    """Raise `ConfigError` unless a file can be written at ``path``."""
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise ConfigError(f"{path.parent} is not a folder; make it first, or name another place")
    _check_access(path if path.exists() else path.parent)


def check_folder(path: Path) -> None:
    """Raise `ConfigError` unless a folder is, or can be made, at ``path``."""
    there = next(
        folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists()
    )
    if not there.is_dir():
        raise ConfigError(f"{there} is a file, so {path} cannot be a folder; name another place")
    _check_access(there)


def open_cache(wanted: bool = True, limit_gb: float | None = None) -> FeatureCache | None:
    """Return the user's cache of features, if it is wanted."""
    from genrekit.features import FeatureCache

    if not wanted:
        return None
    cache = FeatureCache.default()
    if limit_gb is not None:
        cache.limit_bytes = int(min(limit_gb, 1e9) * 1e9)
    try:
        check_folder(cache.directory)
    except ConfigError as error:
        raise ConfigError(
            f"features cannot be cached: {error}; pass --no-cache, or set GENREKIT_HOME to a "
            "folder of yours"
        ) from None
    return cache


def _check_access(path: Path) -> None:
    if not os.access(path, os.W_OK):
        raise ConfigError(f"{path} cannot be written to: no permission; name another place")
