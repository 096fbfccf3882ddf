"""Playlists that players read: one for each genre, and one that goes on from a track."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from genrekit.batch import Index, Neighbour
from genrekit.errors import TagError
from genrekit.files import replace_file
from genrekit.tagging.containers import read_tags
from genrekit.tagging.exports import Track, free_name

#: Of an artist nobody knows; two of them in a row are not a repetition.
_UNKNOWN_ARTISTS = ""


def export_playlists(tracks: Sequence[Track], folder: Path) -> list[Path]:
    """Return an M3U8 playlist for each genre, by its name, the surest tracks first."""
    genres: dict[str, list[Track]] = {}
    for track in tracks:
        for genre in track.genres:
            genres.setdefault(genre, []).append(track)
    taken: set[str] = set()
    made = []
    for genre, members in sorted(genres.items()):
        path = folder / f"{free_name(genre, taken)}.m3u8"
        members.sort(key=lambda track: -track.genres[genre])
        replace_file(path, m3u8(((one.path, _title(one), one.seconds) for one in members), folder))
        made.append(path)
    return made


def _title(track: Track) -> str:
    parts = [part for part in (track.field("artist"), track.field("title")) if part]
    return " - ".join(parts) or track.path.stem


def m3u8(entries: Iterable[tuple[Path, str, float]], folder: Path) -> str:
    """Paths, titles and seconds as a playlist; paths are relative to its folder where they can."""
    lines = ["#EXTM3U"]
    for path, title, seconds in entries:
        shown = " ".join(title.split())
        lines += [f"#EXTINF:{round(seconds) or -1},{shown}", _relative(path, folder)]
    text = "\n".join(lines) + "\n"
    return text.encode("utf-8", "backslashreplace").decode()


def _relative(path: Path, folder: Path) -> str:
    try:
        found = os.path.relpath(path.absolute(), folder.absolute())
    except ValueError:  # another drive
        return str(path.absolute())
    # A comment begins so.
    return f"./{found}" if found.startswith("#") else found


def play_on(
    index: Index,
    nearest: Sequence[Neighbour],
    first: Path,
    *,
    length: int,
    artist_of: Callable[[Path], str] | None = None,
) -> list[Path]:
    """Tracks to play after a track, the nearest first, but no artist twice in a row.

    Parameters
    ----------
    index : Index
    nearest : sequence of Neighbour
        From `Index.similar`, more than ``length`` so that there is a choice.
    first : Path
        The track itself, which is the first of the list.
    length : int
        How many tracks there are in all; fewer if the index has no more.
    artist_of : callable, optional
        The artist of a file, empty if nobody knows; by default what its tags say.
    """
    artist_of = artist_of or artist_in_tags
    folder = Path(index.manifest.folder)
    waiting = [folder / one.path for one in nearest]
    artists = {path: artist_of(path) for path in (first, *waiting)}
    found = [first]
    while waiting and len(found) < length:
        last = artists[found[-1]]
        others = (path for path in waiting if artists[path] != last or last == _UNKNOWN_ARTISTS)
        chosen = next(others, None)
        if chosen is None:  # all that are left are by the same artist
            break
        waiting.remove(chosen)
        found.append(chosen)
    return found


def artist_in_tags(path: Path) -> str:
    """Return the artist that the tags of a file name, in small letters; nothing if they do not."""
    try:
        fields = read_tags(path)
    except TagError:
        return _UNKNOWN_ARTISTS
    return (fields.get("artist") or (_UNKNOWN_ARTISTS,))[0].strip().casefold()
