"""What is written into a file, and what is read from one, whatever its container."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from genrekit.tagging.splice import Splice, View

Key = Literal["genre", "title", "artist", "albumartist", "album", "model", "scores"]

#: What our own fields are called, in the letters that Picard gives fields of one's own: as they
#: are in ID3, MP4 and ASF, in capitals in Vorbis comments, with capitals in APEv2.
OWN: Mapping[Key, str] = {"model": "genrekit_model", "scores": "genrekit_scores"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a file's tags shall say.

    Attributes
    ----------
    genres : tuple of str
        All of them, best first; none takes the field away.
    own : mapping of str to str, optional
        ``model`` (name@version) and ``scores``; nothing keeps what is there.
    v23_separator : str, optional
        Between several genres in ID3v2.2 and v2.3, which know no list; None is a NUL, as in v2.4.
    """

    genres: tuple[str, ...]
    own: Mapping[Key, str] = field(default_factory=dict)
    v23_separator: str | None = None


#: What the tags of a file say: the values of each field, in order.
Fields = dict[Key, tuple[str, ...]]


class Container(NamedTuple):
    """How the tags of one container are read and changed."""

    name: str
    read: Callable[[View], Fields]
    change: Callable[[View, Wanted], list[Splice]]


def merged(*found: Fields) -> Fields:
    """Fields of several tags of one file: of each, what the first one says that has it."""
    together: Fields = {}
    for fields in found:
        for key, values in fields.items():
            if values:
                together.setdefault(key, values)
    return together
