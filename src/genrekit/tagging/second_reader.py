"""What mutagen reads from a file, where it is installed: an opinion that is not ours."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)
_KEYS = ("TCON", "TCO", "genre", "GENRE", "\xa9gen", "Genre", "WM/Genre")


def read_otherwise(path: Path) -> tuple[str, ...] | None:
    """Genres as mutagen reads them; None if it is not there, or does not know the file.

    Parameters
    ----------
    path : Path
        Content decides, not the suffix.
    """
    try:
        import mutagen
    except ModuleNotFoundError:
        return None
    try:
        # Its parsers raise errors of their own, and others on files that they do not expect.
        found = mutagen.File(path)
    except (mutagen.MutagenError, ValueError, IndexError, KeyError, OverflowError) as error:
        _log.info("mutagen does not read %s: %s", path, error)
        return None
    if found is None or found.tags is None:
        return None
    if getattr(found.tags, "version", (2,)) < (2,):
        return None  # only ID3v1, where one genre has room; APEv2 behind MP3 is not looked for
    return _genres(found.tags)


def _genres(tags: Any) -> tuple[str, ...] | None:
    for key in _KEYS:
        try:
            values = tags.get(key)
        except ValueError:  # a key that this kind of tag cannot have
            continue
        if values is not None:
            return tuple(map(str, getattr(values, "genres", None) or _listed(values)))
    return ()


def _listed(values: Any) -> Iterable[Any]:
    return values.split("\0") if isinstance(values, str) else values
