"""Files and folders to a list of audio files."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from genrekit.audio import AUDIO_SUFFIXES

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """What lies under some paths.

    Attributes
    ----------
    files : tuple of Path
        Audio, in the order of the paths.
    skipped : mapping of str to int
        How many files of folders are not named like audio, by suffix, ``""`` for none; hidden ones
        do not count.
    """

    files: tuple[Path, ...]
    skipped: Mapping[str, int]


def find_audio(paths: Iterable[str | Path]) -> list[Path]:
    """All audio files under ``paths``, as `scan_for_audio` finds them."""
    return list(scan_for_audio(paths).files)


def scan_for_audio(paths: Iterable[str | Path]) -> Found:
    """All audio files under ``paths``, each once, and how many files are none.

    Parameters
    ----------
    paths : iterable of str or Path
        Files are kept whatever their name is, and even if they do not exist: whoever named one
        asks to be told what is wrong with it. Folders are walked in the order of names, following
        links but never in a circle; hidden files and folders are skipped, and so is everything
        whose suffix is not in ``AUDIO_SUFFIXES``.
    """
    others: Counter[str] = Counter()
    return Found(tuple(walk_audio(paths, others)), others)


def walk_audio(paths: Iterable[str | Path], others: Counter[str]) -> Iterator[Path]:
    """Yield what `scan_for_audio` finds as it is found: a large folder is never in memory.

    Parameters
    ----------
    paths : iterable of str or Path
    others : Counter
        Told of each file of a folder that is not named like audio, by suffix.
    """
    seen: set[tuple[int, int]] = set()
    named: set[Path] = set()
    folders: list[Path] = []
    for path in map(Path, paths):
        if _is_folder(path):
            yield from (one for one in _walk(path, seen, others) if one not in named)
            folders.append(path)
        elif path not in named and not any(_was_walked(path, folder) for folder in folders):
            named.add(path)
            yield path


def _was_walked(path: Path, folder: Path) -> bool:
    """Whether a file was found in a folder before it was named itself."""
    if not path.is_relative_to(folder) or path.suffix.lower() not in AUDIO_SUFFIXES:
        return False
    inner = path.relative_to(folder)
    between = [folder / one for one in inner.parents][:-1]
    hidden = any(part.startswith(".") for part in inner.parts)
    # What lies behind a link may have been found by another name.
    return not hidden and os.path.lexists(path) and not any(one.is_symlink() for one in between)


def _walk(folder: Path, seen: set[tuple[int, int]], others: Counter[str]) -> Iterator[Path]:
    """Audio files under ``folder``; an explicit stack, because trees may be deeper than Python."""
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        if not _is_folder(path):
            yield path
            continue
        try:
            status = path.stat()
            entries = list(os.scandir(path))
        except OSError as error:
            _log.warning("%s is skipped: %s", path, error.strerror)
            continue
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        wanted = []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if _is_wanted(entry):
                wanted.append(entry)
            else:
                others[_suffix(entry)] += 1
        waiting += [
            path / entry.name for entry in sorted(wanted, key=lambda one: one.name, reverse=True)
        ]


def _is_folder(path: Path) -> bool:
    """Whether it is one; of a path that the system refuses, reading it says why."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _is_wanted(entry: os.DirEntry[str]) -> bool:
    if _suffix(entry) in AUDIO_SUFFIXES:
        return True
    try:
        return entry.is_dir()
    except OSError:
        return False


def _suffix(entry: os.DirEntry[str]) -> str:
    return Path(entry.name).suffix.lower()
