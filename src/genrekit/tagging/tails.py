"""What may follow the audio of a file: APEv2, ID3v1, Lyrics3 and an appended ID3v2.4 tag.

They are second places for a genre: changed where they have one, never made.
"""

from __future__ import annotations

from dataclasses import dataclass

from genrekit.tagging.ape import ApeTag, ape_ending_at, change_ape_tag, fields_of_ape, new_ape
from genrekit.tagging.id3 import fields_of, refresh_tag
from genrekit.tagging.id3_genres import ID3V1_GENRES, genre_number
from genrekit.tagging.id3_tag import HEADER_BYTES, Tag, is_tag, read_tag, tag_bytes
from genrekit.tagging.splice import Splice, View
from genrekit.tagging.values import Fields, Wanted, merged

_V1_BYTES = 128
_V1_EXTENDED_BYTES = 227
_GENRE_BYTES = 30


@dataclass(frozen=True, slots=True)
class Tails:
    """What follows the audio; None for what is not there.

    Attributes
    ----------
    audio_end : int
        Where all of it begins.
    v1, v1_extended : int or None
        Where an ID3v1 tag, and its extension, begin.
    """

    audio_end: int
    v1: int | None = None
    v1_extended: int | None = None
    ape: ApeTag | None = None
    appended: Tag | None = None


def find_tails(view: View) -> Tails:
    """Look from the end of the file backwards for as long as there is something known.

    Raises
    ------
    TagError
        If one of them does not hold together.
    """
    end = view.size
    v1 = extended = None
    ape: ApeTag | None = None
    appended: Tag | None = None
    while True:
        if v1 is None and end >= _V1_BYTES and view.peek(end - _V1_BYTES, 3) == b"TAG":
            v1 = end = end - _V1_BYTES
            if end >= _V1_EXTENDED_BYTES and view.peek(end - _V1_EXTENDED_BYTES, 4) == b"TAG+":
                extended = end = end - _V1_EXTENDED_BYTES
        elif (lyrics := _lyrics_bytes(view, end)) is not None:
            end -= lyrics
        elif ape is None and (ape := ape_ending_at(view, end)) is not None:
            end = ape.start
        elif appended is None and (appended := _appended(view, end)) is not None:
            end = appended.start
        else:
            return Tails(end, v1, extended, ape, appended)


def _lyrics_bytes(view: View, end: int) -> int | None:
    """How much a Lyrics3v2 tag that ends here takes up, if there is one."""
    if end < 15 or view.peek(end - 9, 9) != b"LYRICS200":
        return None
    size = view.at(end - 15, 6)
    if not size.isdigit() or end - 15 - int(size) < 0:
        return None
    begin = end - 15 - int(size)
    return end - begin if view.peek(begin, 11) == b"LYRICSBEGIN" else None


def _appended(view: View, end: int) -> Tag | None:
    """Return an ID3v2.4 tag with a footer that ends here, but not one that begins the file."""
    if end <= HEADER_BYTES:
        return None
    footer = view.peek(end - HEADER_BYTES, HEADER_BYTES)
    head = b"ID3" + footer[3:]
    if not footer.startswith(b"3DI") or not is_tag(head):
        return None
    start = end - tag_bytes(head)
    return read_tag(view, start) if start > 0 and is_tag(view.peek(start, HEADER_BYTES)) else None


def read_tails(view: View) -> Fields:
    """Return what they say; an ID3v1 tag is the last to be believed."""
    tails = find_tails(view)
    return merged(
        fields_of(tails.appended) if tails.appended else {},
        fields_of_ape(tails.ape) if tails.ape else {},
        _v1_fields(view.at(tails.v1, _V1_BYTES)) if tails.v1 is not None else {},
    )


def _v1_fields(block: bytes) -> Fields:
    def text(start: int) -> tuple[str, ...]:
        value = block[start : start + 30].split(b"\0")[0].decode("latin-1").strip()
        return (value,) if value else ()

    number = block[-1]
    genre = (ID3V1_GENRES[number],) if number < len(ID3V1_GENRES) else ()
    return {"title": text(3), "artist": text(33), "album": text(63), "genre": genre}


def v1_texts(view: View, tails: Tails) -> dict[str, str]:
    """Return what an ID3v1 tag says besides the genre, by the names of ID3v2.4 frames."""
    if tails.v1 is None:
        return {}
    block = view.at(tails.v1, _V1_BYTES)

    def text(start: int, end: int) -> str:
        return block[start:end].split(b"\0")[0].decode("latin-1").strip()

    numbered = block[125] == 0 and block[126] != 0
    return {
        "TIT2": text(3, 33),
        "TPE1": text(33, 63),
        "TALB": text(63, 93),
        "TDRC": text(93, 97),
        "COMM": text(97, 125 if numbered else 127),
        "TRCK": str(block[126]) if numbered else "",
    }


def change_tails(
    view: View, wanted: Wanted, tails: Tails, *, ape_is_first: bool = False
) -> list[Splice]:
    """Change what is there; an APE tag that is not the first place only if it has a genre."""
    changes: list[Splice] = []
    first = wanted.genres[0] if wanted.genres else ""
    if tails.v1 is not None:
        changes.append(Splice(tails.v1 + _V1_BYTES - 1, 1, bytes([genre_number(first)])))
    if tails.v1_extended is not None:
        text = first.encode("latin-1", "replace")[:_GENRE_BYTES].ljust(_GENRE_BYTES, b"\0")
        changes.append(Splice(tails.v1_extended + 185, _GENRE_BYTES, text))
    if tails.ape is not None and (ape_is_first or "genre" in fields_of_ape(tails.ape)):
        changes += change_ape_tag(view, tails.ape, wanted)
    if tails.appended is not None:
        changes += refresh_tag(tails.appended, wanted)
    return changes


def read_ape(view: View) -> Fields:
    """Return what the tag at the end of the file says."""
    ape = find_tails(view).ape
    return fields_of_ape(ape) if ape is not None else {}


def change_ape(view: View, wanted: Wanted) -> list[Splice]:
    """Change the tag at the end of the file, which is made if there is none."""
    tails = find_tails(view)
    changes = change_tails(view, wanted, tails, ape_is_first=True)
    if tails.ape is None and (fresh := new_ape(wanted)):
        changes.append(Splice(tails.audio_end, 0, fresh))
    return changes
