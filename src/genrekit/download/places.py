"""Where copies of corpora are looked for, and what is there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from genrekit.files import home

#: Corpus to the parts a copy may have, each with patterns of which one must be there.
PARTS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "fma": {
            "metadata": ("fma_metadata/tracks.csv",),
            **{name: (f"fma_{name}/*",) for name in ("small", "medium", "large", "full")},
        },
        "gtzan": {"clips": ("**/blues?00000.*",)},
        "ismir04": {
            "lists": ("metadata/training/tracklist.csv",),
            "audio": ("audio/*",),
            "features": ("ISMIRData.csv",),
        },
        "jamendo": {
            "tables": ("data/autotagging_genre.tsv", "autotagging_genre*.tsv"),
            "audio": ("audio/[0-9][0-9]", "raw_30s/audio/[0-9][0-9]"),
            "audio-low": ("audio-low/[0-9][0-9]", "raw_30s/audio-low/[0-9][0-9]"),
        },
        "jukebox": {"clips": ("**/*.wav",)},
        "msd": {
            "labels": ("*.cls", "lastfm_tags.db"),
            "summary": ("msd_summary_file.h5", "**/*msd_summary_file.h5"),
            "tracks": ("[A-Z]/[A-Z]", "data/[A-Z]/[A-Z]", "MillionSongSubset/**/[A-Z]/[A-Z]"),
        },
        "pictures": {"pictures": ("*/*.png", "images_original/*/*.png")},
    }
)

#: Corpora that are whatever a user has: there is no one place for them.
YOUR_OWN = frozenset({"folder", "manifest", "table"})


def corpus_folder(corpus: str, root: Path | None = None) -> Path:
    """Where a corpus is put, and looked for, unless another folder is named.

    >>> corpus_folder("fma", Path("/data")).as_posix()
    '/data/fma'
    """
    if root is not None:
        return root / corpus
    return home() / "jukebox" if corpus == "jukebox" else home() / "datasets" / corpus


def present_parts(corpus: str, folder: Path) -> tuple[str, ...]:
    """Names of the `PARTS` of a corpus that ``folder`` holds, complete or not."""
    parts = PARTS.get(corpus, {"files": ("*",)})
    if corpus in YOUR_OWN or not folder.is_dir():
        return ()
    return tuple(
        name
        for name, patterns in parts.items()
        if any(next(folder.glob(pattern), None) for pattern in patterns)
    )
