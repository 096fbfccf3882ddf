"""A sentence on files that are not named like audio, and so were passed over in a folder."""

from __future__ import annotations

from collections.abc import Mapping

_SHOWN = 4

#: What lies beside music in any collection and is no music by another name: covers, booklets,
#: lyrics, notes, tables, playlists, checksums. Nobody asks why these were not read.
COMPANIONS = frozenset(
    (
        *(".bmp", ".gif", ".jpeg", ".jpg", ".png", ".svg", ".tif", ".tiff", ".webp", ".pdf"),
        *(".htm", ".html", ".ini", ".log", ".lrc", ".md", ".nfo", ".txt", ".url"),
        *(".csv", ".json", ".jsonl", ".tsv", ".xml", ".yaml", ".yml"),
        *(".cue", ".m3u", ".m3u8", ".pls", ".xspf"),
        *(".accurip", ".ffp", ".md5", ".sfv", ".sha1", ".sha256"),
    )
)


def describe_skipped(counts: Mapping[str, int]) -> str:
    """Say how many files of a folder were passed over, but for the usual companions of music.

    Parameters
    ----------
    counts : mapping of str to int
        Files by suffix, ``""`` for none.

    Returns
    -------
    str
        A sentence, or nothing if there are no such files.
    """
    counts = {suffix: count for suffix, count in counts.items() if suffix not in COMPANIONS}
    total = sum(counts.values())
    if not total:
        return ""
    often = sorted(counts, key=lambda suffix: (-counts[suffix], suffix))
    kinds = [f"{counts[suffix]} {suffix or 'without suffix'}" for suffix in often[:_SHOWN]]
    if rest := sum(counts[suffix] for suffix in often[_SHOWN:]):
        kinds.append(f"{rest} others")
    files = "1 file that is" if total == 1 else f"{total} files that are"
    return f"passed over {files} not named like audio ({', '.join(kinds)})"
