"""Files and folders to a list of audio files."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from genrekit.audio import AUDIO_SUFFIXES

_log = logging.getLogger(__name__)


def find_audio(paths: Iterable[str | Path]) -> list[Path]:
    """All audio files under ``paths``, each once.

    Parameters
    ----------
    paths : iterable of str or Path
        Files are kept whatever their name is, and even if they do not exist: whoever named one
        wants to hear what is wrong with it. Folders are walked in the order of names, following
        links but never in a circle; hidden files and folders are skipped, and so is everything
        whose suffix is not in ``AUDIO_SUFFIXES``.

    Returns
    -------
    list of Path
        In the order of ``paths``.
    """
    found: dict[Path, None] = {}
    seen: set[tuple[int, int]] = set()
    for path in map(Path, paths):
        found.update(dict.fromkeys(_walk(path, seen) if path.is_dir() else [path]))
    return list(found)


def _walk(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    """Audio files under ``folder``; an explicit stack, because trees may be deeper than Python."""
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        if not path.is_dir():
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
        wanted = [entry for entry in entries if _is_wanted(entry)]
        waiting += [
            path / entry.name for entry in sorted(wanted, key=lambda one: one.name, reverse=True)
        ]


def _is_wanted(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith("."):
        return False
    if Path(entry.name).suffix.lower() in AUDIO_SUFFIXES:
        return True
    try:
        return entry.is_dir()
    except OSError:
        return False
