"""What a file says of itself: genre, artist and album, from whatever kind of tags it has."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from genrekit.audio.container import audio_stream, open_container
from genrekit.audio.source import open_file

# ID3v2.4 and Vorbis separate values by a NUL or by fields of one name, which FFmpeg joins by ";".
_SEPARATORS = re.compile(r"[;\0]| / |//")
_ARTIST = ("artist", "album_artist", "albumartist", "author", "performer")


@dataclass(frozen=True, slots=True)
class Tags:
    """Tags of one file; empty or None where there are none.

    Attributes
    ----------
    genres : tuple of str
        As they are written, each once.
    """

    genres: tuple[str, ...] = ()
    artist: str | None = None
    album: str | None = None


def read_tags(path: str | os.PathLike[str]) -> Tags:
    """Read the tags of an audio file; the audio itself is not decoded.

    Raises
    ------
    AudioNotFoundError
        If there is no readable regular file.
    AudioFormatError
        If it is not audio.
    """
    with open_file(path) as file, open_container(file) as container:
        # Ogg keeps its tags with the stream, the others with the file.
        found = {**audio_stream(container).metadata, **container.metadata}
    fields = {name.casefold(): value for name, value in found.items()}
    genres = (part.strip() for part in _SEPARATORS.split(fields.get("genre", "")))
    return Tags(
        genres=tuple(dict.fromkeys(genre for genre in genres if genre)),
        artist=_first(fields, _ARTIST),
        album=_first(fields, ("album",)),
    )


def _first(fields: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    """Return the first of some fields that says anything."""
    values = (fields.get(name, "").strip("\0 ") for name in names)
    return next((value for value in values if value), None)
